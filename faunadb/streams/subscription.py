"""A subscription: what an application starts, listens to and closes."""

from __future__ import annotations

from typing import Any, Callable, Optional

from faunadb.streams.client import Connection
from faunadb.streams.dispatcher import EventDispatcher


class Subscription:
    """A stream of the changes of a document or set. :meth:`faunadb.client.FaunaClient.stream` makes it.

    :param client: The :class:`~faunadb.client.FaunaClient` whose endpoint and secret are used.
    :param expression: A reference, document or set.
    :param options: ``{"fields": [...]}``, or ``None``.
    :raises ValueError: When ``options`` are not as they should be.
    """

    def __init__(self, client: Any, expression: Any, options: Optional[dict[str, Any]] = None) -> None:
        self._client = Connection(client, expression, options)
        self._dispatcher = EventDispatcher()

    def start(self) -> None:
        """Open the stream and call back for each event. Blocks until the stream ends or is closed.

        Whatever goes wrong, an exception raised by a callback included, ends the stream and is given to the
        callback for ``"error"``.

        :raises StreamError: When it was started before.
        """
        self._client.subscribe(self._dispatcher.dispatch)

    def on(self, event_type: str, callback: Optional[Callable[[Any], Any]]) -> None:
        """Register the callback for a type of event; see :class:`~faunadb.streams.events.Event`.

        :raises TypeError: When it is not callable.
        """
        self._dispatcher.on(event_type, callback)

    def close(self) -> None:
        """End the stream: :meth:`start` returns, and no more callbacks are called.

        May be called from any thread, and from a callback.

        :raises StreamError: When it was closed before.
        """
        self._client.close()

    def __repr__(self) -> str:
        connection = self._client
        return f"stream:Subscription(state={connection.state!r}, expression={connection.expression!r}, options={connection.options!r})"  # noqa: E501
