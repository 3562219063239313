"""User-defined roles (auth chapter, "Roles"): their configuration, and evaluating privileges and membership.

A privilege is a resource, an action and a rule. The rule ``true`` grants the action. A predicate grants it by returning
exactly ``true``; one that fails in any way does not grant it. Other rules mean nothing. Of all the privileges of all
the roles that apply, one grant is enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from ..language.errors import Fault, Faults, QueryErrors, RequestError
from ..language.lambdas import apply
from ..language.registry import READ
from ..language.values import COLLECTIONS, ROLES, Lambda, Ref
from ..records import NamedTuple
from .permissions import PredicatePermissions

if TYPE_CHECKING:
    from ..language.context import Context
    from .schema import Schema

#: The actions that a privilege may grant.
ACTIONS = (
    "read",
    "write",
    "create",
    "create_with_id",
    "delete",
    "history_read",
    "history_write",
    "unrestricted_read",
    "call",
)

#: Why a predicate may not write.
REASON = "auth predicates"

#: Key in ``Context.cache``: the time at which predicates read, in microseconds, where that is not the present.
PREDICATE_TIME = "predicate time"

Rule = Union[bool, Lambda]


class Membership(NamedTuple):
    """Documents of a collection belong to the role, all of them or those the predicate returns true for."""

    resource: Ref
    predicate: Optional[Lambda]


class RoleConfig(NamedTuple):
    """A role as it is evaluated. rules: (resource, action) -> the rules that may grant it."""

    rules: Mapping[tuple[Ref, str], tuple[Rule, ...]]
    membership: tuple[Membership, ...]


def parse(fields: Mapping[str, Any]) -> RoleConfig:
    """The configuration in a role document's fields, which were validated when they were written."""
    rules: dict[tuple[Ref, str], tuple[Rule, ...]] = {}
    for privilege in _listed(fields.get("privileges")):
        _add_privilege(rules, privilege)
    members = []
    for entry in _listed(fields.get("membership")):
        resource, predicate = entry.get("resource"), entry.get("predicate")
        if type(resource) is Ref:
            members.append(Membership(resource, predicate if type(predicate) is Lambda else None))
    return RoleConfig(rules, tuple(members))


def _listed(value: Any) -> list[Any]:
    elements = value if type(value) is list else [value]
    return [element for element in elements if type(element) is dict]


def _add_privilege(rules: dict[tuple[Ref, str], tuple[Rule, ...]], privilege: Mapping[str, Any]) -> None:
    resource, actions = privilege.get("resource"), privilege.get("actions")
    if type(resource) is not Ref or type(actions) is not dict:
        return
    for action in ACTIONS:
        rule = actions.get(action)
        if rule is True or type(rule) is Lambda:
            rules[resource, action] = (*rules.get((resource, action), ()), rule)


def merge(configs: Iterable[RoleConfig]) -> dict[tuple[Ref, str], tuple[Rule, ...]]:
    """The rules of several roles together; an unconditional grant comes alone."""
    merged: dict[tuple[Ref, str], tuple[Rule, ...]] = {}
    for config in configs:
        for place, rules in config.rules.items():
            merged[place] = (*merged.get(place, ()), *rules)
    return {place: (True,) if True in rules else rules for place, rules in merged.items()}


def holds(ctx: Context, predicate: Lambda, argument: Any, scope: int) -> bool:
    """Whether a predicate returns exactly true.

    It runs in the request's own transaction, read-only, with the permissions of `permissions.PredicatePermissions`,
    under the API version it was written in, at the present (for streams at the time of the event, see
    `PREDICATE_TIME`). Its errors are swallowed, except those about limits of the whole request (time, compute).
    """
    at = ctx.at
    ctx.at = ctx.cache.get(PREDICATE_TIME)
    try:
        with ctx.restricted(
            perms=PredicatePermissions(scope), effect=READ, reason=REASON, version=predicate.version
        ):
            return apply(ctx, predicate, argument, None) is True
    except (QueryErrors, Fault, Faults):
        return False
    except RequestError as error:
        if error.description.startswith("Requested timestamp"):
            return False
        raise
    finally:
        ctx.at = at


def granted(ctx: Context, rules: Iterable[Rule], scope: int, argument: Callable[[Lambda], Any]) -> bool:
    """Whether one of the rules grants. argument: gives a predicate's argument, which may depend on its arity."""
    for rule in rules:
        if rule is True:
            return True
        if type(rule) is Lambda and holds(ctx, rule, argument(rule), scope):
            return True
    return False


def named_in(value: Any) -> list[Union[str, Ref]]:
    """The roles in a ``role`` field: names and refs, one or several."""
    elements = value if type(value) is list else [value]
    return [element for element in elements if type(element) in (str, Ref)]


def resolve(schema: Schema, scope: int, value: Any) -> list[Ref]:
    """The live roles of a database that a ``role`` field names, each once; others are left out."""
    found: list[Ref] = []
    for element in named_in(value):
        ref = _role_named(schema, scope, element) if type(element) is str else element
        if type(ref) is Ref and ref not in found and schema.role(ref) is not None:
            found.append(ref)
    return found


def _role_named(schema: Schema, scope: int, name: str) -> Optional[Ref]:
    ref: Optional[Ref] = schema.lookup(scope, ROLES, name)
    return ref


def candidates(schema: Schema, scope: int, collection: Ref) -> list[tuple[Ref, tuple[Optional[Lambda], ...]]]:
    """Roles with membership entries for a collection, with the predicates of these entries."""
    found = []
    for ref in schema.roles(scope):
        config = schema.role(ref)
        if config is None:
            continue
        predicates = tuple(entry.predicate for entry in config.membership if entry.resource == collection)
        if predicates:
            found.append((ref, predicates))
    return found


def applying(ctx: Context, document: Ref) -> list[Ref]:
    """The roles whose membership holds for a document. ctx: that of the database the roles are in."""
    collection = Ref(document.scope, COLLECTIONS, document.coll)
    found = []
    for ref, predicates in candidates(ctx.schema, document.scope, collection):
        if any(each is None or holds(ctx, each, document, document.scope) for each in predicates):
            found.append(ref)
    return found
