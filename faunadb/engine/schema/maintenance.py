"""Work behind queries: building indexes, removing what was deleted or has expired, in small writes.

What is to be done is stored with the transaction that asks for it, so that it survives a restart. Each step is a
write of its own: other writers go in between.
"""

from __future__ import annotations

import json
import logging
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Callable

from ..auth import lookups
from ..language import values as v
from . import sweeping

if TYPE_CHECKING:
    from ..engine import Engine
    from ..language.context import Context

log = logging.getLogger("faunadb.engine")

#: A task: what, database number, and number of the index or collection.
Task = list[Any]

#: Setting that holds the open tasks as JSON.
TASKS = "tasks"

#: Rows removed per write.
STEP = 500


def enqueue(ctx: Context, task: Task) -> None:
    """Have a task done once the running transaction is committed.

    task: ``["collection", scope, number]``, ``["index", scope, number]``, ``["database", scope]``: remove what
    was deleted; ``["build", scope, number]``: fill an index.
    """
    tx = ctx.writer()
    tasks = open_tasks(tx)
    if task not in tasks:
        tx.set_setting(TASKS, json.dumps([*tasks, task]))
    # The store has one writer at a time, so the worker's first write waits for this transaction's end. Should it
    # fail, there is nothing to be found.
    ctx.host.see_to_tasks()


def open_tasks(snap: Any) -> list[Task]:
    """The tasks that a snapshot sees as not done."""
    text = snap.setting(TASKS)
    return json.loads(text) if text else []


def start(engine: Engine) -> None:
    """Go on with what an earlier process left, and sweep from time to time; call it when an engine starts."""
    with engine.store.snapshot() as snap:
        waiting = bool(open_tasks(snap))
        swept = sweeping.last_sweep(snap)
        overdue = swept is not None and snap.time - swept > sweeping.OVERDUE
    if waiting:
        engine.background.submit(lambda: run(engine))
    if overdue:
        engine.background.submit(lambda: sweeping.sweep(engine))
    threading.Thread(target=_sweep_at_times, args=(engine,), name="faunadb-sweeper", daemon=True).start()


def _sweep_at_times(engine: Engine) -> None:
    closing = engine.background.closing
    wait = sweeping.FIRST
    while not closing.wait(wait):
        # Tasks of another process that is gone are taken up, too.
        engine.background.submit(lambda: run(engine))
        engine.background.submit(lambda: sweeping.sweep(engine))
        wait = sweeping.INTERVAL


def run(engine: Engine) -> None:
    """Do all open tasks, one step per write. Returns early when the engine closes.

    A task that fails is left for the next start, and does not keep the others waiting.
    """
    closing = engine.background.closing
    failed: list[Task] = []
    while not closing.is_set():
        # Read as a writer: a snapshot would not see the tasks of a transaction that is being committed.
        tasks: list[Task] = engine.store.write(open_tasks)[0]
        task = next((each for each in tasks if each not in failed), None)
        if task is None:
            return
        try:
            _do(engine, task)
        except Exception:
            if closing.is_set():
                return
            log.exception("background task %s failed", task)
            failed.append(task)


def _do(engine: Engine, task: Task) -> None:
    closing = engine.background.closing
    step = _step(engine, task)
    while not closing.is_set():
        if not engine.store.write(step)[0]:
            engine.store.write(lambda tx: _finish(tx, task))
            return


def _finish(tx: Any, task: Task) -> None:
    tx.set_setting(TASKS, json.dumps([each for each in open_tasks(tx) if each != task]))


def _step(engine: Engine, task: Task) -> Callable[[Any], bool]:
    """One step of a task: called with a transaction, says whether more remains."""
    what, scope = task[0], task[1]
    if what == "build":
        from ..indexes import builds as index_builds

        return index_builds.steps(engine, scope, task[2])
    if what == "index":
        return lambda tx: tx.purge_index(scope, task[2], STEP)
    if what == "database":
        return partial(_clear_database, scope)
    return partial(_clear_collection, engine, scope, task[2])


def _clear_collection(engine: Engine, scope: int, coll: int, tx: Any) -> bool:
    """Remove some of a deleted collection. True while more remains."""
    from ..indexes import builds as index_builds

    ctx = index_builds.system_context(engine, tx, scope)
    indexes = ctx.schema.indexes_on(scope, coll)
    # Its own indexes went with it. Wildcard indexes, and those with further sources, live on without it.
    documents = tx.scan_documents(scope, coll, limit=STEP // 5) if indexes else []
    for doc in documents:
        index_builds.forget_document(ctx, indexes, v.Ref(scope, coll, doc))
    return bool(documents) or tx.purge_index(scope, coll, STEP) or tx.purge_collection(scope, coll, STEP)


def _clear_database(scope: int, tx: Any) -> bool:
    """Remove some of a deleted database, but for the names that refs from elsewhere show. True while more remains."""
    if _forget_keys(tx, scope):
        return True
    for kind in v.NAMED_NATIVES:
        rows = list(tx.entries(scope, kind, b"", limit=STEP))
        for row in rows:
            tx.put_version(scope, kind, row.doc, tx.txn, False, None, None)
            tx.end_entry(scope, kind, b"", row.values)
        if rows:
            return True
    return bool(tx.purge_scope(scope, STEP, keep=sorted(v.NAMED_NATIVES)))


def _forget_keys(tx: Any, scope: int) -> bool:
    """Drop what leads from key ids to a deleted database. True while more remains."""
    rows = list(tx.entries(scope, v.KEYS, b"", limit=STEP))
    for row in rows:
        for entry in lookups.internal_entries(v.Ref(scope, v.KEYS, row.doc), {}):
            place = entry[:4]
            for found in tx.entries(*place[:3], lower=entry.values, upper=entry.values + b"\0", limit=1):
                tx.drop_entry(*place, found.added)
        tx.drop_entry(scope, v.KEYS, b"", row.values, row.added)
    return bool(rows)
