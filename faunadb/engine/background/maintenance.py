"""Does the tasks that transactions have left (`schema.tasks`): building indexes, removing what was deleted.

Each step is a write of its own, so that other writers can go in between.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any, Callable

from ..indexes import lookups
from ..indexes.builds import forget_document
from ..language import values as v
from ..schema.tasks import Task, finish, is_open, open_tasks
from . import building, sweeping
from .keeper import Keeper, system_context

log = logging.getLogger("faunadb.engine")

#: How many rows are removed in one write.
STEP = 500


def start(keeper: Keeper) -> None:
    """Call when an engine starts: goes on with tasks that an earlier process has left, and sweeps from time to time."""
    if keeper.store.read_only:
        return
    with keeper.store.snapshot() as snap:
        waiting = bool(open_tasks(snap))
        swept = sweeping.last_sweep(snap)
        overdue = swept is not None and snap.time - swept > sweeping.OVERDUE
    if waiting:
        keeper.background.submit(lambda: run(keeper))
    if overdue:
        keeper.background.submit(lambda: sweeping.sweep(keeper))
    keeper.background.start_thread("faunadb-sweeper", lambda: _sweep_at_times(keeper))


def _sweep_at_times(keeper: Keeper) -> None:
    closing = keeper.background.closing
    wait = sweeping.FIRST
    while not closing.wait(wait):
        # This also takes up tasks of another process that has ended.
        keeper.background.submit(lambda: run(keeper))
        keeper.background.submit(lambda: sweeping.sweep(keeper))
        wait = sweeping.INTERVAL


def run(keeper: Keeper) -> None:
    """Do all open tasks, one step per write. Returns early when the engine closes.

    A task that fails is left for the next start, and does not keep the others waiting.
    """
    closing = keeper.background.closing
    failed: list[Task] = []
    while not closing.is_set():
        # Read by an exclusive write: a snapshot would not see tasks of a transaction that is being committed.
        tasks: list[Task] = keeper.store.write(open_tasks, exclusive=True)[0]
        tasks = [task for task in tasks if task not in failed]
        if not tasks:
            return
        failed += [task for task in tasks if not _is_done(keeper, task)]


def _is_done(keeper: Keeper, task: Task) -> bool:
    """Do a task, unless another process has done it. False when it fails."""
    if keeper.background.closing.is_set():
        return True
    try:
        if keeper.store.write(lambda tx: is_open(tx, task), exclusive=True)[0]:
            _do(keeper, task)
    except Exception:
        if not keeper.background.closing.is_set():
            log.exception("background task %s failed", task)
        return False
    return True


def _do(keeper: Keeper, task: Task) -> None:
    closing = keeper.background.closing
    step = _step(keeper, task)
    while not closing.is_set():
        if not keeper.store.write(step)[0]:
            keeper.store.write(lambda tx: finish(tx, task))
            return


def _step(keeper: Keeper, task: Task) -> Callable[[Any], bool]:
    """One step of a task: called with a transaction, says whether more remains."""
    what, scope = task[0], task[1]
    if what == "build":
        return building.steps(keeper, scope, task[2])
    if what == "index":
        return lambda tx: tx.purge_index(scope, task[2], STEP)
    if what == "database":
        return partial(_clear_database, scope)
    return partial(_clear_collection, keeper, scope, task[2])


def _clear_collection(keeper: Keeper, scope: int, coll: int, tx: Any) -> bool:
    """Remove some of a deleted collection. True while more remains."""
    ctx = system_context(keeper, tx, scope)
    indexes = ctx.schema.indexes_on(scope, coll)
    # Indexes on this collection alone are deleted with it. Those with other sources, and wildcard indexes, remain.
    documents = tx.scan_documents(scope, coll, limit=STEP // 5) if indexes else []
    for doc in documents:
        forget_document(ctx, indexes, v.Ref(scope, coll, doc))
    return bool(documents) or tx.purge_index(scope, coll, STEP) or tx.purge_collection(scope, coll, STEP)


def _clear_database(scope: int, tx: Any) -> bool:
    """Remove some of a deleted database, except names, which refs from elsewhere go on showing. True while more remains."""
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
    """Remove the entries that lead from ids of keys to a deleted database. True while more remains."""
    rows = list(tx.entries(scope, v.KEYS, b"", limit=STEP))
    for row in rows:
        for entry in lookups.internal_entries(v.Ref(scope, v.KEYS, row.doc), {}):
            place = entry[:4]
            for found in tx.entries(*place[:3], lower=entry.values, upper=entry.values + b"\0", limit=1):
                tx.drop_entry(*place, found.added)
        tx.drop_entry(scope, v.KEYS, b"", row.values, row.added)
    return bool(rows)
