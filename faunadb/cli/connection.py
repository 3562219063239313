"""The database that a command works on: clients for a URL, a secret and the path of a child database."""

from __future__ import annotations

import copy
import os
import re
from typing import Any, Optional

from faunadb import query as q
from faunadb._private import without_password as shown_url
from faunadb.cli.errors import CliError
from faunadb.client import FaunaClient
from faunadb.engine.storage.urls import parse_sqlite
from faunadb.errors import FaunaError, Unauthorized

__all__ = [
    "Connection",
    "check_url",
    "first_error",
    "is_server",
    "missing_file",
    "open_connection",
    "shown_url",
]

_SERVERS = ("http", "https")
_EMBEDDED = ("sqlite", "postgresql", "postgres")
_DEFAULT_SECRET = "secret"


class Connection:
    """A URL and a secret, and clients for the database they lead to and for those below it.

    :param url: a database URL or that of a server
    :param secret: a key's secret; it must be one of an admin key (or root) to reach child databases
    :param database: names joined by ``/``, below the secret's own database; empty for that one
    """

    def __init__(self, url: str, secret: str, database: str = "") -> None:
        self.url = url
        self._secret = secret
        self.database = database.strip("/")
        #: the role that clients act with; ``""`` for the secret's own
        self.role = ""
        self.root = FaunaClient(secret=secret, endpoint=url)

    def __repr__(self) -> str:
        return f"Connection({shown_url(self.url)}, database={self.database!r})"

    def below(self, path: str) -> Connection:
        """The same connection for another database, whose path begins at the secret's own. Closed with this one."""
        other = copy.copy(self)
        other.database = path
        return other

    def engine(self) -> Any:
        """The engine in this process behind a database URL; ``None`` for a server."""
        if is_server(self.url):
            return None
        adapter = self.root.session.get_adapter(self.root._endpoint.root + "/")
        return getattr(adapter, "engine", None)

    def use(self, secret: str) -> None:
        """Go on with another secret, in its own database."""
        self._secret, self.database, self.role = secret, "", ""

    def client(self) -> FaunaClient:
        """A client for the database. A path or a role needs the secret of an admin key."""
        if not self.database and not self.role:
            return self.root.new_session_client(self._secret)
        return self.role_client(self.role or "admin")

    def role_client(self, role: str) -> FaunaClient:
        """A client with the rights of a built-in role. Only admin keys may take one."""
        return self.root.new_session_client(self._scoped(self.database, role))

    def _scoped(self, database: str, role: str) -> str:
        if ":" in self._secret:
            raise CliError("the secret is a scoped one already: give the plain secret of an admin key")
        return f"{self._secret}:{database}:{role}" if database else f"{self._secret}:{role}"

    def create_database(self) -> list[str]:
        """Create the databases of the path that are missing; return the paths of those made."""
        made = []
        names = self.database.split("/") if self.database else []
        for depth, name in enumerate(names):
            parent = "/".join(names[:depth])
            secret = self._scoped(parent, "admin") if parent else self._secret
            client = self.root.new_session_client(secret)
            if not client.query(q.exists(q.database(name))):
                client.query(q.create_database({"name": name}))
                made.append("/".join(names[: depth + 1]))
        return made

    def check(self, client: FaunaClient) -> None:
        """Run a trivial query, so that a wrong URL or secret is reported before any work begins.

        :raises CliError: when there is no answer, or the secret is refused
        """
        try:
            client.query(0)
        except Unauthorized:
            where = (
                f"database {self.database} of {shown_url(self.url)}" if self.database else shown_url(self.url)
            )
            own = "" if is_server(self.url) else f': its root secret is "{_DEFAULT_SECRET}"'
            raise CliError(f"the secret does not open {where}{own}") from None
        except FaunaError as fault:
            raise CliError(f"{shown_url(self.url)} does not answer as FQL v4 does: {fault}") from None
        except (OSError, ValueError) as fault:
            raise CliError(f"{shown_url(self.url)}: {fault}") from None

    def close(self) -> None:
        self.root.close()


def open_connection(
    url: Optional[str], secret: Optional[str], database: str = "", create: bool = False
) -> Connection:
    """A connection from what the command line and the environment say.

    :param url: given on the command line; else ``FAUNA_ENDPOINT``
    :param secret: given on the command line; else ``FAUNA_SECRET`` or ``FAUNADB_SECRET``; else, for a database URL,
        ``secret``
    :param create: make the file of the database when it is not there
    :raises CliError: when something is missing, or the URL is not that of a database
    """
    url = url or os.environ.get("FAUNA_ENDPOINT")
    if not url:
        raise CliError("give the URL of a database, such as sqlite:///app.db, or set FAUNA_ENDPOINT")
    check_url(url)
    missing = None if create else missing_file(url)
    if missing is not None:
        raise CliError(f"there is no database {missing}; give --create to make it")
    secret = secret or os.environ.get("FAUNA_SECRET") or os.environ.get("FAUNADB_SECRET")
    if not secret:
        if is_server(url):
            raise CliError(f"{shown_url(url)} is a server: give --secret, or set FAUNA_SECRET")
        secret = _DEFAULT_SECRET
    try:
        return Connection(url, secret, database)
    except (ValueError, OSError) as fault:
        raise CliError(str(fault)) from None


def is_server(url: str) -> bool:
    """Whether a URL that `check_url` accepts is that of a server, rather than of a database."""
    return url.split(":", 1)[0] in _SERVERS


def check_url(url: str) -> None:
    """Check that a text is a URL of one of the known schemes.

    :raises CliError: when it is not; the message shows what one looks like
    """
    if url.split(":", 1)[0] in (*_EMBEDDED, *_SERVERS) and "://" in url:
        return
    looks = f"; for a file write sqlite:///{url}" if re.fullmatch(r"[\w./~-]+", url) else ""
    raise CliError(
        f"{shown_url(url)} is not the URL of a database, such as sqlite:///app.db, postgresql://user@host/db or "
        f"http://host:8443{looks}"
    )


def missing_file(url: str) -> Optional[str]:
    """The missing file of a database URL; ``None`` when it exists, or when the database needs no file.

    :raises CliError: when the URL of the file is malformed
    """
    if url.split(":", 1)[0] != "sqlite":
        return None
    try:
        path = parse_sqlite(url).path
    except ValueError as fault:
        raise CliError(str(fault)) from None
    return path if path is not None and not os.path.exists(path) else None


def first_error(fault: Any) -> str:
    """What an error of the database says, in one line."""
    errors = getattr(fault, "errors", None)
    if not errors:
        return str(fault) or type(fault).__name__
    error = errors[0]
    text = f"{error.code}: {error.description}"
    failures = [f"{'.'.join(map(str, f.field))}: {f.description}" for f in error.failures or []]
    return f"{text} ({'; '.join(failures)})" if failures else text
