"""What the dashboard's pages ask the server for besides queries: FQL text to wire JSON and back, progress of builds.

Each takes a secret that is valid here, as queries do, and at most `MAX_TEXT` bytes.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Callable, Optional

from ..engine.background.building import progress
from ..engine.indexes.internal import BUILDING_FIELD
from ..engine.language import values as v
from ..engine.language.context import Context
from ..engine.request import Unauthenticated
from ..engine.schema.view import schema_view
from ..engine.wire.exchange import Exchange
from ..engine.wire.messages import HttpResponse
from ..fql.errors import FqlSyntaxError
from ..fql.render import JAVASCRIPT, PYTHON, render_query
from ..fql.texts import parse_text
from .pages import json_response

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..engine.wire.messages import HttpRequest
    from ..fql.javascript import Query

__all__ = ["MAX_TEXT", "service"]

#: Bytes of a text or a query that is translated.
MAX_TEXT = 64 * 1024
#: Steps of all paths to the places in a text: each is as long as its place is deep.
MAX_PLACES = 500_000


def service(engine: Engine, request: HttpRequest) -> Optional[HttpResponse]:
    """Answer a POST for a path below ``/dashboard/``; None when there is no such service."""
    work = _SERVICES.get(request.path[len("/dashboard/") :])
    if work is None or request.method != "POST":
        return None
    if len(request.body) > MAX_TEXT:
        return json_response(413, {"error": f"The text is longer than {MAX_TEXT >> 10} kB."})
    exchange = Exchange(engine, request)
    try:
        exchange.authenticate()
    except Unauthenticated as refused:
        return exchange.unauthorized(refused.time)
    return work(engine, request)


def _translate(engine: Engine, request: HttpRequest) -> HttpResponse:
    """FQL text (JavaScript or Python style) to wire JSON: ``{"queries": [{"wire": ..., "spans": [...]}]}``.

    A span is ``[path, start, end]``: where the part of the query at a path stands in the text. Offsets count UTF-16
    units, as browsers do. A text that cannot be read is 400 with ``message``, ``start``, ``end`` and the whole ``error``.
    """
    try:
        text = request.body.decode("utf-8")
        queries = parse_text(text)
    except UnicodeDecodeError:
        return json_response(400, {"error": "The text is not UTF-8."})
    except FqlSyntaxError as failure:
        offset = _offsets(failure.text)
        place = {"start": offset(failure.start), "end": offset(min(failure.end, len(failure.text)))}
        return json_response(400, {"error": str(failure), "message": failure.message, **place})
    except RecursionError:
        return json_response(400, {"error": "The text is nested too deeply."})
    if sum(len(path) for query in queries for path in query.spans) > MAX_PLACES:
        return json_response(400, {"error": "The text is nested too deeply."})
    offset = _offsets(text)
    return json_response(
        200, {"queries": [{"wire": query.wire, "spans": _spans(query, offset)} for query in queries]}
    )


def _spans(query: Query, offset: Callable[[int], int]) -> list[Any]:
    return [[list(path), offset(start), offset(end)] for path, (start, end) in query.spans.items()]


def _offsets(text: str) -> Callable[[int], int]:
    """Offsets in characters to offsets in UTF-16 units."""
    wide = [index for index, char in enumerate(text) if ord(char) > 0xFFFF]
    return lambda offset: offset + bisect_left(wide, offset)


def _render(engine: Engine, request: HttpRequest) -> HttpResponse:
    """Wire JSON to FQL text in both styles: ``{"javascript": ..., "python": ...}``."""
    try:
        wire = json.loads(request.body)
        styles = {"javascript": JAVASCRIPT, "python": PYTHON}
        return json_response(200, {name: render_query(wire, style) for name, style in styles.items()})
    except ValueError:
        return json_response(400, {"error": "The query is not JSON."})
    except RecursionError:
        return json_response(400, {"error": "The query is nested too deeply."})


def _builds(engine: Engine, request: HttpRequest) -> HttpResponse:
    """How far unfinished indexes are: ``{"builds": {NAME: {"done": documents, "total": documents or null}}}``."""
    found = {}
    with engine.store.snapshot() as snap:
        schema = schema_view(engine, snap)
        auth = engine.authenticate(snap, schema, request.headers.get("authorization"))
        ctx = Context(engine, snap, schema, auth)
        for ref in schema.items(auth.scope, v.INDEXES):
            index, item = schema.index(ref), schema.item(ref)
            if index is None or item is None or item.fields.get(BUILDING_FIELD) is not True:
                continue
            if ctx.perms.can_read(ctx, ref):
                found[index.name] = progress(ctx, index)._asdict()
    return json_response(200, {"builds": found})


_SERVICES: dict[str, Callable[[Engine, HttpRequest], HttpResponse]] = {
    "translate": _translate,
    "render": _render,
    "builds": _builds,
}
