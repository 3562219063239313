"""What evaluating may do beside giving a value: nothing, read, write (evaluation rules, "Effects and restricted contexts")."""

from __future__ import annotations

#: Effects, ascending: a limit allows everything at or below it.
PURE, READ, WRITE = 0, 1, 2
EFFECT_NAMES = {PURE: "pure", READ: "read", WRITE: "write"}
#: Static effect of ``call``: counts as a write, but only running it tells.
CALL = 3
