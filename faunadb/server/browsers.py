"""Which web pages may query the server.

A web page can send requests to a server on the machine of whoever visits it, and if everybody knows the secret, it needs
nothing else. So with the default secret the server answers only pages of its own, of this machine, and of listed origins;
and only requests that name this machine as their host. Else a foreign host name that is made to lead here (DNS rebinding)
would make foreign pages look like the server's own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from .asgi import Forbidden
from .listening import is_loopback, read_origin


class Browsers:
    """Decides which requests of browsers are answered.

    known_secret: whether the root secret is the default one. origins: the listed ones, which may always ask.
    """

    def __init__(self, known_secret: bool = False, origins: Iterable[str] = ()):
        self._known_secret = known_secret
        self._origins: Collection[str] = frozenset(map(read_origin, origins))
        self._names = frozenset(urlsplit(origin).hostname for origin in self._origins)
        #: the last host that was found to lead here; most requests name the same one
        self._here = ""

    def check(self, headers: dict[str, str]) -> None:
        """Raise `Forbidden` for a request that must not be answered."""
        if not self._known_secret and (not self._origins or "origin" not in headers):
            return
        host = headers.get("host", "")
        if self._known_secret and not self._leads_here(host):
            raise Forbidden(
                f"With the default secret this server answers to names of this machine only, not to '{host}': choose a "
                "secret, or list an origin of that name with --allow-origin."
            )
        origin = headers.get("origin")
        if origin is not None and not self._may_ask(origin, host):
            raise Forbidden(
                f"Pages of '{origin}' may not query this server: --allow-origin lists those that may."
            )

    def is_listed(self, origin: str) -> bool:
        return origin in self._origins

    def _leads_here(self, host: str) -> bool:
        if host == self._here:
            return True
        name = _name("//" + host)
        if name and not is_loopback(name) and name not in self._names:
            return False
        self._here = host
        return True

    def _may_ask(self, origin: str, host: str) -> bool:
        if origin in self._origins or origin.partition("://")[2] == host:
            return True
        return self._known_secret and is_loopback(_name(origin))


def _name(url: str) -> str:
    """The host of a URL without its port; ``?``, which is no name of this machine, for a malformed one."""
    try:
        return urlsplit(url).hostname or ("" if url == "//" else "?")
    except ValueError:
        return "?"
