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
_NONE = "[]"


def enqueue(ctx: Context, task: Task) -> None:
    """Have a task done once the running transaction is committed.

    task: ``["collection", scope, number]``, ``["index", scope, number]``, ``["database", scope]``: remove what
    was deleted; ``["build", scope, number]``: fill an index.
    """
    tx = ctx.writer()
    text = tx.setting(TASKS) or _NONE
    item = json.dumps(task)
    if item not in text:
        # The text is not read: who deletes thousands of databases adds as many tasks to as long a list.
        tx.set_setting(TASKS, f"[{item}]" if text == _NONE else f"{text[:-1]}, {item}]")
    # The store has one writer at a time, so the worker's first write waits until this transaction has ended. If it
    # fails, the worker finds no task.
    ctx.host.start_tasks()


def open_tasks(snap: Any) -> list[Task]:
    """The tasks that are not done as of a snapshot."""
    text = snap.setting(TASKS)
    return json.loads(text) if text else []


def is_open(snap: Any, task: Task) -> bool:
    """Whether a task is still on the list."""
    return json.dumps(task) in (snap.setting(TASKS) or _NONE)


def finish(tx: Any, task: Task) -> None:
    """Take a task that is done off the list."""
    text, item = tx.setting(TASKS) or _NONE, json.dumps(task)
    for part in (f"{item}, ", f", {item}", item):
        if part in text:
            tx.set_setting(TASKS, text.replace(part, "", 1))
            return
