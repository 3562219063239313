"""A database in memory, and the command line run as a user would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from faunadb.cli.connection import Connection
from faunadb.testing import Database

ROOT = Path(__file__).resolve().parents[2]


class Finished(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def database():
    database = Database()
    yield database
    database.close()


@pytest.fixture
def connection(database):
    connection = Connection(database.url, database.secret)
    yield connection
    connection.close()


@pytest.fixture
def environment(tmp_path):
    """The variables of a process that uses this checkout from an empty directory."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("FAUNA", "PYTEST", "XDG", "COV"))
    }
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "NO_COLOR": "1",
        "COLUMNS": "100",
        "PYTHONUTF8": "1",
    }


@pytest.fixture
def faunadb(tmp_path, environment):
    """Run ``faunadb WORDS`` in an empty directory."""

    def run(*words, text=None, timeout=60, code=None):
        command = [sys.executable, "-m", "faunadb", *map(str, words)]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if code is not None:
            assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return Finished(done.returncode, done.stdout, done.stderr)

    run.directory = tmp_path  # type: ignore[attr-defined]
    return run
