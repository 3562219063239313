"""The engine behind a client in the same process: sharing, closing, secrets of the closed service."""

from __future__ import annotations

import base64

import pytest

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.engine.auth import secrets
from faunadb.errors import FaunaError, Unauthorized


def hosted_secret(kind: bytes = secrets.KEY_MARK, number: int = 236_500_944_246_112_768) -> str:
    """A secret as the hosted service gave out in 2019."""
    tail = b"\0" * 8 if kind == secrets.TOKEN_MARK else b""
    raw = kind + number.to_bytes(8, "big") + tail + bytes(range(20))
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.fixture
def redirected(monkeypatch, tmp_path):
    monkeypatch.setenv("FAUNA_ENDPOINT", f"sqlite:///{tmp_path}/app.db")


def test_an_untouched_application_runs_with_one_environment_variable(redirected):
    with FaunaClient(secret=hosted_secret()) as client:
        client.query(q.create_collection({"name": "spells"}))
        assert client.query(q.exists(q.collection("spells"))) is True
        scoped = client.new_session_client(secret=f"{hosted_secret()}:server")
        assert scoped.query(q.exists(q.collection("spells"))) is True
        scoped.close()


@pytest.mark.parametrize(
    "secret",
    [
        "wrong",
        hosted_secret(secrets.TOKEN_MARK),  # it was somebody's token
        hosted_secret(
            number=secrets.decode_secret(secrets.new_key_secret(1 << 62)[0]).id
        ),  # after the closure
    ],
    ids=["no secret of the service", "a token", "a later key"],
)
def test_other_secrets_are_not_taken(redirected, secret):
    with FaunaClient(secret=secret) as client, pytest.raises(Unauthorized):
        client.query(q.now())


def test_secrets_of_the_service_open_nothing_where_the_code_names_the_place(tmp_path):
    url = f"sqlite:///{tmp_path}/app.db"
    with FaunaClient(secret=hosted_secret(), endpoint=url) as client, pytest.raises(Unauthorized):
        client.query(q.now())


def test_a_deleted_key_of_the_store_stays_dead(redirected):
    with FaunaClient(secret=hosted_secret()) as client:
        key = client.query(q.create_key({"role": "server"}))
        client.query(q.delete(key["ref"]))
    with FaunaClient(secret=key["secret"]) as dead, pytest.raises(Unauthorized):
        dead.query(q.now())


def test_clients_of_one_url_share_the_engine(tmp_path):
    url = f"sqlite:///{tmp_path}/shared.db"
    with FaunaClient(secret="secret", endpoint=url) as one, FaunaClient(secret="secret", endpoint=url) as two:
        one.query(q.create_collection({"name": "c"}))
        assert two.query(q.exists(q.collection("c"))) is True
    with FaunaClient(secret="secret", endpoint=url) as again:
        assert again.query(q.exists(q.collection("c"))) is True


def test_a_file_that_is_no_database_is_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a database at all\n" * 100)
    with (
        FaunaClient(secret="secret", endpoint=f"sqlite:///{path}") as client,
        pytest.raises(ValueError, match="notes"),
    ):
        client.query(q.now())
    assert path.read_text() == "not a database at all\n" * 100


QUERIES = {
    "a document": q.get(q.ref(q.collection("spells"), 1)),
    "a page of documents": q.map_(lambda x: q.get(x), q.paginate(q.documents(q.collection("spells")))),
    "half a pair of surrogates": q.let({"x": "\ud800"}, [q.var("x"), "é"]),
    "no such document": q.get(q.ref(q.collection("spells"), 99)),
    "two faults": [q.add(1, "a"), q.var("unbound")],
    "an abort": q.abort("enough"),
    "a write": q.select("data", q.create(q.collection("spells"), {"data": {"n": 9}})),
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_that_asks_for_nothing_else_ends_as_any_other(tmp_path, name):
    """With an observer a query takes the general way; its value and its errors are the same."""
    outcomes = []
    for observer in (None, lambda result: None):
        url = f"sqlite:///{tmp_path}/{observer is None}.db"
        with FaunaClient(secret="secret", endpoint=url) as client:
            client.query(q.create_collection({"name": "spells"}))
            for n in (1, 2):
                client.query(q.insert(q.ref(q.collection("spells"), n), n, "create", {"data": {"n": n}}))
            client.observer = observer
            before = client.get_last_txn_time()
            for _ in range(2):  # parsed, and known
                try:
                    outcomes.append(repr(client.query(QUERIES[name])))
                except FaunaError as error:
                    found = error.request_result
                    names = set(found.response_headers) - {"traceparent"}
                    outcomes.append(
                        (type(error), str(error), found.response_content, found.status_code, names)
                    )
            assert client.get_last_txn_time() > before
    assert outcomes[:2] == outcomes[2:]
