"""JSON as it is stored: what the quick writer writes is what the standard library writes."""

from __future__ import annotations

import json
import json.encoder

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faunadb.engine import json_text

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize("ensure_ascii", [True, False])
@given(value=VALUES)
def test_it_writes_what_the_standard_library_writes(ensure_ascii, value):
    expected = json.dumps(value, ensure_ascii=ensure_ascii, separators=(",", ":"))
    assert json_text.encoder(ensure_ascii)(value) == expected


def test_without_the_implementation_in_c_the_general_one_is_used(monkeypatch):
    monkeypatch.setattr(json.encoder, "c_make_encoder", None)
    assert json_text.encoder(ensure_ascii=False)({"a": "\u00e9"}) == '{"a":"\u00e9"}'


def test_what_json_has_not_is_an_error():
    with pytest.raises(TypeError, match="set"):
        json_text.encoder()({"a": {1}})
