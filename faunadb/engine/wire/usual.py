"""Answers the usual request, a query by ``POST /`` whose headers ask for nothing special, with less work than `http`.

The answer is the same as that of `http.handle`, which answers all other requests.
"""

from __future__ import annotations

import time
from functools import cache, lru_cache
from math import ceil
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from ..auth.jwks import KeysNeeded
from ..integers import int64
from ..language.errors import RequestError
from ..language.first_key import write_keys
from ..records import maker
from ..request import QUICK_SECONDS, Gathered, NotQuick, Outcome, Request, Writes
from .exchange import BUILD, CONTENT, Exchange, is_for_people
from .headers import Options, metric_headers, read_options, traceparent
from .messages import HttpRequest, RawHeaders

if TYPE_CHECKING:
    from ..engine import Engine
    from ..storage import Snapshot

#: Headers that change more of the answer than the options do.
_SPECIAL = ("origin", "transfer-encoding", "x-fauna-tags", "x-faunadb-formatted-json", "x-trace")
#: Headers that decide whether a request is usual, and what its options are (`options_of`).
DECIDING = (
    "user-agent",
    "x-faunadb-api-version",
    "x-query-timeout",
    "x-max-retries-on-contention",
    *_SPECIAL,
)


def options_of(headers: dict[str, str]) -> Optional[Options]:
    """The options in the headers of a usual request; None when they ask for anything else, or are malformed."""
    if any(name in headers for name in _SPECIAL) or is_for_people(headers):
        return None
    try:
        return read_options(headers)
    except RequestError:
        return None


#: A usual request as a plain tuple, which is made quickly: its authorization and the `Authenticator.trusted_name` of that; the
#: query's text, which is not empty; its options and its ``traceparent``; and what makes the whole request, for errors.
Asked = tuple[str, bytes, bytes, Options, Optional[str], Callable[[], HttpRequest]]
#: Status, headers and body.
Answer = tuple[int, RawHeaders, bytes]

_request, _options = maker(Request), maker(Options)
#: The defaults of effect_limit, effect_reason and writer, which a usual request has.
_PLAIN = Request(None, None)[6:9]


def after(options: Options, seen: str) -> Optional[Options]:
    """The options with the time in the text of ``x-last-seen-txn``; None when that is malformed."""
    last_seen = int64(seen)
    if last_seen is None:
        return None
    return _options((options.version, max(last_seen, 0), options.timeout, options.retries))  # type: ignore[no-any-return]


@cache
def write_prefixes() -> tuple[bytes, ...]:
    """How texts begin that ask for a form that writes, written as most drivers do.

    To be called when an engine is open: a server loads this module before the forms.
    """
    return tuple(b'{"%b"' % key for key in sorted(write_keys()))


class Write(Gathered):
    """A usual request whose query writes. known: see `Gathered`."""

    __slots__ = ("_options", "_started", "_trace", "_whole")

    def __init__(self, asked: Asked, known: Any = None) -> None:
        self._started = started = time.monotonic()
        authorization, secret, source, options, self._trace, self._whole = asked
        self._options = options
        version, last_seen, timeout, retries = options
        said = (authorization, source, version, started + timeout / 1000, last_seen, retries)
        super().__init__(_request((*said, *_PLAIN, None, secret, None)), known)

    def answer(self, engine: Engine) -> Optional[Answer]:
        """The answer with its result, which is not kept; None without one."""
        # An exception that is kept here and the frames of its traceback would keep each other, until the collector runs.
        result, self.result = self.result, None
        if result is None:
            return None
        if not isinstance(result, Exception):
            source, trace, started = self.request.source, self._trace, self._started
            try:
                return _outcome(result, result.time, result.text, source, trace, started)
            except Exception as failure:  # it is written, but cannot be told
                result = failure
        return _failure(engine, result, self._whole, self._options, self._started)


def answer(engine: Engine, snapshot: Snapshot, asked: Asked) -> Union[Answer, Write]:
    """The answer to a query from a snapshot, or the query itself if it writes. The headers are a list for the caller.

    Raises `NotQuick` and `KeysNeeded`.
    """
    started = time.monotonic()
    authorization, secret, source, options, trace, request = asked
    version, last_seen, timeout, retries = options
    if last_seen > snapshot.time:
        raise NotQuick
    answers = engine.answers
    name = answers.name_of(secret, version, source)
    outcome = None if name is None else answers.look_up(name, snapshot)
    if outcome is None:
        deadline = started + min(QUICK_SECONDS, timeout / 1000)
        try:
            said = (authorization, source, version, deadline, last_seen, retries)
            outcome = engine.run(_request((*said, *_PLAIN, snapshot, secret, name)))
        except Writes as writes:
            return Write(asked, writes.known)
        except (NotQuick, KeysNeeded):
            raise
        except Exception as failure:
            return _failure(engine, failure, request, options, started, snapshot)
    return _outcome(outcome, snapshot.time, answers.text_of(name, outcome), source, trace, started)


def _failure(
    engine: Engine,
    failure: Exception,
    request: Callable[[], HttpRequest],
    options: Options,
    started: float,
    snapshot: Optional[Snapshot] = None,
) -> Answer:
    exchange = Exchange(engine, request(), snapshot)
    exchange.started = started
    exchange.options = options
    response = exchange.answer_to(failure)
    return response.status, response.raw_headers, response.body


def _outcome(
    outcome: Outcome, told: int, text: str, source: bytes, trace: Optional[str], started: float
) -> Answer:
    """told: the time of the answer, in microseconds. text: that of its body."""
    status, _, _, metrics = outcome
    body = text.encode("utf-8", "replace")
    headers = [
        CONTENT,
        _txn_time(told),
        _query_time(ceil((time.monotonic() - started) * 1000)),
        *metric_headers(len(source), len(body), metrics),
        BUILD,
        (b"traceparent", traceparent(trace)),
    ]
    return status, headers, body


@lru_cache(16)
def _txn_time(time: int) -> tuple[bytes, bytes]:
    """The header with a snapshot's time, which is that of several answers."""
    return b"x-txn-time", b"%d" % time


@lru_cache(16)
def _query_time(milliseconds: int) -> tuple[bytes, bytes]:
    return b"x-query-time", b"%d" % milliseconds
