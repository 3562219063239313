"""A database in memory, and the command line run as a user would."""

from __future__ import annotations

import os

import pytest

from faunadb.cli.connection import Connection
from faunadb.testing import Database
from tests.cli.nursery import ROOT, Nursery


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


@pytest.fixture(scope="session")
def nursery():
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture
def faunadb(tmp_path, environment, nursery):
    """Run ``faunadb WORDS`` in an empty directory."""

    def run(*words, text=None, timeout=60, code=None):
        done = nursery.run([*map(str, words)], tmp_path, environment, text, timeout)
        if code is not None:
            assert done.code == code, f"{words}: {done.code}\n{done.out}\n{done.err}"
        return done

    run.directory = tmp_path  # type: ignore[attr-defined]
    return run
