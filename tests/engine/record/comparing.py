"""What makes a recorded answer and a given one comparable: present times, generated ids and secrets become names.

A time of the fixture is written ``"@@K"``: K steps of two seconds after a beginning twelve minutes before the replay,
since the original kept no more than a quarter of an hour from before a collection was created. In answers, other present
times are ``"TS0"``, ``"TS1"``, ... in order, generated ids ``"ID0"``, ..., texts of present times ``"NOW"``, and secrets
their field's name.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any, Optional

SECOND = 1_000_000
STEP = 2 * SECOND
DAY = 86_400 * SECOND

#: How long before a replay its fixture begins, in microseconds.
LEAD = 12 * 60 * SECOND
#: The steps that the fixtures and their queries use.
STEPS = range(-10, 346)

#: Fields whose text is different with every server.
HIDDEN = frozenset({"secret", "hashed_secret", "hashed_password", "global_id"})

_ID = re.compile(r"[34]\d{17}")
_ID_WITHIN = re.compile(r"\b[34]\d{17}\b")
_MOMENT = re.compile(r"20(2[5-9]|3\d)-\d\d-\d\dT[\d:.]+Z")


class Clock:
    """The times of one replay. now: microseconds."""

    def __init__(self, now: Optional[int] = None):
        self.now = time.time_ns() // 1000 if now is None else now
        self.beginning = (self.now - LEAD) // SECOND * SECOND

    def filled(self, query: Any) -> Any:
        """A recorded query with its times put in."""
        if isinstance(query, str) and query.startswith("@@"):
            return self.beginning + int(query[2:]) * STEP
        if isinstance(query, list):
            return [self.filled(item) for item in query]
        if isinstance(query, dict):
            return {key: self.filled(item) for key, item in query.items()}
        return query

    def step(self, moment: int) -> Optional[int]:
        """The step of a time of the fixture; None for other times."""
        k, rest = divmod(moment - self.beginning, STEP)
        return k if rest == 0 and k in STEPS else None

    def is_present(self, number: int) -> bool:
        """Whether a number is a time of the replay itself, which no recorded answer can hold."""
        return self.now - DAY < number < self.now + 2 * DAY and self.step(number) is None

    def comparable(self, answer: Any) -> Any:
        """An answer as the record would hold it."""
        leaves = list(_leaves(answer))
        times = {one for one in leaves if type(one) is int and self.is_present(one)}
        ids = {one for one in leaves if type(one) is str and _ID.fullmatch(one)}
        names: dict[Any, str] = {moment: f"TS{i}" for i, moment in enumerate(sorted(times))}
        names.update((text, f"ID{i}") for i, text in enumerate(sorted(ids)))
        return self._named(answer, names, None)

    def _named(self, value: Any, names: dict[Any, str], field: Optional[str]) -> Any:
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, list):
            return [self._named(item, names, None) for item in value]
        if isinstance(value, dict):
            return {name: self._named(item, names, name) for name, item in value.items()}
        if isinstance(value, float):
            return float("%.12g" % value)
        if value in names:
            return names[value]
        if isinstance(value, int):
            step = self.step(value)
            return value if step is None else f"@@{step}"
        if field in HIDDEN:
            return field.upper()
        return _MOMENT.sub("NOW", _ID_WITHIN.sub("ID", value))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
    else:
        yield value
