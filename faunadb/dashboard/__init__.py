"""The data explorer that ``faunadb serve`` shows at ``/dashboard``: static pages that query with the visitor's own secret.

Nothing here has any privilege: the pages speak the wire protocol with the secret typed in by the visitor, which stays in
the browser tab's session storage. What the browser cannot do by itself, such as reading FQL text, is in `services`, and
asks for a secret too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from .pages import page, redirect

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..engine.wire.messages import HttpRequest, HttpResponse

__all__ = ["answer", "answer_quickly"]


def answer_quickly(request: HttpRequest) -> Optional[HttpResponse]:
    """Pages, scripts and the way to them: what needs no engine. None for every other request."""
    if request.method not in ("GET", "HEAD"):
        return None
    if request.path == "/dashboard":
        return redirect()
    if request.path == "/" and "text/html" in request.headers.get("accept", ""):
        return redirect()  # a browser: no driver asks for HTML
    return page(request)


def answer(engine: Engine, request: HttpRequest) -> Optional[HttpResponse]:
    """The answer of a service, which may take a while; None when the dashboard has nothing to say to a request."""
    if not request.path.startswith("/dashboard/"):
        return None
    # The parsers of FQL come with it: only who uses the dashboard needs them.
    from .services import service  # late: a server starts without it

    return service(engine, request)
