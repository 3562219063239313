"""Two server processes on one SQLite file behave like one."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.server.conftest import create, prepare, ref
from tests.server.running import Http, Server, eventually

THREADS, TRANSFERS, ACCOUNTS = 8, 12, 5


@pytest.fixture(scope="module")
def servers(tmp_path_factory) -> Iterator[tuple[Server, Server]]:
    url = f"sqlite:///{tmp_path_factory.mktemp('two')}/shared.db"
    one, two = Server(url).start(), Server(url).start()
    prepare(one)
    yield one, two
    one.stop()
    two.stop()


@pytest.fixture
def pair(servers) -> Iterator[tuple[Http, Http]]:
    with Http(servers[0]) as one, Http(servers[1]) as two:
        yield one, two


def obj(**fields: Any) -> Any:
    return {"object": fields}


def data_of(number: int, collection: str = "c") -> Any:
    return {"select": ["data", "n"], "from": {"get": ref(number, collection)}}


def update(number: int, collection: str = "c", **data: Any) -> Any:
    return {"update": ref(number, collection), "params": obj(data=obj(**data))}


def test_what_one_wrote_the_other_reads_at_once(pair):
    for n in range(100):
        writer, reader = pair if n % 2 else pair[::-1]
        answer = writer.post(update(1, n=n))
        assert reader.query(data_of(1)) == n
        seen = int(answer.headers["x-txn-time"])
        read = reader.post(data_of(1), x_last_seen_txn=str(seen))
        assert int(read.headers["x-txn-time"]) >= seen
        assert reader.query(update(1, n=n))["ts"] > seen  # times of commits grow across processes


def test_schema_made_at_one_is_used_at_the_other(pair):
    one, two = pair
    for round_ in range(10):
        name = f"made{round_}"
        assert two.post({"get": {"collection": name}}).status == 400
        one.query({"create_collection": obj(name=name)})
        index = obj(
            name=f"of_{name}", source={"collection": name}, terms=[obj(field=["data", "n"])], unique=True
        )
        two.query({"create_index": index})
        one.query(create(1, name, n=5))
        taken = two.post(create(2, name, n=5))
        assert (taken.status, taken.error[0]) == (400, "instance not unique")
        match = {"match": {"index": f"of_{name}"}, "terms": 5}
        assert two.query({"select": ["data", "n"], "from": {"get": match}}) == 5
        one.query({"update": {"collection": name}, "params": obj(name=f"renamed{round_}")})
        assert two.query(data_of(1, f"renamed{round_}")) == 5
        two.query({"delete": {"collection": f"renamed{round_}"}})
        gone = one.post(data_of(1, f"renamed{round_}"))
        assert (gone.status, gone.error[0]) == (400, "invalid ref")


def test_functions_and_keys_of_one_hold_at_the_other(pair):
    one, two = pair
    body = {"query": {"lambda": "x", "expr": {"add": [{"var": "x"}, 1]}}}
    one.query({"create_function": obj(name="step", body=body)})
    assert two.query({"call": {"function": "step"}, "arguments": 1}) == 2
    body = {"query": {"lambda": "x", "expr": {"add": [{"var": "x"}, 10]}}}
    two.query({"update": {"function": "step"}, "params": obj(body=body)})
    assert one.query({"call": {"function": "step"}, "arguments": 1}) == 11

    for _ in range(5):
        key = one.query({"create_key": obj(role="server")})
        assert two.post(1, secret=key["secret"]).status == 200
        two.query({"delete": key["ref"]})
        assert one.post(1, secret=key["secret"]).status == 401
        assert two.post(1, secret=key["secret"]).status == 401


def test_an_index_built_at_one_holds_what_the_other_wrote_meanwhile(pair):
    one, two = pair
    one.query({"create_collection": obj(name="many")})
    for first in range(0, 3000, 500):
        one.query({"do": [create(first + n + 1, "many", n=first + n) for n in range(500)] + [None]})
    one.query(
        {
            "create_index": obj(
                name="many_by_n", source={"collection": "many"}, terms=[obj(field=["data", "n"])]
            )
        }
    )
    # The index is being built now, or built already: both must end in the same.
    for n in range(50):
        two.query(update(n + 1, "many", n=-1))
        two.query(create(10_000 + n, "many", n=-1))
        two.query({"delete": ref(n + 101, "many")})
    active = {"select": ["active"], "from": {"get": {"index": "many_by_n"}}}
    for http in pair:
        eventually(lambda http=http: http.query(active), "the index is built")

        def count(n: int, http: Http = http) -> int:
            return http.query({"count": {"match": {"index": "many_by_n"}, "terms": n}})

        assert [count(-1), count(0), count(49), count(50), count(100), count(149), count(150), count(2999)] == [
            100, 0, 0, 1, 0, 0, 1, 1,
        ]  # fmt: skip


def test_one_of_two_takes_a_unique_value(servers):
    servers[0].query({"create_collection": obj(name="users")})
    index = obj(
        name="by_name", source={"collection": "users"}, terms=[obj(field=["data", "name"])], unique=True
    )
    servers[0].query({"create_index": index})
    rounds = 20

    def take(server: Server) -> list[int]:
        with Http(server) as http:
            return [
                http.post(
                    {"create": {"collection": "users"}, "params": obj(data=obj(name=f"user {n}"))}
                ).status
                for n in range(rounds)
            ]

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(take, [servers[0], servers[1]] * 2))
    assert [sorted(each) for each in zip(*statuses)] == [[201, 400, 400, 400]] * rounds


def test_a_stream_of_one_has_each_commit_of_both_once_and_in_order(servers):
    """Wire protocol, "Start semantics": every commit after start, whichever process of the store wrote it."""
    writers, each = 4, 25
    with Http(servers[0]) as one, Http(servers[1]) as two:
        one.stream(ref(2))
        two.stream({"documents": {"collection": "c"}})
        begun = one.event()["txn"]
        assert two.event()["type"] == "start"

        def write(writer: int) -> None:
            with Http(servers[writer % 2]) as http:
                for n in range(each):
                    http.query({"do": [update(2, by=[writer, n]), create(1000 * (writer + 1) + n, n=n)]})

        with ThreadPoolExecutor(writers) as pool:
            list(pool.map(write, range(writers)))
        versions = [one.event() for _ in range(writers * each)]
        added = [two.event() for _ in range(writers * each)]
    times = [event["txn"] for event in versions]
    assert begun < times[0]
    assert times == sorted(set(times)) == [event["txn"] for event in added]
    by = [tuple(event["event"]["document"]["data"]["by"]) for event in versions]
    assert sorted(by) == [(writer, n) for writer in range(writers) for n in range(each)]
    assert {event["event"]["action"] for event in added} == {"add"}
    assert len({event["event"]["document"]["ref"]["@ref"]["id"] for event in added}) == writers * each


def test_a_stream_ends_when_its_key_is_deleted_at_the_other(servers):
    with Http(servers[0]) as one, Http(servers[1]) as two:
        key = one.query({"create_key": obj(role="server")})
        one.stream(ref(3), secret=key["secret"])
        assert one.event()["type"] == "start"
        two.query({"delete": key["ref"]})
        two.query(update(3, n=1))
        lost = one.event()
        assert (lost["type"], lost["event"]["code"]) == ("error", "permission denied")
        assert one.event() is None


def test_transfers_from_threads_and_processes_keep_the_sum(servers):
    """Each transfer reads two balances and writes both; on a file writers wait for one another and none is refused."""
    servers[0].query({"create_collection": obj(name="accounts")})
    for number in range(ACCOUNTS):
        servers[0].query(create(number + 1, "accounts", n=100))

    def transfer(seed: int) -> int:
        chance = random.Random(seed)
        with Http(servers[seed % 2]) as http:
            for _ in range(TRANSFERS):
                source, target = chance.sample(range(1, ACCOUNTS + 1), 2)
                moved = chance.randint(1, 9)
                http.query({"do": [_add(source, -moved), _add(target, moved)]})
                # Reads see all of a transfer or nothing of it.
                assert (
                    sum(http.query([data_of(n + 1, "accounts") for n in range(ACCOUNTS)])) == 100 * ACCOUNTS
                )
        return TRANSFERS

    with ThreadPoolExecutor(THREADS) as pool:
        assert sum(pool.map(transfer, range(THREADS))) == THREADS * TRANSFERS
    for server in servers:
        assert server.query({"count": {"documents": {"collection": "accounts"}}}) == ACCOUNTS
        assert sum(server.query([data_of(n + 1, "accounts") for n in range(ACCOUNTS)])) == 100 * ACCOUNTS


def _add(number: int, amount: int) -> Any:
    return update(number, "accounts", n={"add": [data_of(number, "accounts"), amount]})
