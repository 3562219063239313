"""The SQL that the backends have in common: tables, migrations, and statements by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

#: The version of the tables below. A store with a newer one is refused, and one with an older one is migrated.
SCHEMA_VERSION = 3

VERSION_COLUMNS = "ts, live, ttl, data, txn, checksum"
#: The columns to set when a version's row is replaced.
REPLACED = (
    "live = excluded.live, ttl = excluded.ttl, data = excluded.data, txn = excluded.txn,"
    " checksum = excluded.checksum"
)
ENTRY_COLUMNS = "vals, coll, doc, cover, ttl, added"

#: The tables, with the backend's types in place of {int}, {bytes} and {small} (0 or 1), and with {tail} at the end of a
#: table that is ordered by its key.
#: ``version.checksum``: see `checksums`. ``stale``: a row says that at the time ``at`` a version of a document was
#: superseded, so that history from before it may be dropped once it is not retained any more. ``change_log`` has a row for
#: every transaction: ``changes`` tells streams which documents it wrote (``[]``: none), and ``touched`` is all that it
#: changed (`read_set.Changes`; NULL in rows of format 1).
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

#: By n: the SQL that turns a store of format n - 1 into one of format n. All is run in one transaction.
MIGRATIONS: dict[int, list[str]] = {
    2: ["ALTER TABLE change_log ADD COLUMN touched TEXT"],
    3: ["ALTER TABLE version ADD COLUMN checksum BIGINT NOT NULL DEFAULT 0"],
}
#: The format with which versions got checksums. A migration from before it computes them.
CHECKSUMS = 3


def read_clock(more: str = "") -> str:
    """Reads the row with the store's clock. There is none if a newer version of faunadb has migrated the store meanwhile.

    more: further columns, each with a comma before it.
    """
    return f"SELECT last_txn, schema_version{more} FROM meta WHERE id = 0 AND format = {SCHEMA_VERSION}"


def pinned_clock() -> str:
    """As `read_clock`, with a second row, so that the statement is not at its end when the first one has been read."""
    return f"{read_clock()} UNION ALL SELECT NULL, NULL"


#: The setting that holds up to which time times may have been handed out; see `clock.Clock.reach`.
REACH_SETTING = "reach"

READ_REACH = f"SELECT value FROM setting WHERE name = '{REACH_SETTING}'"


#: Writes that setting, unless it is later already. It is compared as text, by the sixteen digits with which it begins: unlike
#: a cast to a number, that cannot fail.
KEEP_REACH = (
    f"INSERT INTO setting AS kept (name, value) SELECT '{REACH_SETTING}', CAST(? AS TEXT) FROM meta"
    f" WHERE id = 0 AND format = {SCHEMA_VERSION}"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE kept.value < excluded.value"
)


def keep_reach(reach: Optional[str]) -> str:
    """`KEEP_REACH` with its value and a semicolon; "" for None."""
    return "" if reach is None else KEEP_REACH.replace("?", f"'{reach}'") + ";"


_DOCUMENT = "scope = ? AND coll = ? AND doc = ?"
_PLACE = "scope = ? AND idx = ? AND terms = ?"
#: The plus before the column keeps the backends from reading along the index `past_entry_removed`.
_TIMES = " UNION ALL ".join(
    f"SELECT {column} AS ts FROM {table} WHERE {_PLACE} AND +{column} BETWEEN ? AND ?"
    for table, column in (("entry", "added"), ("past_entry", "added"), ("past_entry", "removed"))
)


class Statements:
    """The statements by name. mark: how the backend writes a parameter. columns: those of an `EntryRow` without `removed`."""

    def __init__(self, mark: str, columns: str = ENTRY_COLUMNS) -> None:
        self._mark = mark
        for name, text in _SHARED.items():
            setattr(self, name, self.mark(text))
        #: versions of a document, by whether there is an upper bound, and descending. There always is a lower one.
        self.versions = {
            (bounded, reverse): self.mark(
                f"SELECT {VERSION_COLUMNS} FROM version WHERE {_DOCUMENT} AND ts >= ?"
                f"{' AND ts <= ?' if bounded else ''} ORDER BY ts{' DESC' if reverse else ''} LIMIT ?"
            )
            for bounded in (False, True)
            for reverse in (False, True)
        }
        #: by descending: the times at which entries of a place were added or removed. Its parameters are given three times.
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
        """SQL whose parameters are written as ``?``, with the backend's mark instead."""
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
    histories: str
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
    "histories": (
        f"SELECT doc, {VERSION_COLUMNS} FROM version WHERE scope = ? AND coll = ? AND (doc, ts) > (?, ?)"
        " ORDER BY doc, ts LIMIT ?"
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
    """Reads a batch of the entries of one place (scope, index, terms)."""
    return f"SELECT {columns} FROM {table} WHERE {_PLACE}{conditions} ORDER BY {order} LIMIT ?"


def bulk_delete(table: str, key: str, where: str) -> str:
    """Deletes up to a number of rows. Both backends understand this way to write it, and no shorter one."""
    return f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {where} LIMIT ?)"


#: The columns of each table, as they are copied from one backend to another. Those of its key come first.
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
    """Reads a batch of a whole table, in the order of its key. following: beginning after a key, which is a parameter."""
    marks = ", ".join("?" for _ in key.split(","))
    where = f" WHERE ({key}) > ({marks})" if following else ""
    return f"SELECT {columns} FROM {table}{where} ORDER BY {key} LIMIT ?"


def import_statement(table: str, columns: Sequence[str]) -> str:
    """Inserts a row."""
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' for _ in columns)})"
