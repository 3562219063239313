"""The store behind PgBouncer in transaction mode, where each transaction may get another session of the server."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

pytest.importorskip("psycopg")

import psycopg

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.server.listening import free_port
from tests.conftest import missing
from tests.engine.storage import histories, history_check, places
from tests.engine.storage.places import Place
from tests.server.running import eventually

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def pooler(postgres_url: str) -> Iterator[str]:
    """The URL of a PgBouncer in front of the server, with few sessions for many."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        missing("PgBouncer", "install it (Debian: apt-get install pgbouncer)")
    parts = urlsplit(postgres_url)
    folder = Path(tempfile.mkdtemp(prefix="faunadb-bouncer."))
    port = free_port()
    user = parts.username or "postgres"
    (folder / "users").write_text(f'"{user}" "{parts.password or ""}"\n')
    (folder / "ini").write_text(
        f"[databases]\n* = host={parts.hostname} port={parts.port or 5432}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = trust\nauth_file = {folder}/users\npool_mode = transaction\ndefault_pool_size = 6\n"
        "server_reset_query_always = 0\n"
    )
    options: dict[str, Any] = {}
    if os.geteuid() == 0:  # it will not run as root
        shutil.chown(folder, "postgres", "postgres")
        options = {"user": "postgres", "group": "postgres", "extra_groups": []}
    with open(folder / "log", "w") as log:
        process = subprocess.Popen([str(program), str(folder / "ini")], stdout=log, stderr=log, **options)
    url = f"postgresql://{user}@127.0.0.1:{port}{parts.path or '/postgres'}"
    try:

        def answers() -> bool:
            assert process.poll() is None, (folder / "log").read_text()
            try:
                psycopg.connect(url, connect_timeout=2).close()
            except psycopg.OperationalError:
                return False
            return True

        eventually(answers, "PgBouncer answers", 20)
        yield url
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder)


@pytest.fixture
def place(pooler: str) -> Iterator[Place]:
    place = places.postgres_place(f"{pooler}?prepared=no")
    yield place
    place.close()
    places.drop_postgres_place(Place("postgres", place.url.replace("prepared=no&", "")))


def test_threads_beside_each_other(place: Place) -> None:
    """More threads than the pooler has sessions: nothing is lost, and no setting of ours stays in a session."""
    with FaunaClient("secret", endpoint=place.url) as client:
        client.query(q.create_collection({"name": "c"}))
        one = q.ref(q.collection("c"), "1")
        client.query(q.create(one, {"data": {"n": 0}}))

        def run() -> None:
            for _ in range(8):
                client.query(q.create(q.collection("c"), {"data": {}}))
                client.query(q.update(one, {"data": {"n": q.add(1, q.select(["data", "n"], q.get(one)))}}))

        threads = [threading.Thread(target=run) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.query(q.select(["data", "n"], q.get(one))) == 80
        assert client.query(q.count(q.documents(q.collection("c")))) == 81
    assert place.open().check() == []
    for _ in range(12):
        with psycopg.connect(place.url.split("?")[0], autocommit=True) as connection:
            for setting in ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin"):
                assert connection.execute(f"SHOW {setting}").fetchone() == ("on",)
            assert connection.execute("SHOW lock_timeout").fetchone() == ("0",)


def test_histories_through_a_pooler(place: Place, tmp_path: Path) -> None:
    with histories.client_of(place.url) as client:
        histories.prepare(client)
        run = histories.Run(tmp_path, [place.url] * 4, seed=5, count=20)
        ops = run.wait()
        history_check.check(client, ops)
    assert not [op for op in ops if op.status == "unknown"]
