"""The ``role`` field of keys and functions (writes and schema, "Functions", "Keys")."""

from __future__ import annotations

from typing import Any

from ..auth.permissions import BUILTIN
from ..language import values as v
from ..language.errors import Failure
from .fields import Check, FieldPath, invalid_type


def exists(check: Check, name: str) -> bool:
    """Whether a role of this database has that name."""
    ctx = check.ctx
    return ctx.schema.lookup(ctx.scope, v.ROLES, name) is not None


def is_role(value: Any) -> bool:
    return type(value) is v.Ref and value.coll == v.ROLES


def role(check: Check, value: Any, at: FieldPath) -> Any:
    """The field type: the name of a built-in role, a role's name or ref, or an array of names and refs.

    It is stored as given. `check_names` checks later whether roles of these names exist.
    """
    if type(value) is str and value in BUILTIN:
        return value
    for element in value if type(value) is list else [value]:
        _user_role(check, element, at)
    return value


def _user_role(check: Check, element: Any, at: FieldPath) -> None:
    if is_role(element):
        return
    if type(element) is not str or element in BUILTIN:
        check.fail(invalid_type(at, element, "Role"))


def check_names(check: Check, value: Any) -> None:
    """Add a failure for each name in a ``role`` field that no role of this database has."""
    for element in value if type(value) is list else [value]:
        if type(element) is str and element not in BUILTIN and not exists(check, element):
            check.fail(Failure(("role",), "validation failure", f"Role name `{element}` does not exist."))
