"""Every argument of every value function against every kind of value (value functions, "Calling and argument rules").

The forms, the order of their arguments and what each accepts are written out here from the chapter, not taken from the
registry.
"""

from __future__ import annotations

import json

import pytest

from .kinds import TIME, VALUES, database_of_kinds

db = database_of_kinds

REFS = {kind for kind in VALUES if kind.split()[-1] in ("ref", "native")}
UNRESOLVED = {
    "unresolved collection": "collection 'nope'",
    "unresolved role": "role 'nope'",
    "unresolved provider": "access_provider 'nope'",
}
SCALARS = (
    {"integer", "double", "boolean", "null", "string", "bytes", "uuid", "time", "date", "action", "pending time"}
    | REFS
    | set(UNRESOLVED)
)  # fmt: skip

#: cast: (kinds accepted, expected text, whether an unresolved ref is named by what it lacks)
CASTS = {
    "int": ({"integer"}, "Integer", False),
    "num": ({"integer", "double"}, "Number", False),
    "str": ({"string"}, "String", False),
    "bool": ({"boolean"}, "Boolean", False),
    "null": ({"null"}, "Null", False),
    "arr": ({"array"}, "Array", False),
    "scalar": (SCALARS, "Scalar", False),
    "iter": ({"array", "page", "set", "native"}, "Array, Set, or Page", True),
    "page": ({"array", "page"}, "Array or Page", False),
    "time": ({"integer", "time"}, "Time", False),
    "temporal": ({"time", "date"}, "Temporal", False),
    "unit": (set(), "Time Unit", False),
    "step": ({"string", "integer"}, "String or Integer", False),
    "normalizer": (set(), "String 'NFKCCaseFold', 'NFC', 'NFD', 'NFKC', or 'NFKD'", False),
}

S, INT, N = ("str", "x"), ("int", 1), ("num", 1)
#: (form key, ...): arguments in the chapter's order, each a cast and a value that passes. "*": zero or more of it.
SIGNATURES = [
    [("concat", ("str*", "x")), ("separator", S)],
    [("casefold", ("scalar*", "x")), ("normalizer", ("normalizer", "NFC"))],
    *[[(key, S)] for key in "regexescape length lowercase uppercase titlecase trim ltrim rtrim".split()],
    *[[(key, S), ("search", S)] for key in "startswith endswith containsstr".split()],
    [("containsstrregex", S), ("pattern", S)],
    [("findstr", S), ("find", S), ("start", INT)],
    [("findstrregex", S), ("pattern", S), ("start", INT), ("num_results", INT)],
    [("ngram", ("scalar*", "x")), ("min", INT), ("max", ("int", 2))],
    [("repeat", S), ("number", INT)],
    [("replacestr", S), ("find", S), ("replace", S)],
    [("replacestrregex", S), ("pattern", S), ("replace", S), ("first", ("bool", True))],
    [("space", INT)],
    [("substring", S), ("start", INT), ("length", INT)],
    [("format", S), ("values", ("any", []))],
    *[[(key, ("num*", 1))] for key in "add subtract multiply divide modulo bitand bitor bitxor".split()],
    *[[(key, N)] for key in "abs bitnot ceil floor sign sqrt exp sin cos tan sinh cosh tanh atan acos asin".split()],
    *[[(key, N)] for key in "ln log degrees radians".split()],
    *[[(key, N), ("precision", INT)] for key in ("round", "trunc")],
    [("hypot", N), ("b", N)],
    [("pow", N), ("exp", N)],
    [("not", ("bool", True))],
    [("now", ("null", None))],
    *[[(key, S)] for key in ("time", "date")],
    [("epoch", INT), ("unit", ("unit", "day"))],
    *[
        [(key, ("temporal", TIME)), ("offset", INT), ("unit", ("unit", "day"))]
        for key in ("time_add", "time_subtract")
    ],
    [("time_diff", ("temporal", TIME)), ("other", ("temporal", TIME)), ("unit", ("unit", "day"))],
    *[[(key, ("time", TIME))] for key in "to_seconds to_millis to_micros second minute hour".split()],
    *[[(key, ("time", TIME))] for key in "day_of_month day_of_week day_of_year month year".split()],
    [("contains_path", ("step*", "a")), ("in", ("any", 1))],
    [("contains", ("step*", "a")), ("in", ("any", 1))],
    [("select", ("step*", "a")), ("from", ("any", {"object": {"a": 1}})), ("all", ("bool", True))],
    [("select_all", ("step*", "a")), ("from", ("any", {"object": {"a": 1}}))],
    [("select_as_index", ("step*", "a")), ("from", ("any", {"object": {"a": 1}}))],
    [("contains_field", S), ("in", ("any", 1))],
    [("take", INT), ("collection", ("page", [1]))],
    [("drop", INT), ("collection", ("page", [1]))],
    *[[(key, ("any", 1)), ("collection", ("arr", [1]))] for key in ("prepend", "append")],
    *[[(key, ("iter", [1]))] for key in "is_empty is_nonempty reverse distinct count".split()],
    *[[(key, ("null", None))] for key in ("new_id", "next_id")],
]  # fmt: skip


def expected_error(cast, kind, at):
    accepted, text, names_unresolved = CASTS[cast]
    if kind in accepted:
        return None
    if names_unresolved and kind in UNRESOLVED:
        return at, "invalid ref", f"Ref refers to undefined {UNRESOLVED[kind]}"
    return at, "invalid argument", f"{text} expected, {VALUES[kind][1]} provided."


def arguments():
    for signature in SIGNATURES:
        for index, (key, (cast, _)) in enumerate(signature):
            if cast != "any":
                yield pytest.param(signature, index, id=f"{signature[0][0]}-{key}")


def call(signature, index, value):
    """The form with one argument replaced; later arguments are wrong as well, which must not show."""
    body = {}
    for position, (key, (_, good)) in enumerate(signature):
        body[key] = good if position < index else value if position == index else {"object": {}}
    if signature[0][0] == "format" or any(cast == "any" for _, (cast, _) in signature[index + 1 :]):
        for key, (_, good) in signature[index + 1 :]:
            body[key] = good
    return body


def failure_of(db, query):
    status, body = db.body(json.dumps(query))
    if "errors" not in body:
        return None
    assert status == 400, body
    return [(error["position"], error["code"], error["description"]) for error in body["errors"]]


@pytest.mark.parametrize(("signature", "index"), list(arguments()))
def test_an_argument_of_another_type_names_what_is_expected_and_what_was_given(db, signature, index):
    key, (cast, _) = signature[index]
    many = cast.endswith("*")
    for kind, (value, _) in VALUES.items():
        if (kind == "array" and many) or (cast == "time" and kind == "pending time" and key == "to_micros"):
            continue
        expected = expected_error(cast.rstrip("*"), kind, [key])
        if expected is None:
            continue  # accepted: what it gives is the business of the function's own tests
        assert failure_of(db, call(signature, index, value)) == [expected], kind
        if many:
            first = VALUES["string"][0] if cast != "num*" else 1
            faults = [expected_error(cast[:-1], kind, [key, at]) for at in (1, 2)]
            assert failure_of(db, call(signature, index, [first, value, value])) == faults, kind


@pytest.mark.parametrize(
    "signature",
    [
        signature for signature in SIGNATURES if not signature[0][0].startswith("select")
    ],  # fails on what it does not find
    ids=lambda signature: signature[0][0],
)
def test_what_is_accepted_passes(db, signature):
    for index, (_, (cast, _)) in enumerate(signature):
        for kind in CASTS.get(cast.rstrip("*"), (set(VALUES), "", False))[0]:
            query = {key: good for key, (_, good) in signature}
            query[signature[index][0]] = VALUES[kind][0]
            if signature[0][0] == "contains_field" and kind == "array":
                continue  # refused by the function itself
            for _, code, description in failure_of(db, query) or []:
                assert code != "invalid ref", (kind, description)
                assert "expected" not in description or "Object, Array, Page" in description, (
                    kind,
                    description,
                )


@pytest.mark.parametrize("signature", SIGNATURES, ids=[signature[0][0] for signature in SIGNATURES])
def test_an_absent_required_argument_or_an_unknown_one_is_no_form(db, signature):
    full = {key: good for key, (_, good) in signature}
    for keys in ({**full, "nope": 1}, {**full, "@nope": 1}):
        assert failure_of(db, keys) == [
            (
                [],
                "invalid expression",
                f"No form/function found, or invalid argument keys: {{ {', '.join(keys)} }}.",
            )
        ]


OPTIONAL = {
    "concat": ["separator"], "casefold": ["normalizer"], "findstr": ["start"], "findstrregex": ["start", "num_results"],
    "ngram": ["min", "max"], "repeat": ["number"], "replacestrregex": ["first"], "substring": ["start", "length"],
    "round": ["precision"], "trunc": ["precision"], "hypot": ["b"], "pow": ["exp"], "select": ["all", "default"],
    "select_all": ["default"], "select_as_index": ["default"],
}  # fmt: skip


@pytest.mark.parametrize("signature", SIGNATURES, ids=[signature[0][0] for signature in SIGNATURES])
def test_only_optional_arguments_may_be_left_out(db, signature):
    full = {key: good for key, (_, good) in signature}
    for key in full:
        rest = {other: value for other, value in full.items() if other != key}
        if not rest:
            continue
        failure = failure_of(db, rest)
        missing = failure is not None and failure[0][2].startswith("No form/function found")
        optional = key in OPTIONAL.get(signature[0][0], [])
        # {"exp": 1} and the like are forms of their own.
        assert missing != optional or rest.keys() <= {"exp", "all", "collection"}, rest


NOT_IN_V4 = """starts_with ends_with contains_str contains_str_regex find_str find_str_regex lower_case upper_case title_case
l_trim r_trim sub_string replace_str replace_str_regex regex_escape bit_and bit_or bit_xor bit_not cbrt atan2 asinh acosh
atanh random""".split()


@pytest.mark.parametrize(
    "query",
    [
        *({name: "x"} for name in NOT_IN_V4),
        {"split_str": "x", "token": "y"},
        {"split_str_regex": "x", "pattern": "y"},
        {"split_str": "x", "token": "y", "count": 1},
        {"is_access_provider": 1},
        {"starts_with": "x", "search": "x"},
        {"find_str": "x", "find": "x"},
    ],
    ids=lambda query: "-".join(query),
)
def test_spellings_of_other_versions_are_no_forms(db, query):
    keys = ", ".join(query)
    assert failure_of(db, query) == [
        ([], "invalid expression", f"No form/function found, or invalid argument keys: {{ {keys} }}.")
    ]
