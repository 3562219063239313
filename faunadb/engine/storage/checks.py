"""What must hold in any store, as queries that find where it does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

_NEWEST_IS_LIVE = (
    "SELECT 1 FROM version v WHERE v.scope = e.scope AND v.coll = e.coll AND v.doc = e.doc AND v.live = 1"
    " AND NOT EXISTS (SELECT 1 FROM version n WHERE n.scope = v.scope AND n.coll = v.coll AND n.doc = v.doc"
    " AND n.ts > v.ts)"
)

#: (what is wrong, a query for where). Indexes below 1024 are internal: their entries need not name documents.
_RULES: tuple[tuple[str, str], ...] = (
    (
        "entry of a document that is not there (scope, index, collection, document)",
        f"SELECT e.scope, e.idx, e.coll, e.doc FROM entry e WHERE e.idx >= 1024 AND NOT EXISTS"
        f" ({_NEWEST_IS_LIVE})",
    ),
    (
        "version later than the store's last transaction (scope, collection, document, ts)",
        "SELECT scope, coll, doc, ts FROM version WHERE txn > (SELECT last_txn FROM meta)",
    ),
    (
        "live version without data, or deletion with data (scope, collection, document, ts)",
        "SELECT scope, coll, doc, ts FROM version WHERE (live = 1 AND data IS NULL)"
        " OR (live = 0 AND data IS NOT NULL)",
    ),
    (
        "entry later than the store's last transaction (scope, index, collection, document)",
        "SELECT scope, idx, coll, doc FROM entry WHERE added > (SELECT last_txn FROM meta)",
    ),
    (
        "ended entry that ended before it began (scope, index, collection, document)",
        "SELECT scope, idx, coll, doc FROM past_entry WHERE removed <= added",
    ),
    (
        "ended entry that overlaps its live successor (scope, index, collection, document)",
        "SELECT p.scope, p.idx, p.coll, p.doc FROM past_entry p JOIN entry e ON e.scope = p.scope AND"
        " e.idx = p.idx"
        " AND e.terms = p.terms AND e.vals = p.vals WHERE p.removed > e.added",
    ),
    (
        "commit-log row later than the store's last transaction (txn)",
        "SELECT txn FROM change_log WHERE txn > (SELECT last_txn FROM meta)",
    ),
    (
        "commit-log row that is no list of changes (txn)",
        "SELECT txn FROM change_log WHERE changes NOT LIKE '[%]'",
    ),
    (
        "superseded version that no clean-up will find (scope, collection, document, ts)",
        "SELECT v.scope, v.coll, v.doc, v.ts FROM version v WHERE EXISTS (SELECT 1 FROM version o"
        " WHERE o.scope = v.scope AND o.coll = v.coll AND o.doc = v.doc AND o.ts < v.ts) AND NOT EXISTS"
        " (SELECT 1 FROM stale s WHERE s.scope = v.scope AND s.coll = v.coll AND s.at = v.ts AND s.doc"
        " = v.doc)",
    ),
    ("the store's clock row is missing or double", "SELECT COUNT(*) FROM meta HAVING COUNT(*) <> 1"),
)

#: Violations shown of each rule.
SHOWN = 10


def logical_problems(
    run: Callable[[str, Sequence[Any]], list[tuple[Any, ...]]], mark: Callable[[str], str] = str
) -> list[str]:
    """Check every rule with ``run(sql, parameters)``; return the violations in words."""
    problems = []
    for text, query in _RULES:
        for row in run(f"{mark(query)} LIMIT {SHOWN}", ()):
            problems.append(f"{text}: {', '.join(map(str, row))}")
    return problems
