"""The ``Authorization`` header and scoped secrets (auth chapter, "Secrets and principals").

::

    auth   = secret [ ":" scope ]
    scope  = [ database ":" ] target
    target = "admin" / "server-readonly" / "server" / "client"
           / "@role/" name / ( "classes/" / "collections/" / "@doc/" ) collection "/" id

Each kind of target is tried in turn, after a ``database:`` if there is one, and without ever going back. What matches
none of them is ignored; what begins like one and goes on differently is refused.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Optional

from ..records import NamedTuple


class Scope(NamedTuple):
    """The scope that a suffix asks for.

    path: database names, outermost first. kind: ``builtin``, ``role`` or ``document``. target: the built-in
    role, the role's name, or ``collection/id``.
    """

    path: tuple[str, ...]
    kind: str
    target: str


class BadScope(ValueError):
    """A suffix that begins like a scope but is not one: the request is not authenticated."""


def secret_text(header: Optional[str]) -> tuple[Optional[str], bool]:
    """The secret string in a header value (None without), and whether it may be a JSON web token."""
    parts = header.split(None, 1) if header is not None else []
    if len(parts) != 2:
        return None, False
    scheme, rest = parts
    if scheme == "Bearer":
        return _as_utf8(rest), rest.startswith("ey") and "." in rest
    if scheme == "Basic":
        return _basic(rest), False
    return None, False


def _as_utf8(text: str) -> str:
    """A header value as the UTF-8 that it most likely is: servers hand headers over as Latin-1."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except ValueError:
        return text


def _basic(encoded: str) -> Optional[str]:
    encoded = encoded[:-1] if encoded.endswith(":") else encoded
    try:
        text = base64.b64decode(encoded, validate=True).decode("utf-8").strip()
    except (binascii.Error, ValueError):
        return None
    return text[:-1] if text.endswith(":") else text


_SECRET = re.compile(r"[^/,()&=:]+")
_DATABASE = r"([^,()&=:]+):"
_SEGMENT = r"([^,()&=:]+)"
_TARGETS = (
    ("builtin", r"(admin|server-readonly|server|client)"),
    ("role", r"@role/" + _SEGMENT),
    ("document", r"(?:classes|collections)/" + _SEGMENT),
    ("document", r"@doc/" + _SEGMENT),
)


def split(text: str) -> tuple[str, Optional[Scope]]:
    """The secret itself and the scope behind it; None when nothing there looks like a scope.

    Raises `BadScope` for a suffix that begins like a scope but is not one, and for characters that no secret has.
    """
    match = _SECRET.match(text)
    if match is None:
        raise BadScope
    secret, rest = match.group(), text[match.end() :]
    if not rest:
        return secret, None
    if rest[0] != ":":
        raise BadScope
    return secret, _scope(rest[1:])


def _scope(text: str) -> Optional[Scope]:
    database = re.match(_DATABASE, text)
    scope = text[database.end() :] if database else text
    for kind, pattern in _TARGETS:
        target = re.match(pattern, scope)
        if target is None:
            continue
        if target.end() != len(scope):
            raise BadScope
        path = tuple(database.group(1).split("/")) if database else ()
        return Scope(path, kind, target.group(1))
    return None
