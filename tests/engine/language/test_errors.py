"""Errors: texts, positions, which decides the status, how they are shown (evaluation rules, "Evaluation order")."""

from __future__ import annotations

import pytest

from faunadb.engine.language import errors
from faunadb.engine.language.errors import (
    RANK_ARGUMENT,
    RANK_OTHER,
    RANK_PARSE,
    RANK_PERMISSION,
    Failure,
    Fault,
    QueryError,
    QueryErrors,
)
from faunadb.engine.language.values import UnresolvedRef

MISSING = UnresolvedRef("collection", "c", {"id": "c"})


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["A"], "A"),
        (["A", "B"], "A or B"),
        (["A", "B", "C"], "A, B, or C"),
        (list("ABCD"), "A, B, C, or D"),
    ],
)
def test_alternatives(names, text):
    assert errors.one_of(names) == text


FAULTS = [
    (errors.wrong_type("Number", "x"), "invalid argument", "Number expected, String provided.", RANK_ARGUMENT, 400),
    (errors.wrong_type(("A", "B"), None), "invalid argument", "A or B expected, Null provided.", RANK_ARGUMENT, 400),
    (errors.empty_array(), "invalid argument", "Non-empty array expected.", RANK_ARGUMENT, 400),
    (errors.empty_set(), "invalid argument", "Non-empty set expected.", RANK_ARGUMENT, 400),
    (errors.undefined_ref(MISSING), "invalid ref", "Ref refers to undefined collection 'c'", RANK_OTHER, 400),
    (errors.undefined_name("role", "r"), "invalid ref", "Ref refers to undefined role 'r'", RANK_OTHER, 400),
    (errors.permission_denied(), "permission denied", "Insufficient privileges to perform the action.", RANK_PERMISSION, 403),
    (errors.not_found("Set"), "instance not found", "Set not found.", RANK_OTHER, 404),
    (errors.not_found("Key", status=400), "instance not found", "Key not found.", RANK_OTHER, 400),
    (errors.already_exists("Role"), "instance already exists", "Role already exists.", RANK_OTHER, 400),
    (errors.not_unique(), "instance not unique", "document is not unique.", RANK_OTHER, 400),
    (errors.validation_failed([]), "validation failed", "document data is not valid.", RANK_OTHER, 400),
    (errors.invalid_expression("No."), "invalid expression", "No.", RANK_PARSE, 400),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "code", "description", "rank", "status"), FAULTS)
def test_faults(fault, code, description, rank, status):
    assert (fault.code, fault.description, fault.rank, fault.status) == (code, description, rank, status)
    assert str(fault) == description


@pytest.mark.parametrize(
    ("at", "path"), [((), ["a", 1]), ("k", ["a", 1, "k"]), (2, ["a", 1, 2]), (("k", 2), ["a", 1, "k", 2])]
)
def test_faults_stand_relative_to_their_form(at, path):
    located = Fault("code", "text", at).located(((None, "a"), 1))
    assert errors.path(located.position) == path


def error(rank, status=400):
    return QueryError(None, "code", "text", rank=rank, status=status)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ([error(RANK_OTHER, 404), error(RANK_ARGUMENT)], 400),
        ([error(RANK_OTHER, 404), error(RANK_OTHER)], 404),
        ([error(RANK_OTHER), error(RANK_OTHER, 404)], 400),
        ([error(RANK_OTHER, 404), error(RANK_PERMISSION, 403), error(RANK_OTHER)], 403),
        ([error(RANK_PERMISSION, 403), error(RANK_ARGUMENT, 400)], 400),
        ([error(RANK_ARGUMENT, 404), error(RANK_PARSE, 400), error(RANK_PARSE, 403)], 400),
    ],
)
def test_the_first_error_of_the_highest_rank_decides(given, status):
    assert QueryErrors(given).status == status


def test_errors_as_the_wire_shows_them():
    inner = QueryError((None, "expr"), "a", "b")
    plain = {"position": ["expr"], "code": "a", "description": "b"}
    assert list(inner.wire()) == ["position", "code", "description"]
    assert inner.wire() == plain
    outer = QueryError(None, "c", "d", failures=[Failure(["data", "0"], "e", "f")], cause=[inner, inner])
    assert list(outer.wire()) == ["position", "code", "description", "failures", "cause"]
    assert outer.wire()["failures"] == [{"field": ["data", "0"], "code": "e", "description": "f"}]
    assert outer.wire()["cause"] == [plain, plain]


def test_the_budget_of_an_answer_is_shared_by_errors_and_causes():
    budget = errors.TextBudget()
    budget.left = 1000
    cause = [QueryError(None, "code", "x" * 100)] * 5
    shown = errors.wires([QueryError(None, "code", "x" * 100, cause=cause)] * 10, budget)
    assert len(shown) == 2
    assert [len(each["cause"]) for each in shown] == [5, 1]


def test_one_error_is_shown_however_large():
    budget = errors.TextBudget()
    budget.left = 0
    assert len(errors.wires([QueryError(None, "code", "x" * 5000)] * 3, budget)) == 1


@pytest.mark.parametrize(
    ("failure", "status", "code", "description"),
    [
        (errors.bad_request("No."), 400, "bad request", "No."),
        (errors.timed_out(), 503, "time out", "Read timed out"),
        (errors.timed_out("Why."), 503, "time out", "Read timed out (Why.)"),
    ],
)
def test_errors_without_a_position(failure, status, code, description):
    assert (failure.status, failure.code, failure.description) == (status, code, description)
