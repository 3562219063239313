"""What the first key of a query's text says of the query, before it is parsed."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from .registry import FORMS, WRITE

_FIRST_KEY = re.compile(rb'\s*\{\s*"(\w+)"')


def looks_like_a_write(source: Any) -> bool:
    """Whether the JSON text of a query begins with the first key of a form that writes."""
    first = _FIRST_KEY.match(source) if type(source) is bytes else None
    return first is not None and first[1] in write_keys()


@cache
def write_keys() -> frozenset[bytes]:
    """The first keys of the forms that write. To be called when the folder `functions` is loaded, which registers them."""
    assert FORMS, "the forms are not registered yet"
    return frozenset(form.name.encode() for form in FORMS if form.effect == WRITE)
