"""The data explorer that ``faunadb serve`` shows at ``/dashboard``: static pages that query with the visitor's own secret.

Nothing here has any privilege: the pages speak the wire protocol with the secret that the visitor types in, which stays in
the session storage of the browser's tab. What a browser cannot do by itself, such as reading FQL text, is in `services`, and
requires a secret, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from .pages import page, redirect

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..engine.wire.messages import HttpRequest, HttpResponse

__all__ = ["answer", "answer_quickly"]


def answer_quickly(request: HttpRequest) -> Optional[HttpResponse]:
    """Answer requests that need no engine: for pages and scripts, and redirects to them. None for every other request."""
    if request.method not in ("GET", "HEAD"):
        return None
    if request.path == "/dashboard":
        return redirect()
    if request.path == "/" and "text/html" in request.headers.get("accept", ""):
        return redirect()  # it is a browser: drivers do not ask for HTML
    return page(request)


def answer(engine: Engine, request: HttpRequest) -> Optional[HttpResponse]:
    """The answer of a service, which may take a while; None for requests that are not for the dashboard."""
    if not request.path.startswith("/dashboard/"):
        return None
    from .services import service  # late: it loads the parsers of FQL

    return service(engine, request)
