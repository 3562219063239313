"""An exception from outside at any step of a thread, one step after another."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Any


def interruption(
    step: int,
    kind: type[BaseException],
    files: Collection[str],
    passed_over: Collection[str] = ("c_exception",),
    twice: bool = False,
) -> Any:
    """Raises at the step-th point, in some files, at which the interpreter looks for exceptions from outside: when a function
    begins, and when one has returned. Before a lock is taken as well, since to wait for it ends with a signal.

    For `sys.setprofile`, in the thread to interrupt. passed_over: events that are no such points. twice: whether another
    exception comes when the next function begins, which is what handles the first one, if anything does.
    """
    left = step

    def profile(frame: Any, event: str, called: Any) -> None:
        nonlocal left
        if frame.f_code.co_filename not in files or event in passed_over:
            return
        if event == "c_call" and called.__name__ != "acquire":
            return
        left -= 1
        if left == 0:
            sys.setprofile(None)
            if twice:
                sys.settrace(once_more)
            raise kind

    def once_more(*_: Any) -> None:
        sys.settrace(None)
        raise kind

    return profile
