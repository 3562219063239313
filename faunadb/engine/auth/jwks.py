"""Key sets of access providers: downloading, caching, choosing a key (auth chapter, "Accepting a JWT").

Nothing is downloaded while a snapshot is open: code that needs a key set raises `KeysNeeded`, and `with_keys` around the
request downloads the set and runs the request again. Each download has a thread of its own, one at a time for a URI. A
server that must not block its own threads takes the exception itself, see `without_waiting`.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import os
import threading
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar, Union
from urllib.parse import urlsplit

from .. import forks
from ..language.errors import RequestError
from ..records import NamedTuple

if TYPE_CHECKING:
    from concurrent.futures import Future

logger = logging.getLogger("faunadb.engine")

T = TypeVar("T")

#: How many seconds a key set is used before it is downloaded again.
LIFETIME = 3600.0
#: Least number of seconds between two downloads of a set, after an unknown key or a failure.
RETRY_AFTER = 0.5
#: Each further failure of a provider doubles that, up to this number of seconds.
MAX_PAUSE = 60.0
#: Bounds of one download: seconds in all, and bytes.
TIMEOUT = 10.0
MAX_BYTES = 512 * 1024
#: How many seconds a request waits for a download.
PATIENCE = 2 * TIMEOUT
#: How many downloads may run at one time.
MAX_DOWNLOADS = 16
#: How many key sets are remembered; the oldest go first.
MAX_SETS = 1000

#: The elliptic curves of keys that are used, by their names in key sets.
CURVES = frozenset(("P-256",))


class DownloadError(Exception):
    """A key set could not be downloaded. The message says why, without quoting what was received."""


class RSAKey(NamedTuple):
    kid: Optional[str]
    n: int
    e: int


class ECKey(NamedTuple):
    kid: Optional[str]
    x: int
    y: int


Key = Union[RSAKey, ECKey]


class KeysNeeded(Exception):
    """A key set must be downloaded before the request can be answered. `with_keys` handles this."""

    def __init__(self, keys: KeySets, uri: str):
        super().__init__("a key set must be downloaded first")
        self.keys = keys
        self.uri = uri

    def load(self) -> None:
        """Download the set. A failure is remembered for a moment, in which its keys are missing.

        Raises itself instead under `without_waiting`.
        """
        if getattr(_callers, "must_not_wait", False):
            raise self
        self.keys.load(self.uri)

    def begin(self) -> Future[None]:
        """The download as a future, for which `load` waits. It cannot be cancelled, and never fails."""
        return self.keys.begin(self.uri)


_callers = threading.local()


def without_waiting(run: Callable[[], T]) -> T:
    """run(), but raise `KeysNeeded` rather than wait for a download. The caller runs it again after the download."""
    _callers.must_not_wait = True
    try:
        return run()
    finally:
        _callers.must_not_wait = False


def with_keys(run: Callable[[], T]) -> T:
    """run(), and again after a key set that it needs has been downloaded. It opens a snapshot of its own each time.

    Raises `errors.RequestError` 401 when it still needs one after a few rounds.
    """
    for _ in range(3):
        try:
            return run()
        except KeysNeeded as needed:
            forks.outside(needed.load)  # a fork need not wait for it
    raise RequestError(401, "unauthorized", "Unauthorized")


def decode_part(text: str) -> bytes:
    """The bytes of base64url without padding. Raises ValueError."""
    if not text.isascii() or "=" in text:
        raise ValueError("not base64url")
    try:
        data = base64.b64decode(
            text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True
        )
    except binascii.Error:
        raise ValueError("not base64url") from None
    if "+" in text or "/" in text:
        raise ValueError("not base64url")
    return data


def parse_keys(body: bytes) -> list[Key]:
    """The usable signing keys of a key set document; keys of other kinds are left out.

    Raises `DownloadError` when body is not ``{"keys": [...]}``.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise DownloadError("it is not JSON") from None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise DownloadError('it is not an object with an array "keys"')
    parsed = (_parse_key(key) for key in keys if isinstance(key, dict))
    return [key for key in parsed if key is not None]


def _parse_key(key: Mapping[str, Any]) -> Optional[Key]:
    kid = key.get("kid")
    if (kid is not None and not isinstance(kid, str)) or key.get("use", "sig") != "sig":
        return None
    try:
        if key.get("kty") == "RSA":
            return RSAKey(kid, _number(key["n"]), _number(key["e"]))
        if key.get("kty") == "EC" and key.get("crv") in CURVES:
            return ECKey(kid, _number(key["x"]), _number(key["y"]))
    except (KeyError, ValueError, AttributeError):
        return None
    return None


def _number(text: str) -> int:
    return int.from_bytes(decode_part(text.rstrip("=")), "big")


def _bundle() -> Union[str, bool]:
    """The certificate authorities to trust: those that the environment names, else the usual ones (True)."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        value = os.environ.get(name)
        if value:
            return value
    return True


_slots = threading.BoundedSemaphore(MAX_DOWNLOADS)


def download(uri: str, timeout: float = TIMEOUT, max_bytes: int = MAX_BYTES) -> bytes:
    """GET a key set over HTTPS, without following redirects. Raises `DownloadError`.

    timeout: seconds for everything. A server that sends a byte now and then cannot hold up the caller longer: the
    thread of the download ends later by itself.
    """
    if not uri.lower().startswith("https:"):
        raise DownloadError("only https is allowed")
    if not _slots.acquire(blocking=False):
        raise DownloadError("too many downloads are under way")
    outcome: list[Union[bytes, DownloadError]] = []
    deadline = time.monotonic() + timeout

    def work() -> None:
        try:
            outcome.append(_get(uri, timeout, deadline, max_bytes))
        except DownloadError as error:
            outcome.append(error)
        finally:
            _slots.release()

    thread = threading.Thread(target=work, name="faunadb-key-set", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        _slots.release()
        raise DownloadError("no thread can be started for it") from None
    thread.join(timeout)
    result = outcome[0] if outcome else DownloadError("it took too long")
    if isinstance(result, DownloadError):
        raise result
    return result


def _get(uri: str, timeout: float, deadline: float, max_bytes: int) -> bytes:
    import requests  # late: servers without access providers do without

    try:
        with requests.Session() as session:
            session.auth = lambda request: request  # keeps passwords in ~/.netrc out of it
            response = session.get(
                uri,
                headers={"Accept": "application/json"},
                timeout=timeout,
                stream=True,
                allow_redirects=False,
                verify=_bundle(),
            )
            with response:
                if response.status_code != 200:
                    raise DownloadError(f"the answer has status {response.status_code}")
                return _read(response, deadline, max_bytes)
    except (requests.RequestException, OSError, ValueError) as error:
        raise DownloadError(type(error).__name__) from None


def _read(response: Any, deadline: float, max_bytes: int) -> bytes:
    body = bytearray()
    for piece in response.iter_content(4096):
        body += piece
        if len(body) > max_bytes:
            raise DownloadError(f"it is larger than {max_bytes} bytes")
        if time.monotonic() > deadline:
            raise DownloadError("it took too long")
    return bytes(body)


def _host(uri: str) -> str:
    """The host of an address: the rest may hold a password or a token, and is not logged."""
    try:
        return urlsplit(uri).hostname or "?"
    except ValueError:
        return "?"


class _Entry:
    """What is known of one key set. Times are those of the clock; pause: seconds until the next attempt."""

    __slots__ = ("attempted", "failed", "fetched", "keys", "pause")

    def __init__(self) -> None:
        self.keys: Optional[list[Key]] = None
        self.fetched = 0.0
        self.attempted = float("-inf")
        self.failed = False
        self.pause = RETRY_AFTER


class KeySets:
    """The key sets of all providers, by URI. Any thread may use it; a URI has one download at a time.

    fetch: returns the body behind a URI, or raises `DownloadError`. clock: seconds, monotonic.
    """

    def __init__(self, fetch: Callable[[str], bytes] = download, clock: Callable[[], float] = time.monotonic):
        self._fetch = fetch
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._running: dict[str, Future[None]] = {}
        self._lock = threading.Lock()

    def find(self, uri: str, kid: Optional[str], kind: type[Any]) -> Optional[Key]:
        """The key with that kid (None: the only key of the set), if it is of the kind that the algorithm needs.

        Raises `KeysNeeded` when the set is not known, is too old (`LIFETIME`) or lacks the kid, unless a download was
        tried just now.
        """
        entry = self._entries.get(uri)
        now = self._clock()
        if entry is not None and entry.keys is not None and now - entry.fetched < LIFETIME:
            key = _choose(entry.keys, kid)
            if key is not None:
                return key if isinstance(key, kind) else None
            if kid is None:
                return None
        if entry is not None and now - entry.attempted < entry.pause:
            return None
        raise KeysNeeded(self, uri)

    def load(self, uri: str) -> None:
        """Download a key set, unless that was done just now, and wait until it is done."""
        from concurrent.futures import wait  # late: few programs meet a JSON web token

        download = self.begin(uri)
        wait([download], timeout=PATIENCE)
        if not download.done():  # in a forked child, which lacks the thread of its parent
            self._end(uri, download)

    def begin(self, uri: str) -> Future[None]:
        """The download of a key set: the one under way, a new one, or one that is done if one was tried just now."""
        from concurrent.futures import Future  # late: few programs meet a JSON web token

        with self._lock:
            running = self._running.get(uri)
            if running is not None:
                return running
            download: Future[None] = Future()
            download.set_running_or_notify_cancel()  # others wait for it too, so nobody may cancel it
            entry = self._entries.get(uri)
            if entry is not None and self._clock() - entry.attempted < entry.pause:
                download.set_result(None)
                return download
            self._running[uri] = download
        thread = threading.Thread(
            target=self._work, args=(uri, entry or _Entry(), download), name="faunadb-key-sets", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # no more threads
            self._end(uri, download)
        return download

    def _work(self, uri: str, entry: _Entry, download: Future[None]) -> None:
        try:
            self._download(uri, entry)
        finally:
            self._end(uri, download)

    def _end(self, uri: str, download: Future[None]) -> None:
        with self._lock:
            if self._running.get(uri) is download:
                del self._running[uri]
            if not download.done():
                download.set_result(None)

    def _download(self, uri: str, entry: _Entry) -> None:
        try:
            entry.keys = parse_keys(self._fetch(uri))
            entry.fetched = self._clock()
            entry.pause = RETRY_AFTER
        except DownloadError as error:
            logger.warning(
                "the key set of an access provider at %s could not be loaded: %s", _host(uri), error
            )
            if entry.failed:
                entry.pause = min(2 * entry.pause, MAX_PAUSE)
            entry.failed = True
        else:
            entry.failed = False
        entry.attempted = self._clock()
        with self._lock:
            self._entries[uri] = entry
            while len(self._entries) > MAX_SETS:
                oldest = next(iter(self._entries))
                del self._entries[oldest]


def _choose(keys: Iterable[Key], kid: Optional[str]) -> Optional[Key]:
    found = list(keys) if kid is None else [key for key in keys if key.kid == kid]
    if kid is None and len(found) != 1:
        return None
    return found[0] if found else None
