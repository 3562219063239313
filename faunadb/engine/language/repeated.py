"""Fields of an object that have the name of an earlier field (value functions, "Conversion", ``to_object``)."""

from __future__ import annotations

from typing import Any


class RepeatedField(str):
    """The name of such a field: as a key it differs from the name itself, so that looking that up finds the first.

    place: tells the fields of one name apart. ``str(field)`` is the plain name.
    """

    place: int

    def __new__(cls, name: str, place: int) -> RepeatedField:
        field = super().__new__(cls, name)
        field.place = place
        return field

    def __eq__(self, other: Any) -> bool:
        return type(other) is RepeatedField and self.place == other.place and str(self) == str(other)

    def __ne__(self, other: Any) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((str(self), self.place))
