"""One measurement of one driver, in a process of its own: prints a JSON number.

``python client_worker.py official|this|urllib3 MEASUREMENT PORT``; ``PYTHONPATH`` decides which ``faunadb`` it is.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import warnings
from typing import Any, Callable

warnings.simplefilter("ignore")

QUERIES = 1500
THREADS = 16
EVENTS = 2000


def client_of(driver: str, port: int) -> Any:
    from faunadb.client import FaunaClient

    if driver == "official":
        # It would look for a newer version of itself on the web.
        FaunaClient.check_new_version = lambda self: None
    return FaunaClient("secret", domain="127.0.0.1", scheme="http", port=port)


def cpu_per_call(call: Callable[[], Any], count: int) -> float:
    """Return microseconds of CPU time of this process per call."""
    for _ in range(max(10, count // 10)):
        call()
    start = time.process_time()
    for _ in range(count):
        call()
    return (time.process_time() - start) / count * 1e6


def query_cpu(driver: str, port: int) -> float:
    if driver == "urllib3":
        return bare_urllib3_cpu(port)
    from faunadb import query as q

    client = client_of(driver, port)
    expression = q.get(q.ref(q.collection("spells"), "1"))
    return cpu_per_call(lambda: client.query(expression), QUERIES)


def bare_urllib3_cpu(port: int) -> float:
    """The same request and response with nothing but urllib3 and json."""
    import urllib3

    pool = urllib3.PoolManager()
    url = f"http://127.0.0.1:{port}/"
    headers = {
        "Accept-Encoding": "gzip",
        "Content-Type": "application/json;charset=utf-8",
        "X-Fauna-Driver": "python",
        "X-FaunaDB-API-Version": "4",
        "X-Driver-Env": "driver=python-4.6.0; runtime=python-3.11.7-final env=unknown; os=linux",
        "X-Last-Seen-Txn": "1700000000000000",
        "Authorization": "Bearer secret",
    }
    body = b'{"get":{"ref":{"collection":"spells"},"id":"1"}}'
    return cpu_per_call(
        lambda: json.loads(pool.request("POST", url, body=body, headers=headers).data), QUERIES
    )


def threads_rate(driver: str, port: int) -> float:
    """Queries per second of 16 threads on one client."""
    from faunadb import query as q

    client = client_of(driver, port)
    expression = q.get(q.ref(q.collection("spells"), "1"))
    each = QUERIES // THREADS
    ready = threading.Barrier(THREADS + 1)

    def work() -> None:
        client.query(expression)
        ready.wait()
        for _ in range(each):
            client.query(expression)

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    ready.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    return each * THREADS / (time.perf_counter() - start)


def page_text() -> str:
    from client_server import DOCUMENT

    documents = [{**DOCUMENT, "ts": DOCUMENT["ts"] + number} for number in range(64)]
    return json.dumps({"resource": {"data": documents}}, separators=(",", ":"))


def parse_cpu(driver: str, port: int) -> float:
    if driver == "urllib3":
        text = page_text()
        return cpu_per_call(lambda: json.loads(text), 300)
    from faunadb._json import parse_json

    text = page_text()
    return cpu_per_call(lambda: parse_json(text), 300)


def build_cpu(driver: str, port: int) -> float:
    from faunadb import query as q
    from faunadb._json import to_json

    data = {
        "name": "Fire Beak",
        "element": ["air", "fire"],
        "cost": 10,
        "power": 2.5,
        "owner": {"name": "Merlin", "age": 90, "active": True},
    }

    def build() -> str:
        expression = q.create(q.collection("spells"), {"data": {**data, "at": q.now()}})
        return to_json(q.select(["ref"], q.let({"x": expression}, q.var("x"))))

    return cpu_per_call(build, 5000)


def import_time(driver: str, port: int) -> float:
    """Milliseconds that an interpreter takes to import the client, once files are cached; the best of several."""
    import subprocess

    module = "requests" if driver == "requests" else "faunadb.client"
    code = f"import time; s = time.perf_counter(); import {module}; print((time.perf_counter() - s) * 1000)"
    runs = [subprocess.check_output([sys.executable, "-W", "ignore", "-c", code]) for _ in range(5)]
    return min(float(run) for run in runs)


def first_query(driver: str, port: int) -> float:
    """Milliseconds from the start of an interpreter to its first answer on a database in memory; the best of several.

    Files are cached. Of requests: what its import alone takes, within an interpreter.
    """
    import subprocess

    if driver == "requests":
        return import_time(driver, port)
    code = (
        "from faunadb.client import FaunaClient; from faunadb import query as q;"
        "FaunaClient('secret', endpoint='sqlite://').query(q.add(1, 2)); import time; print(time.time())"
    )

    def once() -> float:
        started = time.time()
        return (float(subprocess.check_output([sys.executable, "-W", "ignore", "-c", code])) - started) * 1000

    return min(once() for _ in range(5))


def stream_rate(driver: str, port: int) -> float:
    """Version events per second of CPU time; complains about lost ones."""
    from faunadb.objects import Native, Ref

    client = client_of(driver, port)
    seen: list[int] = []
    stream = client.stream(
        Ref("1", Ref("spells", Native.COLLECTIONS)), on_version=lambda event: seen.append(event.txn)
    )
    start = time.process_time()
    stream.start()
    elapsed = time.process_time() - start
    if seen != list(range(2, EVENTS + 2)):
        print(f"{driver}: {len(seen)} of {EVENTS} events arrived", file=sys.stderr)
    return len(seen) / elapsed


MEASUREMENTS = {
    "query": query_cpu,
    "threads": threads_rate,
    "parse": parse_cpu,
    "build": build_cpu,
    "import": import_time,
    "first": first_query,
    "stream": stream_rate,
}

if __name__ == "__main__":
    _, which, measurement, server_port = sys.argv
    print(MEASUREMENTS[measurement](which, int(server_port)))
