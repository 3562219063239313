"""The effects of an expression: none, read, write (evaluation rules, "Effects and restricted contexts")."""

from __future__ import annotations

#: Effects, ascending: a limit allows everything at or below it.
PURE, READ, WRITE = 0, 1, 2
EFFECT_NAMES = {PURE: "pure", READ: "read", WRITE: "write"}
#: Effect of ``call`` before it is run: it counts as a write, but only running it tells.
CALL = 3
