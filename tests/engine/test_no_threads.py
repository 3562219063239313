"""When no thread can be started: because the system has too many, or since Python is ending."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Callable

import pytest

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.engine.auth import jwks
from faunadb.engine.background.worker import Background
from faunadb.engine.storage.commit_signal import CommitSignal

#: Each makes something that needs a thread, and returns what uses it and then closes it. `done` is to be set by that thread.
Using = Callable[[threading.Event], None]


def work_in_the_background(tmp_path: Path) -> Using:
    background = Background()

    def use(done: threading.Event) -> None:
        background.submit(done.set)
        background.wait(60)
        background.close()

    return use


def work_beside_that(tmp_path: Path) -> Using:
    background = Background()

    def use(done: threading.Event) -> None:
        background.start_thread("beside", done.set)
        background.close()

    return use


def commits_of_others(tmp_path: Path) -> Using:
    def watch(stop: threading.Event) -> None:
        signal.announce(1)
        stop.wait()

    signal = CommitSignal(watch)

    def use(done: threading.Event) -> None:
        signal.add_listener(lambda txn: done.set(), 0)
        done.wait(60)
        signal.close()

    return use


def a_stream(tmp_path: Path) -> Using:
    client = FaunaClient("secret", endpoint=f"sqlite:///{tmp_path}/app.db")
    client.query(q.create_collection({"name": "c"}))

    def use(done: threading.Event) -> None:
        def start(event: Any) -> None:
            done.set()
            stream.close()

        errors: list[Any] = []
        stream = client.stream(q.documents(q.collection("c")), on_start=start, on_error=errors.append)
        stream.start()
        if errors:
            raise errors[0].error
        client.close()

    return use


def a_download(tmp_path: Path) -> Using:
    def use(done: threading.Event) -> None:
        jwks.download("https://keys.example", 60)
        done.set()

    return use


@pytest.mark.parametrize(
    "what", [work_in_the_background, work_beside_that, commits_of_others, a_stream, a_download]
)
def test_it_fails_and_can_be_done_later(
    what: Callable[[Path], Using], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left behind that is taken for a thread, and nothing counts as begun."""
    monkeypatch.setattr(jwks, "_get", lambda *given: b"{}")
    monkeypatch.setattr(jwks, "_slots", threading.BoundedSemaphore(1))
    use, done = what(tmp_path), threading.Event()

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises((RuntimeError, jwks.DownloadError), match="thread"):
            use(done)
    assert not done.is_set()
    use(done)
    assert done.wait(60)
