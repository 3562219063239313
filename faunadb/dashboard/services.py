"""What the dashboard's pages need of the server besides queries: translating FQL text to wire JSON and back, the progress
of index builds, and many streams in one answer.

Like queries, each service requires a valid secret. `_SERVICES` has the limit on the body of each.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Callable, Optional

from ..engine.background.building import progress
from ..engine.indexes.internal import BUILDING_FIELD
from ..engine.language import deep, reader
from ..engine.language import values as v
from ..engine.language.context import Context
from ..engine.language.errors import QueryErrors, RequestError
from ..engine.request import Failed, Unauthenticated
from ..engine.schema.view import schema_view
from ..engine.wire.exchange import Exchange
from ..engine.wire.headers import read_options
from ..engine.wire.messages import HttpResponse
from ..engine.wire.streams import fields_asked_for, streamed
from ..fql.errors import FqlSyntaxError
from ..fql.render import JAVASCRIPT, PYTHON, render_query
from ..fql.texts import parse_text
from .pages import json_response

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..engine.wire.messages import HttpRequest
    from ..fql.javascript import Query

__all__ = ["MAX_TEXT", "service"]

#: Limit on the bytes of a text or query to translate.
MAX_TEXT = 64 * 1024
#: Limits on the streams of one answer, and on the bytes of their expressions.
MAX_STREAMS = 1024
MAX_EXPRESSIONS = 256 * 1024
#: Limit on the length of all paths of a text's spans together, since each path is as long as its span is deep.
MAX_PLACES = 500_000


def service(engine: Engine, request: HttpRequest) -> Optional[HttpResponse]:
    """Answer a POST for a path below ``/dashboard/``; None when there is no such service."""
    found = _SERVICES.get(request.path[len("/dashboard/") :])
    if found is None or request.method != "POST":
        return None
    limit, work = found
    if len(request.body) > limit:
        return json_response(413, {"error": f"The text is longer than {limit >> 10} kB."})
    exchange = Exchange(engine, request)
    try:
        exchange.authenticate()
    except Unauthenticated as refused:
        return exchange.unauthorized(refused.time)
    return work(exchange)


def _translate(exchange: Exchange) -> HttpResponse:
    """FQL text (JavaScript or Python style) to wire JSON: ``{"queries": [{"wire": ..., "spans": [...]}]}``.

    A span ``[path, start, end]`` is the place in the text of the part of the query at a path. Offsets are in UTF-16 units,
    as in browsers. For a text that cannot be read the answer is 400 with ``message``, ``start``, ``end``, and ``error``,
    the whole message.
    """
    try:
        text = exchange.request.body.decode("utf-8")
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
    """A function from offsets in characters to offsets in UTF-16 units."""
    wide = [index for index, char in enumerate(text) if ord(char) > 0xFFFF]
    return lambda offset: offset + bisect_left(wide, offset)


def _render(exchange: Exchange) -> HttpResponse:
    """Wire JSON to FQL text in both styles: ``{"javascript": ..., "python": ...}``."""
    try:
        wire = json.loads(exchange.request.body)
        styles = {"javascript": JAVASCRIPT, "python": PYTHON}
        return json_response(200, {name: render_query(wire, style) for name, style in styles.items()})
    except ValueError:
        return json_response(400, {"error": "The query is not JSON."})
    except RecursionError:
        return json_response(400, {"error": "The query is nested too deeply."})


def _builds(exchange: Exchange) -> HttpResponse:
    """The progress of unfinished indexes: ``{"builds": {NAME: {"done": documents, "total": documents or null}}}``."""
    engine, found = exchange.engine, {}
    with engine.store.snapshot() as snap:
        schema = schema_view(engine, snap)
        auth = engine.authenticate(snap, schema, exchange.headers.get("authorization"))
        ctx = Context(engine, snap, schema, auth)
        for ref in schema.items(auth.scope, v.INDEXES):
            index, item = schema.index(ref), schema.item(ref)
            if index is None or item is None or item.fields.get(BUILDING_FIELD) is not True:
                continue
            if ctx.perms.can_read(ctx, ref):
                found[index.name] = progress(ctx, index)._asdict()
    return json_response(200, {"builds": found})


def _streams(exchange: Exchange) -> HttpResponse:
    """A stream for each of a JSON array of at most `MAX_STREAMS` expressions, all in one answer.

    That is because a browser opens only six connections to a server, and a table can have hundreds of documents. Events are
    those of ``/stream`` (with ``fields`` in the query string, too), with the number of their expression as the member
    ``stream``. For an expression that fails or cannot be streamed the error is sent as an event. The answer ends when all
    streams have ended.
    """
    try:
        exchange.options = read_options(exchange.headers)
        fields = fields_asked_for(exchange)
        try:
            expressions = deep.with_room(lambda: reader.read(exchange.request.body))
        except QueryErrors as errors:
            raise Failed(errors, exchange.now()) from None
        if not isinstance(expressions, list) or not 0 < len(expressions) <= MAX_STREAMS:
            return json_response(400, {"error": f"Expected an array of 1 to {MAX_STREAMS} expressions."})
        opened = exchange.engine.subscribe_together(exchange.query_request(None), expressions, fields)
    except (RequestError, Unauthenticated, Failed) as failure:
        return exchange.answer_to(failure)
    return streamed(exchange, opened)


_SERVICES: dict[str, tuple[int, Callable[[Exchange], HttpResponse]]] = {
    "translate": (MAX_TEXT, _translate),
    "render": (MAX_TEXT, _render),
    "builds": (MAX_TEXT, _builds),
    "streams": (MAX_EXPRESSIONS, _streams),
}
