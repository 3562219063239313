"""The largest transaction that there may be, to the byte."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.engine.storage import open_store
from faunadb.errors import BadRequest
from tests.engine.storage.places import Place

LIMIT = 16_777_216
C = q.collection("texts")
#: Sent once and written as often as it fits, since a request may be only half as large as a transaction.
TEXT = "x" * 1_000_000


@pytest.fixture
def client(shared_place: Place) -> Iterator[FaunaClient]:
    with FaunaClient("secret", endpoint=shared_place.url) as client:
        client.query(q.create_collection({"name": "texts"}))
        yield client


def write(text: str) -> Any:
    whole = [q.create(q.ref(C, number), {"data": {"text": q.var("whole")}}) for number in range(16)]
    return q.let({"whole": TEXT}, q.do(*whole, q.create(q.ref(C, 16), {"data": {"text": text}}), 1))


def refused(client: FaunaClient, text: str) -> int:
    """The size for which a transaction is refused."""
    with pytest.raises(BadRequest) as caught:
        client.query(write(text))
    (error,) = caught.value.errors
    found = re.fullmatch(
        rf"Transaction exceeded limit: got (\d+) bytes, limit {LIMIT} bytes", error.description
    )
    assert (error.code, bool(found)) == ("bad request", True), error
    assert found is not None
    return int(found[1])


def test_a_transaction_of_exactly_the_limit_is_written_and_one_byte_more_is_not(
    shared_place: Place, client: FaunaClient
) -> None:
    beyond = refused(client, TEXT) - LIMIT
    assert 0 < beyond < len(TEXT)
    fits = TEXT[beyond:]
    with open_store(shared_place.url) as store:
        with store.snapshot() as snapshot:
            before = snapshot.last_txn
        assert refused(client, fits + "x") == LIMIT + 1
        with store.snapshot() as snapshot:
            assert snapshot.last_txn == before, "nothing was written"
        assert client.query(q.count(q.documents(C))) == 0
        assert client.query(write(fits)) == 1
        with store.snapshot() as snapshot:
            assert [txn for txn, _ in snapshot.commits(before)] == [snapshot.last_txn]
        assert store.check() == []
    assert client.query(q.count(q.documents(C))) == 17
    for number, text in ((0, TEXT), (16, fits)):
        assert client.query(q.select(["data", "text"], q.get(q.ref(C, number)))) == text
