"""Comparison, booleans, paths, containment and merge (value functions, "Comparison and booleans" and "Objects").

Queries and results are wire JSON; REF is a document of one field ``a``, DOC what reading it gives, BIG an object.
"""

from __future__ import annotations

import json

import pytest

from .abbreviations import database, spelled  # noqa: F401  (the fixture db)

RESULTS = [
    # equals
    ('{"equals": [1, 1.0, 1]}', 'true'),
    ('{"equals": [1, 2, "x"]}', 'false'),
    ('{"equals": [[1], [1.0]]}', 'false'),
    ('{"equals": [{"to_double": "NaN"}, {"to_double": "NaN"}]}', 'true'),
    ('{"equals": [[{"to_double": "NaN"}], [{"to_double": "NaN"}]]}', 'false'),
    ('{"equals": [0.0, -0.0]}', 'false'),
    ('{"equals": [[0.0], [-0.0]]}', 'true'),
    ('{"equals": [0, -0.0]}', 'false'),
    ('{"equals": [9007199254740993, 9007199254740992.0]}', 'true'),
    ('{"equals": [{"collection": "x"}, {"collection": "x"}]}', 'true'),
    ('{"equals": [{"collection": "x"}, {"index": "x"}]}', 'false'),
    ('{"equals": [DOC, {"object": {"a": 1}}]}', 'false'),
    ('{"equals": [DOC, DOC]}', 'true'),
    ('{"equals": [{"paginate": {"keys": null}}, []]}', 'false'),
    ('{"equals": [{"paginate": {"keys": null}}, {"paginate": {"keys": null}}]}', 'true'),
    ('{"equals": [{"query": {"lambda": "x", "expr": {"var": "x"}}}, {"query": {"lambda": "x", "expr": {"var": "x"}}}]}', 'true'),
    ('{"equals": [{"query": {"lambda": "x", "expr": {"var": "x"}}}, {"query": {"lambda": "y", "expr": {"var": "y"}}}]}', 'false'),
    ('{"equals": [{"query": {"lambda": "x", "expr": {"add": [1, {"var": "x"}]}}}, {"query": {"lambda": "x", "expr": {"add": [1, {"var": "x"}]}}}]}', 'false'),
    ('{"equals": [{"@ts": "2020-01-01T00:00:00Z"}, {"@date": "2020-01-01"}]}', 'false'),
    ('{"equals": [null, null]}', 'true'),
    ('{"equals": [null]}', 'true'),
    ('{"equals": null}', 'true'),
    ('{"equals": [[]]}', 'true'),
    ('{"equals": [[], []]}', 'true'),
    # order
    ('{"lt": [1]}', 'true'),
    ('{"lt": 1}', 'true'),
    ('{"lt": [1, 2, 2]}', 'false'),
    ('{"lte": [1, 2, 2]}', 'true'),
    ('{"gt": [3, 2, 1]}', 'true'),
    ('{"gte": [3, 3, 4]}', 'false'),
    ('{"lt": [-0.0, 0.0]}', 'true'),
    ('{"lte": [0, -0.0]}', 'false'),
    ('{"lt": [-0.0, 0]}', 'true'),
    ('{"gt": [{"to_double": "NaN"}, {"to_double": "∞"}]}', 'true'),
    ('{"lt": [9007199254740992, 9007199254740993]}', 'true'),
    ('{"lt": [9007199254740992.0, 9007199254740993]}', 'false'),
    ('{"lt": [9223372036854775807, 9.223372036854776e+18]}', 'false'),
    ('{"lt": [" ", "_", "-", "1", "a", "A", "b", "B", "é"]}', 'true'),
    ('{"lt": ["e", "é", "z", "Z"]}', 'true'),
    ('{"lt": ["a", "A", "b", "B"]}', 'true'),
    ('{"lt": ["abc", "abd"]}', 'true'),
    ('{"lt": ["ab", "abc"]}', 'true'),
    ('{"lt": [[1, 2], [1, 3], [1, 3, 0], [2]]}', 'true'),
    ('{"lt": [{"object": {"a": 1}}, {"object": {"a": 2}}, {"object": {"b": 0}}]}', 'true'),
    ('{"lt": [{"object": {"a": 1}}, {"object": {"a": 1, "b": 1}}]}', 'true'),
    ('{"lt": [{"object": {"b": 1, "a": 2}}, {"object": {"a": 2, "b": 2}}]}', 'true'),
    ('{"lt": [REF, {"ref": {"collection": "c"}, "id": "2"}]}', 'true'),
    ('{"lt": [1, {"@bytes": "AA=="}, "a", [], {"object": {}}, REF, {"@ts": "1970-01-01T00:00:00Z"}, {"@date": "1970-01-01"}, {"query": {"lambda": "x", "expr": 1}}, {"@uuid": "00000000-0000-0000-0000-000000000000"}, false, true, null]}', 'true'),
    ('{"lt": [{"@bytes": "AA=="}, {"@bytes": "AAA="}, {"@bytes": "AQ=="}, {"@bytes": "/w=="}]}', 'true'),
    ('{"lt": [DOC, {"object": {"a": 1}}]}', 'false'),
    ('{"lt": [{"paginate": {"keys": null}}, {"paginate": {"keys": null}}]}', 'false'),
    ('{"lt": [{"databases": null}, REF]}', 'true'),
    # documents in order
    ('{"lt": [DOC, {"object": {"b": 0}}]}', 'false'),
    ('{"lt": [DOC, {"object": {"d": 0}}]}', 'true'),
    ('{"lt": [DOC, {"object": {"class": null}}]}', 'true'),
    ('{"lt": [DOC, {"object": {"class": {"collection": "c"}}}]}', 'false'),
    ('{"lt": [DOC, {"object": {"class": {"collection": "c"}, "collection": null}}]}', 'true'),
    ('{"lt": [DOC, {"object": {"class": {"collection": "c"}, "collection": {"collection": "c"}, "data": null}}]}', 'true'),
    ('{"lt": [{"paginate": {"keys": null}}, {"object": {"d": 1}}]}', 'false'),
    ('{"lt": [{"paginate": {"keys": null}}, {"object": {"data": null}}]}', 'true'),
    ('{"lt": [{"paginate": {"keys": null}}, {"object": {"a": 1}}]}', 'false'),
    # and or not
    ('{"and": true}', 'true'),
    ('{"and": [false, 1]}', 'false'),
    ('{"or": [true, {"abort": "x"}]}', 'true'),
    ('{"or": [false, false]}', 'false'),
    ('{"and": {"equals": [1, 1]}}', 'true'),
    # paths
    ('{"select": ["a", 0, "b"], "from": BIG}', '1'),
    ('{"select": ["a", 1, "b"], "from": BIG}', 'null'),
    ('{"select": [], "from": 1}', '1'),
    ('{"select": "n", "from": BIG}', 'null'),
    ('{"select": "x", "from": BIG, "default": 5}', '5'),
    ('{"select": "s", "from": BIG, "default": {"abort": "q"}}', '"x"'),
    ('{"select": 0, "from": ["z"]}', '"z"'),
    ('{"select": "x", "from": BIG, "all": true}', '[]'),
    ('{"select": "a", "from": BIG, "all": true, "default": 3}', '[{"b": 1}, {"b": null}]'),
    ('{"select": "b", "from": BIG, "all": false, "default": 3}', '3'),
    ('{"select": ["a", "b"], "from": BIG, "all": true}', '[1, null]'),
    ('{"select_all": "foo", "from": [{"object": {"foo": "x"}}, {"object": {"bar": 1}}, {"object": {"foo": ["y", ["z"]]}}]}', '["x", "y", "z"]'),
    ('{"select_all": "foo", "from": {"object": {"foo": null}}}', '[null]'),
    ('{"select_all": ["a", 0], "from": BIG}', '[{"b": 1}]'),
    ('{"select_all": ["a", 0, "b"], "from": BIG}', '[1]'),
    ('{"select_all": [], "from": [1, [2, [3]]]}', '[1, 2, 3]'),
    ('{"select_all": [], "from": 1}', '[1]'),
    ('{"select_all": "q", "from": 1, "default": 7}', '[]'),
    ('{"select_as_index": ["a", "b"], "from": BIG}', '[1, null]'),
    ('{"select_all": 0, "from": [[1, 2], [3]]}', '[1, 2]'),
    ('{"select_all": ["x", 0], "from": [{"object": {"x": [1, 2]}}, {"object": {"x": [3]}}]}', '[1, 3]'),
    # contains
    ('{"contains_path": ["a", 0, "b"], "in": BIG}', 'true'),
    ('{"contains_path": ["a", 1, "b"], "in": BIG}', 'true'),
    ('{"contains_path": ["a", 5], "in": BIG}', 'false'),
    ('{"contains_path": [], "in": null}', 'true'),
    ('{"contains_path": "a", "in": null}', 'false'),
    ('{"contains_path": "a", "in": {"collection": "nope"}}', 'false'),
    ('{"contains_path": [], "in": {"collection": "nope"}}', 'true'),
    ('{"contains_path": ["data", "a"], "in": DOC}', 'true'),
    ('{"contains_path": "id", "in": REF}', 'true'),
    ('{"contains_path": ["data"], "in": REF}', 'false'),
    ('{"contains": "n", "in": BIG}', 'true'),
    ('{"contains_path": ["data", 0], "in": {"paginate": {"documents": {"collection": "c"}}}}', 'true'),
    ('{"contains_path": "before", "in": {"paginate": {"keys": null}}}', 'false'),
    ('{"contains_field": "n", "in": BIG}', 'true'),
    ('{"contains_field": "q", "in": BIG}', 'false'),
    ('{"contains_field": "a", "in": null}', 'false'),
    ('{"contains_field": "data", "in": DOC}', 'true'),
    ('{"contains_field": "data", "in": {"paginate": {"keys": null}}}', 'true'),
    ('{"contains_field": "id", "in": REF}', 'true'),
    ('{"contains_field": "a", "in": {"collection": "nope"}}', 'false'),
    ('{"contains_value": 1, "in": [1, 2]}', 'true'),
    ('{"contains_value": 1, "in": [1.0]}', 'false'),
    ('{"contains_value": null, "in": [null]}', 'true'),
    ('{"contains_value": "x", "in": BIG}', 'true'),
    ('{"contains_value": null, "in": BIG}', 'true'),
    ('{"contains_value": 1, "in": {"query": {"lambda": "x", "expr": 1}}}', 'false'),
    ('{"contains_value": "1", "in": REF}', 'true'),
    ('{"contains_value": 1, "in": REF}', 'false'),
    ('{"contains_value": {"collection": "c"}, "in": REF}', 'true'),
    ('{"contains_value": "c", "in": {"collection": "c"}}', 'true'),
    ('{"contains_value": REF, "in": DOC}', 'true'),
    ('{"contains_value": {"object": {"a": 1}}, "in": DOC}', 'true'),
    ('{"contains_value": {"select": "ts", "from": DOC}, "in": DOC}', 'true'),
    ('{"contains_value": 1, "in": DOC}', 'false'),
    ('{"contains_value": [], "in": {"paginate": {"keys": null}}}', 'true'),
    ('{"contains_value": REF, "in": {"documents": {"collection": "c"}}}', 'true'),
    ('{"contains_value": {"to_double": "NaN"}, "in": [{"to_double": "NaN"}]}', 'false'),
    ('{"contains_value": {"collections": null}, "in": {"collection": "c"}}', 'true'),
    ('{"contains_value": "keys", "in": {"keys": null}}', 'true'),
    # merge
    ('{"merge": {"object": {"a": 1, "b": 2}}, "with": {"object": {"b": 3, "c": 4}}}', '{"a": 1, "b": 3, "c": 4}'),
    ('{"merge": {"object": {"a": 1}}, "with": {"object": {"a": null}}}', '{}'),
    ('{"merge": {"object": {"a": 1}}, "with": []}', '{"a": 1}'),
    ('{"merge": {"object": {"a": 1}}, "with": [{"object": {"a": null}}, {"object": {"b": 1}}]}', '{"b": 1}'),
    ('{"merge": {"object": {"a": null}}, "with": {"object": {"b": 1}}}', '{"a": null, "b": 1}'),
    ('{"merge": {"object": {"a": 1, "b": 1}}, "with": [{"object": {"a": 2}}, {"object": {"a": 3, "c": 1}}], "lambda": {"lambda": ["k", "l", "r"], "expr": {"add": [{"if": {"is_null": {"var": "l"}}, "then": 0, "else": {"var": "l"}}, {"var": "r"}]}}}', '{"a": 6, "b": 1, "c": 1}'),
    ('{"merge": {"object": {"a": 1}}, "with": {"object": {"a": 2, "b": 3}}, "lambda": {"lambda": "x", "expr": {"var": "x"}}}', '{"a": ["a", 1, 2], "b": ["b", null, 3]}'),
    ('{"merge": {"object": {"a": 1}}, "with": {"object": {}}, "lambda": {"lambda": ["a"], "expr": 1}}', '{"a": 1}'),
    ('{"merge": {"object": {"a": {"object": {"x": 1}}}}, "with": {"object": {"a": {"object": {"y": 1}}}}}', '{"a": {"y": 1}}'),
    ('{"merge": {"object": {}}, "with": {"object": {"a": 1}}, "lambda": {"lambda": ["k", "l", "r"], "expr": null}}', '{}'),
    ('{"merge": {"object": {"a": 1}}, "with": {"object": {"a": 2}}, "lambda": {"lambda": ["_", "_", "r"], "expr": {"var": "r"}}}', '{"a": 2}'),
    ('{"merge": {"object": {"a": 1}}, "with": {"object": {"a": 2}}, "lambda": {"lambda": "_", "expr": 7}}', '{"a": 7}'),
]  # fmt: skip


@pytest.mark.parametrize(("query", "result"), RESULTS)
def test_results(db, query, result):
    assert json.dumps(db.wire(spelled(query)), ensure_ascii=False) == result


#: query, its errors as (position, code, description)
ERRORS = [
    # equals
    # order
    ('{"lt": []}', [('["lt"]', 'invalid argument', 'Non-empty array expected.')]),
    ('{"lt": [{"collection": "x"}, 1, {"index": "y"}]}', [('["lt"]', 'invalid ref', 'Ref refers to undefined collection \'x\''), ('["lt"]', 'invalid ref', 'Ref refers to undefined index \'y\'')]),
    ('{"max": [{"collection": "x"}, 1, {"index": "y"}]}', [('["max"]', 'invalid ref', 'Ref refers to undefined collection \'x\''), ('["max"]', 'invalid ref', 'Ref refers to undefined index \'y\'')]),
    # documents in order
    # and or not
    ('{"and": []}', [('["and"]', 'invalid expression', 'Expression list cannot be empty.')]),
    ('{"or": []}', [('["or"]', 'invalid expression', 'Expression list cannot be empty.')]),
    ('{"and": [true, 1]}', [('["and", 1]', 'invalid argument', 'Boolean expected, Integer provided.')]),
    ('{"and": [1, false]}', [('["and", 0]', 'invalid argument', 'Boolean expected, Integer provided.')]),
    ('{"or": [false, null]}', [('["or", 1]', 'invalid argument', 'Boolean expected, Null provided.')]),
    ('{"and": 1}', [('["and", 0]', 'invalid argument', 'Boolean expected, Integer provided.')]),
    ('{"let": {"x": [true, false]}, "in": {"and": {"var": "x"}}}', [('["in", "and", 0]', 'invalid argument', 'Boolean expected, Array provided.')]),
    ('{"and": [true, {"var": "q"}]}', [('["and", 1]', 'invalid expression', 'Variable \'q\' is not defined.')]),
    ('{"not": 1}', [('["not"]', 'invalid argument', 'Boolean expected, Integer provided.')]),
    ('{"and": [[true]]}', [('["and", 0]', 'invalid argument', 'Boolean expected, Array provided.')]),
    # paths
    ('{"select": ["a", 2, "b"], "from": BIG}', [('["from"]', 'value not found', 'Value not found at path [a,2,b].')]),
    ('{"select": ["a", -1], "from": BIG}', [('["from"]', 'value not found', 'Value not found at path [a,-1].')]),
    ('{"select": ["n", "x"], "from": BIG}', [('["from"]', 'value not found', 'Value not found at path [n,x].')]),
    ('{"select": ["s", 0], "from": BIG}', [('["from"]', 'value not found', 'Value not found at path [s,0].')]),
    ('{"select": "x", "from": BIG, "default": {"abort": "q"}}', [('["default"]', 'transaction aborted', 'q')]),
    ('{"select": "x", "from": {"select": "y", "from": BIG}, "default": 1}', [('["from", "from"]', 'value not found', 'Value not found at path [y].')]),
    ('{"select": ["a", 1.5], "from": BIG}', [('["select", 1]', 'invalid argument', 'String or Integer expected, Double provided.')]),
    ('{"select": [true, "a", null], "from": BIG}', [('["select", 0]', 'invalid argument', 'String or Integer expected, Boolean provided.'), ('["select", 2]', 'invalid argument', 'String or Integer expected, Null provided.')]),
    ('{"select": ["x", 1, "y"], "from": 1}', [('["from"]', 'value not found', 'Value not found at path [x,1,y].')]),
    ('{"select": "a", "from": {"collection": "nope"}}', [('["from"]', 'invalid ref', 'Ref refers to undefined collection \'nope\'')]),
    ('{"select": [], "from": {"collection": "nope"}}', [('["from"]', 'invalid ref', 'Ref refers to undefined collection \'nope\'')]),
    ('{"select": "a", "from": {"collection": "nope"}, "default": 1}', [('["from"]', 'invalid ref', 'Ref refers to undefined collection \'nope\'')]),
    ('{"select": "x", "from": BIG, "all": false}', [('["from"]', 'value not found', 'Value not found at path [x].')]),
    ('{"select": "x", "from": BIG, "all": 1}', [('["all"]', 'invalid argument', 'Boolean expected, Integer provided.')]),
    ('{"select_all": "a", "from": {"collection": "nope"}}', [('["from"]', 'invalid ref', 'Ref refers to undefined collection \'nope\'')]),
    ('{"select_all": [1.5], "from": 1}', [('["select_all", 0]', 'invalid argument', 'String or Integer expected, Double provided.')]),
    # contains
    ('{"contains_field": "a", "in": [1]}', [('["in"]', 'invalid argument', 'Object expected, Array provided.')]),
    ('{"contains_field": ["a"], "in": BIG}', [('["contains_field"]', 'invalid argument', 'String expected, Array provided.')]),
    ('{"contains_field": 0, "in": [1]}', [('["contains_field"]', 'invalid argument', 'String expected, Integer provided.')]),
    ('{"contains_value": 1, "in": null}', [('["in"]', 'invalid argument', 'Object, Array, Page, Set, or Ref expected, Scalar provided.')]),
    ('{"contains_value": 1, "in": "x"}', [('["in"]', 'invalid argument', 'Object, Array, Page, Set, or Ref expected, Scalar provided.')]),
    ('{"contains_value": 1, "in": {"collection": "nope"}}', [('["in"]', 'invalid argument', 'Object, Array, Page, Set, or Ref expected, Scalar provided.')]),
    ('{"contains_value": {"@ts": "2020-01-01T00:00:00Z"}, "in": {"@ts": "2020-01-01T00:00:00Z"}}', [('["in"]', 'invalid argument', 'Object, Array, Page, Set, or Ref expected, Scalar provided.')]),
    ('{"contains_value": true, "in": {"@bytes": ""}}', [('["in"]', 'invalid argument', 'Object, Array, Page, Set, or Ref expected, Scalar provided.')]),
    # The path is cast before what it is taken from is evaluated, but for a page.
    ('{"select": 0.5, "from": {"abort": "x"}}', [('["select"]', 'invalid argument', 'String or Integer expected, Double provided.')]),
    ('{"select_all": [true], "from": {"abort": "x"}}', [('["select_all", 0]', 'invalid argument', 'String or Integer expected, Boolean provided.')]),
    ('{"contains": 0.5, "in": {"abort": "x"}}', [('["contains"]', 'invalid argument', 'String or Integer expected, Double provided.')]),
    ('{"select": {"paginate": {"keys": null}}, "from": {"abort": "x"}}', [('["from"]', 'transaction aborted', 'x')]),
    ('{"select": {"paginate": {"keys": null}}, "from": 1}', [('["select"]', 'invalid argument', 'String or Integer expected, Page provided.')]),
    # merge
    ('{"merge": 1, "with": [1, {"object": {}}, "x"]}', [('["merge"]', 'invalid argument', 'Object expected, Integer provided.'), ('["with", 0]', 'invalid argument', 'Object expected, Integer provided.'), ('["with", 2]', 'invalid argument', 'Object expected, String provided.')]),
    ('{"merge": 1, "with": 2}', [('["merge"]', 'invalid argument', 'Object expected, Integer provided.'), ('["with"]', 'invalid argument', 'Object expected, Integer provided.')]),
    ('{"merge": {"object": {}}, "with": [1]}', [('["with", 0]', 'invalid argument', 'Object expected, Integer provided.')]),
    ('{"merge": {"object": {}}, "with": {"paginate": {"keys": null}}}', [('["with"]', 'invalid argument', 'Object expected, Page provided.')]),
    ('{"merge": {"object": {"a": 1}}, "with": {"object": {"a": 2}}, "lambda": {"lambda": ["a", "b"], "expr": 1}}', [('["lambda"]', 'invalid argument', 'Lambda expects an array with 2 elements. Array contains 3.')]),
    ('{"merge": {"object": {"a": 1}}, "with": {"object": {"a": 2}}, "lambda": {"lambda": [], "expr": 1}}', [('["lambda"]', 'invalid argument', 'Lambda expects an array with 0 elements. Array contains 3.')]),
    ('{"merge": {"object": {"a": 1}}, "with": {"object": {"a": 2}}, "lambda": 1}', [('["lambda"]', 'invalid expression', 'Lambda expected, Integer provided.')]),
    ('{"merge": {"object": {"a": 1}}, "with": {"object": {"a": 2}}, "lambda": {"object": {"a": 1}}}', [('["lambda"]', 'invalid expression', 'No form/function found, or invalid argument keys: { object }.')]),
    ('{"merge": {"object": {"a": 1}}, "with": {"object": {"a": 2}}, "lambda": {"var": "x"}}', [('["lambda"]', 'invalid expression', 'No form/function found, or invalid argument keys: { var }.')]),
    ('{"merge": {"object": {"a": 1}}, "with": {"object": {"a": 2}}, "lambda": {"lambda": ["k", "l", "r"], "expr": {"add": [1, "x"]}}}', [('["lambda", "expr", "add", 1]', 'invalid argument', 'Number expected, String provided.')]),
    ('{"merge": {"collection": "nope"}, "with": {"object": {}}}', [('["merge"]', 'invalid argument', 'Object expected, Collection Ref provided.')]),
    ('{"merge": {"object": {"a": 1}}, "with": {"object": {"a": 2}}, "lambda": null}', [('["lambda"]', 'invalid expression', 'Lambda expected, Null provided.')]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "errors"), ERRORS, ids=[query[:90] for query, _ in ERRORS])
def test_errors(db, query, errors):
    status, found = db.failure(spelled(query))
    assert [(json.dumps(e["position"]), e["code"], e["description"]) for e in found] == errors
    assert status == (404 if errors[0][1] == "value not found" else 400)


def actions(*indexes):
    """The actions of the events of a document that was created, updated and deleted."""
    events = {"paginate": {"ref": {"collection": "h"}, "id": "5"}, "events": True}
    return [{"select": ["data", index, "action"], "from": events} for index in indexes]


@pytest.fixture(scope="module")
def history(db):
    ref = {"ref": {"collection": "h"}, "id": "5"}
    db.wire('{"create_collection": {"object": {"name": "h", "history_days": 30}}}')
    for write in (
        {"create": ref},
        {"update": ref, "params": {"object": {"data": {"object": {"a": 2}}}}},
        {"delete": ref},
    ):
        db.wire(json.dumps(write))
    return db


CREATE, UPDATE, DELETE = actions(0, 1, 2)
EVENTS = [{**action, "select": action["select"][:2]} for action in (CREATE, UPDATE, DELETE)]


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ([CREATE, UPDATE, DELETE], ["create", "update", "delete"]),
        ({"equals": ["create", CREATE]}, True),
        ({"equals": ["create", UPDATE]}, True),
        ({"equals": [UPDATE, "create"]}, True),
        ({"equals": ["update", UPDATE]}, True),
        ({"equals": ["update", CREATE]}, False),
        ({"equals": ["add", CREATE]}, False),
        ({"equals": ["delete", DELETE]}, True),
        ({"equals": ["remove", DELETE]}, False),
        ({"equals": [CREATE, UPDATE]}, False),
        ({"equals": [[UPDATE], ["create"]]}, False),
        ({"equals": [[UPDATE], ["update"]]}, False),
        ({"lt": [CREATE, "d"]}, True),
        ({"lt": [CREATE, DELETE, UPDATE]}, True),
        ({"max": [CREATE, UPDATE]}, "update"),
        ({"contains_value": "create", "in": [CREATE]}, False),
        ({"contains_value": "create", "in": EVENTS[0]}, True),
        ({"contains_value": CREATE, "in": EVENTS[0]}, True),
        ({"contains_value": UPDATE, "in": EVENTS[0]}, False),
        ({"contains_value": {"object": {"a": 2}}, "in": EVENTS[1]}, True),
        ({"contains_value": 2, "in": EVENTS[1]}, True),
        ({"contains_value": {"select": "ts", "from": EVENTS[1]}, "in": EVENTS[1]}, True),
        ({"contains_value": {"select": "document", "from": EVENTS[1]}, "in": EVENTS[1]}, True),
        ({"contains_value": None, "in": EVENTS[1]}, False),
        ({"contains_value": None, "in": EVENTS[2]}, True),
        ({"casefold": CREATE}, "create"),
        ({"ngram": CREATE}, ["create"]),
        ({"format": "%s %S", "values": [CREATE, UPDATE]}, "create UPDATE"),
        ({"to_string": DELETE}, "delete"),
        ({"is_string": CREATE}, True),
    ],
    ids=json.dumps,
)
def test_actions(history, query, result):
    assert history.wire(json.dumps(query)) == result


def of_new_document(expression):
    document = {"d": {"create": {"collection": "c"}}, "t": {"select": "ts", "from": {"var": "d"}}}
    return json.dumps({"let": document, "in": expression})


T = {"var": "t"}


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ({"is_timestamp": T}, False),
        ({"is_integer": T}, False),
        ({"is_number": T}, False),
        ({"is_null": T}, False),
        ({"equals": [T, T]}, True),
        ({"equals": [T, 1]}, False),
        ({"lt": [T, 1]}, False),
        (
            {
                "lt": [
                    {"query": {"lambda": "x", "expr": 1}},
                    T,
                    {"@uuid": "00000000-0000-0000-0000-000000000000"},
                ]
            },
            True,
        ),
        ({"max": [T, None]}, None),
        ({"at": T, "expr": 1}, 1),
        ({"contains_value": T, "in": {"var": "d"}}, True),
        ({"format": "%b", "values": T}, "true"),
        ({"is_integer": {"to_integer": {"to_number": {"format": "%^", "values": T}}}}, True),
    ],
    ids=json.dumps,
)
def test_the_time_of_a_write_of_this_query(db, expression, result):
    assert db.wire(of_new_document(expression)) == result


@pytest.mark.parametrize(
    ("expression", "position", "description"),
    [
        ({"to_string": T}, [], "Cannot cast Unresolved Transaction Time to String."),
        ({"to_time": T}, [], "Cannot cast Unresolved Transaction Time to Time."),
        ({"to_date": T}, [], "Cannot cast Unresolved Transaction Time to Date."),
        ({"to_integer": T}, ["to_integer"], "Cannot cast Unresolved Transaction Time to Integer."),
        ({"add": [1, T]}, ["add", 1], "Number expected, Unresolved Transaction Time provided."),
        ({"year": T}, ["year"], "Time expected, Unresolved Transaction Time provided."),
        ({"epoch": T, "unit": "day"}, ["epoch"], "Integer expected, Unresolved Transaction Time provided."),
        ({"sum": [T]}, ["sum"], "Number expected, Unresolved Transaction Time provided."),
        ({"format": "%d", "values": [T]}, ["values", 0], "Integer expected, Unresolved Transaction Time provided."),
        ({"format": "%tF", "values": [T]}, ["values", 0], "Date or Time expected, Unresolved Transaction Time provided."),
        ({"format": "%s", "values": [T]}, ["values", 0], "Cannot cast Unresolved Transaction Time to String."),
        ({"contains_value": 1, "in": T}, ["in"], "Object, Array, Page, Set, or Ref expected, Scalar provided."),
    ],
    ids=str,
)  # fmt: skip
def test_which_is_no_time_yet(db, expression, position, description):
    error = db.error(of_new_document(expression))
    assert (error["position"], error["description"]) == (["in", *position], description)
