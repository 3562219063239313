"""Names of fields that repeat an earlier name in the same object (value functions, "Conversion", ``to_object``)."""

from __future__ import annotations

from typing import Any


class RepeatedField(str):
    """The key of such a field. It does not equal the plain name, so that looking the name up finds the first field.

    place: a number that differs for each field of the name. ``str(field)`` is the plain name.
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
