"""The JSON of expressions that were written before is what would be written now."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faunadb import query as q
from faunadb._expressions import Expr
from faunadb._json import to_json
from faunadb._written import MAX_LENGTH, MAX_TEXTS, PAUSE, Written
from faunadb.errors import UnexpectedError
from faunadb.objects import FaunaTime, Ref

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
_shared = Written()
ROOT = Path(__file__).resolve().parents[2]


@given(VALUES)
def test_an_expression_is_written_as_its_json(value: Any) -> None:
    expression = Expr(value)
    for _ in range(2):
        assert _shared(expression) == to_json(expression).encode()


@pytest.mark.parametrize(
    "alike",
    [
        [1, True, 1.0, "1"],
        [0, False, 0.0, -0.0, None, ""],
        [{"a": 1, "b": 2}, {"b": 2, "a": 1}],
        [{"1": 0}, {1: 0}, {True: 0}],
        [[], {}, [[]]],
        ["\ud800", "\udc00", "\u00e9", "e\u0301"],
        [2**31, 2**63 - 1, -(2**63)],
    ],
    ids=repr,
)
def test_values_that_are_alike_are_told_apart(alike: list[Any]) -> None:
    written = Written()
    for _ in range(2):
        for value in alike:
            assert written(Expr({"x": value})) == to_json(Expr({"x": value})).encode()


def test_the_same_text_is_found_again() -> None:
    written = Written()
    assert written(q.add(1, 2)) is written(q.add(1, 2))


def test_an_expression_that_was_changed_is_written_anew() -> None:
    written, expression = Written(), q.add(1, 2)
    written(expression)
    expression.value["add"].append(3)
    assert written(expression) == b'{"add":[1,2,3]}'


@pytest.mark.parametrize(
    "value",
    [
        Ref("1", Ref("spells", Ref("collections"))),
        q.get(Ref("1", Ref("spells", Ref("collections")))),
        Expr({"at": FaunaTime("1970-01-01T00:00:00Z")}),
        Expr([date(2000, 1, 1), b"bytes"]),
        "a string",
        None,
        {"object": {"a": 1}},
    ],
    ids=repr,
)
def test_what_marshal_does_not_know_is_written_as_it_comes(value: Any) -> None:
    written = Written()
    assert [written(value) for _ in range(2)] == [to_json(value).encode()] * 2


def test_what_has_no_json_is_refused_each_time() -> None:
    written = Written()
    endless: list[Any] = []
    endless.append(endless)
    for value in (float("nan"), {1, 2}, 1j, endless):
        for _ in range(2):
            with pytest.raises(UnexpectedError):
                written(Expr([value]))


@pytest.mark.parametrize(
    "value", [{"credentials": {"password": "sesame"}}, {"key_from_secret": "fnAA"}, "x" * MAX_LENGTH], ids=["password", "secret", "long"]
)  # fmt: skip
def test_passwords_secrets_and_long_texts_are_not_kept(value: Any) -> None:
    written = Written()
    assert written(Expr(value)) == written(Expr(value)) == to_json(value).encode()
    assert not written._texts


def test_the_number_of_texts_is_bounded() -> None:
    written = Written()
    for number in range(3 * PAUSE * MAX_TEXTS):
        written(Expr([number]))
        assert len(written._texts) <= MAX_TEXTS


def test_who_sends_others_each_time_does_not_pay_for_looking_them_up_but_now_and_then() -> None:
    written = Written()
    looked_up = 0
    for number in range((PAUSE + 1) * MAX_TEXTS):
        before = len(written._texts)
        written(Expr([number]))
        looked_up += len(written._texts) != before
    assert looked_up <= MAX_TEXTS + 1
    while written._pause:
        written(Expr([-1]))
    assert written(Expr([-2])) is written(Expr([-2]))


#: 900 calls: some 1,800 objects and lists within each other, more than JSON may have and nearly as many as marshal takes.
_DEEP = """
import threading
from faunadb import query as q
from faunadb._written import written

def write():
    expression = 1
    for _ in range(900):
        expression = q.add(expression, 1)
    try:
        written(expression)
    except RecursionError:
        print("refused")

threading.stack_size(256 << 10)
thread = threading.Thread(target=write)
thread.start()
thread.join()
"""


def test_deep_expressions_do_not_overrun_a_small_stack() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _DEEP], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert (ended.returncode, ended.stderr) == (0, "")
