"""Tasks that a transaction leaves to the background; they are stored with it, so that they survive a restart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..language.context import Context

#: A task: its kind, the number of the database, and that of the index or collection.
Task = list[Any]

#: Setting that holds the open tasks as JSON.
TASKS = "tasks"


def enqueue(ctx: Context, task: Task) -> None:
    """Have a task done once the running transaction is committed.

    task: ``["collection", scope, number]``, ``["index", scope, number]``, ``["database", scope]``: remove what
    was deleted; ``["build", scope, number]``: fill an index.
    """
    tx = ctx.writer()
    tasks = open_tasks(tx)
    if task not in tasks:
        tx.set_setting(TASKS, json.dumps([*tasks, task]))
    # The store has one writer at a time, so the worker's first write waits until this transaction has ended. If it
    # fails, the worker finds no task.
    ctx.host.see_to_tasks()


def open_tasks(snap: Any) -> list[Task]:
    """The tasks that are not done as of a snapshot."""
    text = snap.setting(TASKS)
    return json.loads(text) if text else []
