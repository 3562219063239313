"""Values as JSON text, byte for byte (wire protocol, "Value rendering")."""

from __future__ import annotations

import json

import pytest

from ..conftest import ONE_OF_EACH, filled

DOCUMENT = {"ref": {"collection": "c"}, "id": "1"}
C = '{"@ref":{"id":"c","collection":{"@ref":{"id":"collections"}}}}'
SHOWN = f'{{"@ref":{{"id":"1","collection":{C}}}}}'
OTHER = f'{{"@ref":{{"id":"2","collection":{C}}}}}'
D = '{"@ref":{"id":"d","collection":{"@ref":{"id":"databases"}}}}'
CHILD = {"database": "d"}


@pytest.fixture(scope="module")
def stocked():
    gone = {"create_collection": {"object": {"name": "gone"}}}
    with filled(*ONE_OF_EACH, gone, {"create": DOCUMENT}) as database:
        refs = {"a": {"collection": "gone"}, "b": {"ref": {"collection": "gone"}, "id": "5"}, "c": 1}
        data = {"object": {"data": {"object": {**refs, "all": [{"collection": "gone"}, 2]}}}}
        database.wire({"create": {"ref": {"collection": "c"}, "id": "2"}, "params": data})
        database.wire({"delete": {"collection": "gone"}})
        yield database


def text(database, query):
    """The result as it is written."""
    body = query if isinstance(query, str) else json.dumps(query)
    response = database.send("POST", "/", body.encode())
    assert response.body.startswith(b'{"resource":'), response.body
    return response.body[len(b'{"resource":') : -1].decode()


TEXTS = [
    ("[1,-0,9223372036854775807,-9223372036854775808]", "[1,0,9223372036854775807,-9223372036854775808]"),
    ("[1.0,-0.0,100.25,0.001,9999999.0]", "[1.0,-0.0,100.25,0.001,9999999.0]"),
    ("[1e7,1.5e-5,0.0001,1.7976931348623157e308]", "[1.0E7,1.5E-5,1.0E-4,1.7976931348623157E308]"),
    ("[1e400,-1e400]", '["Infinity","-Infinity"]'),
    ({"to_double": "NaN"}, '"NaN"'),
    ([True, False, None], "[true,false,null]"),
    ('"\\"\\\\\\b\\t\\n\\f\\r\\u0001\\u001f"', '"\\"\\\\\\b\\t\\n\\f\\r\\u0001\\u001f"'),
    ('"/ \\u007f \\u00e9 \\ud83d\\ude00"', '"/ \x7f é 😀"'),
    ({"@bytes": "_-8"}, '{"@bytes":"/+8="}'),
    ({"@uuid": "ABCDEF00-0000-0000-0000-000000000001"}, '{"@uuid":"abcdef00-0000-0000-0000-000000000001"}'),
    ({"@date": "2020-02-03"}, '{"@date":"2020-02-03"}'),
    ({"@date": "-0005-02-03"}, '{"@date":"-0005-02-03"}'),
    ({"@ts": "2020-02-03T04:05Z"}, '{"@ts":"2020-02-03T04:05:00Z"}'),
    ({"@ts": "2020-02-03T04:05:06.1Z"}, '{"@ts":"2020-02-03T04:05:06.100Z"}'),
    ({"@ts": "2020-02-03T04:05:06.0001Z"}, '{"@ts":"2020-02-03T04:05:06.000100Z"}'),
    ({"@ts": "2020-02-03T04:05:06.0000001Z"}, '{"@ts":"2020-02-03T04:05:06.000000100Z"}'),
    ('{"object":{"b":1,"a":null,"c":[null,{"object":{}}]}}', '{"b":1,"a":null,"c":[null,{}]}'),
    ('{"object":{"b":{"object":{"@a":1,"b":2}}}}', '{"b":{"@obj":{"@a":1,"b":2}}}'),
    ('{"object":{"@a":{"object":{"@b":1}}}}', '{"@obj":{"@a":{"@obj":{"@b":1}}}}'),
    ({"collections": None}, '{"@ref":{"id":"collections"}}'),
    ({"collection": "c"}, C),
    (DOCUMENT, SHOWN),
    ({"role": "r"}, '{"@ref":{"id":"r","collection":{"@ref":{"id":"roles"}}}}'),
    ({"collection": "no"}, '{"@ref":{"id":"no","collection":{"@ref":{"id":"collections"}}}}'),
    ({"keys": CHILD}, f'{{"@ref":{{"id":"keys","database":{D}}}}}'),
    ({"collection": "no", "scope": CHILD}, f'{{"@ref":{{"id":"no","collection":{{"@ref":{{"id":"collections"}}}},"database":{D}}}}}'),
    ({"documents": {"collection": "c"}}, f'{{"@set":{{"documents":{C}}}}}'),
    ({"events": {"documents": {"collection": "c"}}}, f'{{"@set":{{"events":{{"documents":{C}}}}}}}'),
    ({"query": {"lambda": "x", "expr": {"add": [{"var": "x"}, 1]}}}, '{"@query":{"api_version":"4","lambda":"x","expr":{"add":[{"var":"x"},1]}}}'),
    ({"paginate": {"match": {"index": "i"}}, "size": 1}, f'{{"after":[{OTHER}],"data":[{SHOWN}]}}'),
]  # fmt: skip


@pytest.mark.parametrize(("query", "shown"), TEXTS, ids=[str(case[0])[:50] for case in TEXTS])
def test_texts(stocked, query, shown):
    assert text(stocked, query) == shown


def test_documents_begin_with_ref_and_ts(stocked):
    assert list(stocked.wire({"get": DOCUMENT})) == ["ref", "ts"]
    assert list(stocked.wire({"get": {"collection": "c"}}))[:3] == ["ref", "ts", "history_days"]


def test_refs_to_what_is_deleted_keep_its_name(stocked):
    document = {"get": {"ref": {"collection": "c"}, "id": "2"}}
    gone = '{"@ref":{"id":"gone","collection":{"@ref":{"id":"collections"}}}}'
    inside = f'{{"@ref":{{"id":"5","collection":{gone}}}}}'
    data = {"select": "data", "from": document}
    assert text(stocked, data) == f'{{"a":{gone},"b":{inside},"c":1,"all":[{gone},2]}}'
    assert text(stocked, {"select": ["data", "a"], "from": document}) == gone
    stocked.wire({"create_collection": {"object": {"name": "gone"}}})
    assert text(stocked, data) == f'{{"a":{gone},"b":{inside},"c":1,"all":[{gone},2]}}'


def test_times_not_known_yet_are_those_of_the_transaction(stocked):
    query = {
        "let": {"new": {"update": DOCUMENT}},
        "in": [{"var": "new"}, {"select": "ts", "from": {"var": "new"}}],
    }
    response = stocked.raw(json.dumps(query))
    document, ts = json.loads(response.body)["resource"]
    assert document["ts"] == ts == int(dict(response.headers)["x-txn-time"])
