"""The wire protocol without a socket: routes, headers, what a request cost (wire protocol, chapters 1, 2 and 4)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faunadb.engine.engine import open_engine
from faunadb.engine.storage import Contended, DeadlineExceeded, StoreUnavailable
from faunadb.engine.storage.commit_queue import Lost
from faunadb.engine.storage.group_commit import TransactionLost
from faunadb.engine.wire.http import handle
from faunadb.engine.wire.messages import HttpRequest

C = {"@ref": "collections/c"}


@pytest.fixture
def stored(db):
    """A collection of three documents, and an index."""
    db.wire({"create_collection": {"object": {"name": "c"}}})
    for number in (1, 2, 3):
        db.wire({"create": {"@ref": f"collections/c/{number}"}, "params": _data(n=7)})
    field = {"object": {"field": ["data", "n"]}}
    db.wire({"create_index": {"object": {"name": "by_n", "source": C, "terms": [field], "values": [field]}}})
    return db


def _data(**fields: Any) -> Any:
    return {"object": {"data": {"object": fields}}}


def _headers(response: Any) -> dict[str, str]:
    return dict(response.headers)


# What a query cost


def _metrics(response: Any) -> dict[str, int]:
    names = ("x-compute-ops", "x-byte-read-ops", "x-byte-write-ops", "x-txn-retries", "x-query-time")
    names += ("x-read-ops", "x-write-ops")
    names += ("x-storage-bytes-read", "x-storage-bytes-write", "x-query-bytes-in", "x-query-bytes-out")
    headers = _headers(response)
    return {name: int(headers[name]) for name in names}


@pytest.mark.parametrize(
    ("query", "ops"),
    [
        ({"get": {"@ref": "collections/c/1"}}, 1),
        ({"exists": {"@ref": "collections/c/1"}}, 1),
        ({"paginate": {"documents": C}}, 8),
        ({"paginate": {"match": {"index": "by_n"}, "terms": 7}}, 1),
        ({"paginate": {"match": {"index": "by_n"}, "terms": 7}, "size": 1}, 1),
        ({"count": {"documents": C}}, 8),
        ({"count": {"union": [{"documents": C}, {"match": {"index": "by_n"}, "terms": 7}]}}, 9),
        ({"paginate": {"collections": None}}, 8),
        ({"paginate": {"events": {"@ref": "collections/c/1"}}}, 1),
        ({"paginate": {"events": {"documents": C}}}, 8),
        ({"paginate": {"events": {"match": {"index": "by_n"}, "terms": 7}}}, 1),
        ({"get": C}, 1),
    ],
    ids=json.dumps,
)
def test_what_is_read_counts(stored, query, ops):
    metrics = _metrics(stored.raw(query))
    assert metrics["x-storage-bytes-read"] > 0
    assert metrics["x-byte-read-ops"] == metrics["x-read-ops"] == ops
    assert metrics["x-write-ops"] == metrics["x-byte-write-ops"] == metrics["x-storage-bytes-write"] == 0


def test_reading_more_costs_more(stored):
    one, three = (
        _metrics(stored.raw({"paginate": {"documents": C}, "size": size}))["x-storage-bytes-read"]
        for size in (1, 3)
    )
    assert three > one
    stored.wire({"create": C, "params": _data(text="x" * 9000)})
    whole = {
        "map": {"lambda": "r", "expr": {"get": {"var": "r"}}},
        "collection": {"paginate": {"documents": C}},
    }
    assert (
        _metrics(stored.raw(whole))["x-byte-read-ops"] == 8 + 3 + 3
    )  # a set, three documents, one of 9000 bytes


@pytest.mark.parametrize("query", [1, {"add": [1, 1]}])
def test_what_reads_nothing_costs_no_reads(stored, query):
    metrics = _metrics(stored.raw(query))
    assert (metrics["x-byte-read-ops"], metrics["x-storage-bytes-read"]) == (0, 0)
    assert metrics["x-compute-ops"] == 1


def test_looking_for_what_is_not_there_is_a_read(stored):
    metrics = _metrics(stored.raw({"exists": {"@ref": "collections/c/99"}}))
    assert (metrics["x-read-ops"], metrics["x-storage-bytes-read"]) == (1, 0)


def test_operations_are_counted_as_the_original_counts_them(stored):
    """Programs that limit their own rates, and drivers' metrics, rely on these."""
    stored.wire({"create_collection": {"object": {"name": "ten"}}})
    ten = {"collection": "ten"}
    creates = {"map": {"lambda": "n", "expr": {"create": ten}}, "collection": list(range(10))}
    made = _metrics(stored.raw(creates))
    assert (made["x-write-ops"], made["x-byte-write-ops"]) == (10, 10)
    stored.wire({"create": ten})
    each = {
        "map": {"lambda": "r", "expr": {"get": {"var": "r"}}},
        "collection": {"paginate": {"documents": ten}},
    }
    read = _metrics(stored.raw(each))
    assert (read["x-read-ops"], read["x-byte-read-ops"]) == (19, 19)


def test_an_entry_of_an_index_is_a_write(stored):
    ref = {"@ref": "collections/c/500"}
    assert _metrics(stored.raw({"create": ref, "params": _data(n=7)}))["x-write-ops"] == 2
    assert _metrics(stored.raw({"update": ref, "params": _data(other=1)}))["x-write-ops"] == 1
    assert (
        _metrics(stored.raw({"update": ref, "params": _data(n=8)}))["x-write-ops"] == 3
    )  # one goes, one comes
    assert _metrics(stored.raw({"delete": ref}))["x-write-ops"] == 2


def test_a_large_entry_is_read_in_operations_of_4096_bytes(stored):
    index = {
        "name": "texts",
        "source": C,
        "active": True,
        "terms": [{"object": {"field": ["data", "n"]}}],
        "values": [{"object": {"field": ["data", "text"]}}],
    }
    stored.wire({"create_index": {"object": index}})
    for _ in range(2):
        stored.wire({"create": C, "params": _data(n=70, text="x" * 9000)})
    read = _metrics(stored.raw({"paginate": {"match": {"index": "texts"}, "terms": 70}}))
    assert read["x-read-ops"] == -(-read["x-storage-bytes-read"] // 4096) > 4


def test_writes_and_sizes_count(stored):
    response = stored.raw({"create": C, "params": _data(text="x" * 2000)})
    metrics = _metrics(response)
    assert 2000 < metrics["x-storage-bytes-write"] < 2500
    assert metrics["x-byte-write-ops"] == 3  # units of 1024 bytes, entries of indexes included
    assert metrics["x-query-bytes-out"] == len(response.body)


def test_compute_is_counted_in_fifties(stored):
    query = {"map": {"lambda": "x", "expr": {"add": [{"var": "x"}, 1]}}, "collection": list(range(100))}
    assert _metrics(stored.raw(query))["x-compute-ops"] == 5  # 100 calls, 100 sums, 1 map


def test_a_failed_query_has_cost_nothing_but_an_abort_keeps_its_reads(stored):
    count = {"count": {"documents": C}}
    failed = _metrics(stored.raw({"do": [count, {"get": {"@ref": "collections/c/99"}}]}))
    assert (failed["x-storage-bytes-read"], failed["x-compute-ops"]) == (0, 1)
    aborted = _metrics(stored.raw({"do": [count, {"abort": "enough"}]}))
    assert aborted["x-storage-bytes-read"] == _metrics(stored.raw(count))["x-storage-bytes-read"]


@pytest.mark.parametrize(("failures", "status", "retries"), [(0, 201, 0), (2, 201, 2), (4, 409, 3)])
def test_retries_are_counted(stored, monkeypatch, failures, status, retries):
    left = [1] * failures
    lose(stored.engine.store, monkeypatch, left)
    response = stored.raw({"create": C}, headers={"x-max-retries-on-contention": "3"})
    assert response.status == status
    assert _metrics(response)["x-txn-retries"] == retries
    assert left == []
    if status == 409:
        (error,) = json.loads(response.body)["errors"]
        assert error == {
            "code": "contended transaction",
            "description": "Transaction was aborted due to detection of concurrent modification.",
        }


def lose(store: Any, monkeypatch: pytest.MonkeyPatch, left: list[int]) -> None:
    """Have commits lose to others as long as there is something left."""
    commit = store._writer.commit

    def contended(*arguments: Any) -> None:
        if left:
            left.pop()
            raise TransactionLost(Contended("others came first"), again=True)
        commit(*arguments)

    monkeypatch.setattr(store._writer, "commit", contended)
    committer = getattr(store, "_committer", None)
    if committer is not None:
        commit_batch = committer.commit
        monkeypatch.setattr(
            committer,
            "commit",
            lambda batch: [Lost("0/e/1/") for _ in batch if left.pop()] if left else commit_batch(batch),
        )


def test_room_for_deep_nesting_is_no_retry(stored):
    query: Any = 1
    for _ in range(400):
        query = {"do": [query]}
    response = stored.raw({"do": [query, {"create": C}]})
    assert (response.status, _metrics(response)["x-txn-retries"]) == (201, 0)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/error", 405), ("GET", "/error", 500), ("GET", "/authorized", 401)],
)
def test_no_figures_with_401_and_500(db, method, path, status):
    response = db.send(method, path, headers={"authorization": None})
    assert response.status == status
    assert ("x-query-time" in _headers(response)) == (status == 405)
    assert "x-txn-time" in _headers(response)


# Headers


@pytest.mark.parametrize(
    ("method", "path", "body", "echoed"),
    [
        ("POST", "/", b"1", True),
        ("POST", "/", b'{"divide":[1,0]}', True),
        ("POST", "/", b"{", True),
        ("GET", "/nowhere", b"", False),
        ("PUT", "/", b"", False),
        ("GET", "/error", b"", False),
    ],
)
def test_tags_come_back_with_answers_of_queries(db, method, path, body, echoed):
    headers = _headers(db.send(method, path, body, headers={"x-fauna-tags": "a=1,b=2"}))
    assert headers.get("x-fauna-tags") == ("b=2,a=1" if echoed else None)


def test_no_tags_without_a_secret(db):
    response = db.raw(1, headers={"x-fauna-tags": "a=1", "authorization": None})
    assert response.status == 401
    assert "x-fauna-tags" not in _headers(response)


def test_errors_of_headers_have_no_time_and_are_compact(db):
    response = db.raw(1, headers={"x-query-timeout": "x"})
    text = "Invalid header 'x-query-timeout': Invalid number 'x'."
    assert response.body.decode() == f'{{"errors":[{{"code":"bad request","description":"{text}"}}]}}'
    assert not [name for name in _headers(response) if name.startswith(("x-txn", "x-query"))]
    assert db.send("HEAD", "/ping", headers={"x-query-timeout": "x"}).body == b""


@pytest.mark.parametrize(("expression", "key"), [(1, "resource"), ({"divide": [1, 0]}, "errors")])
def test_a_trace_is_the_last_key(db, expression, key):
    response = db.raw(expression, headers={"x-trace": ""})
    body = json.loads(response.body)
    assert list(body) == [key, "trace"]
    assert body["trace"]
    assert all(isinstance(line, str) for line in body["trace"])
    assert "\n" in response.body.decode()
    assert _headers(response)["x-faunadb-host"]
    assert "x-faunadb-host" not in _headers(db.raw(expression))


def test_no_trace_with_401_and_500(db):
    for path in ("/authorized", "/error"):
        response = db.send("GET", path, headers={"authorization": None, "x-trace": "1"})
        assert list(json.loads(response.body)) == ["errors"]


def test_a_body_that_was_too_large_to_be_read(db):
    def ask(**headers: str) -> Any:
        return handle(db.engine, HttpRequest("POST", "/", "", headers, b""), too_large=True)

    response = ask(**{"x-fauna-tags": "a=1"})
    assert response.status == 413
    assert json.loads(response.body)["errors"] == [
        {"code": "request too large", "description": "Request entity is too large"}
    ]
    assert "x-txn-time" in _headers(response)
    assert ask(**{"x-query-timeout": "0"}).status == 400  # headers are looked at before


PRETTY = """{
  "resource": [
    1.0E7,
    -0.0,
    { "a": 1, "b": [] },
    {},
    [ "é", null, true ],
    "\\u0000 a text that needs more than a line, with its quotes"
  ]
}
"""


@pytest.mark.parametrize(
    "headers",
    [{"x-faunadb-formatted-json": ""}, {"user-agent": "curl/8.1"}, {"user-agent": "HTTPie/3"}],
    ids=str,
)
def test_pretty_text_has_the_same_value(db, headers):
    text = "\0 a text that needs more than a line, with its quotes"
    query = [1e7, -0.0, {"object": {"a": 1, "b": []}}, {"object": {}}, ["é", None, True], text]
    assert db.raw(json.dumps(query), headers=headers).body.decode() == PRETTY
    small = db.raw(1, headers=headers)
    assert small.body == b'{ "resource": 1 }\n'
    assert dict(small.headers)["x-query-bytes-out"] == str(len(small.body))


def test_pretty_text_of_deep_values(db):
    body = b"[" * 990 + b"1," * 1000 + b"2" + b"]" * 990
    response = db.send("POST", "/", body, headers={"user-agent": "curl/8"})
    assert response.status == 200
    assert len(response.body) < 200_000
    assert "".join(response.body.decode().split()) == '{"resource":' + body.decode() + "}"


# Bodies and query strings


@pytest.mark.parametrize(
    ("headers", "description"),
    [
        ({}, "No query provided."),
        ({"content-length": "0"}, "No query provided."),
        ({"transfer-encoding": "chunked"}, "Request body is not valid JSON."),
    ],
)
def test_no_body(db, headers, description):
    response = db.send("POST", "/", b"", headers=headers)
    (error,) = json.loads(response.body)["errors"]
    assert (error["position"], error["code"], error["description"]) == ([], "invalid expression", description)


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("", "No query provided."),
        ("Q=1", "No query provided."),
        ("q=", "Request body is not valid JSON."),
        ("q=x", "Request body is not valid JSON."),
        ("q=%zz", "No query provided."),
        ("q=1&x=%", "No query provided."),
        ("q=%ff", "No query provided."),
        ("q=1", 1),
        ("q=1&q=2", 2),
        ("%71=%5B1%2C+2%5D", [1, 2]),
        ("x=1&q=%22%C3%A9%22", "é"),
    ],
)
def test_queries_in_the_url(db, query, answer):
    body = json.loads(db.send("GET", "/", query=query).body)
    if "resource" in body:
        assert body["resource"] == answer
    else:
        assert body["errors"][0]["description"] == answer


def test_deep_json_without_a_valid_secret_or_sense(db):
    response = db.send("POST", "/", b"[" * 5000)
    assert json.loads(response.body)["errors"][0]["description"] == "Request body JSON exceeds nesting limit."
    assert db.send("POST", "/", b"[" * 5000, headers={"authorization": None}).status == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "text"),
    [
        ("GET", "/error", b"", "java.lang.RuntimeException: Sample error"),
        ("POST", "/", b'{"@bytes":"!"}', "Malformed base64 in @bytes."),
    ],
)
def test_texts_of_status_500(db, method, path, body, text):
    response = db.send(method, path, body)
    ticket = "Please create a ticket at https://support.fauna.com"
    assert (response.status, json.loads(response.body)["errors"]) == (
        500,
        [{"code": "internal server error", "description": f"{text} {ticket}"}],
    )


# Health


@pytest.mark.parametrize(
    ("query", "name", "milliseconds"),
    [
        ("", "write", 1000),
        ("scope=write", "write", 1000),
        ("scope=global", "write", 1000),
        ("scope=all", "all", 5000),
        ("scope=write&timeout=250", "write", 250),
        ("timeout=1_0", "write", 1000),
        ("timeout=soon", "write", 1000),
    ],
)
def test_ping_of_a_store_that_does_not_answer(db, monkeypatch, query, name, milliseconds):
    from faunadb.engine.storage.errors import DeadlineExceeded

    def write(*_: Any, **__: Any) -> None:
        raise DeadlineExceeded("busy")

    monkeypatch.setattr(db.engine.store, "write", write)
    response = db.send("GET", "/ping", query=query, headers={"authorization": None})
    text = f"Scope {name} timed out after {milliseconds} milliseconds"
    assert (response.status, json.loads(response.body)) == (
        503,
        {"errors": [{"code": "time out", "description": text}]},
    )
    assert db.send("GET", "/ping", query="scope=node").status == 200
    assert db.send("GET", "/ping", query="scope=read").status == 200


def test_ping_of_a_store_that_is_gone(db, monkeypatch):
    def snapshot(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("disk gone")

    monkeypatch.setattr(db.engine.store, "snapshot", snapshot)
    response = db.send("GET", "/ping", query="scope=local")
    assert (response.status, json.loads(response.body)["errors"][0]) == (
        503,
        {"code": "time out", "description": "Scope read is unavailable"},
    )


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("GET", "/collections/c", b""), ("POST", "/", b"{"), ("POST", "/stream", b"1")],
)
@pytest.mark.parametrize(
    ("failure", "code"),
    [(StoreUnavailable("disk gone"), "unavailable"), (DeadlineExceeded("late"), "time out")],
)
def test_a_store_that_is_away_is_told_on_every_route(db, monkeypatch, method, path, body, failure, code):
    """And nothing waits for it longer than the request's own time."""
    deadlines = []

    def snapshot(at_least: int = 0, lazy: bool = False, deadline: Any = None) -> None:
        deadlines.append(deadline)
        raise failure

    monkeypatch.setattr(db.engine.store, "snapshot", snapshot)
    response = db.send(method, path, body=body, headers={"x-query-timeout": "5000"})
    assert (response.status, json.loads(response.body)["errors"][0]["code"]) == (503, code)
    assert deadlines
    assert None not in deadlines


# Whatever is sent

PATHS = (
    "|/|/ping|/stream|/linearized|/authorized|/collections|/collections/c|/collections/c/1|/classes/c/events|/keys"
    "|/keys/9999999999999999999999|/tokens/self|/databases|/indexes/x|/%00|/../etc|//|/roles/\xe9"
).split("|")
HEADERS = (
    "authorization x-faunadb-api-version x-last-seen-txn x-query-timeout x-max-retries-on-contention x-fauna-tags "
    "traceparent origin user-agent x-trace x-faunadb-formatted-json transfer-encoding content-length"
).split()
VALUES = st.sampled_from(
    [
        "",
        "0",
        "-1",
        "+5",
        "2.0",
        "2.1",
        "1" * 30,
        "a=b",
        "None",
        "1e5",
        "0" * 55,
        "Basic //8=",
        "Basic c2VjcmV0Og==",
        "Bearer",
    ]
    + [
        "Bearer ey.a.b",
        "Bearer secret:@doc/c/1",
        "Bearer secret:@role/x",
        "curl/1",
        "chunked",
        "\xff",
        "\xb2",
    ]
) | st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=20)
QUERIES = st.sampled_from(
    [
        "",
        'q={"add":[1,2]}',
        "scope=all&timeout=1",
        "fields=a,action",
        "size=2&after=3",
        'after={"@ref":1}',
        "before=[[[",
    ]
    + ["size=NaN", "&=%", "after=" + "[" * 1200, "before={}", "events=true&size=-1"]
) | st.text(st.characters(max_codepoint=126), max_size=30)
BODIES = st.sampled_from(
    [
        b"",
        b"1",
        b"{}",
        b"[",
        b'{"get":{"@ref":"collections/c/1"}}',
        b'{"documents":{"collection":"c"}}',
        b'{"data":1}',
    ]
    + [
        b"[" * 1500,
        b'{"@ref":{"id":1}}',
        b'{"@ts":"-1"}',
        b'"\\ud800"',
        b'{"create":{"collection":"c"}}',
        b'{"name":"n"}',
    ]
) | st.binary(max_size=12)


@pytest.fixture(scope="module")
def engine():
    with open_engine("sqlite://") as opened:
        yield opened


@settings(max_examples=300)
@given(
    st.sampled_from("GET POST POST PUT PATCH DELETE HEAD OPTIONS BREW".split()),
    st.sampled_from(PATHS),
    QUERIES,
    st.dictionaries(st.sampled_from(HEADERS), VALUES, max_size=3),
    BODIES,
)
def test_every_answer_is_well_formed(engine, method, path, query, headers, body):
    headers = {"authorization": "Bearer secret", "x-faunadb-api-version": "4", **headers}
    response = handle(engine, HttpRequest(method, path, query, headers, body))
    if response.stream is not None:
        response.stream.close()
    elif response.body:
        assert set(json.loads(response.body)) - {"trace"} <= {"resource", "errors", "account", "global_id"}
    else:
        assert method in ("HEAD", "OPTIONS")
    assert response.status in (200, 201, 400, 401, 403, 404, 405, 503)
    for name, value in response.headers:
        assert "\n" not in (name + value).encode("latin-1").decode("latin-1")
