"""``--strict-roles``: who may write functions cannot become an admin that way (docs/security.md)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from faunadb.engine.engine import open_engine
from faunadb.engine.wire.http import handle
from faunadb.engine.wire.messages import HttpRequest

BODY = {"query": {"lambda": "x", "expr": {"create_key": {"object": {"role": "admin"}}}}}


def ask(engine: Any, secret: str, expression: Any) -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {secret}", "x-faunadb-api-version": "4"}
    answer = handle(engine, HttpRequest("POST", "/", "", headers, json.dumps(expression).encode()))
    found = json.loads(answer.body)
    return answer.status, found.get("resource", found.get("errors"))


def function(name: str, **fields: Any) -> Any:
    return {"object": {"name": name, "body": BODY, **fields}}


@pytest.fixture(params=[False, True], ids=["as the original", "strict"])
def engine(request):
    with open_engine("sqlite://", secret="secret", strict_roles=request.param) as engine:
        yield engine


@pytest.fixture
def server(engine):
    return key(engine, "server")


def key(engine: Any, role: Any) -> str:
    status, made = ask(engine, "secret", {"create_key": {"object": {"role": role}}})
    assert status == 201
    return made["secret"]


def refused(engine: Any, outcome: tuple[int, Any]) -> bool:
    status, found = outcome
    if status in (200, 201):
        return False
    assert status == 400
    (failure,) = found[0]["failures"]
    assert (failure["field"], failure["code"]) == (["role"], "permission denied")
    return True


def test_a_server_key_makes_itself_an_admin_only_where_roles_are_not_strict(engine, server):
    made = ask(engine, server, {"create_function": function("grow", role="admin")})
    assert refused(engine, made) is engine.strict_roles
    if not engine.strict_roles:
        status, admin = ask(engine, server, {"call": {"function": "grow"}, "arguments": 1})
        assert (status, admin["role"]) == (201, "admin")


@pytest.mark.parametrize(
    "change",
    [{"update": None, "params": {"object": {"body": BODY}}}, {"replace": None, "params": function("given")}],
    ids=["update", "replace"],
)
def test_nor_by_changing_a_function_that_has_the_role(engine, server, change):
    assert ask(engine, "secret", {"create_function": function("given", role="admin")})[0] == 201
    verb = next(iter(change))
    outcome = ask(engine, server, {**change, verb: {"function": "given"}})
    assert refused(engine, outcome) is engine.strict_roles


def test_nor_by_a_role_of_the_user(engine, server):
    keys = {"object": {"resource": {"keys": None}, "actions": {"object": {"create": True}}}}
    assert (
        ask(engine, "secret", {"create_role": {"object": {"name": "keymaker", "privileges": keys}}})[0] == 201
    )
    made = ask(engine, server, {"create_function": function("grow", role="keymaker")})
    assert refused(engine, made) is engine.strict_roles


def test_a_role_that_may_write_functions_gives_none(engine):
    functions = {
        "object": {"resource": {"functions": None}, "actions": {"object": {"create": True, "write": True}}}
    }
    assert (
        ask(engine, "secret", {"create_role": {"object": {"name": "author", "privileges": functions}}})[0]
        == 201
    )
    author = key(engine, ["author"])
    assert ask(engine, author, {"create_function": function("plain")})[0] == 201
    for role in ("server", "admin", "author"):
        made = ask(engine, author, {"create_function": function(f"as-{role}", role=role)})
        assert refused(engine, made) is engine.strict_roles


@pytest.mark.parametrize("role", [None, "server", "server-readonly", "client"])
def test_a_server_key_gives_what_it_has(engine, server, role):
    fields = {} if role is None else {"role": role}
    assert ask(engine, server, {"create_function": function("own", **fields)})[0] == 201


def test_admins_give_what_they_like(engine):
    admin = key(engine, "admin")
    assert ask(engine, admin, {"create_function": function("grow", role="admin")})[0] == 201
