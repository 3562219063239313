"""User-defined roles (writes and schema, "Roles")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..auth.roles import ACTIONS
from ..language import values as v
from ..language.errors import At, Failure
from .fields import MAP, Check, FieldPath, RefFault, invalid_type, name, required
from .native import Fields, SchemaWriter

if TYPE_CHECKING:
    from ..language.context import Context

#: How many roles may name the same collection in their membership.
MAX_PER_COLLECTION = 64

#: Parameters of predicates, by action.
_ARITIES = dict.fromkeys(ACTIONS, 1)
_ARITIES.update(write=2, create_with_id=2, history_write=4)


def _privileges(check: Check, value: Any, at: FieldPath) -> Any:
    if type(value) is list:
        return [_privilege(check, element, False) for element in value]
    return _privilege(check, value, True)


def _privilege(check: Check, value: Any, alone: bool) -> Any:
    """One privilege. alone: it is not an element of an array; only then are the parameters of predicates checked."""
    if type(value) is not dict:
        check.fail(invalid_type(("privileges",), value, "Privilege"))
        return value
    result = {key: member for key, member in value.items() if key in ("resource", "actions")}
    _resource(check, result.get("resource"), "privileges", "Ref")
    if "actions" in result:
        result["actions"] = _actions(check, result["actions"], alone)
    return result


def _resource(check: Check, value: Any, field: str, expected: str) -> None:
    if value is None:
        check.fail(required(("resource",)))
    elif type(value) is str:
        check.fail(invalid_type((field, "resource"), value, "Ref"))
    elif type(value) is not v.Ref or (expected == "Class Ref" and value.coll != v.COLLECTIONS):
        check.fail(invalid_type(("resource",), value, expected))


def _actions(check: Check, value: Any, alone: bool) -> Any:
    if type(value) is not dict:
        check.fail(invalid_type(("actions",), value, "Map"))
        return value
    actions = {key: rule for key, rule in value.items() if key in _ARITIES}
    for action, rule in actions.items():
        if type(rule) is str:
            check.fail(invalid_type(("privileges", "actions", action), rule, "Query"))
        elif type(rule) is v.Lambda:
            if alone:
                _check_arity(check, rule, _ARITIES[action], ("privileges", "actions", action))
        elif type(rule) is not bool:
            check.fail(invalid_type(("actions", action), rule, "RoleAction"))
    return actions


def _check_arity(check: Check, fn: v.Lambda, expected: int, at: FieldPath) -> None:
    if fn.arity is not None and fn.arity != expected:
        text = f"Found lambda with arity {fn.arity} expected {expected}"
        check.fail(Failure(at, "invalid arity", text))


def _memberships(check: Check, value: Any, at: FieldPath) -> Any:
    if type(value) is list:
        return [_membership(check, element, False) for element in value]
    return _membership(check, value, True)


def _membership(check: Check, value: Any, alone: bool) -> Any:
    if type(value) is not dict:
        check.fail(invalid_type(("membership",), value, "Membership"))
        return value
    result = {key: member for key, member in value.items() if key in ("resource", "predicate")}
    _resource(check, result.get("resource"), "membership", "Class Ref")
    predicate = result.get("predicate")
    if type(predicate) is v.Lambda:
        if alone:
            _check_arity(check, predicate, 1, ("membership", "predicate"))
    elif type(predicate) is str:
        check.fail(invalid_type(("membership", "predicate"), predicate, "Query"))
    elif predicate is not None:
        check.fail(invalid_type(("predicate",), predicate, "Query"))
    return result


class Roles(SchemaWriter):
    number = v.ROLES
    types = {"data": MAP, "name": name, "membership": _memberships, "privileges": _privileges}

    def create(self, ctx: Context, ref: v.Ref, params: Fields, at: At, before: Any = None) -> v.Document:
        document = super().create(ctx, ref, params, at, before)
        _check_number(ctx, ref, document.fields, at)
        return document

    def update(
        self, ctx: Context, ref: v.Ref, row: Any, old: Fields, params: Fields, replace: bool
    ) -> v.Document:
        document = super().update(ctx, ref, row, old, params, replace)
        _check_number(ctx, ref, document.fields, ())
        return document


def _members(fields: Fields) -> set[v.Ref]:
    """The collections a role names in its membership."""
    given = fields.get("membership")
    entries = given if type(given) is list else [given]
    return {entry["resource"] for entry in entries if entry is not None}


def _check_number(ctx: Context, ref: v.Ref, fields: Fields, at: At) -> None:
    """Refuse a role (written already, in this transaction) when too many share a collection in their membership."""
    collections = _members(fields)
    if not collections:
        return
    counts = dict.fromkeys(collections, 0)
    for each in ctx.schema.roles(ref.scope):
        item = ctx.schema.item(each)
        for collection in collections & _members(item.fields if item is not None else {}):
            counts[collection] += 1
    if max(counts.values()) > MAX_PER_COLLECTION:
        raise _too_many(at)


def _too_many(at: At) -> RefFault:
    text = f"Maximum number of roles per membership class exceeded. Maximum allowed: {MAX_PER_COLLECTION}."
    failure = Failure((), "resources exceeded", text)
    return RefFault("validation failed", "document data is not valid.", at, failures=[failure])


ROLES = Roles()

__all__ = ["ROLES", "Roles"]
