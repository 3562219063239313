"""Functions over arrays, and over pages and sets where they differ (value functions, "Arrays").

Queries and results are wire JSON; REF is a document of one field ``a``, DOC what reading it gives, BIG an object.
"""

from __future__ import annotations

import json

import pytest

from .abbreviations import database, spelled  # noqa: F401  (the fixture db)

RESULTS = [
    # arrays
    ('{"take": 2, "collection": [1, 2, 3]}', '[1, 2]'),
    ('{"take": -1, "collection": [1]}', '[]'),
    ('{"take": 0, "collection": []}', '[]'),
    ('{"drop": 9, "collection": [1]}', '[]'),
    ('{"drop": -1, "collection": [1]}', '[1]'),
    ('{"take": 4294967296, "collection": [1, 2]}', '[]'),
    ('{"drop": 4294967297, "collection": [1, 2]}', '[2]'),
    ('{"prepend": [1, 2], "collection": [3]}', '[1, 2, 3]'),
    ('{"prepend": 1, "collection": [3]}', '[1, 3]'),
    ('{"append": [[1]], "collection": [2]}', '[2, [1]]'),
    ('{"append": [], "collection": [2]}', '[2]'),
    ('{"append": {"object": {"a": 1}}, "collection": []}', '[{"a": 1}]'),
    ('{"append": null, "collection": []}', '[null]'),
    ('{"append": {"paginate": {"keys": null}}, "collection": [1]}', '[1, {"data": []}]'),
    ('{"is_empty": []}', 'true'),
    ('{"is_empty": {"paginate": {"keys": null}}}', 'true'),
    ('{"is_empty": {"keys": null}}', 'true'),
    ('{"is_nonempty": {"documents": {"collection": "c"}}}', 'true'),
    ('{"reverse": []}', '[]'),
    # map etc
    ('{"map": {"lambda": "x", "expr": {"add": [{"var": "x"}, 1]}}, "collection": [1, 2]}', '[2, 3]'),
    ('{"map": {"lambda": ["a"], "expr": {"var": "a"}}, "collection": [1, [2]]}', '[1, 2]'),
    ('{"map": {"lambda": [], "expr": 1}, "collection": [[]]}', '[1]'),
    ('{"foreach": {"lambda": "x", "expr": {"add": [{"var": "x"}, 1]}}, "collection": [1, 2]}', '[1, 2]'),
    ('{"filter": {"lambda": "x", "expr": {"gt": [{"var": "x"}, 1]}}, "collection": [1, 2, 3]}', '[2, 3]'),
    ('{"reduce": {"lambda": ["a", "x"], "expr": {"add": [{"var": "a"}, {"var": "x"}]}}, "initial": 0, "collection": [1, 2, 3]}', '6'),
    ('{"reduce": {"lambda": "p", "expr": {"var": "p"}}, "initial": 0, "collection": [1, 2]}', '[[0, 1], 2]'),
    ('{"reduce": {"lambda": ["a", "b", "c"], "expr": 1}, "initial": 0, "collection": []}', '0'),
    ('{"reduce": {"lambda": ["a", "x"], "expr": {"add": [{"var": "a"}, {"var": "x"}]}}, "initial": 0, "collection": {"paginate": {"keys": null}}}', '{"data": [0]}'),
    # folds
    ('{"count": []}', '0'),
    ('{"count": [[1, 2], 3]}', '2'),
    ('{"sum": []}', '0'),
    ('{"sum": [9223372036854775807, 1]}', '-9223372036854775808'),
    ('{"sum": [1, 2.5]}', '3.5'),
    ('{"mean": [1, 2]}', '1.5'),
    ('{"mean": [9223372036854775807, 9223372036854775807]}', '-1.0'),
    ('{"any": []}', 'false'),
    ('{"all": []}', 'true'),
    ('{"any": [false, false]}', 'false'),
    ('{"all": [true, true]}', 'true'),
    ('{"max": ["A", 1]}', '"A"'),
    ('{"max": [1, null]}', 'null'),
    ('{"max": [1, 1.0]}', '1.0'),
    ('{"max": [1.0, 1]}', '1'),
    ('{"min": [1, 1.0]}', '1.0'),
    ('{"min": [1.0, 1]}', '1'),
    ('{"max": [[1, 2, 3]]}', '3'),
    ('{"max": [[[1, 2, 3]]]}', '3'),
    ('{"max": [[1, 2], [0, 5]]}', '[1, 2]'),
    ('{"max": [{"paginate": {"documents": {"collection": "c"}}}]}', '{"data": [{"@ref": {"id": "1", "collection": {"@ref": {"id": "c", "collection": {"@ref": {"id": "collections"}}}}}}]}'),
    ('{"min": {"map": {"lambda": "x", "expr": [7, null]}, "collection": {"paginate": {"documents": {"collection": "c"}}}}}', '{"data": [[7, null]]}'),
    ('{"max": [[{"paginate": {"documents": {"collection": "c"}}}]]}', '{"data": [{"@ref": {"id": "1", "collection": {"@ref": {"id": "c", "collection": {"@ref": {"id": "collections"}}}}}}]}'),
    ('{"max": [{"documents": {"collection": "c"}}]}', '{"@ref": {"id": "1", "collection": {"@ref": {"id": "c", "collection": {"@ref": {"id": "collections"}}}}}}'),
    ('{"max": {"paginate": {"documents": {"collection": "c"}}}}', '{"data": [{"@ref": {"id": "1", "collection": {"@ref": {"id": "c", "collection": {"@ref": {"id": "collections"}}}}}}]}'),
    ('{"sum": {"paginate": {"keys": null}}}', '{"data": [0]}'),
    ('{"any": {"paginate": {"keys": null}}}', '{"data": [false]}'),
    ('{"count": {"keys": null}}', '0'),
    ('{"count": {"paginate": {"documents": {"collection": "c"}}}}', '{"data": [1]}'),
    ('{"max": [{"keys": null}]}', '{"@ref": {"id": "keys"}}'),
    ('{"max": [["a", "b"], ["a"]]}', '["a", "b"]'),
    ('{"min": [null, true, "a", 1]}', '1'),
    ('{"max": [{"object": {"a": 1}}]}', '{"a": 1}'),
]  # fmt: skip


@pytest.mark.parametrize(("query", "result"), RESULTS)
def test_results(db, query, result):
    assert json.dumps(db.wire(spelled(query)), ensure_ascii=False) == result


#: query, its errors as (position, code, description)
ERRORS = [
    # arrays
    ('{"take": 1, "collection": {"singleton": REF}}', [('["collection"]', 'invalid argument', 'Array or Page expected, Set provided.')]),
    ('{"take": "x", "collection": 1}', [('["take"]', 'invalid argument', 'Integer expected, String provided.')]),
    ('{"take": 1, "collection": 1}', [('["collection"]', 'invalid argument', 'Array or Page expected, Integer provided.')]),
    ('{"append": 1, "collection": 1}', [('["collection"]', 'invalid argument', 'Array expected, Integer provided.')]),
    ('{"append": 1, "collection": {"collection": "nope"}}', [('["collection"]', 'invalid argument', 'Array expected, Collection Ref provided.')]),
    ('{"take": 1, "collection": {"collection": "nope"}}', [('["collection"]', 'invalid argument', 'Array or Page expected, Collection Ref provided.')]),
    ('{"is_empty": null}', [('["is_empty"]', 'invalid argument', 'Array, Set, or Page expected, Null provided.')]),
    ('{"is_empty": REF}', [('["is_empty"]', 'invalid argument', 'Array, Set, or Page expected, Ref provided.')]),
    ('{"is_empty": {"collection": "c"}}', [('["is_empty"]', 'invalid argument', 'Array, Set, or Page expected, Collection Ref provided.')]),
    ('{"reverse": 1}', [('["reverse"]', 'invalid argument', 'Array, Set, or Page expected, Integer provided.')]),
    ('{"reverse": {"collection": "nope"}}', [('["reverse"]', 'invalid ref', 'Ref refers to undefined collection \'nope\'')]),
    # map etc
    ('{"map": 1, "collection": [1]}', [('["map"]', 'invalid expression', 'Lambda expected, Integer provided.')]),
    ('{"map": {"object": {"a": 1}}, "collection": [1]}', [('["map"]', 'invalid expression', 'No form/function found, or invalid argument keys: { object }.')]),
    ('{"map": {"var": "f"}, "collection": [1]}', [('["map"]', 'invalid expression', 'No form/function found, or invalid argument keys: { var }.')]),
    ('{"map": {"query": {"lambda": "x", "expr": 1}}, "collection": [1]}', [('["map"]', 'invalid expression', 'No form/function found, or invalid argument keys: { query }.')]),
    ('{"map": {"lambda": ["a", "b"], "expr": 1}, "collection": [1]}', [('["map", "lambda"]', 'invalid argument', 'Lambda expects an array with 2 elements. Array contains 1.')]),
    ('{"map": {"lambda": ["a", "b"], "expr": 1}, "collection": [[1, 2, 3]]}', [('["map", "lambda"]', 'invalid argument', 'Lambda expects an array with 2 elements. Array contains 3.')]),
    ('{"map": {"lambda": [], "expr": 1}, "collection": [1]}', [('["map", "lambda"]', 'invalid argument', 'Lambda expects an array with 0 elements. Array contains 1.')]),
    ('{"map": {"lambda": "x", "expr": {"add": [{"var": "x"}, "q"]}}, "collection": [1, 2]}', [('["map", "expr", "add", 1]', 'invalid argument', 'Number expected, String provided.')]),
    ('{"map": {"lambda": "x", "expr": 1}, "collection": 5}', [('["collection"]', 'invalid argument', 'Array, Set, or Page expected, Integer provided.')]),
    ('{"map": {"lambda": "x", "expr": 1}, "collection": {"keys": null}}', [('["collection"]', 'invalid argument', 'Array or Page expected, Set provided.')]),
    ('{"map": {"lambda": "x", "expr": 1}, "collection": {"collection": "nope"}}', [('["collection"]', 'invalid ref', 'Ref refers to undefined collection \'nope\'')]),
    ('{"map": {"lambda": "x", "expr": 1}, "collection": REF}', [('["collection"]', 'invalid argument', 'Array, Set, or Page expected, Ref provided.')]),
    ('{"foreach": {"lambda": "x", "expr": 1}, "collection": {"keys": null}}', [('["collection"]', 'invalid argument', 'Array or Page expected, Set provided.')]),
    ('{"foreach": {"lambda": "x", "expr": {"abort": "m"}}, "collection": [1, 2]}', [('["foreach", "expr"]', 'transaction aborted', 'm')]),
    ('{"filter": {"lambda": "x", "expr": {"var": "x"}}, "collection": [1, true, "a", false]}', [('[0]', 'invalid argument', 'Boolean expected, Integer provided.'), ('[2]', 'invalid argument', 'Boolean expected, String provided.')]),
    ('{"filter": {"lambda": "x", "expr": {"add": [{"var": "x"}, "a"]}}, "collection": [1, 2]}', [('["filter", "expr", "add", 1]', 'invalid argument', 'Number expected, String provided.'), ('["filter", "expr", "add", 1]', 'invalid argument', 'Number expected, String provided.')]),
    ('{"filter": {"lambda": "x", "expr": {"if": {"equals": [{"var": "x"}, 1]}, "then": 5, "else": {"add": ["a", 1]}}}, "collection": [1, 2]}', [('[0]', 'invalid argument', 'Boolean expected, Integer provided.'), ('["filter", "expr", "else", "add", 0]', 'invalid argument', 'Number expected, String provided.')]),
    ('{"filter": {"lambda": ["a", "b"], "expr": true}, "collection": [1, 2]}', [('["filter", "lambda"]', 'invalid argument', 'Lambda expects an array with 2 elements. Array contains 1.'), ('["filter", "lambda"]', 'invalid argument', 'Lambda expects an array with 2 elements. Array contains 1.')]),
    ('{"filter": {"lambda": "x", "expr": true}, "collection": 5}', [('["collection"]', 'invalid argument', 'Array, Set, or Page expected, Integer provided.')]),
    ('{"filter": {"lambda": "x", "expr": 5}, "collection": {"paginate": {"documents": {"collection": "c"}}}}', [('[0]', 'invalid argument', 'Boolean expected, Integer provided.')]),
    ('{"reduce": {"lambda": ["a", "b", "c"], "expr": 1}, "initial": 0, "collection": [1]}', [('["reduce", "lambda"]', 'invalid argument', 'Lambda expects an array with 3 elements. Array contains 2.')]),
    ('{"reduce": {"lambda": ["a"], "expr": 1}, "initial": 0, "collection": [1]}', [('["reduce", "lambda"]', 'invalid argument', 'Lambda expects an array with 1 elements. Array contains 2.')]),
    ('{"reduce": {"lambda": "x", "expr": 1}, "initial": 0, "collection": "s"}', [('["collection"]', 'invalid argument', 'Array, Set, or Page expected, String provided.')]),
    ('{"reduce": 1, "initial": 0, "collection": []}', [('["reduce"]', 'invalid expression', 'Lambda expected, Integer provided.')]),
    # folds
    ('{"sum": [1, "a", null]}', [('["sum"]', 'invalid argument', 'Number expected, String provided.')]),
    ('{"sum": [[1]]}', [('["sum"]', 'invalid argument', 'Number expected, Array provided.')]),
    ('{"sum": 1}', [('["sum"]', 'invalid argument', 'Array, Set, or Page expected, Integer provided.')]),
    ('{"mean": []}', [('["mean"]', 'invalid argument', 'Non-empty array expected.')]),
    ('{"mean": ["a"]}', [('["mean"]', 'invalid argument', 'Number expected, String provided.')]),
    ('{"any": [true, 1]}', [('["any"]', 'invalid argument', 'Boolean expected, Integer provided.')]),
    ('{"all": [false, 1]}', [('["all"]', 'invalid argument', 'Boolean expected, Integer provided.')]),
    ('{"any": [1, "x"]}', [('["any"]', 'invalid argument', 'Boolean expected, Integer provided.')]),
    ('{"max": []}', [('["max"]', 'invalid argument', 'Non-empty array expected.')]),
    ('{"min": []}', [('["min"]', 'invalid argument', 'Non-empty array expected.')]),
    ('{"max": [[]]}', [('["max"]', 'invalid argument', 'Non-empty array expected.')]),
    ('{"min": [[[]]]}', [('["min"]', 'invalid argument', 'Non-empty array expected.')]),
    ('{"max": {"paginate": {"keys": null}}}', [('["max"]', 'invalid argument', 'Non-empty array expected.')]),
    ('{"mean": {"paginate": {"keys": null}}}', [('["mean"]', 'invalid argument', 'Non-empty array expected.')]),
    ('{"max": {"keys": null}}', [('["max"]', 'invalid argument', 'Non-empty array expected.')]),
    ('{"max": {"collection": "nope"}}', [('["max"]', 'invalid ref', 'Ref refers to undefined collection \'nope\'')]),
    ('{"min": REF}', [('["min"]', 'invalid argument', 'Array, Set, or Page expected, Ref provided.')]),
    ('{"mean": {"keys": null}}', [('["mean"]', 'invalid argument', 'Non-empty array expected.')]),
    ('{"max": [[{"collection": "x"}]]}', [('["max"]', 'invalid ref', 'Ref refers to undefined collection \'x\'')]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "errors"), ERRORS, ids=[query[:90] for query, _ in ERRORS])
def test_errors(db, query, errors):
    status, found = db.failure(spelled(query))
    assert [(json.dumps(e["position"]), e["code"], e["description"]) for e in found] == errors
    assert status == (404 if errors[0][1] == "value not found" else 400)
