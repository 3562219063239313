"""The FQL functions, a module per family. Importing this package registers them all."""

from __future__ import annotations

from ..language import callbacks, literals, selecting, special  # noqa: F401  (registers special forms and escapes)

# Named one by one: finding them takes as long as loading them.
from . import (  # noqa: F401
    arrays,
    auth,
    basic,
    conversions,
    legacy,
    numbers,
    reads,
    refs,
    sets,
    strings,
    times,
    types,
    writes,
)
