"""Marking functions that still work but have a better successor."""

from __future__ import annotations

import functools
import warnings
from typing import Any, Callable, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def deprecated(reason: str) -> Callable[[F], F]:
    """Return a decorator that makes each call of a function warn.

    :param reason: What to use instead.
    :return: A decorator. The decorated function issues a :class:`DeprecationWarning` with the text
        ``"<function name>: <reason>"``, attributed to the line that called it.
    """

    def decorate(function: F) -> F:
        message = f"{function.__name__}: {reason}"

        @functools.wraps(function)
        def warn_and_call(*args: Any, **kwargs: Any) -> Any:
            warnings.warn(message, category=DeprecationWarning, stacklevel=2)
            return function(*args, **kwargs)

        return cast(F, warn_and_call)

    return decorate
