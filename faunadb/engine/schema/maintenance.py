"""Work behind queries: building indexes, removing what was deleted or has expired, in small writes.

What is to be done is stored with the transaction that asks for it, so that it survives a restart. Each step is a
write of its own: other writers go in between.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, Callable

from . import sweeping

if TYPE_CHECKING:
    from ..context import Context
    from ..engine import Engine

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
    engine = ctx.engine
    engine.background.submit(lambda: run(engine))


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
        engine.background.submit(lambda: sweeping.sweep(engine))
        wait = sweeping.INTERVAL


def run(engine: Engine) -> None:
    """Do all open tasks, one step per write. Returns early when the engine closes."""
    closing = engine.background.closing
    while not closing.is_set():
        task, _ = engine.store.write(_first)
        if task is None:
            return
        step = _step(engine, task)
        while not closing.is_set() and engine.store.write(step)[0]:
            pass
        if closing.is_set():
            return
        engine.store.write(lambda tx, done=task: _finish(tx, done))  # type: ignore[misc]


def _first(tx: Any) -> Any:
    tasks = open_tasks(tx)
    return tasks[0] if tasks else None


def _finish(tx: Any, task: Task) -> None:
    tx.set_setting(TASKS, json.dumps([each for each in open_tasks(tx) if each != task]))


def _step(engine: Engine, task: Task) -> Callable[[Any], bool]:
    """One step of a task: called with a transaction, says whether more remains."""
    what, scope = task[0], task[1]
    if what == "build":
        from .. import index_builds

        return index_builds.steps(engine, scope, task[2])
    if what == "index":
        return lambda tx: tx.purge_index(scope, task[2], STEP)
    if what == "database":
        return lambda tx: tx.purge_scope(scope, STEP)
    return lambda tx: tx.purge_index(scope, task[2], STEP) or tx.purge_collection(scope, task[2], STEP)
