"""The SQL both backends share: tables, and statements by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

#: Version of the tables below. A store of a newer version is refused, one of an older version is migrated.
SCHEMA_VERSION = 3

VERSION_COLUMNS = "ts, live, ttl, data, txn, checksum"
#: What a version that is written anew takes from the one given.
REPLACED = (
    "live = excluded.live, ttl = excluded.ttl, data = excluded.data, txn = excluded.txn,"
    " checksum = excluded.checksum"
)
ENTRY_COLUMNS = "vals, coll, doc, cover, ttl, added"

#: Tables in the backend's types: {int}, {bytes}, {small} (0 or 1); {tail} ends a table clustered by its key.
#: ``stale`` says where history superseded at a time can be dropped: a document is looked at once for each
#: row. ``checksum``: see `checksums`. Every transaction has a row in ``change_log``: ``changes`` tells streams of its
#: documents (``[]``: none were written), ``touched`` all that it changed (`read_set.Changes`; NULL: written in format 1,
#: nobody knows).
TABLES = """
CREATE TABLE meta (
    id {int} PRIMARY KEY, last_txn {int} NOT NULL, schema_version {int} NOT NULL, format {int} NOT NULL
);
CREATE TABLE version (
    scope {int} NOT NULL, coll {int} NOT NULL, doc {int} NOT NULL, ts {int} NOT NULL,
    live {small} NOT NULL, ttl {int}, data TEXT, txn {int} NOT NULL, checksum {int} NOT NULL,
    PRIMARY KEY (scope, coll, doc, ts)
){tail};
CREATE INDEX version_ttl ON version (scope, coll, ttl) WHERE ttl IS NOT NULL;
CREATE TABLE stale (
    scope {int} NOT NULL, coll {int} NOT NULL, at {int} NOT NULL, doc {int} NOT NULL,
    PRIMARY KEY (scope, coll, at, doc)
){tail};
{entries}
CREATE INDEX past_entry_removed ON past_entry (scope, idx, removed);
CREATE TABLE change_log (txn {int} PRIMARY KEY, changes TEXT NOT NULL, touched TEXT);
CREATE TABLE counter (name TEXT PRIMARY KEY, value {int} NOT NULL){tail};
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL){tail};
INSERT INTO meta VALUES (0, 0, 0, {format});
"""

#: How to turn format n - 1 into format n: SQL texts by n, run in order within one transaction.
MIGRATIONS: dict[int, list[str]] = {
    2: ["ALTER TABLE change_log ADD COLUMN touched TEXT"],
    3: ["ALTER TABLE version ADD COLUMN checksum BIGINT NOT NULL DEFAULT 0"],
}
#: The format in which all versions have their checksums: migrations that come from before it have them made.
CHECKSUMS = 3


def read_clock(more: str = "") -> str:
    """The store's clock row. There is none where a newer version has migrated the store meanwhile."""
    return f"SELECT last_txn, schema_version{more} FROM meta WHERE id = 0 AND format = {SCHEMA_VERSION}"


def pinned_clock() -> str:
    """The same with a row behind it, by which the statement is not at its end when the first has been read."""
    return f"{read_clock()} UNION ALL SELECT NULL, NULL"


#: The setting that says up to which time times may have been handed out; see `clock.Clock.reach`.
REACH_SETTING = "reach"

READ_REACH = f"SELECT value FROM setting WHERE name = '{REACH_SETTING}'"


#: Has the store say so, unless it says more. Compared as text, which cannot fail, by the sixteen digits it begins with.
KEEP_REACH = (
    f"INSERT INTO setting AS kept (name, value) SELECT '{REACH_SETTING}', CAST(? AS TEXT) FROM meta"
    f" WHERE id = 0 AND format = {SCHEMA_VERSION}"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE kept.value < excluded.value"
)


def keep_reach(reach: Optional[str]) -> str:
    """`KEEP_REACH` with its value and a semicolon. None: no statement."""
    return "" if reach is None else KEEP_REACH.replace("?", f"'{reach}'") + ";"


_DOCUMENT = "scope = ? AND coll = ? AND doc = ?"
_PLACE = "scope = ? AND idx = ? AND terms = ?"
#: The plus keeps the backends from walking the whole index along `past_entry_removed`.
_TIMES = " UNION ALL ".join(
    f"SELECT {column} AS ts FROM {table} WHERE {_PLACE} AND +{column} BETWEEN ? AND ?"
    for table, column in (("entry", "added"), ("past_entry", "added"), ("past_entry", "removed"))
)


class Statements:
    """The statements by name, with the backend's parameter mark. columns: those of an entry, in its order."""

    def __init__(self, mark: str, columns: str = ENTRY_COLUMNS) -> None:
        self._mark = mark
        for name, text in _SHARED.items():
            setattr(self, name, self.mark(text))
        #: By (upper bound given, descending): versions of a document. The lower bound is always given.
        self.versions = {
            (bounded, reverse): self.mark(
                f"SELECT {VERSION_COLUMNS} FROM version WHERE {_DOCUMENT} AND ts >= ?"
                f"{' AND ts <= ?' if bounded else ''} ORDER BY ts{' DESC' if reverse else ''} LIMIT ?"
            )
            for bounded in (False, True)
            for reverse in (False, True)
        }
        #: By descending: when entries of one place came or went. The bounds are given three times.
        self.change_times = {
            reverse: self.mark(
                f"SELECT ts FROM ({_TIMES}) AS times ORDER BY ts{' DESC' if reverse else ''} LIMIT ?"
            )
            for reverse in (False, True)
        }
        self.live_changes = self.mark(
            f"SELECT {columns}, NULL FROM entry WHERE {_PLACE} AND added BETWEEN ? AND ?"
        )
        self.ended_changes = self.mark(
            f"SELECT {columns}, removed FROM past_entry WHERE {_PLACE}"
            " AND (added BETWEEN ? AND ? OR removed BETWEEN ? AND ?)"
        )

    def mark(self, text: str) -> str:
        """``text``, written with ``?``, in this backend's parameter style."""
        return text if self._mark == "?" else text.replace("%", "%%").replace("?", self._mark)

    newest: str
    newest_at: str
    newest_ts: str
    next_ts: str
    put_version: str
    put_stale: str
    drop_version: str
    scan_documents: str
    scan_documents_after: str
    expired_documents: str
    count_versions: str
    counter: str
    set_counter: str
    setting: str
    set_setting: str
    changed: str
    commits: str
    put_commit: str
    prune_log: str
    stale_rows: str
    drop_stale: str
    drop_superseded: str
    ttl_before: str


_SHARED = {
    "newest": f"SELECT {VERSION_COLUMNS} FROM version WHERE {_DOCUMENT} ORDER BY ts DESC LIMIT 1",
    "newest_at": (
        f"SELECT {VERSION_COLUMNS} FROM version WHERE {_DOCUMENT} AND ts <= ? ORDER BY ts DESC LIMIT 1"
    ),
    "newest_ts": f"SELECT ts FROM version WHERE {_DOCUMENT} ORDER BY ts DESC LIMIT 1",
    "next_ts": f"SELECT ts FROM version WHERE {_DOCUMENT} AND ts > ? ORDER BY ts LIMIT 1",
    "put_version": (
        "INSERT INTO version (scope, coll, doc, ts, live, ttl, data, txn, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        f" ON CONFLICT (scope, coll, doc, ts) DO UPDATE SET {REPLACED}"
    ),
    "put_stale": "INSERT INTO stale (scope, coll, at, doc) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
    "drop_version": f"DELETE FROM version WHERE {_DOCUMENT} AND ts = ?",
    "scan_documents": "SELECT DISTINCT doc FROM version WHERE scope = ? AND coll = ? ORDER BY doc LIMIT ?",
    "scan_documents_after": (
        "SELECT DISTINCT doc FROM version WHERE scope = ? AND coll = ? AND doc > ? ORDER BY doc LIMIT ?"
    ),
    "expired_documents": (
        "SELECT v.doc FROM version v WHERE v.scope = ? AND v.coll = ? AND v.ttl IS NOT NULL AND v.ttl <= ?"
        " AND v.live = 1 AND NOT EXISTS (SELECT 1 FROM version n WHERE n.scope = v.scope AND n.coll = v.coll"
        " AND n.doc = v.doc AND n.ts > v.ts) ORDER BY v.ttl, v.doc LIMIT ?"
    ),
    "count_versions": (
        "SELECT COUNT(*) FROM (SELECT 1 FROM version WHERE scope = ? AND coll = ? LIMIT ?) AS counted"
    ),
    "counter": "SELECT value FROM counter WHERE name = ?",
    "set_counter": (
        "INSERT INTO counter (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value ="
        " excluded.value"
    ),
    "setting": "SELECT value FROM setting WHERE name = ?",
    "set_setting": (
        "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value ="
        " excluded.value"
    ),
    "changed": "SELECT txn, touched FROM change_log WHERE txn > ? ORDER BY txn LIMIT ?",
    "commits": "SELECT txn, changes FROM change_log WHERE txn > ? AND changes <> '[]' ORDER BY txn LIMIT ?",
    "put_commit": "INSERT INTO change_log (txn, changes, touched) VALUES (?, ?, ?)",
    "prune_log": "DELETE FROM change_log WHERE txn < ?",
    "stale_rows": (
        "SELECT at, doc FROM stale WHERE scope = ? AND coll = ? AND at <= ? ORDER BY at, doc LIMIT ?"
    ),
    "drop_stale": "DELETE FROM stale WHERE scope = ? AND coll = ? AND at = ? AND doc = ?",
    "drop_superseded": (
        f"DELETE FROM version WHERE {_DOCUMENT} AND ts IN"
        f" (SELECT ts FROM version WHERE {_DOCUMENT} AND ts < ? ORDER BY ts LIMIT ?)"
    ),
    "ttl_before": (
        "SELECT doc, ts FROM version WHERE scope = ? AND coll = ? AND ttl IS NOT NULL AND ttl <= ?"
        " AND ts <= ? ORDER BY ttl, doc LIMIT ?"
    ),
}


def entry_statement(table: str, columns: str, conditions: str, order: str) -> str:
    """A keyset batch over the entries of one (scope, index, terms)."""
    return f"SELECT {columns} FROM {table} WHERE {_PLACE}{conditions} ORDER BY {order} LIMIT ?"


def bulk_delete(table: str, key: str, where: str) -> str:
    """Delete at most so many rows: the dialects agree on this spelling only."""
    return f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {where} LIMIT ?)"


#: Columns of each table as they are copied from one backend to another; those of its key come first.
COPIED = {
    "version": ("scope", "coll", "doc", "ts", "live", "ttl", "data", "txn", "checksum"),
    "stale": ("scope", "coll", "at", "doc"),
    "entry": ("scope", "idx", "terms", "vals", "added", "coll", "doc", "cover", "ttl"),
    "past_entry": ("scope", "idx", "terms", "vals", "added", "removed", "coll", "doc", "cover", "ttl"),
    "change_log": ("txn", "changes", "touched"),
    "counter": ("name", "value"),
    "setting": ("name", "value"),
}

KEYS = {
    "version": "scope, coll, doc, ts",
    "stale": "scope, coll, at, doc",
    "entry": "scope, idx, terms, vals",
    "past_entry": "scope, idx, terms, vals, added",
    "change_log": "txn",
    "counter": "name",
    "setting": "name",
}


def export_statement(table: str, key: str, columns: str, following: bool) -> str:
    """A keyset batch over a whole table, from its beginning or following a key."""
    marks = ", ".join("?" for _ in key.split(","))
    where = f" WHERE ({key}) > ({marks})" if following else ""
    return f"SELECT {columns} FROM {table}{where} ORDER BY {key} LIMIT ?"


def import_statement(table: str, columns: Sequence[str]) -> str:
    """Insert one row."""
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' for _ in columns)})"
