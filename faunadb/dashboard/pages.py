"""The files of the dashboard, and what a browser may do with them."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from ..engine.wire.messages import HttpResponse

if TYPE_CHECKING:
    from ..engine.wire.messages import HttpRequest

__all__ = ["SECURITY", "json_response", "page", "redirect"]

_TYPES = {
    ".html": "text/html;charset=utf-8",
    ".css": "text/css;charset=utf-8",
    ".js": "text/javascript;charset=utf-8",
    ".json": "application/json;charset=utf-8",
    ".txt": "text/plain;charset=utf-8",
    ".svg": "image/svg+xml",
}

#: Pages load nothing from elsewhere and run no inline script or style.
SECURITY = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-cache"),
]


class _File(NamedTuple):
    content: bytes
    kind: str
    etag: str


@cache
def _files() -> dict[str, _File]:
    """Every file by its path below ``/dashboard/``. They come with the package, so they are read once."""
    found: dict[str, _File] = {"forms.json": _file(_forms(), ".json")}
    places = [("", resources.files(__package__).joinpath("static"))]
    while places:
        prefix, place = places.pop()
        for entry in place.iterdir():
            suffix = entry.name[entry.name.rfind(".") :]
            if entry.is_dir():
                places.append((f"{prefix}{entry.name}/", entry))
            elif suffix in _TYPES:
                found[prefix + entry.name] = _file(entry.read_bytes(), suffix)
    found[""] = found["index.html"]
    return found


def _file(content: bytes, suffix: str) -> _File:
    return _File(content, _TYPES[suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def _forms() -> bytes:
    """Every FQL form with its signatures and first line of documentation, for completion."""
    from .forms import all_forms  # late: it loads every form of the engine

    return json.dumps(all_forms()).encode()


def page(request: HttpRequest) -> Optional[HttpResponse]:
    """A file of the dashboard for GET or HEAD; None when there is none of that name."""
    if not request.path.startswith("/dashboard/"):
        return None
    file = _files().get(request.path[len("/dashboard/") :])
    if file is None:
        return None
    headers = [("content-type", file.kind), ("etag", file.etag), *SECURITY]
    if request.headers.get("if-none-match") == file.etag:
        return HttpResponse(304, headers, b"")
    return HttpResponse(200, headers, file.content if request.method == "GET" else b"")


def redirect() -> HttpResponse:
    return HttpResponse(302, [("location", "/dashboard/"), *SECURITY], b"")


def json_response(status: int, data: Any) -> HttpResponse:
    body = json.dumps(data, ensure_ascii=False).encode("utf-8", "replace")
    return HttpResponse(status, [("content-type", "application/json;charset=utf-8"), *SECURITY], body)
