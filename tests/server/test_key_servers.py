"""Tokens whose provider's key server accepts connections and says nothing, beside everybody else's queries."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from faunadb.engine.auth import jwks
from faunadb.engine.auth.jwt import AUDIENCE, TokenVerifier
from faunadb.engine.engine import open_engine
from faunadb.server import Application
from faunadb.server.application import THREADS
from tests.engine.auth.tokens import OTHER_RSA, sign

from .asgi import ask, run

ISSUER = "https://login.example"
ROOT = {"authorization": "Bearer secret"}
FORGED = 100


class SilentServer:
    """Connections to it are accepted (by the system, for a listener that does not look), and nothing is said."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=FORGED)
        self._listener.setblocking(False)
        self.uri = f"https://127.0.0.1:{self._listener.getsockname()[1]}/keys"

    def close(self) -> int:
        """End all connections, and accept none. Returns how many there were."""
        count = 0
        with contextlib.suppress(OSError):
            while True:
                self._listener.accept()[0].close()
                count += 1
        self._listener.close()
        return count


class Asked:
    """Counts the requests that wait for a download."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._begin = jwks.KeysNeeded.begin
        self._left = 0
        monkeypatch.setattr(jwks.KeysNeeded, "begin", lambda needed: self._count(needed))

    def _count(self, needed: jwks.KeysNeeded) -> Any:
        self._left -= 1
        if not self._left:
            self._event.set()
        return self._begin(needed)

    def times(self, count: int) -> Any:
        """To be awaited: the end of so many."""
        self._left = count
        self._event = asyncio.Event()
        return self._event.wait()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(monkeypatch)


@pytest.fixture
def key_server() -> Iterator[SilentServer]:
    server = SilentServer()
    yield server
    server.close()


@pytest.fixture
def application() -> Iterator[Application]:
    engine = open_engine("sqlite://", secret="secret")
    # Patient, so that the slowest machine sees the download under way.
    keys = jwks.KeySets(partial(jwks.download, timeout=25.0))
    engine.authenticator._tokens = TokenVerifier(keys)
    application = Application(engine)
    yield application
    application.close()
    engine.close()


async def query(application: Application, expression: Any) -> Any:
    sent = await ask(application, json.dumps(expression).encode(), ROOT, client=("127.0.0.2", 5))
    assert sent.status in (200, 201), sent
    return json.loads(sent.body)["resource"]


async def forge(application: Application, uri: str) -> list[str]:
    """Make a database with an access provider, and tokens for it by somebody else's key."""
    await query(application, {"create_database": {"object": {"name": "child"}}})
    child = await query(application, {"get": {"database": "child"}})
    provider = {"name": "login", "issuer": ISSUER, "jwks_uri": uri}
    body = json.dumps({"create_access_provider": {"object": provider}}).encode()
    made = await ask(application, body, {"authorization": "Bearer secret:child:admin"})
    assert made.status == 201, made
    claims = {"iss": ISSUER, "aud": AUDIENCE + child["global_id"], "exp": time.time() + 1000}
    return [sign({**claims, "sub": str(number)}, key=OTHER_RSA) for number in range(FORGED)]


def present(application: Application, token: str) -> asyncio.Future[Any]:
    return asyncio.ensure_future(ask(application, b"1", {"authorization": f"Bearer {token}"}))


def test_forged_tokens_hold_nobody_up(
    application: Application, key_server: SilentServer, asked: Asked
) -> None:
    async def attack() -> None:
        tokens = await forge(application, key_server.uri)
        all_wait = asked.times(FORGED)
        answers = [present(application, token) for token in tokens]
        await all_wait

        # Others read and write, and every thread for queries is free.
        assert await query(application, {"create_collection": {"object": {"name": "c"}}})
        assert await query(application, {"exists": {"collection": "c"}}) is True
        together = threading.Barrier(THREADS)
        loop = asyncio.get_running_loop()
        await asyncio.gather(
            *(loop.run_in_executor(application._pool, together.wait, 20) for _ in range(THREADS))
        )
        assert not any(answer.done() for answer in answers)

        assert key_server.close() <= 1  # one download for all
        assert {answer.status for answer in await asyncio.gather(*answers)} == {401}

    run(attack())


def test_who_goes_away_does_not_end_the_download_for_the_others(
    application: Application, key_server: SilentServer, asked: Asked
) -> None:
    async def attack() -> None:
        tokens = await forge(application, key_server.uri)
        both_wait = asked.times(2)
        gone, other = (present(application, token) for token in tokens[:2])
        await both_wait
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert not other.done()
        key_server.close()
        assert (await other).status == 401

    run(attack())
