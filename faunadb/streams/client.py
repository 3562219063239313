"""The connection behind a subscription (wire protocol, streaming)."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from time import time
from typing import Any, Callable, Optional
from urllib.parse import urlencode

from requests.exceptions import ConnectionError
from requests.models import Response

from faunadb import _telemetry
from faunadb._json import parse_json_or_none, to_json
from faunadb._transport import txn_time_of
from faunadb.errors import FaunaError, UnexpectedError
from faunadb.query import _wrap
from faunadb.request_result import RequestResult
from faunadb.streams._buffer import EventBuffer
from faunadb.streams.errors import StreamError
from faunadb.streams.events import Error, Event, parse_stream_request_result_or_none

VALID_FIELDS = {"action", "document", "diff", "prev", "index"}

OnEvent = Callable[[Event, Optional[RequestResult]], Any]

_log = logging.getLogger("faunadb")
_PATH = "/stream"
# How many bytes to read at most at once.
_READ_SIZE = 64 * 1024


class Connection:
    """One stream: a request whose response does not end.

    It goes through the client's session, on a connection of its own.

    :param client: The :class:`~faunadb.client.FaunaClient`.
    :param expression: A reference, document or set.
    :param options: ``{"fields": [...]}``, an object with the attribute ``fields``, or ``None``.
    :raises ValueError: When a field is not one of :data:`VALID_FIELDS`.
    :raises TypeError: When ``options`` is neither, or ``fields`` not a list.
    """

    def __init__(self, client: Any, expression: Any, options: Optional[dict[str, Any]]) -> None:
        self._client = client
        self.options = options
        self._fields = _checked_fields(options)
        self.expression = _wrap(expression)
        self._data = to_json(self.expression)
        self.error: Optional[BaseException] = None
        self._lock = threading.Lock()
        self._state = "idle"
        self._connection: Any = None
        self._response: Optional[Response] = None

    @property
    def state(self) -> str:
        """``"idle"``, ``"connecting"``, ``"open"``, ``"ended"`` (by server or error) or ``"closed"``."""
        return self._state

    def subscribe(self, on_event: OnEvent) -> None:
        """Open the stream and hand over each event as it comes, until the stream ends or is closed.

        :param on_event: Called with the event and the :class:`~faunadb.request_result.RequestResult` it came
            in (``None`` for a failure on this side).
        :raises StreamError: When it was started before.
        """
        with self._lock:
            if self._state != "idle":
                raise StreamError("Stream subscription already started.")
            self._state = "connecting"
        error = self._run(on_event)
        if error is not None:
            on_event(Error(error), None)

    def close(self) -> None:
        """End the stream, from any thread: a reader that waits for the next event wakes up.

        :raises StreamError: When it was closed before.
        """
        with self._lock:
            if self._state == "closed":
                raise StreamError("Cannot close inactive stream subscription.")
            self._state = "closed"
            self._wake_reader()

    def _run(self, on_event: OnEvent) -> Optional[Exception]:
        """Run the stream to its end; return what went wrong, unless it was closed."""
        try:
            self._follow(self._open(), on_event)
        except Exception as error:
            if self._state == "closed":
                return None
            if isinstance(error, ConnectionError):
                error = self._client.explained(error)
            self.error = error
            _log.debug("Stream failed: %s", type(error).__name__)
            return error
        finally:
            self._release()
        return None

    def _open(self) -> Response:
        """Send the request and return the response as soon as its headers are there."""
        client = self._client
        path = _PATH if not self._fields else f"{_PATH}?{urlencode({'fields': ','.join(self._fields)})}"
        if client._closed:
            raise UnexpectedError("The client is closed.", None)
        headers = client._request_headers(with_txn_time=True)
        if _telemetry.add_traceparent is not None:
            _telemetry.add_traceparent(headers)
        prepared = client._prepare("POST", path, self._data, headers)
        # The adapter shows the connection before it waits for the response.
        prepared.watch_connection = self._watch
        response: Response = client.session.send(prepared, stream=True, timeout=client._timeout)
        self._client._note_txn_time(txn_time_of(response.headers))
        with self._lock:
            self._response = response
            if self._state == "connecting":
                self._state = "open"
        return response

    def _watch(self, connection: Any) -> None:
        self._connection = connection

    def _follow(self, response: Response, on_event: OnEvent) -> None:
        start_time = time()
        if response.status_code != 200:
            raw = response.content.decode("utf-8", "replace")
            self._deliver(response, raw, parse_json_or_none(raw), start_time, on_event)
            return
        # From now on there may be no event for hours.
        _wait_for_ever(_socket_of(response, self._connection))
        buffer = EventBuffer()
        for chunk in _chunks(response):
            for raw, content in buffer.feed(chunk):
                if self._state == "closed":
                    return
                self._deliver(response, raw, content, start_time, on_event)
        if buffer.has_rest and self._state != "closed":
            raise UnexpectedError("The stream ended within an event.", None)

    def _deliver(
        self, response: Response, raw: str, content: Any, start_time: float, on_event: OnEvent
    ) -> None:
        result = RequestResult(
            "POST",
            _PATH,
            {"fields": ",".join(self._fields)} if self._fields else None,
            self.expression,
            raw,
            content,
            response.status_code,
            response.headers,
            start_time,
            time(),
        )
        event = parse_stream_request_result_or_none(result)
        txn = getattr(event, "txn", None)
        if type(txn) is int:
            self._client.sync_last_txn_time(txn)
        if response.status_code != 200 and not isinstance(event, Error):
            event = Error(_refused_strangely(result))
        on_event(event, result)
        if self._client.observer is not None:
            self._client.observer(result)

    def _wake_reader(self) -> None:
        """Make the thread that waits for the network go on. Called with the lock held, when closed."""
        connection_socket = _socket_of(self._response, self._connection)
        if connection_socket is not None:
            try:
                # Not SSLSocket.shutdown, which would pull the TLS state from under the reader's feet.
                socket.socket.shutdown(connection_socket, socket.SHUT_RDWR)
            except OSError:
                pass  # the other side has closed it already
        elif self._response is not None:
            self._response.raw.close()

    def _release(self) -> None:
        """Free the socket."""
        with self._lock:
            if self._state != "closed":
                self._state = "ended"
            response, connection = self._response, self._connection
            self._response = self._connection = None
        if response is not None:
            response.close()
        if connection is not None:
            connection.close()


def _refused_strangely(result: RequestResult) -> FaunaError:
    problem = "Invalid JSON." if result.response_content is None else "Unexpected status code."
    return UnexpectedError(problem, result)


def _checked_fields(options: Any) -> list[str]:
    """Return the selected fields, in the order given; empty for the default."""
    if options is None:
        return []
    if isinstance(options, dict):
        unknown = set(options) - {"fields"}
        if unknown:
            raise ValueError(f"Valid stream options are {{'fields'}}, provided {sorted(map(str, unknown))}.")
        fields = options.get("fields")
    elif hasattr(options, "fields"):
        fields = options.fields
    else:
        raise TypeError(f"Options of a stream must be a dict or have an attribute fields, got {options!r}.")
    if fields is None:
        return []
    if not isinstance(fields, (list, tuple, set, frozenset)):
        raise TypeError(f"The option fields must be a list, got {fields!r}.")
    if not all(isinstance(field, str) and field in VALID_FIELDS for field in fields):
        raise ValueError(f"Valid fields options are {sorted(VALID_FIELDS)}, provided {list(fields)}.")
    return list(fields)


def _chunks(response: Response) -> Iterator[bytes]:
    """Return an iterator over the body as it arrives, without waiting for more than there is."""
    raw = response.raw
    is_chunked = getattr(raw, "chunked", True)
    read1 = getattr(raw, "read1", None)
    if is_chunked or read1 is None:
        # urllib3 before 2.1 waits for as much as it is asked for, so without chunks it is asked for one byte.
        chunks: Iterator[bytes] = raw.stream(_READ_SIZE if is_chunked else 1, decode_content=True)
        return chunks
    return iter(lambda: bytes(read1(_READ_SIZE, decode_content=True)), b"")


def _socket_of(response: Optional[Response], connection: Any) -> Any:
    """Return the socket that a response is read from; ``None`` for an engine in this process."""
    found = getattr(connection, "sock", None)
    if found is None and response is not None:
        found = getattr(getattr(response.raw, "_connection", None), "sock", None)
    if found is None and response is not None:
        # When a connection is to close after this response, the response holds its socket.
        reader = getattr(getattr(response.raw, "_fp", None), "fp", None)
        found = getattr(getattr(reader, "raw", None), "_sock", None)
    return found if isinstance(found, socket.socket) else None


def _wait_for_ever(connection_socket: Any) -> None:
    if connection_socket is not None:
        connection_socket.settimeout(None)
