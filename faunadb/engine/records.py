"""Named tuples whose classes, and instances, are made quickly.

For each class, `typing.NamedTuple` looks at the annotations and compiles them. The engine has sixty such classes, for
which that would take a tenth of the time that loading it takes. `NamedTuple` here makes the same classes from the names of
their fields alone. Type checkers see `typing.NamedTuple`.
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
    """A function that makes a named tuple of a tuple of all its fields. It runs in C, unlike calling the class itself."""
    return partial(tuple.__new__, kind)
