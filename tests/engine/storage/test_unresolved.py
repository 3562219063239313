"""The number that stands for a time not known yet: found wherever it was written, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from faunadb.engine.indexes import keys
from faunadb.engine.storage.unresolved import Forms, draw


@pytest.mark.parametrize("_", range(50))
@pytest.mark.parametrize(
    "form",
    [
        lambda time: str(time).encode(),
        keys.encode,
        lambda time: keys.complement(keys.encode(time)),
        lambda time: keys.encode([1, time, "a"]),
    ],
    ids=["digits", "number", "descending", "array"],
)
def test_a_time_is_found_in_a_key_and_replaced(form: Any, _: int) -> None:
    time, other = draw(), draw()
    forms = Forms(time)
    assert forms.in_key(b"before" + form(time) + b"after")
    assert not forms.in_key(form(other))
    assert forms.key(form(time), 1_700_000_000_000_000) == form(1_700_000_000_000_000)
    assert forms.key(form(other), 1_700_000_000_000_000) == form(other)


def test_a_time_is_found_in_a_text_and_replaced() -> None:
    time, other = draw(), draw()
    forms = Forms(time)
    assert forms.in_text(f'{{"ts":{time}}}')
    assert not forms.in_text(f'{{"ts":{other}}}')
    assert forms.text(f"[{time},{other},{time}]", 17) == f"[17,{other},17]"
