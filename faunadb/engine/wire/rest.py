"""The old REST interface: refs as paths (wire protocol, "Legacy REST-by-ref paths"). Drivers never use it.

A request becomes the query it stands for: a collection is paginated (GET) or created in (POST); a document is got
(GET), created (POST), replaced (PUT), updated (PATCH) or deleted (DELETE); ``/events`` paginates events.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Optional

from ..language import deep, reader, refs
from ..language.errors import QueryErrors
from ..language.registry import READ
from ..language.values import UnresolvedRef
from ..request import Failed
from ..schema.view import schema_view
from .headers import parse_query_string

if TYPE_CHECKING:
    from ..storage import Snapshot
    from .exchange import Exchange
    from .messages import HttpResponse

#: Native collections whose documents have names, and those whose documents have ids.
_NAMED = ("databases", "classes", "collections", "indexes", "functions", "roles", "access_providers")
_NUMBERED = ("keys", "tokens", "credentials")
_NATIVES = "|".join(_NAMED + _NUMBERED)
_NAME = r"[;@+$\-_.!~%\w]+"
_PATH = (
    rf"/(?P<ref>(?P<native>{_NATIVES})(?:/(?P<name>{_NAME}))?(?:/(?P<id>[0-9]+|self))?)(?P<events>/events)?"
)
_RESERVED = frozenset(("self", "events", "_"))

COLLECTION_METHODS = "GET, POST"
DOCUMENT_METHODS = "GET, POST, PUT, PATCH, DELETE"


class _Target:
    """What a path names. path: the ref in path notation. many: it is a collection. events: its events are asked for."""

    def __init__(self, path: str, many: bool, events: bool):
        self.path = path
        self.many = many
        self.events = events

    @property
    def methods(self) -> str:
        if self.events:
            return "GET"
        return COLLECTION_METHODS if self.many else DOCUMENT_METHODS


def _target(path: str) -> Optional[_Target]:
    match = re.fullmatch(_PATH, path)
    if match is None:
        return None
    native, name, number = match["native"], match["name"], match["id"]
    events = match["events"] is not None
    if name is None:
        return _Target(match["ref"], True, events)
    if name == "events" and number is None and not events:
        return _Target(
            native, True, True
        )  # no document can have this name; it asks for the events of the collection
    if native in _NUMBERED:
        valid = number is None and re.fullmatch(r"[0-9]+|self", name) is not None
        return _Target(match["ref"], False, events) if valid else None
    if name in _RESERVED:
        return None
    user_collection = native in ("classes", "collections")
    if number is not None:
        return _Target(match["ref"], False, events) if user_collection else None
    return _Target(match["ref"], user_collection, events)


def answer(exchange: Exchange, path: str) -> HttpResponse:
    """Answer a request for a path that is not one of the fixed routes. Raises what `Exchange.run` raises."""
    target = _target(path)
    if target is None:
        return exchange.not_found()
    exchange.authenticate()
    method = exchange.request.method
    if method not in target.methods.split(", "):
        return exchange.not_allowed(target.methods)
    if not _exists(exchange, target):
        return exchange.not_found()
    source = _query(exchange, target, method)
    if method == "GET":
        return exchange.run(exchange.query_request(source, READ, "get requests"))
    return exchange.run(exchange.query_request(source))


def _exists(exchange: Exchange, target: _Target) -> bool:
    """Whether the ref resolves."""
    engine = exchange.engine

    def exists(snap: Snapshot) -> bool:
        schema = schema_view(engine, snap)
        auth = engine.authenticate(snap, schema, exchange.headers.get("authorization"))
        ctx = engine.context(exchange.query_request(None), snap, schema, auth)
        found = refs.parse_path(ctx, target.path)
        return found is not None and type(found) is not UnresolvedRef

    return engine.store.read(exists, exchange.options.last_seen, exchange.deadline())


def _query(exchange: Exchange, target: _Target, method: str) -> Any:
    ref = {"@ref": target.path}
    if method == "GET":
        return _read(exchange, target, ref)
    if method == "DELETE":
        return {"delete": ref}
    verb = {"POST": "create", "PUT": "replace", "PATCH": "update"}[method]
    body: Any = {}
    if exchange.body is not None:
        body = _json(exchange, exchange.body)
    return {verb: ref, "params": {"quote": body}}


def _read(exchange: Exchange, target: _Target, ref: Any) -> Any:
    if not (target.many or target.events):
        return {"get": ref}
    is_user_collection = target.path.startswith(("classes/", "collections/")) and target.many
    query: dict[str, Any] = {"paginate": {"documents": ref} if is_user_collection else ref}
    if target.events:
        query["events"] = True
    parameters = parse_query_string(exchange.request.query)
    if "size" in parameters:
        query["size"] = _json_or_text(parameters["size"])
    for side in ("before", "after"):
        if side in parameters:
            query[side] = _cursor(parameters[side])
            break
    return query


def _json(exchange: Exchange, body: bytes) -> Any:
    try:
        return deep.with_room(lambda: reader.read(body))
    except QueryErrors as errors:
        raise Failed(errors, exchange.time or exchange.now()) from None


def _json_or_text(text: str) -> Any:
    try:
        return deep.with_room(lambda: reader.read(text.encode("utf-8")))
    except QueryErrors:
        return text


def _cursor(text: str) -> Any:
    """The expression for a cursor: a JSON value, an integer (a timestamp, meaning ``{"ts": n}``), or a ref as a path."""
    value = _json_or_text(text)
    if type(value) is int:
        return {"quote": {"ts": value}}
    if type(value) is str:
        return {"@ref": value}
    return {"quote": value}
