"""Integers of 64 bits in text of any length."""

from __future__ import annotations

import pytest

from faunadb.engine.integers import int64

LARGEST = (1 << 63) - 1


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-0", 0),
        ("+7", 7),
        ("007", 7),
        ("-" + "0" * 5000 + "7", -7),
        (str(LARGEST), LARGEST),
        (str(-LARGEST - 1), -LARGEST - 1),
        (str(LARGEST + 1), None),
        (str(-LARGEST - 2), None),
        ("9" * 19, None),
        ("1" * 5000, None),
        ("-" + "1" * 5000, None),
        *((text, None) for text in ("", "-", "+-1", " 1", "1 ", "1_0", "1.0", "1e3", "0x1", "²", "١", "1\n")),
    ],
)
def test_int64(text: str, number: object) -> None:
    assert int64(text) == number
