"""Every test of the protocol runs on every backend through the fixture ``place`` (or ``store``)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from faunadb.engine.storage import Store
from tests.engine.storage import places


def _place(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[places.Place]:
    if kind == "memory":
        place = places.Place("memory", "sqlite://")
    elif kind == "file":
        place = places.sqlite_place(tmp_path)
    else:
        place = places.postgres_place(request.getfixturevalue("postgres_url"))
    yield place
    place.close()
    if kind == "postgres":
        places.drop_postgres_place(place)


POSTGRES = pytest.param("postgres", marks=pytest.mark.postgres)


@pytest.fixture(params=["memory", "file", POSTGRES])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[places.Place]:
    """A fresh place of each kind."""
    yield from _place(request.param, request, tmp_path)


@pytest.fixture(params=["file", POSTGRES])
def shared_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[places.Place]:
    """A fresh place of each kind that several processes can use."""
    yield from _place(request.param, request, tmp_path)


@pytest.fixture
def postgres_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[places.Place]:
    """A fresh place on PostgreSQL, for what is its own."""
    yield from _place("postgres", request, tmp_path)


@pytest.fixture
def store(place: places.Place) -> Store:
    return place.open()
