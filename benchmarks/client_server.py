"""A loopback server for the client benchmarks: fixed answers, as little work as possible.

Run by ``client_vs_official.py``, as a process of its own, so that its CPU time is not the client's. Prints its port
and serves until its standard input ends. HTTP/1.1 by hand for queries and streams; cleartext HTTP/2 (which the
official driver needs for streams) with ``h2``, where that is installed.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from typing import Any

REF = {
    "@ref": {
        "id": "1",
        "collection": {"@ref": {"id": "spells", "collection": {"@ref": {"id": "collections"}}}},
    }
}
DOCUMENT = {
    "ref": REF,
    "ts": 1700000000000000,
    "data": {
        "name": "Fire Beak",
        "element": ["air", "fire"],
        "cost": 10,
        "since": {"@ts": "2020-01-01T00:00:00Z"},
    },
}
QUERY_BODY = json.dumps({"resource": DOCUMENT}, separators=(",", ":")).encode()
QUERY_ANSWER = (
    b"HTTP/1.1 200 OK\r\nx-txn-time: 1700000000000000\r\nx-query-time: 1\r\nx-query-bytes-in: 60\r\n"
    b"x-query-bytes-out: 240\r\nx-compute-ops: 1\r\nx-byte-read-ops: 1\r\nx-byte-write-ops: 0\r\n"
    b"x-txn-retries: 0\r\nx-faunadb-build: unknown\r\n"
    b"content-type: application/json;charset=utf-8\r\ncontent-length: %d\r\n\r\n%s"
    % (len(QUERY_BODY), QUERY_BODY)
)


def stream_events(count: int) -> list[bytes]:
    """Return a start event, ``count`` version events and an error event, which ends a stream."""
    events = [{"type": "start", "txn": 1, "event": 1}]
    for number in range(count):
        body = {"action": "update", "document": {**DOCUMENT, "ts": 2 + number}}
        events.append({"type": "version", "txn": 2 + number, "event": body})
    events.append({"type": "error", "txn": 0, "event": {"code": "time out", "description": "The end."}})
    return [json.dumps(event, separators=(",", ":")).encode() + b"\r\n" for event in events]


def serve_connection(connection: socket.socket, events: list[bytes]) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection:
        received = connection.recv(65536)
        if received.startswith(b"PRI * HTTP/2.0"):
            return serve_http2(connection, received, events)
        while received:
            head, _, rest = received.partition(b"\r\n\r\n")
            missing = content_length(head) - len(rest)
            while missing > 0:
                missing -= len(connection.recv(65536))
            if b"/stream" in head.split(b"\r\n", 1)[0]:
                return send_stream(connection, events)
            connection.sendall(QUERY_ANSWER)
            received = connection.recv(65536)
            while received and b"\r\n\r\n" not in received:
                received += connection.recv(65536)


def content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


def send_stream(connection: socket.socket, events: list[bytes]) -> None:
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nx-txn-time: 1\r\ncontent-type: application/json;charset=utf-8\r\n"
        b"transfer-encoding: chunked\r\n\r\n"
    )
    # One chunk per event, as a server flushes them; the network may join them.
    chunks = [b"%x\r\n%s\r\n" % (len(event), event) for event in events]
    connection.sendall(b"".join(chunks) + b"0\r\n\r\n")


def serve_http2(connection: socket.socket, received: bytes, events: list[bytes]) -> None:
    import h2.config
    import h2.connection
    import h2.events

    protocol = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    protocol.initiate_connection()
    connection.sendall(protocol.data_to_send())
    waiting: list[bytes] = []
    stream: Any = None
    while received:
        for event in protocol.receive_data(received):
            if isinstance(event, h2.events.StreamEnded):
                stream = event.stream_id
                protocol.send_headers(stream, [(":status", "200"), ("x-txn-time", "1")])
                waiting = events[::-1]
        # One DATA frame per event, as many as the client has room for. The official driver cannot take two events
        # at once, and a frame is what it reads at once.
        while waiting and protocol.local_flow_control_window(stream) >= len(waiting[-1]):
            protocol.send_data(stream, waiting.pop(), end_stream=not waiting)
        connection.sendall(protocol.data_to_send())
        received = connection.recv(65536)


def main() -> None:
    events = stream_events(int(sys.argv[1]))
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(listener.getsockname()[1], flush=True)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve_connection, args=(connection, events), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
