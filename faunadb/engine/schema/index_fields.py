"""The ``source``, ``terms`` and ``values`` of indexes (writes and schema, "Indexes").

Failures of terms and sources carry paths relative to the term or source object.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Optional

from ..language import lambdas
from ..language import values as v
from ..language.errors import Failure
from ..language.registry import PURE
from .fields import BOOLEAN, STRING, Check, FieldPath, invalid_type, required

#: Every user collection, present and future.
WILDCARD = "_"

_SOURCE_FIELD = ("source",)
_CLASS_FIELD = ("class",)


def _is_collection(value: Any) -> bool:
    return type(value) is v.Ref and value.coll == v.COLLECTIONS


def _check_databases(check: Check, targets: list[Any]) -> None:
    if any(_is_collection(target) and target.id == v.DATABASES for target in targets):
        check.fail(Failure(_SOURCE_FIELD, "invalid reference", "Cannot read reference."))


def source(check: Check, value: Any, at: FieldPath) -> Any:
    """The field ``source``: a collection, ``"_"``, a source object, or an array of these. ``class`` is stored as
    ``collection``."""
    if type(value) is list:
        return [_entry(check, entry) for entry in value]
    return _entry(check, value)


def is_source(check: Check, fields: dict[str, Any]) -> bool:
    """Whether ``source`` is of the right type."""
    alone = Check(check.ctx)
    source(alone, fields.get("source"), _SOURCE_FIELD)
    return not alone.failures


def _entry(check: Check, value: Any) -> Any:
    if type(value) is dict:
        return _source_object(check, value)
    if _is_collection(value):
        _check_databases(check, [value])
    elif value != WILDCARD:
        check.fail(invalid_type(_SOURCE_FIELD, value, "SourceClass"))
    return value


def _is_target(value: Any) -> bool:
    """A collection, an array of them, or the wildcard."""
    if type(value) is list:
        return all(map(_is_collection, value))
    return _is_collection(value) or (type(value) is str and value == WILDCARD)


def _source_object(check: Check, value: dict[str, Any]) -> dict[str, Any]:
    given, alias = value.get("class"), value.get("collection")
    target = given if _is_target(given) else alias
    if not _is_target(target):
        _target_failure(check, given)
        return {}
    _check_databases(check, target if type(target) is list else [target])
    result: dict[str, Any] = {"collection": target}
    fields = value.get("fields")
    if fields is not None:
        result["fields"] = _bindings(check, fields)
    return result


def _target_failure(check: Check, given: Any) -> None:
    if given is None:
        check.fail(required(_CLASS_FIELD))
    elif type(given) is list:
        wrong = next(each for each in given if not _is_collection(each))
        check.fail(invalid_type(_CLASS_FIELD, wrong, "Class Ref"))
    else:
        check.fail(invalid_type(_CLASS_FIELD, given, "SourceClass"))


def _bindings(check: Check, fields: Any) -> Any:
    if type(fields) is not dict:
        check.fail(invalid_type(("fields",), fields, "Map"))
        return {}
    for name, fn in fields.items():
        if type(fn) is not v.Lambda:
            check.fail(invalid_type(("fields", name), fn, "Query"))
    return fields


def entries(value: Any) -> list[Any]:
    """The entries of a field that holds one source, term or value, or an array of them."""
    if value is None:
        return []
    return value if type(value) is list else [value]


# ---- the source as a whole ----


def _targets(entry: Any) -> list[Any]:
    target = entry.get("class", entry.get("collection")) if type(entry) is dict else entry
    return target if type(target) is list else [target]


def check_source(check: Check, fields: dict[str, Any]) -> None:
    """Add failures of the source as a whole: collections named twice, wildcards beside refs, and bindings that are not
    pure, do not have one parameter, or are not used."""
    given = entries(fields.get("source"))
    targets = [target for entry in given for target in _targets(entry)]
    refs = [target for target in targets if type(target) is v.Ref]
    wildcards = sum(1 for target in targets if type(target) is str)
    bound = any(type(entry) is dict and entry.get("fields") for entry in given)
    if wildcards > 1 and bound:
        check.fail(Failure(_SOURCE_FIELD, "multiple wildcards", "Too many wildcards."))
    if len(set(refs)) < len(refs):
        text = "A collection ref may only match one binding."
        check.fail(Failure(_SOURCE_FIELD, "multiple bindings", text))
    if wildcards and len(given) > 1 and not bound:
        text = "Cannot mix collection refs and wildcards without providing bindings."
        check.fail(Failure(_SOURCE_FIELD, "mixed wildcards", text))
    _check_bindings(check, given, _used(fields))


def _used(fields: dict[str, Any]) -> set[str]:
    """Names of the bindings that terms and values use."""
    components = entries(fields.get("terms")) + entries(fields.get("values"))
    names = (each.get("binding") for each in components if type(each) is dict)
    return {name for name in names if type(name) is str}


def _lambdas(given: list[Any]) -> Iterator[tuple[FieldPath, str, v.Lambda]]:
    for number, entry in enumerate(given):
        fields = entry.get("fields") if type(entry) is dict else None
        if type(fields) is not dict:
            continue
        for place, (name, fn) in enumerate(fields.items()):
            if type(fn) is v.Lambda:
                yield ("source", str(number), "fields", str(place), name), name, fn


def _check_bindings(check: Check, given: list[Any], used: set[str]) -> None:
    for at, name, fn in _lambdas(given):
        unary = fn.arity is None or fn.arity == 1
        if not unary or lambdas.static_effect(check.ctx, fn) != PURE:
            check.fail(Failure(at, "invalid binding", "Field binding must be a pure unary function."))
        if name not in used:
            check.fail(Failure(at, "unused binding", "Source binding is not used as a term or value."))


# ---- terms and values ----


def terms(check: Check, value: Any, at: FieldPath) -> Any:
    """The fields ``terms`` and ``values``: an object, or an array of them; unknown members are dropped."""
    if type(value) is list:
        return [_term(check, each, at) for each in value]
    return _term(check, value, at)


_TERM_MEMBERS = ("field", "binding", "reverse", "mva", "transform")


def _term(check: Check, value: Any, at: FieldPath) -> Any:
    if type(value) is not dict:
        check.fail(invalid_type(at, value, "Term"))
        return value
    result = {key: member for key, member in value.items() if key in _TERM_MEMBERS}
    if "binding" in result:
        STRING(check, result["binding"], ("binding",))
    else:
        _field(check, result.get("field"))
    for option in ("reverse", "mva"):
        if option in result:
            BOOLEAN(check, result[option], (option,))
    if "transform" in result:
        _transform(check, result["transform"])
    return result


def _field(check: Check, value: Any) -> None:
    if value is None:
        text = "Must provide one of the following: field, binding"
        check.fail(Failure(("field",), "value required", text))
        return
    for step in value if type(value) is list else [value]:
        if type(step) not in (str, int):
            check.fail(invalid_type(("field",), step, "Long or String"))


def _transform(check: Check, value: Any) -> None:
    if type(value) is not str:
        check.fail(invalid_type(("transform",), value, "String"))
    elif value != "casefold":
        check.fail(Failure(("transform",), "invalid value", f"Invalid value `{value}` at `transform`"))


def partitions(check: Check, value: Any, at: FieldPath) -> Any:
    if type(value) is not int:
        check.fail(invalid_type(at, value, "Long"))
    return value


def check_partitions(check: Check, value: Optional[Any]) -> None:
    if type(value) is int and not 1 <= value <= 8:
        text = f"Value {value} is not in expected range 1 to 8."
        check.fail(Failure(("partitions",), "bounds error", text))


def default_partitions(fields: dict[str, Any]) -> int:
    """8 for an index without terms, or whose one term is the collection; else 1."""
    given = entries(fields.get("terms"))
    if not given or (len(given) == 1 and given[0].get("field") in (["class"], "class")):
        return 8
    return 1
