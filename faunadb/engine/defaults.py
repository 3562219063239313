"""What an engine does unless it is told otherwise: for those who ask without having one."""

from __future__ import annotations

DEFAULT_SECRET = "secret"
#: Bytes of answers that an engine keeps.
ANSWERS = 16 << 20
