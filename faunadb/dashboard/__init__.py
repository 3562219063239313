"""The data explorer that ``faunadb serve`` shows at ``/dashboard``: static pages that query with the visitor's own secret.

Nothing here has any privilege: the pages speak the wire protocol with the secret typed in by the visitor, which stays in
the browser tab's session storage. The one extra service is translating FQL text to wire JSON, which needs no secret.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any, Optional

from ..engine.wire.messages import HttpResponse

_TYPES = {
    "index.html": "text/html;charset=utf-8",
    "style.css": "text/css;charset=utf-8",
    "app.js": "text/javascript;charset=utf-8",
    "api.js": "text/javascript;charset=utf-8",
    "views.js": "text/javascript;charset=utf-8",
    "values.js": "text/javascript;charset=utf-8",
    "charts.js": "text/javascript;charset=utf-8",
}

#: Pages load nothing from elsewhere and run no inline script.
_SECURITY = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-cache"),
]

MAX_TEXT = 1_000_000


def _json(status: int, data: Any) -> HttpResponse:
    body = json.dumps(data, ensure_ascii=False).encode("utf-8", "replace")
    return HttpResponse(status, [("content-type", "application/json;charset=utf-8"), *_SECURITY], body)


def answer(method: str, path: str, body: bytes) -> Optional[HttpResponse]:
    """The answer for a path under ``/dashboard``; None when the dashboard has nothing to say to it."""
    if path == "/dashboard":
        return HttpResponse(302, [("location", "/dashboard/"), *_SECURITY], b"")
    name = path[len("/dashboard/") :] or "index.html"
    if name == "translate":
        return translate(body) if method == "POST" else None
    if method not in ("GET", "HEAD") or name not in _TYPES:
        return None
    content = resources.files(__name__).joinpath("static").joinpath(name).read_bytes()
    headers = [("content-type", _TYPES[name]), *_SECURITY]
    return HttpResponse(200, headers, content if method == "GET" else b"")


def translate(body: bytes) -> HttpResponse:
    """FQL text (JavaScript or Python style) to wire JSON: ``{"queries": [...]}``, or 400 with line, column and message."""
    from ..fql.errors import FqlSyntaxError
    from ..fql.texts import parse_text

    if len(body) > MAX_TEXT:
        return _json(413, {"error": "The text is too long."})
    try:
        queries = parse_text(body.decode("utf-8"))
    except UnicodeDecodeError:
        return _json(400, {"error": "The text is not UTF-8."})
    except FqlSyntaxError as failure:
        return _json(400, {"error": str(failure)})
    except RecursionError:
        return _json(400, {"error": "The text is nested too deeply."})
    return _json(200, {"queries": [query.wire for query in queries]})
