"""The rules that must hold in any store, each as a query for what breaks it, and the checksums of all versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Callable

from .base import Finding, Progress
from .checksums import is_whole
from .errors import StoreUnavailable
from .sql_snapshot import SqlSnapshot

_NEWEST_IS_LIVE = (
    "SELECT 1 FROM version v WHERE v.scope = e.scope AND v.coll = e.coll AND v.doc = e.doc AND v.live = 1"
    " AND NOT EXISTS (SELECT 1 FROM version n WHERE n.scope = v.scope AND n.coll = v.coll AND n.doc = v.doc"
    " AND n.ts > v.ts)"
)

#: What is wrong, the names of the columns, and the query that finds it. Indexes below 1024 are the engine's own, and their
#: entries need not be of documents.
_RULES: tuple[tuple[str, str, str], ...] = (
    (
        "entry of a document that is not there",
        "database index collection document",
        f"SELECT e.scope, e.idx, e.coll, e.doc FROM entry e WHERE e.idx >= 1024 AND NOT EXISTS"
        f" ({_NEWEST_IS_LIVE})",
    ),
    (
        "version later than the store's last transaction",
        "database collection document ts",
        "SELECT scope, coll, doc, ts FROM version WHERE txn > (SELECT last_txn FROM meta)",
    ),
    (
        "live version without data, or deletion with data",
        "database collection document ts",
        "SELECT scope, coll, doc, ts FROM version WHERE (live = 1 AND data IS NULL)"
        " OR (live = 0 AND data IS NOT NULL)",
    ),
    (
        "entry later than the store's last transaction",
        "database index collection document",
        "SELECT scope, idx, coll, doc FROM entry WHERE added > (SELECT last_txn FROM meta)",
    ),
    (
        "ended entry that ended before it began",
        "database index collection document",
        "SELECT scope, idx, coll, doc FROM past_entry WHERE removed <= added",
    ),
    (
        "ended entry that overlaps its live successor",
        "database index collection document",
        "SELECT p.scope, p.idx, p.coll, p.doc FROM past_entry p JOIN entry e ON e.scope = p.scope AND"
        " e.idx = p.idx"
        " AND e.terms = p.terms AND e.vals = p.vals{same} WHERE p.removed > e.added",
    ),
    (
        "commit-log row later than the store's last transaction",
        "txn",
        "SELECT txn FROM change_log WHERE txn > (SELECT last_txn FROM meta)",
    ),
    (
        "commit-log row that is no list of changes",
        "txn",
        "SELECT txn FROM change_log WHERE changes NOT LIKE '[%]'",
    ),
    (
        "superseded version that no clean-up will find",
        "database collection document ts",
        "SELECT v.scope, v.coll, v.doc, v.ts FROM version v WHERE EXISTS (SELECT 1 FROM version o"
        " WHERE o.scope = v.scope AND o.coll = v.coll AND o.doc = v.doc AND o.ts < v.ts) AND NOT EXISTS"
        " (SELECT 1 FROM stale s WHERE s.scope = v.scope AND s.coll = v.coll AND s.at = v.ts AND s.doc"
        " = v.doc)",
    ),
    ("the store's clock row is missing or double", "rows", "SELECT COUNT(*) FROM meta HAVING COUNT(*) <> 1"),
)

#: How many findings are shown for each rule.
SHOWN = 10

Run = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]


def findings(
    snapshot: SqlSnapshot, run: Run, progress: Progress, mark: Callable[[str], str] = str, same: str = ""
) -> Iterator[Finding]:
    """Check every rule, and the checksum of every version.

    run: ``run(sql, parameters)`` gives the rows of a query. mark: turns the SQL into that of the backend. same: SQL that is
    also true for entries ``e`` and ``p`` with the same key.
    """
    for text, names, query in _RULES:
        try:
            for row in run(f"{mark(query.format(same=same))} LIMIT {SHOWN}", ()):
                yield Finding(text, tuple(zip(names.split(), row)))
        except StoreUnavailable as error:
            yield Finding(f"cannot look for: {text} ({error})", ())
    try:
        yield from _damaged_versions(snapshot, progress)
    except StoreUnavailable as error:
        yield Finding(f"cannot read all versions ({error})", ())


def _damaged_versions(snapshot: SqlSnapshot, progress: Progress) -> Iterator[Finding]:
    for rows in snapshot.export("version"):
        for scope, coll, doc, *row in rows:
            if not is_whole(scope, coll, doc, row):
                where = (("database", scope), ("collection", coll), ("document", doc), ("ts", row[0]))
                yield Finding("version that is not what was written (its checksum is wrong)", where)
        progress(len(rows))
