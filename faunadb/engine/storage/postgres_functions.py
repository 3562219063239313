"""Functions in PL/pgSQL that commit transactions, so that the lock is not held during network round trips.

``commit_batch(batch)`` takes the lock, checks finished transactions against what was committed since their snapshots,
gives times to those that pass, writes them, and returns the outcome of each. The statement that calls it is the transaction.
If something to be stored contains its transaction's own time, that must be known first: then the client calls
``begin_commit``, and with the times ``write_commit``. `postgres_commit` makes the batch.

The functions must see what others have committed while they waited for the lock, so they must run at READ COMMITTED.
"""

from __future__ import annotations

from .checksums import MIXED
from .statements import REPLACED

#: Finds which of the batch's reads are touched by the changes of later transactions, as `ReadSet.touched_by` does. It is in
#: PL/pgSQL, which keeps its plan (with ``force_generic_plan``): planning takes longer than the query.
_CONFLICTS = """
CREATE OR REPLACE FUNCTION {schema}.conflicts(batch JSONB, since BIGINT)
RETURNS TABLE (number INT, path TEXT, txn BIGINT)
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off
SET plan_cache_mode = force_generic_plan AS $function$
#variable_conflict use_column
BEGIN
RETURN QUERY WITH recent AS MATERIALIZED (
    SELECT c.txn, CAST(c.touched AS JSONB) AS touched FROM {schema}.change_log c WHERE c.txn > since
), changed AS MATERIALIZED (
    SELECT r.txn, item.value ->> 0 AS path, vals.value COLLATE "C" AS vals
    FROM recent r, jsonb_array_elements(r.touched -> 'at') AS item(value)
    LEFT JOIN LATERAL jsonb_array_elements_text(item.value - 0) AS vals(value) ON TRUE
), wide AS MATERIALIZED (
    SELECT r.txn, item.value AS path FROM recent r, jsonb_array_elements_text(r.touched -> 'wide') AS item(value)
    UNION ALL SELECT r.txn, '' FROM recent r WHERE r.touched IS NULL
), reader AS MATERIALIZED (
    SELECT CAST(item.place - 1 AS INT) AS number, CAST(item.value ->> 0 AS BIGINT) AS position
    FROM jsonb_array_elements(batch -> 'transactions') WITH ORDINALITY AS item(value, place)
), exact AS MATERIALIZED (
    SELECT r.number, r.position, item.value ->> 1 AS path, item.value ->> 2 AS lower, item.value ->> 3 AS upper
    FROM jsonb_array_elements(batch -> 'reads') AS item(value)
    JOIN reader r ON r.number = CAST(item.value ->> 0 AS INT)
), broad AS MATERIALIZED (
    SELECT r.number, r.position, item.value ->> 1 AS path
    FROM jsonb_array_elements(batch -> 'wide') AS item(value)
    JOIN reader r ON r.number = CAST(item.value ->> 0 AS INT)
)
SELECT e.number, e.path, c.txn FROM exact e JOIN changed c ON c.path = e.path
WHERE c.txn > e.position AND (c.vals IS NULL OR (
    (e.lower IS NULL OR c.vals >= e.lower COLLATE "C") AND (e.upper IS NULL OR c.vals < e.upper COLLATE "C")))
UNION ALL SELECT e.number, e.path, w.txn FROM exact e JOIN wide w ON w.txn > e.position AND starts_with(e.path, w.path)
UNION ALL SELECT b.number, b.path, c.txn FROM broad b JOIN changed c
    ON c.txn > b.position AND starts_with(c.path, b.path)
UNION ALL SELECT b.number, b.path, w.txn FROM broad b JOIN wide w
    ON w.txn > b.position AND (starts_with(w.path, b.path) OR starts_with(b.path, w.path));
END
$function$
"""

#: Takes the lock, checks, and gives times. The lock is taken before the clock and its row are read; see `Clock`.
_BEGIN = """
CREATE OR REPLACE FUNCTION {schema}.begin_commit(batch JSONB) RETURNS JSONB
LANGUAGE plpgsql AS $function$
DECLARE
    clock RECORD;
    conflict RECORD;
    next BIGINT;
    times JSONB := '[]';
    lost JSONB := '{{}}';
    since BIGINT;
    asked TIMESTAMPTZ;
    waited INTERVAL;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'commits need READ COMMITTED' USING ERRCODE = 'FA002';
    END IF;
    PERFORM set_config('lock_timeout', batch ->> 'patience', TRUE);
    asked := clock_timestamp();
    LOCK TABLE {schema}.writer IN EXCLUSIVE MODE;
    waited := clock_timestamp() - asked;
    SELECT m.last_txn, m.schema_version INTO clock FROM {schema}.meta m
        WHERE m.id = 0 AND m.format = CAST(batch ->> 'format' AS BIGINT) FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF COALESCE((SELECT k.checks FROM {schema}.mark k WHERE k.store = batch ->> 'store'), 0)
        <> CAST(batch ->> 'checks' AS BIGINT) THEN
        RAISE EXCEPTION 'a later session has taken over' USING ERRCODE = 'FA001';
    END IF;
    next := GREATEST(
        CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT),
        clock.last_txn + 1,
        CAST(batch ->> 'after' AS BIGINT) + 1);
    SELECT MIN(CAST(t.value ->> 0 AS BIGINT)) INTO since
        FROM jsonb_array_elements(batch -> 'transactions') AS t(value);
    IF since < clock.last_txn AND (batch ? 'reads' OR batch ? 'wide') THEN
        FOR conflict IN SELECT DISTINCT ON (c.number) c.number, c.path
            FROM {schema}.conflicts(batch, since) c ORDER BY c.number, c.txn LOOP
            lost := lost || jsonb_build_object(conflict.number, conflict.path);
        END LOOP;
    END IF;
    -- A transaction: the commit that its snapshot saw, the schema's version, and when something it read expires. That must
    -- be after its own time, which is not later than if all before it in the batch passed.
    SELECT jsonb_agg(judged.txn ORDER BY judged.place), GREATEST(clock.last_txn, MAX(judged.txn)),
        COALESCE(jsonb_object_agg(judged.place - 1, judged.path) FILTER (WHERE judged.path IS NOT NULL), '{{}}')
        INTO times, clock.last_txn, lost
        FROM (SELECT f.place, f.path, CASE WHEN f.path IS NULL
                THEN next - 1 + COUNT(*) FILTER (WHERE f.path IS NULL) OVER (ORDER BY f.place) END AS txn
            FROM (SELECT t.place, CASE
                    WHEN CAST(t.value ->> 1 AS BIGINT) <> clock.schema_version THEN ''
                    WHEN CAST(t.value ->> 2 AS BIGINT) < next + t.place THEN 'ttl'
                    ELSE lost ->> CAST(t.place - 1 AS TEXT) END AS path
                FROM jsonb_array_elements(batch -> 'transactions') WITH ORDINALITY AS t(value, place)
            ) AS f) AS judged;
    RETURN jsonb_build_object(
        'last_txn', clock.last_txn, 'schema_version', clock.schema_version, 'times', times, 'lost', lost,
        'waited', EXTRACT(EPOCH FROM waited));
END
$function$
"""

_KEY = "e.scope = i.scope AND e.idx = i.idx AND e.terms = i.terms AND e.vals = i.vals AND e.tail = i.tail"
_ALL = "scope, idx, terms, vals, tail, rest, whole_terms, coll, doc, cover, ttl, added"
_SET = "coll = excluded.coll, doc = excluded.doc, cover = excluded.cover, ttl = excluded.ttl, added = excluded.added"


def _bytes(place: int) -> str:
    return f"decode(i.value ->> {place}, 'hex')"


def _number(place: int) -> str:
    return f"CAST(i.value ->> {place} AS BIGINT)"


_ENTRY_KEY = f"{_number(1)}, {_number(2)}, {_bytes(3)}, {_bytes(4)}, {_bytes(5)}"
_ENTRY_ROW = (
    f"{_ENTRY_KEY}, {_bytes(6)}, {_bytes(7)}, {_number(8)}, {_number(9)}, i.value ->> 10, {_number(11)},"
    f" COALESCE({_number(12)}, i.txn)"
)


_TXN = "txns[CAST(e.value ->> 0 AS INT) + 1]"


def _items(name: str) -> str:
    """A subquery for the batch's items of one kind whose transactions have got a time."""
    return (
        f"(SELECT e.value, {_TXN} AS txn FROM jsonb_array_elements(batch -> '{name}') AS e(value)"
        f" WHERE {_TXN} IS NOT NULL) AS i"
    )


def _when(name: str, statement: str) -> str:
    return f"    IF batch ? '{name}' THEN\n        {statement};\n    END IF;\n"


_TS = f"COALESCE({_number(4)}, i.txn)"

#: Writes the transactions that have got times. The settings make the planner find rows by their keys, one by one, whatever it
#: believes about the sizes of the tables.
_WRITE = (
    """
CREATE OR REPLACE FUNCTION {schema}.write_commit(batch JSONB, outcome JSONB) RETURNS VOID
LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_bitmapscan = off SET jit = off SET plan_cache_mode = force_generic_plan AS $function$
DECLARE
    txns BIGINT[] := ARRAY(SELECT CAST(t.value AS BIGINT)
        FROM jsonb_array_elements_text(outcome -> 'times') WITH ORDINALITY AS t(value, place) ORDER BY t.place);
BEGIN
"""
    + _when(
        "versions",
        f"INSERT INTO {{schema}}.version (scope, coll, doc, ts, live, ttl, data, txn, checksum)"
        f" SELECT {_number(1)}, {_number(2)}, {_number(3)}, {_TS},"
        f" CAST(i.value ->> 5 AS SMALLINT), {_number(6)}, i.value ->> 7, i.txn,"
        f" {MIXED.format(content=_number(8), ts=_TS, txn='i.txn')} FROM {_items('versions')}"
        f" ON CONFLICT (scope, coll, doc, ts) DO UPDATE SET {REPLACED}",
    )
    # For a version that replaces another one or is a deletion, and for the one that replaces it: see `statements.TABLES`.
    + _when(
        "stale",
        f"WITH put AS MATERIALIZED (SELECT {_number(1)} AS scope, {_number(2)} AS coll, {_number(3)} AS doc,"
        f" COALESCE({_number(4)}, i.txn) AS ts, i.value ->> 5 AS live FROM {_items('stale')})"
        " INSERT INTO {schema}.stale (scope, coll, at, doc)"
        " SELECT p.scope, p.coll, p.ts, p.doc FROM put p WHERE p.live = '0' OR EXISTS (SELECT 1 FROM"
        " {schema}.version v WHERE v.scope = p.scope AND v.coll = p.coll AND v.doc = p.doc AND v.ts < p.ts)"
        " UNION SELECT n.scope, n.coll, n.ts, n.doc FROM put p, LATERAL (SELECT * FROM {schema}.version v"
        " WHERE v.scope = p.scope AND v.coll = p.coll AND v.doc = p.doc AND v.ts > p.ts ORDER BY v.ts LIMIT 1) n"
        " ON CONFLICT (scope, coll, at, doc) DO NOTHING",
    )
    + _when(
        "dropped",
        f"DELETE FROM {{schema}}.version e USING (SELECT {_number(1)} AS scope, {_number(2)} AS coll,"
        f" {_number(3)} AS doc, {_number(4)} AS ts FROM {_items('dropped')}) i"
        " WHERE e.scope = i.scope AND e.coll = i.coll AND e.doc = i.doc AND e.ts = i.ts",
    )
    + _when(
        "ended",
        f"WITH was AS (DELETE FROM {{schema}}.entry e USING (SELECT {_number(1)} AS scope, {_number(2)} AS idx,"
        f" {_bytes(3)} AS terms, {_bytes(4)} AS vals, {_bytes(5)} AS tail, COALESCE({_number(6)}, i.txn) AS removed"
        f" FROM {_items('ended')}) i WHERE {_KEY} RETURNING e.*, i.removed)"
        f" INSERT INTO {{schema}}.past_entry ({_ALL}, removed) SELECT {_ALL}, removed FROM was WHERE added <> removed"
        f" ON CONFLICT (scope, idx, terms, vals, tail, added) DO UPDATE SET {_SET}, removed = excluded.removed",
    )
    + _when(
        "gone",
        f"DELETE FROM {{schema}}.entry e USING (SELECT {_number(1)} AS scope, {_number(2)} AS idx,"
        f" {_bytes(3)} AS terms, {_bytes(4)} AS vals, {_bytes(5)} AS tail FROM {_items('gone')}) i WHERE {_KEY}",
    )
    + _when(
        "forgotten",
        f"DELETE FROM {{schema}}.past_entry e USING (SELECT {_number(1)} AS scope, {_number(2)} AS idx,"
        f" {_bytes(3)} AS terms, {_bytes(4)} AS vals, {_bytes(5)} AS tail, {_number(6)} AS added"
        f" FROM {_items('forgotten')}) i WHERE {_KEY} AND e.added = i.added",
    )
    + _when(
        "past",
        f"INSERT INTO {{schema}}.past_entry ({_ALL}, removed)"
        f" SELECT {_ENTRY_ROW}, COALESCE({_number(13)}, i.txn) FROM {_items('past')}"
        f" ON CONFLICT (scope, idx, terms, vals, tail, added) DO UPDATE SET {_SET}, removed = excluded.removed",
    )
    + _when(
        "live",
        f"INSERT INTO {{schema}}.entry ({_ALL}) SELECT {_ENTRY_ROW} FROM {_items('live')}"
        f" ON CONFLICT (scope, idx, terms, vals, tail) DO UPDATE SET {_SET}",
    )
    + _when(
        "counters",
        f"INSERT INTO {{schema}}.counter (name, value) SELECT i.value ->> 1, {_number(2)}"
        f" FROM {_items('counters')} ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    + _when(
        "settings",
        f"INSERT INTO {{schema}}.setting (name, value) SELECT i.value ->> 1, i.value ->> 2"
        f" FROM {_items('settings')} ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    + f"""
    INSERT INTO {{schema}}.change_log (txn, changes, touched)
        SELECT i.txn, replace(i.value ->> 1, i.value ->> 3, CAST(i.txn AS TEXT)), i.value ->> 2 FROM {_items("log")};
    UPDATE {{schema}}.meta SET last_txn = CAST(outcome ->> 'last_txn' AS BIGINT) WHERE id = 0;
    INSERT INTO {{schema}}.mark (store, txn, checks, last_batch, last_outcome)
        VALUES (batch ->> 'store', 0, 0, CAST(batch ->> 'batch' AS BIGINT), CAST(outcome AS TEXT))
        ON CONFLICT (store) DO UPDATE SET last_batch = excluded.last_batch, last_outcome = excluded.last_outcome;
    PERFORM pg_notify(batch ->> 'channel', outcome ->> 'last_txn');
END
$function$
"""
)

_COMMIT = """
CREATE OR REPLACE FUNCTION {schema}.commit_batch(batch JSONB) RETURNS JSONB
LANGUAGE plpgsql AS $function$
DECLARE
    outcome JSONB;
BEGIN
    outcome := {schema}.begin_commit(batch);
    IF jsonb_path_exists(outcome, '$.times[*] ? (@ != null)') THEN
        PERFORM {schema}.write_commit(batch, outcome);
    END IF;
    RETURN outcome;
END
$function$
"""

#: To be created in a store's schema, in this order.
FUNCTIONS = (_CONFLICTS, _BEGIN, _WRITE, _COMMIT)


def function_texts(schema: str) -> list[str]:
    """The statements that create the functions in a schema."""
    return [text.format(schema=f'"{schema}"') for text in FUNCTIONS]
