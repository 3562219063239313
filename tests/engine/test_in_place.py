"""Queries that are tried while others wait (on a server's event loop): none of them takes long, whatever it asks for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from faunadb.engine.engine import open_engine
from faunadb.engine.language.calls import FormNode, OneNode, SlowNode
from faunadb.engine.language.casts import INTEGER, STRING, Cast
from faunadb.engine.language.context import TakesLong
from faunadb.engine.language.registry import FORMS, PURE, WRITE, Form
from faunadb.engine.request import NotQuick
from faunadb.engine.wire import exchange
from faunadb.engine.wire.http import handle, handle_quickly
from faunadb.engine.wire.messages import HttpRequest, HttpResponse

#: Forms that take text and cost little more than to look at it, or make something whose size is bounded and counted.
HARMLESS = {
    "abort",
    "concat",
    "contains_field",
    "date",
    "endswith",
    "epoch",
    "length",
    "match",
    "repeat",
    "startswith",
    "substring",
    "time",
    "time_add",
    "time_diff",
    "time_subtract",
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with open_engine(f"sqlite:///{tmp_path_factory.mktemp('in-place')}/main.db", secret="secret") as engine:
        assert engine.opens("Bearer secret")
        yield engine


def request(expression: Any, **headers: str) -> HttpRequest:
    sent = {"authorization": "Bearer secret", "x-faunadb-api-version": "4", **headers}
    sent = {name.replace("_", "-"): value for name, value in sent.items()}
    return HttpRequest("POST", "/", "", sent, json.dumps(expression).encode())


def in_place(engine: Any, expression: Any, **headers: str) -> HttpResponse:
    with engine.store.snapshot() as snapshot:
        return handle_quickly(engine, request(expression, **headers), snapshot)


def elsewhere(engine: Any, expression: Any) -> Any:
    answer = handle(engine, request(expression))
    assert answer.status in (200, 201), answer.body
    return json.loads(answer.body)["resource"]


def takes_text(cast: Any) -> bool:
    return (isinstance(cast, Cast) and str in cast.fast) or cast is STRING


@pytest.mark.parametrize(
    "form",
    [form for form in FORMS if form.function and form.effect == PURE and not form.by_name],
    ids=lambda form: form.name,
)
def test_a_form_over_text_is_slow_unless_it_is_known_to_be_harmless(form):
    """A new one is to be thought about: how long may it take over a megabyte, and can the clock interrupt it?"""
    if any(takes_text(arg.cast) for arg in form.args):
        assert form.slow or form.name in HARMLESS or _makes_a_ref(form)


def _makes_a_ref(form: Form) -> bool:
    return form.function is not None and form.function.__module__.endswith((".refs", ".reads", ".schema"))


@pytest.mark.parametrize("form", [form for form in FORMS if form.slow], ids=lambda form: form.name)
def test_a_slow_form_is_not_evaluated_in_place_nor_are_its_arguments_cast(engine, form):
    class Here:
        in_place = True

    with pytest.raises(TakesLong):
        SlowNode(form, None).eval(Here(), {})  # type: ignore[arg-type]
    call = {arg.key: 1 if arg.cast is INTEGER else "a" for arg in form.required}
    if form.effect != WRITE:
        with pytest.raises(NotQuick):
            in_place(engine, {"if": True, "then": call, "else": None})


def test_slow_forms_are_found_behind_lambdas_and_in_what_is_stored(engine):
    fold = {"lambda": "x", "expr": {"casefold": {"var": "x"}}}
    with pytest.raises(NotQuick):
        in_place(engine, {"map": fold, "collection": ["a"]})


def test_much_is_not_read_in_place(engine):
    elsewhere(engine, {"create_collection": {"object": {"name": "large"}}})
    ref = {"ref": {"collection": "large"}, "id": "1"}
    text = {"object": {"data": {"object": {"text": "x" * 100_000}}}}
    elsewhere(engine, {"create": ref, "params": text})
    assert in_place(engine, {"get": ref}).status == 200
    with pytest.raises(NotQuick):
        in_place(engine, [{"get": ref}, {"get": ref}])
    assert len(elsewhere(engine, [{"get": ref}, {"get": ref}])) == 2


@pytest.mark.parametrize(
    "query",
    [
        {"repeat": "x" * 1000, "number": 1000},
        {
            "reduce": {"lambda": ["a", "x"], "expr": [{"var": "a"}, {"var": "a"}]},
            "initial": 1,
            "collection": list(range(17)),
        },
        {"let": [{"x": list(range(1000))}], "in": [{"var": "x"}] * 200},
    ],
    ids=["text", "doubled", "many times the same"],
)
def test_much_is_not_made_in_place(engine, query):
    with pytest.raises(NotQuick):
        in_place(engine, query)
    assert elsewhere(engine, query)


def test_large_answers_are_not_laid_out_in_place(engine, monkeypatch):
    monkeypatch.setattr(exchange, "QUICK_SECONDS", 60)  # what is refused is not refused for the time it took
    query = list(range(1000, 6000))
    assert in_place(engine, query).status == 200
    with pytest.raises(NotQuick):
        in_place(engine, query, user_agent="curl/8")


def test_other_nodes_cost_nothing_for_it():
    assert "in_place" not in FormNode.eval.__code__.co_names
    assert "in_place" not in OneNode.eval.__code__.co_names
