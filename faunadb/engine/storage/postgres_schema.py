"""The store in PostgreSQL or a relative of it: its URL, its tables, how they are created and migrated, what errors mean."""

from __future__ import annotations

import random
import re
import time
from typing import Any, Optional
from urllib.parse import quote, urlencode, urlsplit

import psycopg
from psycopg import errors

from ..._private import only_shown, without_password
from ..records import NamedTuple
from .checksums import of_version
from .errors import BadURL, Contended, NotAStore, StoreError, StoreUnavailable
from .postgres_functions import function_texts
from .sqlite_schema import check_format
from .statements import CHECKSUMS, MIGRATIONS, SCHEMA_VERSION, TABLES
from .urls import merge_options, positive_seconds, query_options

TABLE_NAMES = ("meta", "version", "stale", "entry", "past_entry", "change_log", "counter", "setting")

#: An index of PostgreSQL takes keys of up to a third of a page (2704 bytes), and ours may be longer. Of ``values`` the index
#: has the first bytes and a digest of the others, which are in ``rest`` (``tail`` is the digest). Long ``terms``, which are
#: only compared for equality, end with a digest in the index, and are kept whole in ``whole_terms``.
VALUES_PREFIX = 1024
TERMS_PREFIX = 968

_ENTRY_TABLES = """
CREATE TABLE entry (
    scope BIGINT NOT NULL, idx BIGINT NOT NULL, terms BYTEA NOT NULL, vals BYTEA NOT NULL, tail BYTEA NOT NULL,
    rest BYTEA NOT NULL, whole_terms BYTEA,
    coll BIGINT NOT NULL, doc BIGINT NOT NULL, cover TEXT, ttl BIGINT, added BIGINT NOT NULL,
    PRIMARY KEY (scope, idx, terms, vals, tail)
);
CREATE TABLE past_entry (
    scope BIGINT NOT NULL, idx BIGINT NOT NULL, terms BYTEA NOT NULL, vals BYTEA NOT NULL, tail BYTEA NOT NULL,
    rest BYTEA NOT NULL, whole_terms BYTEA,
    coll BIGINT NOT NULL, doc BIGINT NOT NULL, cover TEXT, ttl BIGINT, added BIGINT NOT NULL,
    removed BIGINT NOT NULL,
    PRIMARY KEY (scope, idx, terms, vals, tail, added)
);
CREATE TABLE writer (id BIGINT PRIMARY KEY);
CREATE TABLE mark (
    store TEXT PRIMARY KEY, txn BIGINT NOT NULL, checks BIGINT NOT NULL, last_batch BIGINT, last_outcome TEXT
);
"""

#: A view of the newest live documents, with names instead of numbers, for people who use psql.
_VIEW = """
CREATE VIEW document AS
WITH RECURSIVE place(scope, path) AS (
    SELECT CAST(0 AS BIGINT), ''
    UNION ALL
    SELECT CAST(CAST(d.data AS JSONB) ->> 'scope' AS BIGINT),
           CASE place.path WHEN '' THEN '' ELSE place.path || '/' END || (CAST(d.data AS JSONB) ->> 'name')
    FROM place JOIN version d ON d.scope = place.scope AND d.coll = 0
    WHERE d.live = 1 AND NOT EXISTS (
        SELECT 1 FROM version n WHERE n.scope = d.scope AND n.coll = 0 AND n.doc = d.doc AND n.ts > d.ts)
)
SELECT
    COALESCE((SELECT path FROM place WHERE place.scope = v.scope), 'scope ' || CAST(v.scope AS TEXT)) AS database,
    CASE v.coll
        WHEN 0 THEN 'databases' WHEN 1 THEN 'collections' WHEN 2 THEN 'keys' WHEN 3 THEN 'tokens'
        WHEN 7 THEN 'indexes' WHEN 10 THEN 'credentials' WHEN 11 THEN 'functions' WHEN 12 THEN 'roles'
        WHEN 13 THEN 'access_providers'
        ELSE COALESCE((SELECT CAST(c.data AS JSONB) ->> 'name' FROM version c
                       WHERE c.scope = v.scope AND c.coll = 1 AND c.doc = v.coll ORDER BY c.ts DESC LIMIT 1),
                      'collection ' || CAST(v.coll AS TEXT))
    END AS collection,
    v.doc AS id, v.ts AS ts, v.data AS data
FROM version v
WHERE v.live = 1 AND NOT EXISTS (
    SELECT 1 FROM version n WHERE n.scope = v.scope AND n.coll = v.coll AND n.doc = v.doc AND n.ts > v.ts)
"""

#: Every commit rewrites the one row of these tables. With room left on its page, its old copies are removed at once.
_TUNING = """
ALTER TABLE meta SET (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
ALTER TABLE mark SET (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500)
"""


#: By n: what a migration to format n does here, besides `statements.MIGRATIONS`.
_OWN_MIGRATIONS = {2: ["ALTER TABLE mark ADD COLUMN last_batch BIGINT, ADD COLUMN last_outcome TEXT"]}


class Target(NamedTuple):
    """What a URL says: how to connect, and the options of this store. patience: seconds. shown: the URL without password."""

    conninfo: str
    schema: str
    max_connections: int
    patience: float
    prepared: bool
    shown: str


class Dialect(NamedTuple):
    """Whether the server is PostgreSQL or only speaks its protocol, and its name.

    PostgreSQL has LOCK TABLE (which waits before the transaction's view is taken, so that a writer that has waited need not
    begin again), LISTEN/NOTIFY and settings of the planner. CockroachDB and YugabyteDB lack these. There writers lock the
    clock's row and begin again when they lose, and commits are noticed by polling.
    """

    postgresql: bool
    name: str


_OWN_OPTIONS = ("schema", "max_connections", "lock_timeout", "prepared")
_DEFAULTS = {
    "connect_timeout": "10",
    "application_name": "faunadb",
    # A connection whose other end does not answer any more is given up after half a minute.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


def parse_target(url: str, given: dict[str, Any]) -> Target:
    """Read a URL. The options of this store are taken out of it, and the rest is libpq's, with defaults that notice dead
    connections. Raises BadURL."""
    options = query_options(url)
    own = {name: options.pop(name) for name in _OWN_OPTIONS if name in options}
    merged = merge_options(url, own, given, _OWN_OPTIONS)
    schema = str(merged.get("schema", "faunadb"))
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", schema):
        raise BadURL(f"option 'schema' must be a plain lower-case name, not {schema!r}")
    try:
        connections = int(merged.get("max_connections", 16))
    except (TypeError, ValueError):
        connections = 0
    if not 1 <= connections <= 1000:
        raise BadURL(
            f"option 'max_connections' must be a number from 1 to 1000, not {merged['max_connections']!r}"
        )
    prepared = str(merged.get("prepared", "yes")).lower()
    if prepared not in ("yes", "no", "true", "false", "1", "0"):
        raise BadURL(f"option 'prepared' must be yes or no, not {merged['prepared']!r}")
    parts = urlsplit(url)
    libpq = {**_DEFAULTS, **options}
    if "," in parts.netloc:
        libpq.setdefault("target_session_attrs", "read-write")
    base = url.split("#", 1)[0].split("?", 1)[0]
    return Target(
        f"{base}?{urlencode(libpq, quote_via=quote)}",  # libpq knows no + for a space
        schema,
        connections,
        positive_seconds("lock_timeout", merged.get("lock_timeout", 30.0)),
        prepared in ("yes", "true", "1"),
        without_password(url),
    )


def connect(target: Target, connection_class: Any = psycopg.Connection) -> Any:
    """A connection in autocommit mode. Raises BadURL or StoreUnavailable."""
    try:
        connection = connection_class.connect(
            target.conninfo, autocommit=True, prepare_threshold=5 if target.prepared else None
        )
    except psycopg.ProgrammingError as error:
        raise BadURL(f"{target.shown!r} is not understood: {first_line(error, target.shown)}") from None
    except psycopg.OperationalError as error:
        raise StoreUnavailable(
            f"cannot connect to {target.shown}: {first_line(error, target.shown)}"
        ) from None
    return connection


def prepare_schema(connection: Any, target: Target) -> Dialect:
    """Create, check or migrate the store in its schema. Several processes may do so at once."""
    version = connection.execute("SELECT version()").fetchone()[0]
    dialect = Dialect("CockroachDB" not in version and "-YB-" not in version, version.split(" on ")[0])
    until = time.monotonic() + target.patience
    while True:
        try:
            _prepare(connection, target, dialect)
            return dialect
        except (
            errors.UniqueViolation,
            errors.DuplicateTable,
            errors.DuplicateSchema,
            errors.SerializationFailure,
            errors.DeadlockDetected,
        ) as error:  # another process is creating or migrating it
            if time.monotonic() > until:
                raise explain(error, target.shown) from error
            time.sleep(random.uniform(0.005, 0.05))
        except psycopg.Error as error:
            raise explain(error, target.shown) from error


def _prepare(connection: Any, target: Target, dialect: Dialect) -> None:
    schema = target.schema
    with connection.transaction():
        tables = _tables(connection, schema)
        if {"meta", "version", "entry"} <= tables:
            _migrate(connection, target, dialect)
            return
        if tables:
            raise NotAStore(
                f"the schema {schema!r} of {target.shown} holds tables of something else, not a store"
            )
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        connection.execute(f'SET LOCAL search_path TO "{schema}"')
        script = TABLES.format(
            int="BIGINT",
            small="SMALLINT",
            bytes="BYTEA",
            tail="",
            entries=_ENTRY_TABLES,
            format=SCHEMA_VERSION,
        )
        for statement in f"{script}{_VIEW}".split(";\n"):
            if statement.strip():
                connection.execute(statement)
        if dialect.postgresql:
            connection.execute(_TUNING)
            for statement in function_texts(schema):
                connection.execute(statement)


def _tables(connection: Any, schema: str) -> set[str]:
    rows = connection.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = %s", (schema,)
    ).fetchall()
    return {row[0] for row in rows}


def _migrate(connection: Any, target: Target, dialect: Dialect) -> None:
    found = connection.execute(f'SELECT format FROM "{target.schema}".meta').fetchone()[0]
    check_format(found, target.shown)
    if found == SCHEMA_VERSION:
        return
    connection.execute(f'SET LOCAL search_path TO "{target.schema}"')
    found = connection.execute("SELECT format FROM meta FOR UPDATE").fetchone()[0]
    for step in range(found + 1, SCHEMA_VERSION + 1):
        for statement in MIGRATIONS[step] + _OWN_MIGRATIONS.get(step, []):
            connection.execute(statement)
    if found < CHECKSUMS:
        _make_checksums(connection)
    if dialect.postgresql:
        for statement in function_texts(target.schema):
            connection.execute(statement)
    connection.execute("UPDATE meta SET format = %s", (SCHEMA_VERSION,))


#: For how many versions at a time a migration computes checksums.
_AT_ONCE = 1000


def _make_checksums(connection: Any) -> None:
    """Give all versions their checksums."""
    columns = "scope, coll, doc, ts, live, ttl, data, txn"
    with connection.cursor() as reader, connection.cursor() as writer:
        after: tuple[Any, ...] = (-(2**63),) * 4
        while True:
            reader.execute(
                f"SELECT {columns} FROM version WHERE (scope, coll, doc, ts) > (%s, %s, %s, %s)"
                f" ORDER BY scope, coll, doc, ts LIMIT {_AT_ONCE}",
                after,
            )
            rows = reader.fetchall()
            if not rows:
                return
            writer.executemany(
                "UPDATE version SET checksum = %s WHERE scope = %s AND coll = %s AND doc = %s AND ts = %s",
                [(of_version(*row), *row[:4]) for row in rows],
            )
            after = rows[-1][:4]


def channel(target: Target) -> str:
    """The notification channel of a store. It has the schema's name, since a database has its channels in common."""
    return f'"faunadb_{target.schema}"'


def qualify(text: str, schema: str) -> str:
    """A statement with the schema before the names of our tables. (Poolers keep no search path.)"""
    names = "|".join((*TABLE_NAMES, "writer", "mark"))
    return re.sub(rf"\b(FROM|INTO|UPDATE|JOIN|TABLE) ({names})\b", rf'\1 "{schema}".\2', text)


def first_line(error: BaseException, shown: str) -> str:
    """An error's text without the lines that libpq adds for each host. shown: the URL without what is secret in it."""
    return only_shown(str(error).strip().split("\n", 1)[0], shown)


def explain(error: Exception, place: str) -> Exception:
    """What an error of psycopg means for the store."""
    state: Optional[str] = getattr(error, "sqlstate", None)
    text = str(error).strip().split("\n", 1)[0]
    if isinstance(error, (errors.SerializationFailure, errors.DeadlockDetected)):
        return Contended("other writers came first")
    if state == "55P03":
        return StoreUnavailable(f"{place} is locked by another writer")
    if state == "53100":
        return StoreUnavailable(f"no space left to write to {place}: the disk is full")
    if state == "25006":
        return StoreUnavailable(f"{place} is read-only (a standby?); the store needs to write to it")
    if state == "42501":
        return StoreUnavailable(f"{place}: {text}")
    if isinstance(error, psycopg.DataError) or (state or "").startswith("22"):
        return ValueError(f"a value cannot be stored: {text}")
    if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
        return StoreUnavailable(f"the connection to {place} failed: {text}")
    return StoreError(f"{place}: {text}")


def worth_another_try(error: Exception) -> bool:
    """Whether the same works may succeed in a new transaction or on a new connection."""
    state: Optional[str] = getattr(error, "sqlstate", None)
    if isinstance(error, (errors.SerializationFailure, errors.DeadlockDetected)):
        return True
    if state is None:
        return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))
    # Shut down, crashed, not ready yet, demoted to a standby, idle for too long in a transaction, too many clients.
    return state[:2] in ("08", "57") or state in ("25006", "25P03", "53300")
