"""What Java finds out about the length of a pattern's matches, where lookbehind needs it.

Java refuses a lookbehind of no obvious greatest length. How it counts is part of the dialect: in 32 bits that wrap, so
that ``(?<=a+)`` and ``(?<=(a)+)`` are accepted, ``(?<=(ab)+)`` is not, and ``(?<=a+a+)`` is accepted but never matches.

A pattern's parts are a `Chain`, groups spliced in; `study` walks it as Java walks its nodes.
"""

from __future__ import annotations

from ..records import NamedTuple
from .numbers import low32

MAX_REPEAT = 2**31 - 1
#: Java's greatest lengths are 32-bit integers that wrap. Below this one no match is short enough.
_WRAPPED = -(2**30)


class Part(NamedTuple):
    """One part of a chain.

    kind: ``fixed`` (low to high characters), ``greedy`` (one character repeated without end), ``unknown`` (a back
    reference), ``repeat`` (of chains[0], low to high times), ``optional``, ``atomic``, ``branch`` (one of chains), or
    ``loop`` (a repeated group in which there is something to choose).
    """

    kind: str
    low: int = 0
    high: int = 0
    chains: tuple[list[Part], ...] = ()


Chain = list["Part"]


class Span(NamedTuple):
    """least, most: characters. known: most is. fixed: nothing is to be chosen while matching."""

    least: int
    most: int
    known: bool
    fixed: bool

    @property
    def never(self) -> bool:
        """Whether the greatest length wrapped so that no match is short enough."""
        return _WRAPPED < self.most < self.least


def study(chain: Chain, before: int = 0) -> Span:
    """The length of what a chain matches, added to the greatest length before it."""
    least_before, most_before = 0, 0  # up to the last branch, behind which Java counts anew
    least, most, known, fixed, branched = 0, before, True, True, False
    for part in chain:
        if part.kind == "loop":
            known = fixed = False
            break
        if part.kind == "fixed":
            least, most = least + part.low, low32(most + part.high)
        elif part.kind == "greedy":
            least, most, fixed = least + part.low, low32(most + MAX_REPEAT), False
        elif part.kind == "unknown":
            known = False
        elif part.kind == "branch":
            spans = [study(inner) for inner in part.chains]
            least_before += least + min(span.least for span in spans)
            most_before += most + max(span.most for span in spans)
            known = known and all(span.known for span in spans)
            least, most, branched = 0, 0, True
        elif part.kind == "repeat":
            span = study(part.chains[0])
            least += span.least * part.low
            known = known and span.known
            if known:
                repeated = low32(span.most * part.high + most)
                known, most = repeated >= most, repeated
            fixed = fixed and span.fixed and part.low == part.high
        else:
            span = study(part.chains[0], most)
            least += span.least if part.kind == "atomic" else 0
            most = span.most
            known = known and span.known
            fixed = fixed and span.fixed and part.kind == "atomic"
    return Span(least_before + least, low32(most_before + most), known, fixed and not branched)


def character() -> Part:
    """One character, whatever it may be."""
    return Part("fixed", 1, 1)


def line_end() -> Part:
    """``\\R``."""
    return Part("fixed", 1, 2)


def unknown() -> Part:
    """A back reference."""
    return Part("unknown")


def branch(*chains: Chain) -> Part:
    """Alternatives."""
    return Part("branch", chains=chains)


def atomic(chain: Chain) -> Part:
    """``(?>...)``."""
    return Part("atomic", chains=(chain,))


def repetition(chain: Chain, low: int, high: int, quantifier: str, grouped: bool) -> Part:
    """A quantified part. quantifier: as written, ``*`` or ``{1,2}+``. grouped: the part is a group, not a character."""
    possessive = len(quantifier) > 1 and quantifier[-1] == "+"
    if quantifier[0] == "?":
        return branch(chain, []) if grouped and not possessive else Part("optional", chains=(chain,))
    if grouped and not possessive and not study(chain).fixed:
        return Part("loop")
    endless = quantifier in ("*", "+") or quantifier.endswith(",}")
    if endless and not grouped and chain == [character()]:
        return Part("greedy", low)
    return Part("repeat", low, high, (chain,))
