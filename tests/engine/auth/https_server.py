"""A local HTTPS server with its own certificate authority, serving key sets."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable

import trustme


class KeyServer:
    """answers: path -> (status, body), or a callable given the request handler. requests: what was asked, in order."""

    def __init__(self, port: int, bundle: str):
        self.base = f"https://localhost:{port}"
        self.bundle = bundle
        self.answers: dict[str, Any] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []

    def uri(self, path: str) -> str:
        return self.base + path


def _handler(server: KeyServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            answer: Any = server.answers.get(self.path, (404, b"nothing here"))
            if callable(answer):
                answer(self)
                return
            status, body = answer
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


@contextmanager
def serve(directory: Path) -> Iterator[KeyServer]:
    """Run a server. directory: where the certificate of its authority is written."""
    authority = trustme.CA()
    bundle = directory / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server = KeyServer(httpd.server_address[1], str(bundle))
    httpd.RequestHandlerClass = _handler(server)
    httpd.daemon_threads = True
    httpd.handle_error = lambda *args: None  # type: ignore[method-assign]  # clients that refuse the certificate
    httpd.socket = context.wrap_socket(httpd.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


Answer = Callable[[BaseHTTPRequestHandler], None]
