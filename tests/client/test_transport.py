"""The client on real sockets, and that the shortcut notices whatever a session can be told to do."""

from __future__ import annotations

import functools
import gzip
import json
import threading
import time
from typing import Any
from unittest import mock

import pytest
import requests
import responses
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPResponse

from faunadb import _shortcut
from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.errors import UnexpectedError
from faunadb.request_result import RequestResult
from tests.conftest import required

from .conftest import PATIENCE, Connection, Incoming, Server


def uses_shortcut(client: FaunaClient) -> bool:
    shortcut = client._shortcut
    return shortcut is not None and shortcut.holds(client.session, client.auth)


def test_both_ways_send_the_same(server: Server, client: FaunaClient) -> None:
    client.query({"x": 1}, tags={"a": "b"}, timeout_millis=5)
    assert uses_shortcut(client)
    client.session.hooks["response"].append(lambda response, **kwargs: response)
    client.query({"x": 1}, tags={"a": "b"}, timeout_millis=5)
    assert not uses_shortcut(client)
    short, long = server.requests
    assert short.headers == long.headers
    assert (short.method, short.path, short.body) == (long.method, long.path, long.body)


@pytest.mark.parametrize("way", ["shortcut", "session", "engine"])
def test_headers_of_a_result_are_what_requests_makes_of_them(way: str, server: Server) -> None:
    """As in the official driver: names as they came, looked up and compared in any case, one value a name."""
    server.handler = lambda connection, request: connection.answer(
        {"resource": 1}, headers={"X-Txn-Time": "5", "X-Two": "a\r\nX-Two: b"}
    )
    seen: list[RequestResult] = []
    endpoint = "sqlite://" if way == "engine" else server.url
    with FaunaClient("secret", endpoint=endpoint, observer=seen.append) as client:
        if way == "session":
            client.session.hooks["response"].append(lambda response, **kwargs: response)
        client.query(1)
        assert uses_shortcut(client) == (way != "session")
    headers: Any = seen[0].response_headers
    assert type(headers) is CaseInsensitiveDict
    assert headers["X-TXN-TIME"] == headers["x-txn-time"]
    assert headers == {name.upper(): value for name, value in headers.items()}
    if way != "engine":
        assert dict(headers)["X-Two"] == "a, b"
        assert headers.copy()["x-two"] == "a, b"


def test_connections_are_reused(server: Server, client: FaunaClient) -> None:
    for _ in range(5):
        assert client.query(1) == 1
        assert client.ping() == 1
    assert server.connections == 1
    assert uses_shortcut(client)


def test_connection_dropped_while_idle(server: Server, client: FaunaClient) -> None:
    closed = threading.Event()

    def answer_and_close(connection: Connection, request: Incoming) -> str:
        connection.answer({"resource": 1})
        connection.sock.shutdown(2)
        closed.set()
        return "close"

    server.handler = answer_and_close
    for _ in range(3):
        closed.clear()
        assert client.query(1) == 1
        assert closed.wait(10)
    assert server.connections == 3


@pytest.mark.parametrize("long_way", [False, True])
class TestFailures:
    """Failures are the exceptions of requests, whichever way a request goes."""

    @pytest.fixture
    def timeout(self) -> float:
        return PATIENCE

    @pytest.fixture
    def connected(self, server: Server, long_way: bool, timeout: float) -> Any:
        with FaunaClient("secret", endpoint=server.url, timeout=timeout) as client:
            if long_way:
                client.session.hooks["response"].append(lambda response, **kwargs: response)
            yield client

    @pytest.mark.parametrize("timeout", [0.2])
    def test_no_answer(self, server: Server, connected: FaunaClient) -> None:
        server.handler = lambda connection, request: connection.hang()
        start = time.monotonic()
        with pytest.raises(requests.exceptions.ReadTimeout):
            connected.query(1)
        assert time.monotonic() - start < 60, "that is the timeout of whoever gives none"

    @pytest.mark.parametrize("timeout", [0.2])
    def test_body_stops_coming(self, server: Server, connected: FaunaClient) -> None:
        def handler(connection: Connection, request: Incoming) -> None:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
            connection.hang()

        server.handler = handler
        with pytest.raises(requests.exceptions.ConnectionError):
            connected.query(1)

    def test_truncated_body(self, server: Server, connected: FaunaClient) -> None:
        def handler(connection: Connection, request: Incoming) -> str:
            connection.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"resource":1')
            return "close"

        server.handler = handler
        # urllib3 before 2 does not notice, but the JSON is cut off.
        with pytest.raises((requests.exceptions.ChunkedEncodingError, UnexpectedError)):
            connected.query(1)

    def test_a_connection_closed_without_an_answer_is_a_connection_error(
        self, server: Server, connected: FaunaClient
    ) -> None:
        server.handler = lambda connection, request: "close"
        with pytest.raises(requests.exceptions.ConnectionError):
            connected.query(1)

    def test_broken_compression(self, server: Server, connected: FaunaClient) -> None:
        server.handler = lambda connection, request: connection.answer(
            b"x" * 64, headers={"Content-Encoding": "gzip"}
        )
        with pytest.raises(requests.exceptions.ContentDecodingError):
            connected.query(1)

    def test_not_http(self, server: Server, connected: FaunaClient) -> None:
        def handler(connection: Connection, request: Incoming) -> str:
            connection.send(b"SSH-2.0-OpenSSH\r\n")
            return "close"

        server.handler = handler
        with pytest.raises(requests.exceptions.ConnectionError):
            connected.query(1)

    def test_a_gzipped_answer_is_unpacked(self, server: Server, connected: FaunaClient) -> None:
        body = gzip.compress(json.dumps({"resource": "é" * 1000}).encode())
        server.handler = lambda connection, request: connection.answer(
            body, headers={"Content-Encoding": "gzip"}
        )
        assert connected.query(1) == "é" * 1000

    def test_an_answer_in_chunks_is_put_together_and_its_connection_used_again(
        self, server: Server, connected: FaunaClient
    ) -> None:
        def handler(connection: Connection, request: Incoming) -> None:
            connection.start_stream()
            for byte in '{"resource":"é"}'.encode():
                connection.chunk(bytes([byte]))
            connection.send(b"0\r\n\r\n")

        server.handler = handler
        assert connected.query(1) == "é"
        assert connected.query(1) == "é"
        assert server.connections == 1

    def test_invalid_utf8(self, server: Server, connected: FaunaClient) -> None:
        server.handler = lambda connection, request: connection.answer(b'{"resource":"\xff"}')
        assert connected.query(1) == "\ufffd"


def test_nobody_listens(closed_port: int) -> None:
    with FaunaClient("secret", endpoint=f"http://127.0.0.1:{closed_port}") as client:
        with pytest.raises(requests.exceptions.ConnectionError) as caught:
            client.query(1)
    assert "secret" not in str(caught.value)


def test_headers_added_to_the_session(server: Server, client: FaunaClient) -> None:
    client.query(1)
    client.session.headers["X-Mine"] = "1"
    client.query(1)
    client.session.headers.update({"X-Mine": "2"})
    client.query(1)
    del client.session.headers["X-Mine"]
    client.query(1)
    client.session.headers = {"X-Other": "3", **client.session.headers}
    client.query(1)
    assert [request.headers.get("x-mine") for request in server.requests] == [None, "1", "2", None, None]
    assert server.requests[-1].headers["x-other"] == "3"


def test_cookies_are_kept_and_sent(server: Server, client: FaunaClient) -> None:
    server.handler = lambda connection, request: connection.answer(
        {"resource": 1}, headers={"Set-Cookie": "a=b"}
    )
    client.query(1)
    client.query(1)
    assert [request.headers.get("cookie") for request in server.requests] == [None, "a=b"]


def test_another_secret(server: Server, client: FaunaClient) -> None:
    client.query(1)
    client.auth.secret = "second"
    client.query(1)
    client.auth = requests.auth.HTTPBasicAuth("third", "")
    client.query(1)
    assert [request.headers["authorization"] for request in server.requests] == [
        "Bearer secret",
        "Bearer second",
        "Basic dGhpcmQ6",
    ]


@pytest.mark.parametrize("how", ["session", "environment"])
def test_proxies(how: str, server: Server, client: FaunaClient, monkeypatch: pytest.MonkeyPatch) -> None:
    client.query(1)
    proxy = Server()
    try:
        if how == "session":
            client.session.proxies["http"] = proxy.url
        else:
            monkeypatch.setenv("http_proxy", proxy.url)
            monkeypatch.setenv("no_proxy", "")
        client.query(1)
        assert [request.path for request in proxy.requests] == [server.url + "/"]
        client.session.proxies.clear()
        client.session.trust_env = False
        client.query(1)
        assert len(server.requests) == 2
    finally:
        proxy.close()


def test_mounted_adapter_is_used_and_times_out(server: Server) -> None:
    class Counting(HTTPAdapter):
        sent = 0

        def send(self, *args: Any, **kwargs: Any) -> Any:
            self.sent += 1
            return super().send(*args, **kwargs)

    with FaunaClient("secret", endpoint=server.url, timeout=0.2) as client:
        client.query(1)
        adapter = Counting()
        client.session.mount("http://", adapter)
        client.query(1)
        assert adapter.sent == 1
        server.handler = lambda connection, request: connection.hang()
        with pytest.raises(requests.exceptions.ReadTimeout):
            client.query(1)


def test_mocks_are_heard_after_real_queries(
    server: Server, client: FaunaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.query(1)
    with responses.RequestsMock() as mock:
        mock.add("POST", server.url + "/", json={"resource": "mocked"})
        assert client.query(1) == "mocked"
    answer = requests.Response()
    answer.status_code = 200
    answer._content = b'{"resource":"patched"}'
    with monkeypatch.context() as patch:
        patch.setattr(requests.Session, "send", lambda self, request, **kwargs: answer)
        assert client.query(1) == "patched"
    client.session.send = lambda request: answer
    assert client.query(1) == "patched"
    del client.session.send
    assert client.query(1) == 1
    assert len(server.requests) == 2


class Wrapped:
    """Ways to replace a method by one that looks as if it were the method itself."""

    @staticmethod
    def by_functools(owner: type, name: str, answer: Any) -> Any:
        replaced = functools.wraps(getattr(owner, name))(lambda *given, **more: answer)
        return mock.patch.object(owner, name, replaced)

    @staticmethod
    def by_autospec(owner: type, name: str, answer: Any) -> Any:
        return mock.patch.object(owner, name, autospec=True, return_value=answer)


@pytest.mark.parametrize("way", ["by_functools", "by_autospec"])
@pytest.mark.parametrize("owner", [requests.Session, requests.adapters.HTTPAdapter])
def test_a_wrapper_is_heard_that_was_there_before_the_first_client(
    owner: type, way: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as those of tracers, which keep the name and the module of what they wrap."""
    monkeypatch.setattr(_shortcut, "_ORIGINALS", None)
    answer = requests.Response()
    answer.status_code = 200
    answer._content = b'{"resource":"wrapped"}'
    answer.raw = HTTPResponse()
    with getattr(Wrapped, way)(owner, "send", answer):
        with FaunaClient("secret", endpoint=server.url) as client:
            assert client.query(1) == "wrapped"
    assert server.requests == []


def test_the_class_of_sessions_may_be_replaced_in_the_clients_module(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = mock.MagicMock()
    made.return_value.send.return_value = mock.Mock(status_code=200, text='{"resource":"mocked"}', headers={})
    with mock.patch("faunadb.client.Session", made):
        assert FaunaClient("secret", endpoint=server.url).query(1) == "mocked"
    assert FaunaClient("secret", endpoint=server.url).query(1) == 1


def test_the_session_shows_its_timeout(server: Server) -> None:
    """For programs that hand it on to clients they make of a session themselves."""
    with FaunaClient("secret", endpoint=server.url, timeout=7) as client:
        assert client.session.timeout == 7  # type: ignore[attr-defined]


def test_redirects_are_followed(server: Server, client: FaunaClient) -> None:
    def handler(connection: Connection, request: Incoming) -> None:
        if request.path == "/":
            connection.answer(b"", status=307, headers={"Location": "/moved"})
        else:
            connection.answer({"resource": request.json})

    server.handler = handler
    assert client.query(5) == 5


def test_session_closed_behind_the_client(server: Server, client: FaunaClient) -> None:
    client.query(1)
    client.session.close()
    assert client.query(1) == 1
    assert server.connections == 2


def test_closing_frees_the_sockets(server: Server) -> None:
    hung_up = threading.Event()

    def handler(connection: Connection, request: Incoming) -> str:
        connection.answer({"resource": 1})
        if connection.wait_for_hangup():
            hung_up.set()
        return "close"

    server.handler = handler
    client = FaunaClient("secret", endpoint=server.url)
    client.query(1)
    client.close()
    assert hung_up.wait(10)


def test_sixteen_threads_share_a_client(server: Server, client: FaunaClient) -> None:
    server.handler = lambda connection, request: connection.answer({"resource": request.json})
    wrong: list[int] = []

    def work(number: int) -> None:
        for step in range(20):
            value = number * 100 + step
            if client.query(value) != value:
                wrong.append(value)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(server.requests) == 320


def test_certificates(tmp_path: Any) -> None:
    trustme = required("trustme")
    import http.server
    import ssl

    authority = trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "14")
            self.end_headers()
            self.wfile.write(b'{"resource":1}')

        def log_message(self, *args: Any) -> None:
            pass

    tls_server = http.server.ThreadingHTTPServer(("localhost", 0), Handler)
    tls_server.daemon_threads = True
    tls_server.socket = context.wrap_socket(tls_server.socket, server_side=True)
    threading.Thread(target=tls_server.serve_forever, daemon=True).start()
    try:
        with FaunaClient(
            "secret", endpoint=f"https://localhost:{tls_server.server_port}", timeout=10
        ) as client:
            with pytest.raises(requests.exceptions.SSLError):
                client.query(1)
            client.session.verify = str(bundle)
            assert client.query(1) == 1
            assert uses_shortcut(client)
            client.session.verify = True
            with pytest.raises(requests.exceptions.SSLError):
                client.query(1)
    finally:
        tls_server.shutdown()
        tls_server.server_close()


@pytest.mark.parametrize("timeout", [0, -1, "x", (1, 2, 3)])
def test_malformed_timeouts(timeout: Any) -> None:
    with pytest.raises(ValueError):
        FaunaClient("secret", timeout=timeout)


def test_closed_client_says_so(server: Server) -> None:
    client = FaunaClient("secret", endpoint=server.url)
    client.close()
    with pytest.raises(UnexpectedError, match="closed"):
        client.query(1)


def test_a_session_of_the_application(server: Server) -> None:
    session = requests.Session()
    session.headers["X-Mine"] = "1"
    with FaunaClient("secret", endpoint=server.url, session=session, timeout=0.2) as client:
        assert client.query(1) == 1
        client.session = requests.Session()
        assert client.query(1) == 1
        server.handler = lambda connection, request: connection.hang()
        with pytest.raises(requests.exceptions.ReadTimeout):
            client.query(1)
    first, second, _ = server.requests
    assert [first.headers.get("x-mine"), second.headers.get("x-mine")] == ["1", None]
    for request in (first, second):
        assert request.headers["x-faunadb-api-version"] == "4"
        assert request.headers["authorization"] == "Bearer secret"
    assert "Authorization" not in session.headers


def test_the_path_of_an_endpoint_is_in_front_of_every_route(server: Server) -> None:
    with FaunaClient("secret", endpoint=f"{server.url}/fauna/") as client:
        client.query(1)
        assert uses_shortcut(client)
        client.ping("node")
        client.session.params = {"x": "1"}
        client.query(1)
        subscription = client.stream(q.documents(q.collection("c")), on_error=lambda event: None)
        subscription.start()
    assert [request.path for request in server.requests] == [
        "/fauna/",
        "/fauna/ping?scope=node",
        "/fauna/?x=1",
        "/fauna/stream?x=1",
    ]
