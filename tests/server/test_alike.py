"""The engine in the client's process and the server on the same file answer alike, to the last byte and header."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.errors import _OWN_DATABASE_HINT as OWN_DATABASE_HINT
from faunadb.errors import BadRequest, FaunaError
from faunadb.objects import FaunaTime
from tests.server.running import SECRET

C = q.collection("c")
SPELL = {
    "day": datetime.date(2000, 1, 1),
    "at": FaunaTime("2001-01-01T00:00:00.123456789Z"),
    "raw": bytearray(b"\xff"),
}
TRACE = "00-750efa5fb6a131eb2cf4db39f28366cb-5669e71839eca76b-00"

#: What a server's HTTP layer adds.
OF_HTTP = {"server", "date", "content-length", "connection", "transfer-encoding"}
#: What changes from one answer to the next.
PASSING = {"x-txn-time", "x-query-time", "traceparent"}

READS = {
    "values": ({"a": [1, 1.0, 1e300, None, True, "é\0\ud800"], "@b": {}},),
    "special values": (SPELL,),
    "document": (q.get(q.ref(C, "1")),),
    "page": (q.paginate(q.match(q.index("by_n"), 1)),),
    "pages": (q.paginate(q.documents(C), size=2),),
    "set": (q.union(q.documents(C), q.match(q.index("by_n"), 2)),),
    "lambda": (q.query(lambda x: q.add(x, 1)),),
    "events": (q.paginate(q.events(q.documents(C))),),
    "natives": ([q.databases(), q.keys(), q.roles()],),
    "parse errors": ([q.var("x"), q.get(1), {"a": q.var("y")}],),
    "type errors": ([q.add("a"), q.divide(1, 0)],),
    "not found": (q.get(q.ref(C, "99")),),
    "no such collection": (q.get(q.ref(q.collection("zz"), "1")),),
    "abort": (q.do(q.count(q.documents(C)), q.abort("enough")),),
    "a failed write": (q.create(q.ref(C, "1"), {}),),
    "tags": (1, {"tags": {"a": "1", "b": "2"}}),
    "bad tags": (1, {"tags": {"a b": "1"}}),
    "trace": (1, {"traceparent": TRACE}),
    "no time": (1, {"timeout_millis": 0}),
    "too much time": (1, {"timeout_millis": 600_001}),
    "no such secret": (1, {"secret": "wrong"}),
    "no right": (q.get(q.ref(C, "1")), {"secret": f"{SECRET}:client"}),
    "too large": ("x" * (8 * 1024 * 1024),),
}


def observed(endpoint: str, expression: Any, options: dict[str, Any]) -> Any:
    """Everything a client sees of one answer, but for what passes."""
    options = dict(options)
    seen: list[Any] = []
    with FaunaClient(options.pop("secret", SECRET), endpoint=endpoint, observer=seen.append) as client:
        try:
            result = repr(client.query(expression, **options))
        except FaunaError as error:
            # Only of a database of one's own the driver can say what its secret is.
            said = str(error).replace(OWN_DATABASE_HINT, "")
            for each in getattr(error, "errors", ()):
                each.description = each.description.replace(OWN_DATABASE_HINT, "")
            result = repr((type(error), said, getattr(error, "errors", None)))
    (answer,) = seen
    headers = {name.lower(): value for name, value in answer.response_headers.items()}
    lasting = {name: value for name, value in headers.items() if name not in PASSING}
    return result, answer.status_code, answer.response_raw, set(headers) - OF_HTTP, lasting


@pytest.mark.parametrize("name", READS)
def test_both_answer_alike(server, name):
    expression, *rest = READS[name]
    options = rest[0] if rest else {}
    here = observed(server.url, expression, options)
    there = observed(server.address, expression, options)
    assert here[:4] == there[:4]
    assert here[4] == {header: value for header, value in there[4].items() if header not in OF_HTTP}


def test_both_write_alike(server):
    answers = []
    for endpoint, number in ((server.url, "71"), (server.address, "72")):
        ref = q.ref(C, number)
        answers.append(
            [
                observed(endpoint, expression, {})
                for expression in (
                    q.create(ref, {"data": {"n": 70, **SPELL}, "credentials": {"password": "pw"}}),
                    q.update(ref, {"data": {"n": None, "more": [1, {"@x": 2}]}}),
                    q.replace(ref, {"data": {"n": 8}}),
                    q.login(ref, {"password": "no"}),
                    q.create(ref, {}),
                    q.delete(ref),
                    q.delete(ref),
                )
            ]
        )
    here, there = ([_without_numbers(answer[:4]) for answer in each] for each in answers)
    assert here == there


def _without_numbers(answer: Any) -> Any:
    return [re.sub(r"\b7[12]\b|\b1\d{15}\b", "N", part) if isinstance(part, str) else part for part in answer]


@pytest.mark.parametrize("scope", [None, "node", "local", "global", "all", "anything"])
def test_both_are_healthy(server, scope):
    answers = []
    for endpoint in (server.url, server.address):
        with FaunaClient("wrong", endpoint=endpoint) as client:
            answers.append(client.ping(scope))
    assert answers[0] == answers[1]


def test_secrets_beyond_ascii(start):
    secret = "s\xe9cret\u2603"
    server = start(secret=secret)
    for scoped in (secret, f"{secret}:server"):
        with FaunaClient(scoped, endpoint=server.address) as client:
            assert client.query(q.add(1, 2)) == 3


@pytest.mark.parametrize(
    ("tags", "problem"),
    [
        ({"a": "\u2603"}, "invalid tags"),
        ({"a\n": "b"}, "control characters"),
        ({"a": "b\r\nx: y"}, "control characters"),
    ],
)
def test_tags_that_cannot_be(server, tags, problem):
    for endpoint in (server.url, server.address):
        with (
            FaunaClient(SECRET, endpoint=endpoint) as client,
            pytest.raises(Exception, match=problem) as refused,
        ):
            client.query(1, tags=tags)
        assert refused.type is (BadRequest if problem == "invalid tags" else ValueError)
