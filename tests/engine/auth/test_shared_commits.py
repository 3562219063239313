"""Principals in transactions that share a commit."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Callable

import pytest

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.engine.storage import StoreUnavailable, group_commit
from faunadb.engine.storage.group_commit import TransactionLost
from faunadb.errors import PermissionDenied, UnavailableError
from tests.server.running import eventually


def test_what_a_failed_batch_granted_is_granted_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key writes in a batch in which its role was changed before it, and whose commit fails. The next change of the schema
    makes the version of the one that is lost."""
    monkeypatch.setattr(group_commit, "MAX_SECONDS", 60.0)  # on a busy machine, too, they are one batch
    url = f"sqlite:///{tmp_path}/app.db"
    with FaunaClient("secret", endpoint=url) as root:
        root.query(q.create_collection({"name": "c"}))
        root.query(q.create_role({"name": "r", "privileges": []}))
        secret = root.query(q.create_key({"role": q.role("r")}))["secret"]
        store = root.session.get_adapter(root._endpoint.root).engine.store  # type: ignore[attr-defined]
        with FaunaClient(secret, endpoint=url) as key:
            create = q.create(q.collection("c"), {})
            with pytest.raises(PermissionDenied):
                key.query(create)
            wide = {"privileges": [{"resource": q.collection("c"), "actions": {"create": True}}]}
            with monkeypatch.context() as patched:
                patched.setattr(store._writer, "commit", refuse)
                errors = in_one_batch(
                    store, lambda: root.query(q.update(q.role("r"), wide)), lambda: key.query(create)
                )
            assert errors == [UnavailableError, UnavailableError]

            root.query(q.create_collection({"name": "other"}))
            with pytest.raises(PermissionDenied):
                key.query(create)


def refuse(*given: Any) -> None:
    raise TransactionLost(StoreUnavailable("no space left"), again=False)


def in_one_batch(store: Any, *writes: Callable[[], object]) -> list[Any]:
    """Have writes share a commit, one after the other. Returns the types of their errors."""
    leads, go = threading.Event(), threading.Event()
    errors: list[Any] = [None] * (len(writes) + 1)  # the first is that of the one that leads

    def lead(tx: Any) -> None:
        leads.set()
        assert go.wait(60)

    def run(number: int, write: Callable[[], object]) -> None:
        try:
            write()
        except Exception as error:
            errors[number] = type(error)

    threads = []
    for number, write in enumerate([lambda: store.write(lead), *writes]):
        threads.append(threading.Thread(target=run, args=(number, write)))
        threads[-1].start()
        eventually(
            lambda number=number: leads.is_set() and len(store._queue._turns.waiting()) == number, "it waits"
        )
    go.set()
    for thread in threads:
        thread.join(60)
    return errors[1:]
