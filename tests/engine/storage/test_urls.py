"""URLs of stores that say nothing sensible, or name what this process cannot write."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Optional

import pytest

from faunadb.engine.storage import BadURL
from faunadb.engine.storage.urls import parse_sqlite

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite://host/a.db", "names a host"),
        ("sqlite:///a.db#b", "write '#' as %23"),
        ("sqlite:///a%00.db", "a NUL character"),
        ("sqlite:///%ff.db", "not UTF-8"),  # would be one file with %fe.db
        ("sqlite:///a.db?a=1&a=2", "'a' is given twice"),
    ],
)
def test_refused(url: str, said: str) -> None:
    with pytest.raises(BadURL, match=said):
        parse_sqlite(url)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("sqlite:///a.db", "a.db"),
        ("sqlite:////a/b%20c%23%25%3f.db?durability=full", "/a/b c#%?.db"),
        ("sqlite:////tmp/%C3%BC.db", "/tmp/ü.db"),
        ("sqlite:////tmp/ü.db", "/tmp/ü.db"),
    ],
)
def test_paths(url: str, path: Optional[str]) -> None:
    assert parse_sqlite(url).path == path


def test_a_path_that_the_locale_cannot_write_is_said_to_be_one() -> None:
    """As in a container or a cron job without a locale, before Python changes to UTF-8 by itself."""
    script = """
        from faunadb.client import FaunaClient
        try:
            FaunaClient("secret", endpoint="sqlite:///%C3%BC.db").query(1)
        except ValueError as error:
            print(type(error).__name__, error)
    """
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(line[8:] for line in script.splitlines())],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env={**os.environ, **plain},
    )
    assert done.stdout.startswith("BadURL 'sqlite:///%C3%BC.db' names a path with '\\xfc'"), done.stderr
    assert "PYTHONUTF8=1" in done.stdout
