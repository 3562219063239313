"""FaunaClient over HTTP: headers, statuses, observer, transaction time, sessions. HTTP is mocked by ``responses``."""

from __future__ import annotations

import json
import logging
import os
import platform
import sys
import threading
import warnings
from typing import Any

import pytest
import requests
import responses
from requests.auth import HTTPBasicAuth

from faunadb import __version__, client_logger
from faunadb import errors as fauna_errors
from faunadb import query as q
from faunadb._transport import Answer
from faunadb.client import API_VERSION, FaunaClient, _Counter, _LastTxnTime
from faunadb.errors import UnexpectedError
from faunadb.objects import Ref
from faunadb.request_result import RequestResult

URL = "http://db.example:8443"


@pytest.fixture
def mock() -> Any:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        mocked.add("POST", URL + "/", json={"resource": {"a": 1}}, headers={"X-Txn-Time": "1234"})
        mocked.add(
            "GET", URL + "/ping", json={"resource": "Scope write is OK"}, headers={"X-Txn-Time": "99999"}
        )
        yield mocked


def client_of(secret: str = "secret", **options: Any) -> FaunaClient:
    return FaunaClient(secret, endpoint=URL, **options)


def sent(mock: Any, index: int = -1) -> Any:
    return mock.calls[index].request


def test_headers_of_a_query(mock: Any) -> None:
    client = client_of()
    assert client.query({"x": 1}) == {"a": 1}
    request = sent(mock)
    expected = {
        "Accept-Encoding": "gzip",
        "Content-Type": "application/json;charset=utf-8",
        "X-Fauna-Driver": "python",
        "X-FaunaDB-API-Version": "4",
        "Authorization": "Bearer secret",
    }
    assert {name: request.headers[name] for name in expected} == expected
    for absent in ("X-Query-Timeout", "X-Last-Seen-Txn", "X-Last-Txn-Time", "x-fauna-tags", "traceparent"):
        assert absent not in request.headers
    assert json.loads(request.body) == {"object": {"x": 1}}


def test_headers_of_one_query(mock: Any) -> None:
    client = client_of(query_timeout_ms="5000")
    assert client.get_query_timeout() == 5000
    client.query(1)
    assert sent(mock).headers["X-Query-Timeout"] == "5000"
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
    client.query(1, timeout_millis=500, tags={"k": "v", "k2": "v2"}, traceparent=traceparent)
    headers = sent(mock).headers
    assert headers["X-Query-Timeout"] == "500"
    assert headers["x-fauna-tags"] == "k=v,k2=v2"
    assert headers["traceparent"] == traceparent
    assert (headers["X-Last-Seen-Txn"], headers["X-Last-Txn-Time"]) == ("1234", "1234")


@pytest.mark.parametrize(
    "traceparent", ["x", f"00-{'A' * 32}-{'b' * 16}-01", f"00-{'a' * 32}-{'b' * 16}-01\n", ""]
)
def test_malformed_traceparent_is_not_sent(mock: Any, traceparent: str) -> None:
    client_of().query(1, traceparent=traceparent)
    assert "traceparent" not in sent(mock).headers


@pytest.mark.parametrize("tags", ["x", [("a", "b")], {"a": 1}, {1: "a"}])
def test_malformed_tags(tags: Any) -> None:
    with pytest.raises(TypeError, match=r"[Tt]ags"):
        client_of().query(1, tags=tags)


def test_ping_asks_for_a_scope_within_a_timeout(mock: Any) -> None:
    client = client_of()
    assert client.ping() == "Scope write is OK"
    assert sent(mock).url == URL + "/ping"
    client.ping(scope="node", timeout=5)
    assert sent(mock).url == URL + "/ping?scope=node&timeout=5"
    assert client.get_last_txn_time() is None, "a ping does not move the transaction time"


def test_auth_serves_both_styles() -> None:
    client = client_of("my-secret")
    assert isinstance(client.auth, HTTPBasicAuth)
    assert (client.auth.username, client.auth.password, client.auth.secret) == ("my-secret", "", "my-secret")
    assert client.auth.auth_header() == client._auth_header() == "Bearer my-secret"
    assert client.auth == HTTPBasicAuth("my-secret", "")


def test_attributes() -> None:
    client = FaunaClient("s", domain="host", scheme="http")
    assert (client.domain, client.scheme, client.port, client.base_url) == (
        "host",
        "http",
        80,
        "http://host:80",
    )
    assert FaunaClient("s").port == 443
    assert FaunaClient("s", "host", "https", 8443).base_url == "https://host:8443"
    assert FaunaClient("s", endpoint="http://h:1///").base_url == "http://h:1"
    assert (client.pool_connections, client.pool_maxsize) == (10, 10)
    assert API_VERSION == "4"
    assert isinstance(client.session, requests.Session)


def test_runtime_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    version = "{}.{}.{}-{}".format(*sys.version_info)

    def header(host: str) -> str:
        system = f"{platform.system()}-{platform.release()}"
        return f"driver=python-{__version__}; runtime=python-{version} env={host}; os={system}".lower()

    assert client_of().session.headers["X-Driver-Env"] == header("unknown")
    for variable, value, host in [
        ("NETLIFY_IMAGES_CDN_DOMAIN", "x", "Netlify"),
        ("VERCEL", "1", "Vercel"),
        ("PATH", os.environ["PATH"] + ".heroku", "Heroku"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1", "AWS Lambda"),
        ("_", "/google/x", "GCP Cloud Functions"),
        ("GOOGLE_CLOUD_PROJECT", "p", "GCP Compute Instances"),
        ("WEBSITE_FUNCTIONS_AZUREMONITOR_CATEGORIES", "x", "Azure Cloud Functions"),
    ]:
        with monkeypatch.context() as patch:
            patch.setenv(variable, value)
            assert client_of().session.headers["X-Driver-Env"] == header(host)
    monkeypatch.setenv("ORYX_ENV_TYPE", "AppService")
    monkeypatch.setenv("WEBSITE_INSTANCE_ID", "1")
    assert client_of().session.headers["X-Driver-Env"] == header("Azure Compute")


STATUSES = [
    (400, "BadRequest"),
    (401, "Unauthorized"),
    (403, "PermissionDenied"),
    (404, "NotFound"),
    (409, "ContendedTransaction"),
    (500, "InternalError"),
    (503, "UnavailableError"),
    (405, "UnexpectedError"),
    (429, "UnexpectedError"),
    (502, "UnexpectedError"),
]


@pytest.mark.parametrize(("status", "name"), STATUSES)
def test_status_becomes_exception_after_the_observer_is_told(status: int, name: str) -> None:
    seen: list[Any] = []
    with responses.RequestsMock() as mock:
        body = {"errors": [{"code": "c", "description": "d", "position": ["x"]}]}
        mock.add("POST", URL + "/", json=body, status=status, headers={"X-Txn-Time": "7"})
        client = client_of(observer=seen.append)
        with pytest.raises(getattr(fauna_errors, name)) as caught:
            client.query(q.get(1))
    assert type(caught.value).__name__ == name
    assert [result.status_code for result in seen] == [status]
    assert caught.value.request_result is seen[0]
    assert client.get_last_txn_time() == 7


def test_request_result() -> None:
    seen: list[Any] = []
    with responses.RequestsMock() as mock:
        mock.add("POST", URL + "/", json={"resource": 1}, headers={"X-Query-Time": "3"})
        mock.add("GET", URL + "/ping", json={"resource": "ok"})
        client = client_of(observer=seen.append)
        client.query(q.now())
        client.ping("node")
    result, ping = seen
    assert (result.method, result.path, result.query, result.request_content) == ("POST", "", None, q.now())
    assert (result.response_raw, result.response_content) == ('{"resource": 1}', {"resource": 1})
    assert result.response_headers["x-query-time"] == "3"
    assert 0 <= result.time_taken < 10
    assert (ping.method, ping.path, ping.query) == ("GET", "ping", {"scope": "node"})
    assert ping.request_content is None


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<html>", "Invalid JSON."),
        ("", "Invalid JSON."),
        ("null", "Invalid JSON."),
        ('{"a":1}', "expected key resource"),
        ("[1]", "expected key resource"),
        ('{"resource":{"@ref":5}}', "cannot be read"),
        ('{"resource":{"@date":"+12345-01-01"}}', "12345"),
    ],
)
def test_bodies_that_are_not_understood(body: str, text: str) -> None:
    seen: list[Any] = []
    with responses.RequestsMock() as mock:
        mock.add("POST", URL + "/", body=body)
        with pytest.raises(UnexpectedError) as caught:
            client_of(observer=seen.append).query(1)
    assert text in str(caught.value)
    assert caught.value.request_result is seen[0]


def test_unserializable_query_sends_nothing(mock: Any) -> None:
    value = object()
    with pytest.raises(UnexpectedError) as caught:
        client_of().query(value)
    assert str(caught.value) == f"Unserializable object {value} of type {type(value)}"
    assert caught.value.request_result is None
    assert len(mock.calls) == 0


def test_txn_time_moves_forward_only(mock: Any) -> None:
    client = client_of()
    assert client.get_last_txn_time() is None
    client.query(1)
    assert client.get_last_txn_time() == 1234
    client.sync_last_txn_time(1000)
    assert client.get_last_txn_time() == 1234
    client.sync_last_txn_time(2000)
    session_client = client.new_session_client("other")
    assert session_client.get_last_txn_time() == 2000
    session_client.sync_last_txn_time(3000)
    assert client.get_last_txn_time() == 3000


def test_txn_time_header_names() -> None:
    time = _LastTxnTime()
    assert (time.time, time.request_header) == (None, {})
    time.update_txn_time(5)
    assert time.request_header == {"X-Last-Seen-Txn": "5", "X-Last-Txn-Time": "5"}


@pytest.mark.parametrize("text", ["²", "١", "1.5", "-1", "", "9223372036854775808", "9" * 30, "1" * 5000])
def test_what_is_no_txn_time_is_not_sent_back(text: str) -> None:
    client = client_of()
    client._note_txn_time(Answer(200, "{}", {"X-Txn-Time": text}).txn_time)
    assert client.get_last_txn_time() is None


@pytest.mark.parametrize("errors", [None, "x", 5, {"code": "c"}])
@pytest.mark.parametrize("key", ["errors", "failures", "cause"])
def test_errors_that_are_no_list(key: str, errors: Any) -> None:
    body = {key: errors} if key == "errors" else {"errors": [{"code": "c", "description": "d", key: errors}]}
    with responses.RequestsMock() as mock:
        mock.add("POST", URL + "/", json=body, status=400)
        with pytest.raises(UnexpectedError, match=f"no list under the key {key}") as caught:
            client_of().query(1)
    assert caught.value.request_result is not None


def test_session_clients(mock: Any) -> None:
    seen: list[str] = []
    client = client_of(observer=lambda result: seen.append("parent"), query_timeout_ms=100)
    inherited = client.new_session_client("second")
    own = client.new_session_client("third", observer=lambda result: seen.append("own"))
    for each in (client, inherited, own):
        each.query(1)
    assert seen == ["parent", "parent", "own"]
    assert [call.request.headers["Authorization"] for call in mock.calls] == [
        "Bearer secret",
        "Bearer second",
        "Bearer third",
    ]
    assert inherited.session is client.session
    assert inherited.counter is client.counter
    assert inherited.get_query_timeout() == 100
    assert str(client.counter) == "Counter(3)"


class StubSession:
    """What tests put in place of a session."""

    def __init__(self, text: str = '{"resource":1}', status_code: int = 200) -> None:
        self.response = type("Response", (), {"text": text, "status_code": status_code, "headers": {}})()
        self.prepared: list[Any] = []
        self.closed = 0

    def prepare_request(self, *args: Any) -> Any:
        self.prepared.append(args[0])
        return args[0]

    def send(self, *args: Any) -> Any:
        assert len(args) == 1
        return self.response

    def close(self) -> None:
        self.closed += 1


def test_session_may_be_replaced_by_a_stub() -> None:
    client = FaunaClient(None)
    stub = StubSession()
    client.session = stub
    assert client.query(q.get(1)) == 1
    request = stub.prepared[0]
    assert (request.method, request.url, request.data) == ("POST", "https://db.fauna.com:443/", '{"get":1}')
    client.session = StubSession('{"errors":[{"code":"c","description":"d"}]}', 404)
    with pytest.raises(fauna_errors.NotFound):
        client.query(1)
    client.close()
    assert client.session.closed == 1


def test_session_closes_with_its_last_client() -> None:
    client = FaunaClient("s")
    stub = client.session = StubSession()
    second = client.new_session_client("s2")
    client.close()
    client.close()
    assert stub.closed == 0
    assert second.query(1) == 1
    third = second.new_session_client("s3")
    del second
    assert stub.closed == 0
    del third
    assert stub.closed == 1
    with pytest.raises(UnexpectedError, match="closed"):
        client.query(1)
    with pytest.raises(UnexpectedError, match="Cannnot create a session client from a closed session"):
        client.new_session_client("s4")


def run_together(count: int, work: Any) -> None:
    ready = threading.Barrier(count)

    def run(number: int) -> None:
        ready.wait()
        work(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.fixture
def _busy_interpreter() -> Any:
    """Threads take turns so often that what is not atomic is interrupted."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("_busy_interpreter")
def test_counter_under_contention() -> None:
    counter = _Counter(1)
    seen: list[int] = []

    def work(number: int) -> None:
        for _ in range(500):
            seen.append(counter.get_and_increment())

    run_together(8, work)
    assert sorted(seen) == list(range(1, 4001))
    zeros: list[int] = []
    run_together(8, lambda number: [zeros.append(1) for _ in range(500) if counter.decrement() == 1])
    assert (counter.counter, len(zeros)) == (1, 1)
    assert counter.decrement() == 0
    assert not counter.increment_unless_zero()


@pytest.mark.usefixtures("_busy_interpreter")
def test_txn_time_under_contention() -> None:
    time = _LastTxnTime()
    went_back: list[int] = []

    def work(number: int) -> None:
        last = 0
        for step in range(500):
            time.update_txn_time((step * 7919 + number) % 4001)
            now = time.time or 0
            if now < last:
                went_back.append(now)
            last = now

    run_together(8, work)
    assert went_back == []
    assert time.time == max((step * 7919 + number) % 4001 for step in range(500) for number in range(8))


@pytest.mark.usefixtures("_busy_interpreter")
def test_session_clients_under_contention() -> None:
    client = FaunaClient("s")
    stub = client.session = StubSession()
    run_together(8, lambda number: [client.new_session_client(str(number)).close() for _ in range(50)])
    assert (client.counter.counter, stub.closed) == (1, 0)


def test_client_logger(mock: Any) -> None:
    texts: list[str] = []
    client = client_of(observer=client_logger.logger(texts.append))
    client.query({"r": Ref("1")})
    client.ping("node")
    lines = texts[0].split("\n")
    assert lines[:7] == [
        "Fauna POST /",
        "  Request JSON: {",
        '    "object": {',
        '      "r": {',
        '        "@ref": {',
        '          "id": "1"',
        "        }",
    ]
    assert "  Response JSON: {" in lines
    assert lines[-2].startswith("  Response (200): Network latency ")
    assert lines[-2].endswith("ms")
    assert lines[-1] == ""
    assert texts[1].startswith("Fauna GET /ping?scope=node\n  Response headers: {\n")
    assert "secret" not in "".join(texts)


def test_a_logged_url_is_in_the_order_of_its_names() -> None:
    query = {"timeout": 5, "scope": "node"}
    result = RequestResult("GET", "ping", query, None, "{}", {}, 200, {}, 0.0, 0.5)
    first, *_, last = client_logger.show_request_result(result).splitlines()
    assert first == "Fauna GET /ping?scope=node&timeout=5"
    assert last == "  Response (200): Network latency 500ms"


def test_standard_logging(mock: Any, caplog: pytest.LogCaptureFixture) -> None:
    client = client_of("very-secret")
    with caplog.at_level(logging.INFO, "faunadb"):
        client.query({"private": "data"})
    assert caplog.records == []
    with caplog.at_level(logging.DEBUG, "faunadb"):
        client.query({"private": "data"})
    (record,) = [record for record in caplog.records if record.name == "faunadb"]
    assert record.getMessage().startswith("POST / 200 ")
    assert "secret" not in record.getMessage()
    assert "private" not in record.getMessage()
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("faunadb").handlers)


@pytest.mark.parametrize(
    ("keyword", "hint"),
    [
        ("endpont", " Did you mean 'endpoint'?"),
        ("query_timeout", " Did you mean 'query_timeout_ms'?"),
        ("colour", ""),
    ],
)
def test_unknown_keywords_warn(keyword: str, hint: str) -> None:
    with pytest.warns(UserWarning, match="no argument") as warned:
        FaunaClient("secret", endpoint=URL, **{keyword: URL}).close()
    assert [str(each.message) for each in warned] == [
        f"FaunaClient has no argument {keyword!r}, it is ignored.{hint}"
    ]
    assert warned[0].filename == __file__


def test_keywords_of_the_original_are_silent() -> None:
    first = client_of()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session = client_of(
            session=first.session,
            counter=first.counter,
            last_txn_time=first._last_txn_time,
            query_timeout_ms="5",
        )
        first.new_session_client("other").close()
    assert session.session is first.session
    assert session.get_query_timeout() == 5
