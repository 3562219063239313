"""Where the data lives: from constructor arguments and environment to one endpoint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Optional
from urllib.parse import SplitResult, urlsplit

from faunadb._private import without_password

ENVIRONMENT_VARIABLE = "FAUNA_ENDPOINT"

# The hosted service ended on 2025-05-30; nothing answers under this name any more.
_CLOSED_SERVICE = "fauna.com"
_HTTP_SCHEMES = ("http", "https")
_ENGINE_SCHEMES = ("sqlite", "postgresql", "postgres")

CLOSED_SERVICE_MESSAGE = (
    "The hosted Fauna service closed on 2025-05-30, {url} does not answer any more. Name an endpoint: "
    f"set the environment variable {ENVIRONMENT_VARIABLE}, or pass endpoint= to FaunaClient, to the URL of a "
    "server (http://localhost:8443) or of a database (sqlite:///spells.db)."
)


class Endpoint:
    """A resolved endpoint.

    :ivar base_url: What was named: ``scheme://host:port``, or the endpoint without trailing slashes.
    :ivar root: What the URL of every request starts with; the path follows.
    :ivar engine_url: The database URL when the engine runs in this process, else ``None``.
    :ivar is_closed_service: Whether it is the hosted service that no longer exists.
    :ivar is_redirected: Whether the code named the hosted service and the environment this place instead.
    """

    def __init__(self, base_url: str, root: str, engine_url: Optional[str], is_closed_service: bool) -> None:
        self.base_url = base_url
        self.root = root
        self.engine_url = engine_url
        self.is_closed_service = is_closed_service
        self.is_redirected = False


def resolve_endpoint(
    scheme: str, domain: str, port: int, endpoint: Optional[str], environ: Mapping[str, str]
) -> Endpoint:
    """Return the endpoint that a client's arguments and the environment name.

    ``FAUNA_ENDPOINT`` counts where the arguments name no other place than a host under ``fauna.com``.

    :raises ValueError: When the endpoint is malformed; the message names it.
    :raises TypeError: When it is not a string.
    """
    if endpoint:
        named = parse_endpoint(endpoint)
    else:
        url = f"{scheme}://{domain}:{port}"
        named = Endpoint(url, url, None, _is_closed(domain))
    if not named.is_closed_service:
        return named
    from_environment = environ.get(ENVIRONMENT_VARIABLE)
    if not from_environment:
        return named
    redirected = parse_endpoint(from_environment, source=f"{ENVIRONMENT_VARIABLE}: ")
    redirected.is_redirected = True
    return redirected


def parse_endpoint(endpoint: str, source: str = "") -> Endpoint:
    """Return the endpoint that a URL names.

    :param source: What messages of errors begin with: where the URL came from.
    :raises ValueError: When the URL is malformed; the message says how.
    :raises TypeError: When it is not a string.
    """
    if not isinstance(endpoint, str):
        raise TypeError(f"{source}An endpoint is a URL, got {endpoint!r} of type {type(endpoint)}.")
    if re.match(r"https?://[^/\\]", endpoint):
        # As the official driver does. Backslashes come from URLs that were joined as paths on Windows.
        endpoint = endpoint.rstrip("/\\")
    try:
        parts = urlsplit(endpoint)
        # A database URL may list several hosts with a port each, which only PostgreSQL's library can read.
        port = parts.port if parts.scheme in _HTTP_SCHEMES else None
    except ValueError as error:
        # What is quoted may be a piece of a secret.
        reason = "its host or port is none" if re.search("[\"']", str(error)) else str(error)
        raise _malformed(endpoint, reason, source) from None
    if endpoint != endpoint.strip() or " " in endpoint:
        raise _malformed(endpoint, "it contains spaces; inside a URL they are written %20", source)
    if parts.scheme in _HTTP_SCHEMES:
        return _http_endpoint(endpoint, parts, port, source)
    if parts.scheme in _ENGINE_SCHEMES and "://" in endpoint:
        return _engine_endpoint(endpoint, parts, source)
    expected = "http://, https://, sqlite:// or postgresql://"
    raise _malformed(endpoint, f"it must start with {expected}", source)


def _http_endpoint(endpoint: str, parts: SplitResult, port: Optional[int], source: str) -> Endpoint:
    if not parts.hostname:
        raise _malformed(endpoint, "it names no host", source)
    if port == 0:
        raise _malformed(endpoint, "port 0 cannot be reached", source)
    if parts.username is not None:
        raise _malformed(endpoint, "the secret does not belong into it", source)
    if parts.query or parts.fragment:
        raise _malformed(endpoint, "it must end after the path", source)
    return Endpoint(endpoint, endpoint, None, _is_closed(parts.hostname))


def _engine_endpoint(endpoint: str, parts: SplitResult, source: str) -> Endpoint:
    if parts.scheme == "sqlite" and parts.netloc:
        raise _malformed(
            endpoint, "a file needs three slashes (sqlite:///file.db), memory none (sqlite://)", source
        )
    if parts.fragment:
        raise _malformed(endpoint, "it must not contain '#'", source)
    import hashlib  # late: it takes longer to load than this module, and only databases in this process need it

    # ``requests`` finds the adapter of a URL by its prefix. A digest tells databases apart without showing a password.
    token = hashlib.sha256(endpoint.encode()).hexdigest()[:32]
    return Endpoint(without_password(endpoint), f"{parts.scheme}+engine://{token}", endpoint, False)


def _is_closed(host: str) -> bool:
    name = str(host).lower().rstrip(".")
    return name == _CLOSED_SERVICE or name.endswith("." + _CLOSED_SERVICE)


def _malformed(endpoint: str, reason: str, source: str) -> ValueError:
    return ValueError(f"{source}Malformed endpoint {without_password(endpoint)!r}: {reason}.")
