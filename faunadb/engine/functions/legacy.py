"""Forms that only lambdas written under an older API version can use.

A stored function keeps the syntax and semantics of the version it was written in (evaluation rules, "Lambda values").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..language.casts import BOOLEAN, Many
from ..language.registry import Arg, form

if TYPE_CHECKING:
    from ..language.context import Context

BOOLEANS = Many(BOOLEAN, nonempty=True)


@form(Arg("and", BOOLEANS), until="2.12")
def eager_and(ctx: Context, operands: list[bool]) -> bool:
    """and, before version 3: every operand is evaluated and checked."""
    return all(operands)


@form(Arg("or", BOOLEANS), until="2.12")
def eager_or(ctx: Context, operands: list[bool]) -> bool:
    """or, before version 3: every operand is evaluated and checked."""
    return any(operands)
