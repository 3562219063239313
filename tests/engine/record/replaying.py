"""Ask an engine the queries that the original was asked, and find where the answers differ.

A file of the record begins with ``{"setup": [...], "version": "4"}``: the queries that make its fixture. Every further line is
``{"q": query, "status": ..., "answer": ...}``, in the order in which they were asked. ``fresh`` says that the database was
made anew before it, with ``roles`` added to the fixture; ``logins`` are queries that give secrets, and ``as`` says which of
these secrets asked.

To see what differs, by kinds, without pytest::

    python -m tests.engine.record.replaying tests/engine/record/answers/reads-*.jsonl.gz
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Optional

from faunadb.engine.engine import open_engine
from faunadb.engine.storage.sqlite import MemoryImage, MemoryStore
from tests.engine.conftest import Database

from .comparing import Clock

HERE = Path(__file__).parent
FILES = sorted((HERE / "answers").glob("*.jsonl.gz"))

#: Status and body.
Answer = tuple[int, Any]


class Difference(NamedTuple):
    """An answer that is not the original's."""

    file: str
    line: int
    query: Any
    right: Answer
    given: Answer

    def __str__(self) -> str:
        return (
            f"{self.file}, line {self.line}\n"
            f"  query {json.dumps(self.query, ensure_ascii=False)}\n"
            f"  right {self.right[0]} {json.dumps(self.right[1], ensure_ascii=False)}\n"
            f"  given {self.given[0]} {json.dumps(self.given[1], ensure_ascii=False)}"
        )

    @property
    def kind(self) -> str:
        """What the two answers differ in, in a few words."""
        right, given = _summary(self.right), _summary(self.given)
        if right != given:
            return f"{right} -> {given}"
        if "errors" not in self.right[1]:
            return "value | " + (next(iter(self.query), "{}") if isinstance(self.query, dict) else "literal")
        for one, other in zip(self.right[1]["errors"], self.given[1]["errors"]):
            for part in ("position", "description"):
                if one.get(part) != other.get(part):
                    return f"{right} | {part} " + re.sub(r"\d+", "N", str(one.get(part)))[:70]
        return right + " | details"


def _summary(answer: Answer) -> str:
    status, body = answer
    return f"{status} " + "+".join(error.get("code", "?") for error in body.get("errors", ()))[:60]


class Known:
    """Differences that are meant, with the reason: ``known.json``, whose entries give statuses and patterns."""

    def __init__(self, entries: list[dict[str, Any]]):
        self.entries = entries

    def covers(self, one: Difference) -> bool:
        asked, answered = json.dumps(one.query), json.dumps(one.right[1])
        return any(
            one.right[0] == entry["status"]
            and one.given[0] in entry["given"]
            and re.search(entry["query"], asked)
            and re.search(entry["answer"], answered)
            for entry in self.entries
        )


KNOWN = Known(json.loads((HERE / "known.json").read_text()))


class Fixture:
    """A child database filled by the queries of a record's head, which can be made anew with other roles.

    In memory a copy of what the queries made is kept for that: they take longer than what is asked afterwards.
    """

    def __init__(self, root: Database, clock: Clock, queries: list[Any]):
        self._root = root
        self._clock = clock
        self._queries = queries
        self._count = 0
        self._image: Optional[MemoryImage] = None
        #: secrets: of the administrator, and those that logins gave
        self.admin = ""
        self.others: list[str] = []

    def make(self, roles: list[Any], logins: list[Any]) -> None:
        """Make it as the head says, with these roles besides, and log in."""
        if self._image is not None:
            self._root.begin_with(self._image)
        else:
            self._make()
        self._ask(roles)
        self.others = [each["secret"] for each in self._ask(logins)]

    def _make(self) -> None:
        self._count += 1
        name = f"number_{self._count}"
        self._root.wire({"create_database": {"object": {"name": name}}})
        key = self._root.wire({"create_key": {"object": {"database": {"database": name}, "role": "admin"}}})
        self.admin = key["secret"]
        self._ask(self._queries)
        if isinstance(self._root.engine.store, MemoryStore):
            self._image = self._root.engine.store.image()

    def _ask(self, queries: list[Any]) -> list[Any]:
        admin = self._root.as_(self.admin)
        answers = [admin.wire(self._clock.filled(query)) for query in queries]
        if not self._root.engine.background.wait(60):
            raise AssertionError("the indexes of the fixture are not built after a minute")
        return answers

    def asker(self, case: dict[str, Any]) -> Database:
        """Who asked, as a holder of one of the secrets."""
        return self._root.as_(self.others[case["as"]] if "as" in case else self.admin)


def replay(root: Database, path: Path) -> Iterator[Difference]:
    """All differences, the meant ones left out."""
    clock = Clock()
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        head = json.loads(next(lines))
        headers = {"x-faunadb-api-version": head["version"]}
        fixture = Fixture(root, clock, head["setup"])
        for number, line in enumerate(lines, 2):
            case = json.loads(line)
            if number == 2 or case.get("fresh"):
                fixture.make(case.get("roles", []), case.get("logins", []))
            query = json.dumps(clock.filled(case["q"]))
            status, answer = fixture.asker(case).body(query, headers=headers)
            right, given = (case["status"], case["answer"]), (status, clock.comparable(answer))
            if given == right:
                continue
            found = Difference(path.name, number, case["q"], right, given)
            if not KNOWN.covers(found):
                yield found


def by_kind(differences: Iterable[Difference]) -> list[tuple[str, list[Difference]]]:
    """Kinds of differences with what is of the kind, the shortest query first; the most frequent kinds first."""
    kinds: dict[str, list[Difference]] = defaultdict(list)
    for one in differences:
        kinds[one.kind].append(one)
    for found in kinds.values():
        found.sort(key=lambda one: len(json.dumps(one.query)))
    return sorted(kinds.items(), key=lambda item: -len(item[1]))


def report(differences: Iterable[Difference], examples: int = 1) -> str:
    """The kinds of differences with examples; "" without any."""
    parts = []
    for kind, found in by_kind(differences):
        parts.append(f"{len(found)} x {kind}")
        parts.extend(map(str, found[:examples]))
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description="Replay files of the record on an engine in memory.")
    parser.add_argument("files", nargs="*", type=Path, default=FILES)
    parser.add_argument("--examples", type=int, default=1, help="how many of each kind to show")
    options = parser.parse_args()
    for path in options.files:
        database = Database(open_engine("sqlite://"))
        found = list(replay(database, path))
        database.engine.close()
        print(f"{path.name}: {len(found)} answers differ\n{report(found, options.examples)}")


if __name__ == "__main__":
    main()
