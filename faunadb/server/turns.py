"""Answers on the event loop: those of one turn of the loop are read from one snapshot."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any, Optional, Union

from ..engine.request import QUICK_SECONDS, NotQuick
from ..engine.storage.errors import StoreError
from ..engine.wire import usual
from ..engine.wire.headers import Options
from ..engine.wire.http import handle_quickly
from ..engine.wire.messages import HttpRequest, HttpResponse
from .asgi import Headers, Message, request_of

#: Queries longer than this many bytes are not tried on the event loop.
QUICK_BODY = 16 * 1024


class Turns:
    """The turns of one event loop. Used in its thread only."""

    def __init__(self) -> None:
        self._snapshot: Any = None

    def answer_usually(
        self,
        engine: Any,
        scope: Message,
        headers: Headers,
        body: bytes,
        options: Options,
        authorization: str,
        name: bytes,
    ) -> Union[usual.Answer, usual.Write, None]:
        """The answer to a usual query, if working it out takes less than handing it to a thread would; the query itself if it
        writes; else None.

        name: the name under which the secret is trusted (`Authenticator.trusted_name`).
        """
        if not 0 < len(body) <= QUICK_BODY or not engine.is_quick:
            return None
        if not engine.authenticator.knows(authorization, name):
            return None  # finding out may take long: predicates of roles, signatures
        if b"x-last-seen-txn" in headers:
            since = usual.after(options, headers[b"x-last-seen-txn"].decode("latin-1"))
            if since is None:
                return None
            options = since
        trace = headers[b"traceparent"].decode("latin-1") if b"traceparent" in headers else None
        asked = authorization, name, body, options, trace, partial(request_of, scope, headers, body)
        if body.startswith(usual.write_prefixes()):
            return usual.Write(asked)
        try:
            return usual.answer(engine, self._snapshot or self._pin(engine), asked)
        except (NotQuick, StoreError):
            return None

    def answer_query(
        self, engine: Any, request: HttpRequest, name: Optional[bytes] = None
    ) -> Optional[HttpResponse]:
        """As `answer_usually`, to any ``POST /``."""
        if not engine.is_quick or len(request.body) > QUICK_BODY:
            return None
        header = request.headers.get("authorization")
        if header and not engine.authenticator.knows(header, name):
            return None
        try:
            return handle_quickly(engine, request, self._snapshot or self._pin(engine))
        except (NotQuick, StoreError):
            return None

    def _pin(self, engine: Any) -> Any:
        """Open a snapshot for this turn."""
        # Closing it is queued before it is opened: so whatever the loop runs until then came before the snapshot, and need
        # not see anything newer.
        asyncio.get_running_loop().call_soon(self._unpin)
        self._snapshot = engine.store.snapshot(deadline=time.monotonic() + QUICK_SECONDS)
        return self._snapshot

    def _unpin(self) -> None:
        snapshot, self._snapshot = self._snapshot, None
        if snapshot is not None:
            snapshot.close()
