"""Values of request headers: text beyond ASCII, tags, trace contexts."""

from __future__ import annotations

import re
from collections.abc import Mapping

CONTROL_CHARACTERS = "[\x00-\x1f\x7f]"

_TRACEPARENT = r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"


def in_header(text: str) -> str:
    """Return ``text`` so that it is sent as UTF-8, although ``http.client`` encodes headers as Latin-1."""
    return text if text.isascii() else text.encode("utf-8").decode("latin-1")


def tags_header(tags: Mapping[str, str]) -> str:
    """Return the value of ``x-fauna-tags``.

    :raises TypeError: When ``tags`` is not a mapping of strings to strings.
    :raises ValueError: When a name or value contains control characters.
    """
    if not isinstance(tags, Mapping):
        raise TypeError("Tags must be a dictionary")
    for name, value in tags.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"Names and values of tags must be strings, got {name!r}: {value!r}")
    text = ",".join(f"{name}={value}" for name, value in tags.items())
    if re.search(CONTROL_CHARACTERS, text):
        raise ValueError(f"Tags with control characters cannot be sent, got {text!r}.")
    return in_header(text)


def is_traceparent(text: object) -> bool:
    """Return whether this is a well-formed W3C ``traceparent``."""
    return isinstance(text, str) and re.fullmatch(_TRACEPARENT, text) is not None
