"""Servers that restart, connections that break, processes that are killed: nothing acknowledged is lost, nothing is done
twice, errors are 503 or 409, and afterwards everybody goes on. Random transactions run meanwhile; their histories are
checked as those of a store without faults."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest

pytest.importorskip("psycopg")

from faunadb.engine.storage import StoreUnavailable, open_store
from tests.engine.storage import histories, history_check
from tests.engine.storage.histories import Op, Run
from tests.engine.storage.local_postgres import LocalPostgres, Network, find_programs
from tests.engine.storage.places import Place
from tests.server.running import eventually

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(180)]

PROCESSES = 3


@pytest.fixture(scope="module")
def server() -> Iterator[LocalPostgres]:
    server = LocalPostgres(find_programs())
    try:
        yield server.create()
    finally:
        server.remove()


@pytest.fixture
def place(server: LocalPostgres) -> Iterator[Place]:
    place = Place("postgres", f"{server.url}?schema=test_{uuid.uuid4().hex[:12]}")
    yield place
    place.close()


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """load(endpoints) starts workers that go on through faults until stopped."""
    started: list[Run] = []

    def begin(endpoints: list[str], seed: int = 1) -> Run:
        started.append(Run(tmp_path, endpoints, seed, first=sum(len(each.numbers) for each in started)))
        return started[-1]

    yield begin
    for each in started:
        each.stop()


def examine(url: str, ops: list[Op], allowed: tuple[str, ...] = ("503 ",)) -> None:
    """allowed: what errors of unknown outcome may begin with."""
    with histories.client_of(url) as client:
        history_check.check(client, ops, killed=len({op.worker for op in ops}))
    wrong = [op for op in ops if op.status == "unknown" and not op.error.startswith(allowed)]
    assert not wrong, wrong[:3]
    wrong = [
        op for op in ops if op.status == "no" and op.error not in ("409", "400 instance not unique", ABORTED)
    ]
    assert not wrong, wrong[:3]
    with open_store(url) as store:
        assert store.check() == []


ABORTED = "400 transaction aborted"


def prepare(url: str) -> None:
    with histories.client_of(url) as client:
        histories.prepare(client)


def restarts(server: LocalPostgres, load: Run, count: int) -> None:
    for number in range(count):
        load.progress()
        server.stop("immediate" if number % 2 else "fast")
        server.start()
    load.progress()


def terminations(server: LocalPostgres, load: Run, count: int, rng: random.Random) -> None:
    for _ in range(count):
        load.progress(2)
        found = server.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'faunadb'")
        for (pid,) in rng.sample(found, min(3, len(found))):
            server.execute("SELECT pg_terminate_backend(%s)", pid)
    load.progress()


def pauses(network: Network, load: Run, count: int) -> None:
    for number in range(count):
        load.progress(4)
        network.stall()
        time.sleep(0.3)  # the fault itself: nobody hears anything for so long
        if number % 2:
            network.cut()
        network.resume()
    load.progress()


def through(network: Network, place: Place) -> str:
    return place.url.replace(place.url.split("@127.0.0.1:")[1].split("/")[0], str(network.port))


def test_restarts_under_load(server: LocalPostgres, place: Place, load: Callable[..., Run]) -> None:
    """Streams go on, too, and miss nothing."""
    prepare(place.url)
    with histories.client_of(place.url) as client:
        watcher = history_check.Watcher(client)
        running = load([place.url] * PROCESSES)
        restarts(server, running, 2)
        ops = running.stop()
        watcher.check()
        watcher.close()
    examine(place.url, ops)


def test_errors_say_that_the_server_is_away(server: LocalPostgres, place: Place) -> None:
    with open_store(place.url, lock_timeout=1) as store:
        server.stop()
        try:
            with pytest.raises(StoreUnavailable, match="cannot connect to postgresql://postgres@127"):
                store.snapshot()
            with pytest.raises(StoreUnavailable, match="cannot connect to postgresql://postgres@127"):
                store.write(lambda tx: tx.set_setting("a", "b"))
        finally:
            server.start()
        _, txn = store.write(lambda tx: tx.set_setting("a", "b"))
        with store.snapshot() as snapshot:
            assert (snapshot.setting("a"), snapshot.last_txn) == ("b", txn)


def test_errors_say_that_all_connections_are_in_use(place: Place) -> None:
    with open_store(place.url, lock_timeout=0.5, max_connections=2) as store:
        with store.snapshot(), store.snapshot():
            with pytest.raises(
                StoreUnavailable, match=r"no connection to .* became free .at most 2 are used at once"
            ):
                store.snapshot()
        store.snapshot().close()


def test_connections_killed_at_random(server: LocalPostgres, place: Place, load: Callable[..., Run]) -> None:
    prepare(place.url)
    running = load([place.url] * PROCESSES)
    terminations(server, running, 4, random.Random(1))
    examine(place.url, running.stop())


def test_a_network_that_stalls_and_breaks(
    server: LocalPostgres, place: Place, load: Callable[..., Run]
) -> None:
    prepare(place.url)
    network = Network(server.port)
    running = load([through(network, place)] * PROCESSES)
    pauses(network, running, 4)
    examine(place.url, running.stop())
    network.close()


def test_serving_processes_killed(place: Place, load: Callable[..., Run]) -> None:
    prepare(place.url)
    with histories.serving(place.url, 2) as servers:
        running = load([servers[0].address, servers[0].address, servers[1].address])
        running.progress()
        servers[0].kill()
        servers[0].start()
        running.progress()
        ops = running.stop()
    examine(place.url, ops, ("503 ", "connection "))


def failover(load: Callable[..., Run], server: LocalPostgres, rounds: int) -> None:
    """The primary dies under load, its synchronous standby takes over; both are in the URL."""
    primary = server
    primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
    standby = primary.standby()
    try:
        primary.execute("SELECT pg_reload_conf()")
        eventually(
            lambda: primary.execute("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"),
            "the standby is synchronous",
        )
        url = (
            f"postgresql://postgres@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/postgres"
            "?target_session_attrs=read-write"
        )
        prepare(url)
        running = load([url] * PROCESSES)
        running.progress(rounds)
        primary.kill()
        standby.execute("ALTER SYSTEM RESET synchronous_standby_names")
        standby.promote()
        standby.execute("SELECT pg_reload_conf()")
        running.progress(rounds)
        examine(url, running.stop())
    finally:
        standby.remove()


def test_failover_to_a_synchronous_standby(load: Callable[..., Run]) -> None:
    primary = LocalPostgres(find_programs())
    try:
        failover(load, primary.create(), 6)
    finally:
        primary.remove()


# ---- long runs --------------------------------------------------------------------------------------------------


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(3))
def test_faults_soak(server: LocalPostgres, place: Place, load: Callable[..., Run], seed: int) -> None:
    prepare(place.url)
    network = Network(server.port)
    running = load([place.url, through(network, place), through(network, place)], seed)
    rng = random.Random(seed)
    for _ in range(6):
        terminations(server, running, 10, rng)
        pauses(network, running, 6)
        restarts(server, running, 2)
    examine(place.url, running.stop())
    network.close()


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(5))
def test_failover_soak(load: Callable[..., Run], seed: int) -> None:
    primary = LocalPostgres(find_programs())
    try:
        failover(load, primary.create(), 200)
    finally:
        primary.remove()
