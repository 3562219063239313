"""Literals of the wire: the escapes ``@ref``, ``@ts``, ``@set`` and the like (evaluation rules, "Escapes")."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from typing import Any, NoReturn

from ..java.times import parse_date, parse_time_literal
from . import refs
from . import values as v
from .callbacks import FilterNode, JoinNode
from .errors import (
    Fault,
    Position,
    QueryErrors,
    RequestError,
    as_parse_errors,
    invalid_expression,
    parse_error,
    type_expected,
)
from .nodes import Const
from .parser import ESCAPES, STORED_REF, Parser, literal


def _time(parser: Parser, content: Any, position: Position) -> Any:
    value = parse_time_literal(content) if type(content) is str else None
    if value is None:
        raise parse_error("Invalid time.", position)
    return value


def _date(parser: Parser, content: Any, position: Position) -> Any:
    value = parse_date(content) if type(content) is str else None
    if value is None:
        raise parse_error("Invalid date.", position)
    return value


_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")


def _bytes(parser: Parser, content: Any, position: Position) -> bytes:
    if type(content) is not str:
        raise parse_error("Invalid bytes.", position)
    text = content.replace("-", "+").replace("_", "/")
    bare = text.rstrip("=")
    if not _BASE64.fullmatch(text) or len(bare) % 4 == 1:
        raise RequestError(500, "internal server error", "Malformed base64 in @bytes.")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4))
    except binascii.Error:
        raise RequestError(500, "internal server error", "Malformed base64 in @bytes.") from None


_UUID = r"[0-9a-fA-F]{1,8}-[0-9a-fA-F]{1,4}-[0-9a-fA-F]{1,4}-[0-9a-fA-F]{1,4}-[0-9a-fA-F]{1,12}"


def _uuid(parser: Parser, content: Any, position: Position) -> uuid.UUID:
    if type(content) is not str or not re.fullmatch(_UUID, content):
        raise parse_error("Invalid UUID.", position)
    groups = [part.rjust(width, "0") for part, width in zip(content.split("-"), (8, 4, 4, 4, 12))]
    return uuid.UUID("".join(groups))


def _query(parser: Parser, content: Any, position: Position) -> v.Lambda:
    return parser.lambda_literal(content, position, "2.12")


# Refs


def _ref(parser: Parser, content: Any, position: Position) -> Any:
    if type(content) is str:
        parser.reusable = False  # it may end in "self", which depends on the caller
        found = refs.parse_path(parser.ctx, content)
        if found is None:
            raise parse_error("Invalid ref.", position)
        return found
    if type(content) is not dict:
        raise parse_error("Invalid ref.", position)
    return ref_object(parser, content, position)


def _stored_ref(parser: Parser, content: Any, position: Position) -> v.Ref:
    collection, number, *database = content
    scope = database[0] if database else parser.ctx.scope
    return v.Ref(scope, int(collection), int(number))


_REF_KEYS = (frozenset(("id",)), frozenset(("id", "collection")), frozenset(("id", "database")))
_REF_KEYS_FULL = frozenset(("id", "collection", "database"))


def ref_object(parser: Parser, content: dict[str, Any], position: Position) -> Any:
    """The ref of an object inside ``@ref``, which may also be another ``@ref``. Raises `QueryErrors`."""
    if len(content) == 1 and "@ref" in content:
        inner = content["@ref"]
        if type(inner) is not dict:
            return _ref(parser, inner, position)
        return ref_object(parser, inner, position)
    keys = frozenset("collection" if key == "class" else key for key in content)
    if len(keys) != len(content) or (keys not in _REF_KEYS and keys != _REF_KEYS_FULL):
        raise type_expected("Ref", content, position)
    ref_id = content["id"]
    if type(ref_id) is not str and type(ref_id) is not int:
        raise type_expected("String or Integer", ref_id, (position, "id"))
    collection = _nested(parser, content.get("collection", content.get("class")), (position, "class"))
    database = _nested(parser, content.get("database"), (position, "database"))
    _check_kind(collection, v.COLLECTIONS, "collection", "Collection Ref", (position, "class"))
    _check_kind(database, v.DATABASES, "database", "Database Ref", (position, "database"))
    try:
        return _assemble(parser, ref_id, collection, database, position)
    except Fault as fault:
        raise as_parse_errors(QueryErrors([fault.located(position)])) from None


def _nested(parser: Parser, source: Any, position: Position) -> Any:
    if source is None:
        return None
    if type(source) is v.Ref:
        return source
    if type(source) is not dict:
        raise type_expected("Ref", source, position)
    if parser.stored and STORED_REF in source:
        return _stored_ref(parser, source[STORED_REF], position)
    return ref_object(parser, source, position)


def _check_kind(ref: Any, collection: int, kind: str, expected: str, position: Position) -> None:
    if ref is None:
        return
    fits = ref.coll == collection if type(ref) is v.Ref else ref.kind == kind and ref.type_name == expected
    if not fits:
        raise type_expected(expected, ref, position)


def _assemble(parser: Parser, ref_id: Any, collection: Any, database: Any, position: Position) -> Any:
    ctx = parser.ctx
    if collection is None:
        if type(ref_id) is int:
            raise invalid_expression("String expected, Number provided.", "id")
        number = v.NATIVE_IDS.get(ref_id)
        if number is None:
            raise invalid_expression(f"Valid native collection name expected, '{ref_id}' provided.", "id")
        return refs.native(ctx, number, database)
    native = _native_number(collection)
    if native in v.NAMED_NATIVES and type(ref_id) is str:
        return _named(parser, native, ref_id, collection, database)
    if database is not None and not (native == v.KEYS and type(ref_id) is int):
        raise invalid_expression("Null expected, Database Ref provided.", "database")
    if native in v.NAMED_NATIVES:
        raise invalid_expression("String expected, Number provided.", "id")
    if ref_id == "self":
        return _self(parser, collection, position)
    if database is not None:
        collection = refs.native(ctx, v.KEYS, database)
    return refs.document(collection, refs.document_id(ref_id, "id"))


def _native_number(collection: Any) -> Any:
    """The number of the native collection that a (possibly unresolved) ref is of; None for other refs."""
    if type(collection) is v.Ref:
        return collection.id if collection.is_native_collection else None
    if "collection" in collection.wire:
        return None
    return v.NATIVE_IDS.get(collection.name)


def _named(parser: Parser, native: int, name: str, collection: Any, database: Any) -> Any:
    ctx = parser.ctx
    if database is None and type(collection) is v.UnresolvedRef:
        database = collection.wire.get("database")
    if database is None and type(collection) is v.Ref and collection.scope != ctx.scope:
        info = ctx.schema.database(collection.scope)
        database = info.ref if info is not None else None
    return refs.named(ctx, native, name, database)


def _self(parser: Parser, collection: Any, position: Position) -> v.Ref:
    parser.reusable = False
    found = refs.self_ref(parser.ctx, collection) if type(collection) is v.Ref else None
    if found is None:
        raise parse_error("Invalid ref.", position)
    return found


# Sets

_SET_KEYS = {
    frozenset(keys)
    for keys in (
        ("match",),
        ("match", "terms"),
        ("match", "index"),
        ("singleton",),
        ("events",),
        ("documents",),
        ("union",),
        ("intersection",),
        ("difference",),
        ("distinct",),
        ("reverse",),
        ("range", "from", "to"),
        ("join", "with"),
        ("filter", "collection"),
    )
}


def _set(parser: Parser, content: Any, position: Position) -> Any:
    if type(content) is not dict or frozenset(content) not in _SET_KEYS:
        raise parse_error("Invalid set.", position)
    try:
        return _build_set(parser, content, position)
    except QueryErrors as failure:
        raise as_parse_errors(failure) from None


def _build_set(parser: Parser, content: dict[str, Any], position: Position) -> Any:
    """Evaluate the form of the same name with the literal arguments."""
    parser.reusable = False  # what is evaluated here may depend on the caller
    ctx = parser.ctx
    content = {key: _unescaped(item) if key in _SET_MEMBERS else item for key, item in content.items()}
    if "filter" in content:
        source = Const(
            literal(parser, content["collection"], (position, "collection")), (position, "collection")
        )
        fn = parser.lambda_literal(content["filter"], (position, "filter"), parser.version)
        return FilterNode.of_value(source, fn, position).eval(ctx, {})
    if "join" in content:
        source = Const(literal(parser, content["join"], (position, "join")), (position, "join"))
        target = _join_target(parser, content["with"], (position, "with"))
        return JoinNode(source, Const(target, (position, "with")), None, position).eval(ctx, {})
    members = dict(content)
    if "events" in members and type(members["events"]) is dict and frozenset(members["events"]) in _SET_KEYS:
        members["events"] = {"@set": members["events"]}  # printed without its own wrapper
    arguments = {key: literal(parser, item, (position, key)) for key, item in members.items()}
    name = next(iter(content))
    if name in ("union", "intersection", "difference"):
        _refuse_plain_arrays(arguments[name], name, position)
    elif name in ("distinct", "reverse"):
        _refuse_plain_arrays([arguments[name]], name, position)
    return parser.form_of_values(arguments, position).eval(ctx, {})


#: Arguments of set literals whose values are sets.
_SET_MEMBERS = frozenset(
    ("union", "intersection", "difference", "distinct", "reverse", "range", "join", "collection", "events")
)


def _unescaped(source: Any) -> Any:
    """An inner set without ``@obj``. Stored sets are rendered with it, ``{"@obj": {"@set": ...}}``, and come back so."""
    if type(source) is list:
        return list(map(_unescaped, source))
    inner = source.get("@obj") if type(source) is dict and len(source) == 1 else None
    return inner if type(inner) is dict and tuple(inner) == ("@set",) else source


def _refuse_plain_arrays(members: Any, name: str, position: Position) -> None:
    if type(members) is list and any(type(member) is list for member in members):
        raise parse_error("Set expected, Array provided.", (position, name))


def _join_target(parser: Parser, source: Any, position: Position) -> Any:
    """A lambda, or an index ref, as a join with an index is rendered."""
    if type(source) is dict and len(source) == 1 and ("@ref" in source or STORED_REF in source):
        target = literal(parser, source, position)
        if type(target) is v.Ref and target.coll == v.INDEXES:
            return target
        raise parse_error("Invalid lambda.", position)
    return parser.lambda_literal(source, position, parser.version)


def _not_here(parser: Parser, content: Any, position: Position) -> NoReturn:
    raise parse_error("Invalid object.", position)


ESCAPES.update(
    {
        "@obj": _not_here,
        "@ref": _ref,
        "@set": _set,
        "@ts": _time,
        "@date": _date,
        "@bytes": _bytes,
        "@uuid": _uuid,
        "@query": _query,
        STORED_REF: _stored_ref,
    }
)
