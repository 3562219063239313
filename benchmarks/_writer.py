"""A process of many threads on one store, for `_writers`. It runs with the checkout that PYTHONPATH names.

    python benchmarks/_writer.py URL THREADS

It reads commands from standard input, ``prepare DOCUMENTS``, ``count`` or ``WORKLOAD SECONDS``, each on a line, and answers each
with a line of JSON.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

import faunadb
from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.errors import FaunaError

READS_IN_MIXED = 0.8
SPELLS = q.collection("spells")
COUNTER = q.ref(q.collection("counters"), "1")


def prepare(client: FaunaClient, documents: int) -> None:
    client.query([q.create_collection({"name": "spells"}), q.create_collection({"name": "counters"})])
    client.query(
        q.create_index(
            {"name": "by_name", "source": SPELLS, "terms": [{"field": ["data", "name"]}], "active": True}
        )
    )
    client.query(q.create(COUNTER, {"data": {"n": 0}}))
    for first in range(1, documents + 1, 500):
        numbers = range(first, min(first + 500, documents + 1))
        client.query([q.create(q.ref(SPELLS, str(n)), {"data": {"name": f"spell {n}"}}) for n in numbers])


def create(documents: int) -> Any:
    return q.create(SPELLS, {"data": {"name": f"spell {random.randrange(10**9)}", "element": "fire"}})


def same(documents: int) -> Any:
    """One more in the document that everybody counts in."""
    return q.update(COUNTER, {"data": {"n": q.add(q.select(["data", "n"], q.get(COUNTER)), 1)}})


def mixed(documents: int) -> Any:
    spell = q.ref(SPELLS, str(random.randint(1, documents)))
    if random.random() < READS_IN_MIXED:
        return q.get(spell)
    return q.update(spell, {"data": {"cost": random.randrange(97)}})


WORKLOADS = {"create": create, "same": same, "mixed": mixed}


class Threads:
    def __init__(self, url: str, count: int) -> None:
        self.client = FaunaClient("secret", endpoint=url)
        self.count = count
        self.documents = 0

    def run(self, workload: str, seconds: float) -> dict[str, Any]:
        """done: good answers of each thread. again: evaluations beyond the first. refused: answers 409.
        cpu: seconds of this process. seconds: until the last of them had its answer.

        Evaluations are counted in one thread, by an observer, and taken to be the same in all: a client with an observer
        has each result made ready for it, with its headers, which takes a sixth of what a create costs."""
        done, refused, again = [0] * self.count, [0] * self.count, 0
        ask, began = WORKLOADS[workload], time.perf_counter()
        until = began + seconds

        def observe(result: Any) -> None:
            nonlocal again
            again += int(result.response_headers.get("x-txn-retries", 0))

        def thread(place: int) -> None:
            with self.client.new_session_client("secret", observer=None if place else observe) as client:
                while time.perf_counter() < until:
                    try:
                        client.query(ask(self.documents))
                        done[place] += 1
                    except FaunaError as failure:
                        if failure.request_result.status_code != 409:
                            raise
                        refused[place] += 1

        cpu = time.process_time()
        threads = [threading.Thread(target=thread, args=(place,)) for place in range(self.count)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        return {
            "done": done,
            "again": again * sum(done) / max(done[0], 1),
            "refused": sum(refused),
            "cpu": time.process_time() - cpu,
            "seconds": time.perf_counter() - began,
        }

    def obey(self, word: str, *given: str) -> Any:
        if word == "prepare":
            prepare(self.client, int(given[0]))
        elif word == "documents":
            self.documents = int(given[0])
        elif word == "count":
            return self.client.query(q.select(["data", "n"], q.get(COUNTER)))
        else:
            return self.run(word, float(given[0]))
        return None


def main() -> None:
    url, count = sys.argv[1:]
    threads = Threads(url, int(count))
    print(json.dumps(str(Path(faunadb.__file__).parents[1])), flush=True)
    for line in sys.stdin:
        print(json.dumps(threads.obey(*line.split())), flush=True)


if __name__ == "__main__":
    main()
