"""Where tracing hooks into the client. See :mod:`faunadb.otel`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Callable, Optional

# Set by ``faunadb.otel.instrument``. It is called with client, method, path and the headers of a request (to which it
# may add), and returns a context manager. While it is ``None``, a query pays for one look-up only.
trace: Optional[Callable[..., AbstractContextManager[Any]]] = None

# Set with it: adds ``traceparent`` to the headers of a request while a span is active.
add_traceparent: Optional[Callable[[dict[str, str]], None]] = None
