"""The defaults of an engine's options. They are in a module of their own, so that reading them loads no engine."""

from __future__ import annotations

DEFAULT_SECRET = "secret"
#: Bytes that an engine's kept answers may take (`answers.Answers`).
ANSWERS = 16 << 20
