"""A small HTTP server for tests: the engine of a test's database on a port, in a thread of the test's process.

It speaks HTTP/1.1 with keep-alive and chunked streams, which is enough for every driver's queries and for this
package's streams. ``faunadb serve`` is the server for real use (HTTP/2, TLS, many processes).
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from faunadb.engine.adapter import EngineAdapter
from faunadb.engine.wire.http import handle
from faunadb.engine.wire.messages import MAX_BODY, HttpRequest, HttpResponse

__all__ = ["Server"]

#: Seconds that a stream waits for an event before it looks whether the server is closing.
_STREAM_WAIT = 0.5


class Server:
    """A server that listens until it is closed.

    :param database_url: the URL of a database in this process
    :param secret: the secret of its root key
    :ivar url: ``http://127.0.0.1:PORT``
    :ivar host: ``127.0.0.1``
    :ivar port: the port, chosen by the system
    :ivar secret: the secret of the root key
    """

    host = "127.0.0.1"

    def __init__(self, database_url: str, secret: str) -> None:
        # the adapter holds the engine that all clients with this URL share
        self._adapter = EngineAdapter(database_url, secret=secret)
        self._http = _Listener((self.host, 0), _handler(self._adapter))
        self.port = int(self._http.server_address[1])
        self.url = f"http://{self.host}:{self.port}"
        self.secret = secret
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.01,), name="faunadb-test-server"
        )
        self._thread.daemon = True
        self._thread.start()

    def __repr__(self) -> str:
        return f"Server({self.url!r})"

    def close(self) -> None:
        """Stop listening and end open streams."""
        self._http.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        self._adapter.close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, *arguments: Any) -> None:
        self.closing = threading.Event()
        super().__init__(*arguments)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that leaves in the middle of a request is no concern of the test."""


def _handler(adapter: EngineAdapter) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server: _Listener

        def _answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            if length > MAX_BODY:
                self.close_connection = True
            body = self.rfile.read(min(length, MAX_BODY + 1))
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            response = handle(
                adapter.engine, HttpRequest(self.command, parts.path, parts.query, headers, body)
            )
            if response.stream is None:
                self._send(response)
            else:
                self._send_stream(response)

        do_GET = do_POST = do_HEAD = do_OPTIONS = do_PUT = do_PATCH = do_DELETE = _answer

        def _head(self, response: HttpResponse, name: str, value: str) -> None:
            self.send_response_only(response.status)
            for header, text in response.headers:
                if header.lower() != "connection":
                    self.send_header(header, text)
            self.send_header(name, value)
            self.end_headers()

        def _send(self, response: HttpResponse) -> None:
            self._head(response, "content-length", str(len(response.body)))
            if self.command != "HEAD":
                self.wfile.write(response.body)

        def _send_stream(self, response: HttpResponse) -> None:
            stream = response.stream
            try:
                self._head(response, "transfer-encoding", "chunked")
                while not self.server.closing.is_set():
                    event = stream.next(_STREAM_WAIT)
                    if event is not None:
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
                        self.wfile.flush()
                    elif stream.ended:
                        break
                self.wfile.write(b"0\r\n\r\n")
            finally:
                stream.close()
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing: tests have output of their own."""

    return Handler
