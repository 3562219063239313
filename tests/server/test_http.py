"""The wire protocol over real sockets: routes, headers, limits (wire protocol, "Endpoints" and "Headers")."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.conftest import missing
from tests.server.conftest import create, ref
from tests.server.running import Http, request_bytes, standard

ONE = json.dumps({"add": [1, 1]}).encode()


def test_one_connection_serves_many_requests(http):
    assert [http.query({"add": [n, 1]}) for n in range(50)] == list(range(1, 51))


def test_requests_sent_at_once_are_answered_in_order(http):
    for n in range(10):
        http.send(request_bytes("POST", "/", json.dumps({"add": [n, 0]}).encode(), standard()))
    assert [http.receive().json["resource"] for _ in range(10)] == list(range(10))


def test_http2_with_prior_knowledge(server):
    with httpx.Client(http1=False, http2=True, headers=standard()) as client:
        answers = [client.post(server.address, content=ONE) for _ in range(5)]
    assert {(answer.http_version, answer.status_code, answer.text) for answer in answers} == {
        ("HTTP/2", 200, '{"resource":2}')
    }


@pytest.mark.parametrize(
    ("method", "path", "secret", "status", "code"),
    [
        ("POST", "/", "wrong", 401, "unauthorized"),
        ("POST", "/", None, 401, "unauthorized"),
        ("PUT", "/", None, 401, "unauthorized"),
        ("PUT", "/", "secret", 405, "method not allowed"),
        ("GET", "/stream", "secret", 405, "method not allowed"),
        ("GET", "/stream", "wrong", 401, "unauthorized"),
        ("GET", "/linearized", "secret", 405, "method not allowed"),
        ("POST", "/ping", None, 405, "method not allowed"),
        ("GET", "/nowhere", None, 404, "not found"),
        ("GET", "/nowhere/", "secret", 404, "not found"),
        ("GET", "/ping/", None, 404, "not found"),
        ("GET", "/authorized", None, 401, "unauthorized"),
        ("GET", "/error", None, 500, "internal server error"),
        ("GET", "/collections/c/1", None, 401, "unauthorized"),
        ("GET", "/collections/c/99", "secret", 404, "instance not found"),
        ("GET", "/collections/none/1", "secret", 404, "not found"),
        ("PATCH", "/collections/c", "secret", 405, "method not allowed"),
    ],
)
def test_refusals(http, method, path, secret, status, code):
    answer = http.ask(method, path, ONE if method in ("POST", "PUT") else b"", secret)
    assert (answer.status, answer.error[0]) == (status, code)
    assert answer.headers["content-type"] == "application/json;charset=utf-8"
    if status == 401:
        assert answer.headers["www-authenticate"] == 'Basic realm="Unauthorized"'
        assert "x-query-time" not in answer.headers
    if status == 405:
        assert answer.error[1] == f"Allowed methods are {answer.headers['allow']}."


@pytest.mark.parametrize("authorization", ["Bearer secret", "Basic c2VjcmV0", "Basic c2VjcmV0Og=="])
def test_authorization_schemes(http, authorization):
    assert http.ask("POST", "/", ONE, None, authorization=authorization).status == 200


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("", "write"),
        ("?scope=write", "write"),
        ("?scope=read", "read"),
        ("?scope=all", "all"),
        ("?scope=x", "node"),
        ("?timeout=soon", "write"),
        ("?timeout=99999999999999999999", "write"),
        ("?timeout=1" + "0" * 400, "write"),
        ("?timeout=" + "1" * 5000, "write"),
    ],
)
def test_ping(http, query, name):
    answer = http.ask("GET", "/ping" + query, secret=None)
    assert (answer.status, answer.json) == (200, {"resource": f"Scope {name} is OK"})


def test_head_has_headers_and_no_body(http):
    answer = http.ask("HEAD", "/ping", secret=None)
    assert (answer.status, answer.body) == (200, b"")
    assert http.query({"add": [1, 2]}) == 3  # the connection is still in step


def test_queries_in_the_url(http):
    answer = http.ask("GET", "/?q=" + quote('{"add":[2,3]}'))
    assert answer.json == {"resource": 5}
    answer = http.ask("GET", "/?q=" + quote(json.dumps(create(77, n=1))))
    assert answer.status == 400
    assert "get requests" in answer.error[1]
    assert http.ask("GET", "/").error == ("invalid expression", "No query provided.")
    assert http.ask("GET", "/?q=%zz").error == ("invalid expression", "No query provided.")


def test_linearized(http):
    assert http.ask("POST", "/linearized", ONE).json == {"resource": 2}


def test_refs_as_paths(http):
    created = http.ask("POST", "/collections/c", b'{"data":{"n":40}}')
    assert created.status == 201
    number = created.json["resource"]["ref"]["@ref"]["id"]
    path = f"/collections/c/{number}"
    assert http.ask("GET", path).json["resource"]["data"] == {"n": 40}
    assert http.ask("PATCH", path, b'{"data":{"m":1}}').json["resource"]["data"] == {"n": 40, "m": 1}
    assert http.ask("PUT", path, b'{"data":{"m":2}}').json["resource"]["data"] == {"m": 2}
    events = http.ask("GET", path + "/events").json["resource"]["data"]
    assert [event["action"] for event in events] == ["create", "update", "update"]
    page = http.ask("GET", "/collections/c?size=2").json["resource"]
    assert len(page["data"]) == 2
    assert "after" in page
    collection_events = http.ask("GET", "/collections/events").json["resource"]["data"]
    assert collection_events[0]["document"]["@ref"]["id"] == "c"
    assert http.ask("GET", "/collections/events/events").error == ("not found", "Not Found")
    assert http.ask("GET", "/keys/events").json == {"resource": {"data": []}}
    assert http.ask("DELETE", path).status == 200
    assert http.ask("GET", path).status == 404


INVALID = "Invalid header '{}': {}"
#: More than `int` takes of anybody.
MANY_DIGITS = "1" * 5000
INTEGERS = [
    ("x-last-seen-txn", "timestamp"),
    ("x-query-timeout", "number"),
    ("x-max-retries-on-contention", "number"),
]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("x-faunadb-api-version", "9", "Unsupported or invalid API version '9'."),
        ("x-faunadb-api-version", "", "Unsupported or invalid API version ''."),
        ("x-last-seen-txn", "None", "Invalid timestamp 'None'."),
        ("x-last-seen-txn", "1.5", "Invalid timestamp '1.5'."),
        ("x-last-seen-txn", "9223372036854775808", "Invalid timestamp '9223372036854775808'."),
        *((name, MANY_DIGITS, f"Invalid {noun} '{MANY_DIGITS}'.") for name, noun in INTEGERS),
        ("x-query-timeout", "soon", "Invalid number 'soon'."),
        ("x-query-timeout", "0", "Must be greater than 0."),
        ("x-query-timeout", "-5", "Must be greater than 0."),
        ("x-query-timeout", "600001", "Must be less than or equal to 600000."),
        ("x-max-retries-on-contention", "x", "Invalid number 'x'."),
        ("x-max-retries-on-contention", "8", "Must be between 0 and 7."),
        ("x-max-retries-on-contention", "-1", "Must be between 0 and 7."),
        ("x-fauna-tags", "a", "invalid tags"),
        ("x-fauna-tags", "a=b, c=d", "invalid tags"),
        ("x-fauna-tags", "a=" + "b" * 81, "invalid value"),
        ("x-fauna-tags", "a" * 41 + "=b", "invalid key"),
        ("x-fauna-tags", "a=b,a=c", "duplicate key"),
        ("x-fauna-tags", ",".join(f"k{n}=v" for n in range(26)), "too many tags"),
        ("x-fauna-tags", "a=" + "b" * 3000, "header is too long"),
    ],
)
def test_invalid_headers(http, name, value, reason):
    answer = http.ask("POST", "/", ONE, **{name: value})
    assert (answer.status, answer.error) == (400, ("bad request", INVALID.format(name, reason)))
    assert ("x-txn-time" in answer.headers) == (name == "x-fauna-tags")


def test_the_first_invalid_header_wins_even_without_a_secret(http):
    answer = http.ask("POST", "/nowhere", ONE, None, x_query_timeout="x", x_last_seen_txn="y")
    assert answer.error[1] == INVALID.format("x-last-seen-txn", "Invalid timestamp 'y'.")


def test_tags_come_back_reversed(http):
    answer = http.ask("POST", "/", ONE, x_fauna_tags="foo=Foo1,bar=Bar2")
    assert answer.headers["x-fauna-tags"] == "bar=Bar2,foo=Foo1"
    failed = http.post({"divide": [1, 0]}, x_fauna_tags="foo=1")
    assert (failed.status, failed.headers["x-fauna-tags"]) == (400, "foo=1")
    assert "x-fauna-tags" not in http.ask("POST", "/", ONE).headers


def test_trace_ids(http):
    given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    returned = http.ask("POST", "/", ONE, traceparent=given).headers["traceparent"]
    version, trace, span, flags = returned.split("-")
    assert (version, trace, flags) == ("00", given.split("-")[1], "00")
    assert span != given.split("-")[2]
    fresh = {http.ask("POST", "/", ONE, traceparent="nonsense").headers["traceparent"] for _ in range(2)}
    assert len(fresh) == 2
    assert all(re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", one) for one in fresh)


def test_metrics_are_honest(http):
    body = json.dumps(
        {"create": {"collection": "c"}, "params": {"object": {"data": {"object": {"n": 9}}}}}
    ).encode()
    answer = http.ask("POST", "/", body)
    assert int(answer.headers["x-query-bytes-in"]) == len(body)
    assert int(answer.headers["x-query-bytes-out"]) == len(answer.body)
    assert int(answer.headers["x-byte-write-ops"]) >= 1
    assert int(answer.headers["x-storage-bytes-write"]) > 0
    assert int(answer.headers["x-txn-time"]) == answer.json["resource"]["ts"]
    read = http.post({"get": ref(1)})
    assert read.headers["x-byte-read-ops"] == read.headers["x-read-ops"] == "1"
    assert read.headers["x-byte-write-ops"] == "0"


def test_cors_preflight(http):
    answer = http.ask(
        "OPTIONS", "/anything", secret=None, origin="http://localhost:3000", x_faunadb_api_version="bad"
    )
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert answer.headers["access-control-max-age"] == "86400"
    assert answer.headers["access-control-allow-methods"] == "GET, POST, PUT, PATCH, DELETE"
    assert "authorization" in answer.headers["access-control-allow-headers"].split(", ")


def test_cors_headers_of_answers(http):
    for body in (ONE, b"{"):
        answer = http.ask("POST", "/", body, origin="http://localhost:3000")
        assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
        assert "access-control-allow-credentials" not in answer.headers
        exposed = answer.headers["access-control-expose-headers"].split(", ")
        assert "x-txn-time" in exposed
        assert "x-faunadb-build" not in exposed
    assert http.ask("OPTIONS", "/").status == 405


@pytest.mark.parametrize(
    "headers", [{"x_faunadb_formatted_json": "1"}, {"user_agent": "curl/8"}, {"user_agent": "HTTPie/3"}]
)
def test_pretty_output(http, headers):
    answer = http.post({"get": ref(1)}, **headers)
    assert answer.body.endswith(b"}\n")
    assert b'\n  "resource"' in answer.body
    assert answer.json["resource"]["data"] == {"n": 1}
    assert http.post({"get": ref(1)}).body.startswith(b'{"resource":{"ref":')


def test_compression_is_not_applied(http):
    assert "content-encoding" not in http.ask("POST", "/", ONE, accept_encoding="gzip, br").headers


# Bad input


@pytest.mark.parametrize(
    ("body", "description"),
    [
        (b"", "No query provided."),
        (b"{", "Request body is not valid JSON."),
        (b"nonsense", "Request body is not valid JSON."),
        (b'"\xff\xfe"', "Request body is not valid JSON."),
        (b"[1,]", "Request body is not valid JSON."),
        (b"NaN", "Request body is not valid JSON."),
        (b"9223372036854775808", "Request body is not valid JSON."),
        (b"[" * 1001 + b"]" * 1001, "Request body JSON exceeds nesting limit."),
        (b"[" * 200_000, "Request body JSON exceeds nesting limit."),
        (b'{"a":' * 100_000, "Request body JSON exceeds nesting limit."),
    ],
    ids=["empty", "half", "word", "not UTF-8", "comma", "NaN", "int64", "deep", "deeper", "deep objects"],
)
def test_bad_bodies(http, body, description):
    answer = http.ask("POST", "/", body)
    assert (answer.status, answer.error) == (400, ("invalid expression", description))
    assert answer.json["errors"][0]["position"] == []
    assert http.query({"add": [1, 1]}) == 2


def test_deep_json_within_the_limit(http):
    answer = http.ask("POST", "/", b"[" * 1000 + b"1" + b"]" * 1000)
    assert answer.status == 200
    assert answer.body.count(b"[") == 1000


def test_content_type_is_ignored(http):
    assert http.ask("POST", "/", ONE, content_type="text/plain; charset=utf-16").status == 200


def test_a_body_at_the_limit_is_read_and_one_byte_more_is_not(server):
    limit = 8 * 1024 * 1024
    with Http(server) as http:
        answer = http.ask("POST", "/", b'"' + b"a" * (limit - 2) + b'"')
        assert answer.status == 200
    with Http(server) as http:
        http.send(request_bytes("POST", "/", b"", standard(content_length=str(limit + 1))))
        answer = http.receive()  # answered by the announced length alone
        assert (answer.status, answer.error) == (413, ("request too large", "Request entity is too large"))
        assert answer.headers["connection"] == "close"
        assert "x-txn-time" in answer.headers
    with Http(server) as http:
        http.send(request_bytes("POST", "/", b"", standard(transfer_encoding="chunked", content_length=None)))
        chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
        try:
            for _ in range(9):
                http.send(chunk)
        except ConnectionError:
            pass  # the server may drop the connection while the client still sends
        assert http.receive().status == 413


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nbad header line\r\n\r\n",
        b"POST / HTTP/9.9\r\n\r\n",
        b"\x00\x01\x02\x03\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ten\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 2_000_000 + b"\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense" + b"\xff" * 100,
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n12",
        b"GET /a b HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: \x01\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 500 + b"\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
    ],
    ids=[
        "line",
        "header",
        "version",
        "bytes",
        "length",
        "long header",
        "http2",
        "chunk",
        "two lengths",
        "space in path",
        "bytes in path",
        "control character",
        "many headers",
        "long line",
    ],
)
def test_nonsense_is_refused_and_the_connection_closed(server, sent):
    with Http(server) as bad:
        try:
            bad.send(sent)
            received = b""
            while True:
                data = bad.socket.recv(65536)
                if not data:
                    break
                received += data
        except (ConnectionResetError, BrokenPipeError):
            received = b""
        assert b" 200 " not in received[:20]
    assert server.query({"add": [1, 1]}) == 2


def test_a_slow_sender_is_waited_for_and_hinders_nobody(server):
    with Http(server) as slow, Http(server) as other:
        data = request_bytes("POST", "/", ONE, standard())
        for position in range(len(data) - 1):
            slow.send(data[position : position + 1])
            if position % 20 == 0:
                assert other.query({"add": [1, 1]}) == 2
        slow.send(data[-1:])
        assert slow.receive().json == {"resource": 2}


def test_expect_continue(http):
    http.send(request_bytes("POST", "/", b"", standard(expect="100-continue", content_length=str(len(ONE)))))
    assert http.head()[0] == 100
    http.send(ONE)
    assert http.receive().json == {"resource": 2}


def test_upper_case_and_repeated_headers(http):
    head = (
        b"POST / HTTP/1.1\r\nHOST: localhost\r\nAUTHORIZATION: Bearer secret\r\nX-FaunaDB-API-Version: 4\r\n"
    )
    http.send(head + b"Content-Length: %d\r\n\r\n" % len(ONE) + ONE)
    assert http.receive().json == {"resource": 2}


def test_connection_close_is_honoured(server):
    with Http(server) as http:
        assert http.ask("POST", "/", ONE).headers["connection"] == "keep-alive"
        answer = http.ask("POST", "/", ONE, connection="close")
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert http.socket.recv(10) == b""


@pytest.mark.parametrize(
    ("length", "header", "refused"),
    [(16_000, 0, False), (16_500, 0, True), (0, 7_500, False), (0, 8_200, True)],
    ids=["line", "long line", "headers", "long headers"],
)
def test_the_head_of_a_request_has_limits(server, length, header, refused):
    with Http(server) as http:
        answer = http.ask("GET", f"/?q=%22{'a' * length}%22", x_long="b" * header)
        assert answer.status == (400 if refused else 200)
        if refused:
            assert answer.json == {"error": "bad request"}
            assert answer.headers["connection"] == "close"
            assert http.socket.recv(10) == b""
    assert server.query({"add": [1, 1]}) == 2


def test_a_chunked_body_may_be_empty(http):
    http.send(request_bytes("POST", "/", b"", standard(transfer_encoding="chunked", content_length=None)))
    http.send(b"0\r\n\r\n")
    assert http.receive().error == ("invalid expression", "Request body is not valid JSON.")


def test_a_broken_chunk_is_a_bad_request(server):
    with Http(server) as http:
        http.send(request_bytes("POST", "/", b"", standard(transfer_encoding="chunked", content_length=None)))
        http.send(b"3\r\n1 +\r\nnonsense\r\n")
        answer = http.receive()
        assert (answer.status, answer.json) == (400, {"error": "bad request"})


@pytest.mark.parametrize(
    "pieces",
    [
        [b"%x\r\n" % len(ONE), ONE, b"\r\n", b"0\r\n\r\n"],
        [
            b"4;name=value\r\n" + ONE[:4],
            b"\r\n%x\r\n" % len(ONE[4:]),
            ONE[4:] + b"\r\n0\r\nx-trailer: 1\r\n\r\n",
        ],
    ],
    ids=["one", "two, with extension and trailer"],
)
def test_chunked_bodies(http, pieces):
    http.send(request_bytes("POST", "/", b"", standard(transfer_encoding="chunked", content_length=None)))
    for piece in pieces:
        http.send(piece)
    assert http.receive().json == {"resource": 2}
    assert http.query({"add": [2, 2]}) == 4  # the connection is still in step


def test_bodies_are_never_decompressed(http):
    """Wire protocol, "Compression": the request's content-encoding is not interpreted."""
    assert http.ask("POST", "/", ONE, content_encoding="gzip").json == {"resource": 2}
    refused = http.ask("POST", "/", gzip.compress(ONE), content_encoding="gzip")
    assert refused.error == ("invalid expression", "Request body is not valid JSON.")


@pytest.mark.parametrize("kept", [False, True])
def test_http_1_0(server, kept):
    whole = request_bytes("POST", "/", ONE, standard(connection="keep-alive" if kept else None))
    with Http(server) as http:
        for _ in range(2 if kept else 1):
            http.send(whole.replace(b"HTTP/1.1", b"HTTP/1.0"))
            assert http.receive().json == {"resource": 2}
        if not kept:
            assert http.socket.recv(10) == b""


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/%70ing", 404),
        ("GET", "//ping", 404),
        ("GET", "/PING", 404),
        ("GET", "/ping?scope=node&scope=%ff", 200),
        ("OPTIONS", "*", 404),
        ("FOO", "/", 405),
        ("HEAD", "/", 405),
        ("HEAD", "/nowhere", 404),
        ("POST", "http://elsewhere.example/", 200),
    ],
)
def test_targets(http, method, path, status):
    answer = http.ask(method, path, ONE if method == "POST" else b"")
    assert answer.status == status
    assert http.query({"add": [1, 1]}) == 2


# -- clients that ask for HTTP/2 by `Upgrade: h2c`, which a server may ignore (RFC 9110, 7.8)

UPGRADE = {
    "connection": "Upgrade, HTTP2-Settings",
    "upgrade": "h2c",
    "http2-settings": "AAMAAABkAAQAoAAAAAIAAAAA",
}


def test_who_asks_for_an_upgrade_is_answered_in_http_1(http):
    for number in range(3):
        answer = http.post({"add": [1, number]}, **UPGRADE)
        assert (answer.status, answer.json) == (200, {"resource": 1 + number})
        assert "upgrade" not in answer.headers
    http.stream({"documents": {"collection": "c"}}, **UPGRADE)
    assert http.event()["type"] == "start"


def test_curl_that_asks_for_an_upgrade(server):
    if shutil.which("curl") is None:
        missing("curl", "apt-get install curl")
    words = [
        "--http2",
        "-sS",
        "-u",
        "secret:",
        "-d",
        '{"add":[1,1]}',
        "-w",
        " %{http_version}",
        server.address,
    ]
    done = subprocess.run(["curl", *words], capture_output=True, text=True, timeout=60, check=True)
    *answer, version = done.stdout.split()
    assert (json.loads("".join(answer)), version) == ({"resource": 2}, "1.1")


def test_java_that_asks_for_an_upgrade(server):
    if shutil.which("java") is None or shutil.which("javac") is None:
        missing("java", "apt-get install default-jdk-headless")
    program = Path(__file__).parent / "drivers" / "jvm" / "Upgrading.java"
    done = subprocess.run(
        ["java", "-XX:TieredStopAtLevel=1", str(program), server.address],
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = [f'HTTP_1_1 200 {{"resource":{1 + number}}}' for number in range(3)]
    assert done.stdout.splitlines() == [*lines, "true"], done.stderr
