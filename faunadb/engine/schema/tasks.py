"""What a transaction leaves to do behind the queries once it is committed, stored so that it survives a restart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..language.context import Context

#: A task: what, database number, and number of the index or collection.
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
    # The store has one writer at a time, so the worker's first write waits for this transaction's end. Should it
    # fail, there is nothing to be found.
    ctx.host.see_to_tasks()


def open_tasks(snap: Any) -> list[Task]:
    """The tasks that a snapshot sees as not done."""
    text = snap.setting(TASKS)
    return json.loads(text) if text else []
