"""The usual request, answered with little ado: a query by ``POST /`` of which no header asks for anything special.

Its answer is the one that `http.handle` gives, to which everything less usual is left.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Optional

from ..auth.jwks import KeysNeeded
from ..language.errors import RequestError
from ..request import QUICK_SECONDS, NotQuick, Request
from .exchange import BUILD, CONTENT, Exchange, in_milliseconds, is_for_people
from .headers import metric_headers, read_options, traceparent
from .messages import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from ..engine import Engine
    from ..storage import Snapshot

#: Headers that change more than what is read or how long that may take.
_SPECIAL = frozenset(("origin", "transfer-encoding", "x-fauna-tags", "x-faunadb-formatted-json", "x-trace"))


def answer(engine: Engine, request: HttpRequest, snapshot: Snapshot, secret: bytes) -> Optional[HttpResponse]:
    """The answer to a request from a snapshot; None when it is not usual.

    secret: the `Authenticator.trusted_name` of its authorization. Raises `NotQuick`, `KeysNeeded`.
    """
    headers, source = request.headers, request.body
    if not source or request.path != "/" or request.method != "POST" or not _SPECIAL.isdisjoint(headers):
        return None
    if is_for_people(headers):
        return None
    started = time.monotonic()
    try:
        options = read_options(headers)
    except RequestError:
        return None
    if options.last_seen > snapshot.time:
        raise NotQuick
    name = engine.answers.name_of(secret, options.version, source)
    outcome = engine.answers.look_up(name, snapshot)
    if outcome is None:
        deadline = started + min(QUICK_SECONDS, options.timeout / 1000)
        asked = Request(
            headers["authorization"],
            source,
            options.version,
            deadline,
            options.last_seen,
            options.retries,
            snapshot=snapshot,
            secret=secret,
            name=name,
        )
        try:
            outcome = engine.run(asked)
        except (NotQuick, KeysNeeded):
            raise
        except Exception as failure:
            exchange = Exchange(engine, request, snapshot)
            exchange.started = started
            exchange.options = options
            return exchange.answer_to(failure)
    body = outcome.text.encode("utf-8", "replace")
    sent = [
        CONTENT,
        (b"x-txn-time", b"%d" % snapshot.time),
        (b"x-query-time", b"%d" % in_milliseconds(started)),
        *metric_headers(len(source), len(body), outcome.metrics),
        BUILD,
        (b"traceparent", traceparent(headers.get("traceparent"))),
    ]
    return HttpResponse(outcome.status, lambda _: sent, body, None, snapshot.time)
