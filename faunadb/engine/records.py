"""Named tuples that are made quickly.

`typing.NamedTuple` looks at every annotation of a class that it makes, and compiles those that are postponed. The engine
has sixty such classes: that was a tenth of the time it takes to load. Here the same class is made of the names alone.
Type checkers see `typing.NamedTuple`.
"""

from __future__ import annotations

from collections import namedtuple
from functools import partial
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:

    class _Maker(type):
        """Makes a named tuple of each class that is derived from `NamedTuple`."""

        def __new__(cls, name: str, bases: tuple[type, ...], members: dict[str, Any]) -> type:
            fields = members["__annotations__"]
            defaults = [members.pop(field) for field in fields if field in members]
            made = namedtuple(name, fields, defaults=defaults, module=members["__module__"])
            for key, value in members.items():
                setattr(made, key, value)
            return made

    NamedTuple = type.__new__(_Maker, "NamedTuple", (), {})


def maker(kind: type[Any]) -> Callable[..., Any]:
    """What makes a named tuple of a tuple of all its fields in C: calling its class runs a function of Python."""
    return partial(tuple.__new__, kind)
