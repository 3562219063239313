"""A database with one document, and short names for what queries in tables say of it."""

from __future__ import annotations

import pytest

from faunadb.engine.engine import open_engine

from ..conftest import Database

REF = '{"ref": {"collection": "c"}, "id": "1"}'
ABBREVIATIONS = {
    "DOC": '{"get": ' + REF + "}",
    "REF": REF,
    "BIG": '{"object": {"a": [{"object": {"b": 1}}, {"object": {"b": null}}], "n": null, "s": "x"}}',
}


@pytest.fixture(scope="module", name="db")
def database():
    with open_engine("sqlite://") as engine:
        db = Database(engine)
        db.wire('{"create_collection": {"object": {"name": "c"}}}')
        db.wire('{"create": ' + REF + ', "params": {"object": {"data": {"object": {"a": 1}}}}}')
        yield db


def spelled(query):
    """A query with what its abbreviations mean."""
    for name, meaning in ABBREVIATIONS.items():
        query = query.replace(name, meaning)
    return query
