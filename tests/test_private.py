"""What is not for other eyes: passwords in URLs, files, what was typed."""

from __future__ import annotations

import os
import stat

import pytest
import requests

from faunadb import query as q
from faunadb._private import only_shown, without_password
from faunadb.cli.export_writing import ExportWriter
from faunadb.cli.shell import is_private
from faunadb.client import FaunaClient

needs_modes = pytest.mark.skipif(os.name == "nt", reason="files have no modes on Windows")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:pw@host/db", "postgresql://u:***@host/db"),
        ("postgresql://u:p@ss@w@host:5432/db", "postgresql://u:***@host:5432/db"),
        ("postgresql://u:p/a?s#s@host/db", "postgresql://u:***@host/db"),
        ("postgresql://u:@host/db", "postgresql://u:***@host/db"),
        ("postgresql://u:p\nw@host/db", "postgresql://u:***@host/db"),
        ("postgresql://:pw@host/db", "postgresql://:***@host/db"),
        ("postgresql://u@host/db", "postgresql://u@host/db"),
        ("postgresql://host/db?password=pw&user=u", "postgresql://host/db?password=***&user=u"),
        ("postgresql://host/db?user=u&PASSWORD=pw", "postgresql://host/db?user=u&PASSWORD=***"),
        (
            "postgresql://host/db?pass%77ord=pw&sslpassword=x",
            "postgresql://host/db?pass%77ord=***&sslpassword=***",
        ),
        ("postgresql://host/db?schema=a", "postgresql://host/db?schema=a"),
        ("sqlite:///a:b@c.db", "sqlite:///a:b@c.db"),
        ("https://u:pw@host:8443/", "https://***@host:8443/"),
        ("http://secret@host/a@b", "http://***@host/a@b"),
        ("http://secret:@host/", "http://***@host/"),
    ],
)
def test_passwords_are_cut_from_urls(url, shown):
    assert without_password(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:HIDDEN%@127.0.0.1:1/x",
        'postgresql://u:"HIDDEN%@127.0.0.1:1/x',
        "postgresql://u:x?HIDDEN@127.0.0.1:1/x",
        "http://HIDDEN@h/",
        "http://HIDDEN:@h/",
        "http://h:HIDDEN/x@h/",
        "http://h:HIDDEN x@h/",
        "http://[HIDDEN]@h",
        "http://HIDDEN\u2100@h/",
    ],
)
def test_no_piece_of_a_password_is_in_what_is_said_of_a_url(url: str) -> None:
    with pytest.raises((ValueError, requests.exceptions.ConnectionError)) as caught:
        FaunaClient("secret", endpoint=url).query(1)
    assert "HIDDEN" not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize(
    ("text", "shown", "told"),
    [
        (
            "failed to resolve host 'ord@host': not known",
            "u:***@host",
            "failed to resolve host ...: not known",
        ),
        ('database "x" does not exist', "u:***@host/x", 'database "x" does not exist'),
        ('bad token: "a"b"', "u:***@host", "bad token: ..."),
        ("no quotes", "", "no quotes"),
    ],
)
def test_what_is_quoted_of_a_url_is_told_where_it_is_shown(text: str, shown: str, told: str) -> None:
    assert only_shown(text, shown) == told


def mode(path: os.PathLike[str] | str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@needs_modes
def test_a_database_and_what_stands_beside_it_are_its_users_alone(tmp_path):
    with FaunaClient(secret="secret", endpoint=f"sqlite:///{tmp_path}/own.db") as client:
        client.query(q.create_collection({"name": "c"}))
        modes = {name: mode(tmp_path / name) for name in ("own.db", "own.db-wal", "own.db-shm")}
    assert set(modes.values()) == {0o600}, modes


@needs_modes
@pytest.mark.parametrize("compressed", [False, True])
def test_exports_are_their_users_alone(tmp_path, compressed):
    writer = ExportWriter(tmp_path, True, True, compressed)
    writer.begin("c")
    writer.write({"ref": "1"})
    writer.finish({}, {})
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert {mode(path) for path in files} == {0o600}


@pytest.mark.parametrize(
    "line",
    [
        'Create(Collection("u"), {credentials: {password: "hunter2"}})',
        'q.update(r, {"credentials": {"pass" + "word": "hunter2"}})',
        'q.update(r, {"cred" "entials": {"p\\x61ssw\\u006frd": "hunter2"}})',
        '{"p\\u{61}ssword": 1}',
        'Identify(r, "hunter2")',
        "q.login(r, params)",
        'KeyFromSecret("x")',
        "fnAE" + "x" * 36,
        ":connect postgresql://u:hunter2@host/db",
        "PASSWD = 1",
    ],
)
def test_the_history_keeps_no_line_with_a_password(line):
    assert is_private(line)


@pytest.mark.parametrize(
    "line", ['Get(Ref(Collection("spells"), "1"))', "q.now()", "passes = 1", "http://host:8443/"]
)
def test_the_history_keeps_other_lines(line):
    assert not is_private(line)
