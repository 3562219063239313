"""Files that cannot be written to, or are not to be: they are read, and writes are refused."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.engine.storage import BadURL, NotAStore, StoreUnavailable, open_store
from faunadb.engine.storage.sqlite_read_only import FIXED, WATCHED
from faunadb.errors import UnavailableError

SPELLS = q.collection("spells")
COUNT = q.count(q.documents(SPELLS))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with one document, which nobody has open."""
    path = tmp_path / "a folder" / "café?#.db"
    path.parent.mkdir()
    with FaunaClient("secret", endpoint=url(path)) as client:
        client.query(q.create_collection({"name": "spells"}))
        client.query(q.create(SPELLS, {}))
    return path


def url(path: Path, options: str = "") -> str:
    return f"sqlite:///{str(path).replace('?', '%3F').replace('#', '%23').replace(' ', '%20')}{options}"


def without_shm(path: Path) -> None:
    """Keep the file ending in ``-shm`` from being made, as in a directory that is read-only."""
    Path(f"{path}-shm").symlink_to("nowhere/at all")


def check_it_is_read(client: FaunaClient, count: int = 1) -> None:
    assert client.query(COUNT) == count
    assert client.query(COUNT) == count
    assert client.query(q.at(q.time("now"), COUNT)) == count
    for write in (q.create(SPELLS, {}), q.do(1, q.create(SPELLS, {})), q.create_collection({"name": "more"})):
        with pytest.raises(UnavailableError, match="is read-only: it can be read, but not written to"):
            client.query(write)
    assert client.query(COUNT) == count


@pytest.mark.parametrize("shm", [True, False], ids=["with shm", "without shm"])
def test_a_file_that_is_to_be_read_only(path: Path, shm: bool) -> None:
    if not shm:
        without_shm(path)
    before = path.read_bytes()
    with FaunaClient("secret", endpoint=url(path, "?mode=ro")) as client:
        check_it_is_read(client)
    assert path.read_bytes() == before


@pytest.mark.parametrize("of", ["file", "directory"])
def test_permissions_are_found_out(path: Path, of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the file and that of its directory. (Root may write anywhere, so this asks for it as others would.)"""
    locked = path if of == "file" else path.parent
    access = os.access

    def allowed(place: Any, mode: int, **more: Any) -> bool:
        return access(place, mode, **more) and not (mode == os.W_OK and str(place) == str(locked))

    monkeypatch.setattr(os, "access", allowed)
    if of == "directory":
        without_shm(path)
    with FaunaClient("secret", endpoint=url(path)) as client:
        check_it_is_read(client)


def test_what_others_write_is_seen(path: Path) -> None:
    with FaunaClient("secret", endpoint=url(path)) as writer:
        with FaunaClient("secret", endpoint=url(path, "?mode=ro")) as reader:
            for count in range(2, 6):
                writer.query(q.create(SPELLS, {}))
                check_it_is_read(reader, count)


def test_a_file_that_is_written_to_after_all(path: Path) -> None:
    """It was taken for one that does not change. A writer comes, and another one that has gone before anybody looks."""
    without_shm(path)
    with open_store(url(path, "?mode=ro")) as store:
        reader = FaunaClient("secret", endpoint=url(path, "?mode=ro"))
        assert store._pool.how == FIXED  # type: ignore[attr-defined]
        check_it_is_read(reader)
        Path(f"{path}-shm").unlink()
        with FaunaClient("secret", endpoint=url(path)) as writer:
            writer.query(q.create(SPELLS, {}))
            check_it_is_read(reader, 2)
            writer.query(q.create(SPELLS, {}))
            check_it_is_read(reader, 3)
        reader.close()
        store.snapshot().close()
        assert store._pool.how == WATCHED  # type: ignore[attr-defined]


def test_a_file_that_was_written_to_and_closed_again(path: Path) -> None:
    without_shm(path)
    with FaunaClient("secret", endpoint=url(path, "?mode=ro")) as reader:
        check_it_is_read(reader)
        Path(f"{path}-shm").unlink()
        with FaunaClient("secret", endpoint=url(path)) as writer:
            for _ in range(40):
                writer.query(q.create(SPELLS, {"data": {"text": "x" * 1000}}))
        without_shm(path)
        check_it_is_read(reader, 41)


def test_what_is_in_a_log_that_cannot_be_read_is_not_left_out(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with FaunaClient("secret", endpoint=url(path)) as client:
        client.query(q.create(SPELLS, {}))
        for end in ("", "-wal"):
            shutil.copy(f"{path}{end}", f"{copy}{end}")
    without_shm(copy)
    with pytest.raises(StoreUnavailable, match=r"what was written last is still in .*copy\.db-wal"):
        open_store(url(copy, "?mode=ro"))
    Path(f"{copy}-shm").unlink()
    with FaunaClient("secret", endpoint=url(copy, "?mode=ro")) as client:
        check_it_is_read(client, 2)


def test_what_cannot_be_read(path: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    for place, error, words in (
        (tmp_path / "none.db", StoreUnavailable, "there is no such file"),
        (tmp_path / "empty.db", NotAStore, "is empty"),
        (path, StoreUnavailable, "has an older format .2, now 3., .*open it once where it can be written to"),
    ):
        with pytest.raises(error, match=words):
            open_store(url(place, "?mode=ro"))
    assert not (tmp_path / "none.db").exists()
    for given in (url(path, "?mode=rw"), "sqlite://?mode=ro"):
        with pytest.raises(BadURL, match="'mode'"):
            open_store(given)
