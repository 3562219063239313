"""Named tuples of the engine are those that `typing.NamedTuple` would make."""

from __future__ import annotations

import pickle
import typing
from typing import Optional

from faunadb.engine import records


class Made(records.NamedTuple):
    """A place."""

    name: str
    number: Optional[int] = None
    mark: str = "!"

    #: No field: it has no annotation.
    plural = "places"

    @property
    def shown(self) -> str:
        return f"{self.name}{self.mark}"

    def marked(self, mark: str) -> Made:
        return self._replace(mark=mark)


class Known(typing.NamedTuple):
    """A place."""

    name: str
    number: Optional[int] = None
    mark: str = "!"
    plural = "places"


def test_fields_and_defaults_are_those_of_the_annotations():
    assert Made._fields == Known._fields == ("name", "number", "mark")
    assert Made._field_defaults == Known._field_defaults
    assert Made("a") == Known("a") == ("a", None, "!")
    assert Made("a", mark="?", number=3) == ("a", 3, "?")


def test_members_are_kept():
    assert Made("a").shown == "a!"
    assert Made("a").marked("?").shown == "a?"
    assert Made.plural == Known.plural
    assert Made.__doc__ == Known.__doc__


def test_it_is_a_class_of_its_module():
    assert (Made.__module__, Made.__qualname__) == (__name__, "Made")
    assert Made.__mro__ == (Made, tuple, object)
    assert repr(Made("a")) == "Made(name='a', number=None, mark='!')"
    assert typing.get_type_hints(Made) == typing.get_type_hints(Known)


def test_it_can_be_pickled():
    from faunadb.engine.storage.rows import EntryRow  # of a module that can be imported by its name

    row = EntryRow(b"a", 1, 2, None, None, 3, None)
    again = pickle.loads(pickle.dumps(row))
    assert (type(again), again) == (EntryRow, row)
