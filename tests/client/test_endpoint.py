"""Where queries go: arguments, environment, and malformed endpoints."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest
import requests
import responses

from faunadb._endpoint import resolve_endpoint
from faunadb.client import FaunaClient
from faunadb.errors import Unauthorized

from .conftest import Server

LOCAL = "http://localhost:8443"


@pytest.mark.parametrize(
    ("domain", "endpoint", "environment", "base_url"),
    [
        ("db.fauna.com", None, None, "https://db.fauna.com:443"),
        ("db.fauna.com", "", None, "https://db.fauna.com:443"),
        ("db.fauna.com", None, LOCAL, LOCAL),
        ("db.eu.fauna.com", None, LOCAL, LOCAL),
        ("DB.FAUNA.COM.", None, LOCAL, LOCAL),
        ("notfauna.com", None, LOCAL, "https://notfauna.com:443"),
        ("localhost", None, "http://elsewhere", "https://localhost:443"),
        ("db.fauna.com", "http://here:1", LOCAL, "http://here:1"),
        ("db.fauna.com", "https://db.us.fauna.com/", LOCAL, LOCAL),
        ("db.fauna.com", "https://db.us.fauna.com/", None, "https://db.us.fauna.com"),
        ("db.fauna.com", "sqlite://", LOCAL, "sqlite://"),
        ("db.fauna.com", None, "sqlite:///spells.db", "sqlite:///spells.db"),
        ("db.fauna.com", "http://[::1]:8443/", None, "http://[::1]:8443"),
        ("db.fauna.com", "http://h/prefix/", None, "http://h/prefix"),
        ("db.fauna.com", "http://h/fauna\\", None, "http://h/fauna"),
        ("db.fauna.com", "http://h:8443\\/\\", None, "http://h:8443"),
        ("db.fauna.com", "postgresql://u:pw@h/db", None, "postgresql://u:***@h/db"),
    ],
)
def test_which_endpoint_counts(domain: str, endpoint: str, environment: str, base_url: str) -> None:
    environ = {} if environment is None else {"FAUNA_ENDPOINT": environment}
    assert resolve_endpoint("https", domain, 443, endpoint, environ).base_url == base_url


@pytest.mark.parametrize(
    "endpoint",
    [
        "localhost:8443",
        "h",
        "ftp://host",
        "http://",
        "http://:80",
        "http://host:port",
        "http://host:99999",
        "http://host:0",
        "http://host?x=1",
        "http://host/#x",
        "http://[::1",
        " http://host",
        "http://ho st",
        "sqlite:file.db",
        "sqlite://file.db",
        "mysql://h/db",
    ],
)
def test_malformed_endpoints_are_named(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="Malformed endpoint") as caught:
        FaunaClient("secret", endpoint=endpoint)
    assert repr(endpoint) in str(caught.value)
    monkeypatch.setenv("FAUNA_ENDPOINT", endpoint)
    with pytest.raises(ValueError, match="FAUNA_ENDPOINT: Malformed endpoint"):
        FaunaClient("secret")


def test_an_endpoint_with_a_space_is_told_how_to_write_it() -> None:
    with pytest.raises(ValueError, match="spaces; inside a URL they are written %20"):
        FaunaClient("secret", endpoint="postgresql://host/db?options=-c work_mem=64MB")


def test_a_client_may_be_pointed_elsewhere(server: Server) -> None:
    """By an assignment, as with the official driver: its queries go there, and those of session clients made from then on."""
    client = FaunaClient("secret", endpoint="sqlite://")
    assert client.query(5) == 5
    client.base_url = server.url + "/"
    assert client.base_url == server.url
    assert client.query(5) == client.new_session_client("other").query(5) == 1
    with pytest.raises(ValueError, match="Malformed endpoint 'nowhere'"):
        client.base_url = "nowhere"
    client.base_url = "sqlite://"
    assert client.query(5) == 5
    assert [request.headers["authorization"] for request in server.requests] == [
        "Bearer secret",
        "Bearer other",
    ]


def test_a_masked_password_is_not_taken_for_one() -> None:
    client = FaunaClient("secret", endpoint="sqlite://")
    client.base_url = "postgresql://user:hunter2@host/db"
    engine_url = client._endpoint.engine_url
    client.base_url = client.base_url
    assert "hunter2" not in client.base_url
    assert client._endpoint.engine_url == engine_url


def test_passwords_in_endpoints_are_not_shown() -> None:
    for endpoint in ("http://user:hunter2@host", "mysql://user:hunter2@host"):
        with pytest.raises(ValueError, match="Malformed") as caught:
            FaunaClient("secret", endpoint=endpoint)
        assert "hunter2" not in str(caught.value)
    for endpoint in ("postgresql://user:hunter2@host/db", "postgresql://host/db?user=u&password=hunter2"):
        assert "hunter2" not in repr(FaunaClient("secret", endpoint=endpoint))


def test_several_hosts_of_a_database() -> None:
    url = "postgresql://user@one:5433,two:5434/db?target_session_attrs=read-write"
    assert resolve_endpoint("https", "h", 443, url, {}).base_url == url


def test_other_types() -> None:
    with pytest.raises(TypeError, match="An endpoint is a URL"):
        FaunaClient("secret", endpoint=5)


def test_closed_service_is_explained() -> None:
    with responses.RequestsMock() as mock:
        failure = requests.exceptions.ConnectTimeout("no route", request=None)
        mock.add("POST", "https://db.fauna.com:443/", body=failure)
        with pytest.raises(requests.exceptions.ConnectionError) as caught:
            FaunaClient("secret").query(1)
    assert type(caught.value) is requests.exceptions.ConnectTimeout
    text = str(caught.value)
    for part in ("closed on 2025-05-30", "FAUNA_ENDPOINT", "endpoint=", "no route"):
        assert part in text
    assert "secret" not in text


def test_other_places_are_not_explained() -> None:
    with responses.RequestsMock() as mock:
        mock.add("POST", "http://localhost:8443/", body=requests.exceptions.ConnectionError("refused"))
        with pytest.raises(requests.exceptions.ConnectionError, match=r"^refused$") as caught:
            FaunaClient("secret", endpoint=LOCAL).query(1)
    assert caught.value.__cause__ is not caught.value


def test_engine_in_this_process() -> None:
    with FaunaClient("secret", endpoint="sqlite://") as client:
        assert client.base_url == "sqlite://"
        assert client.query({"a": [1, "x"]}) == {"a": [1, "x"]}
        assert client.ping("node") == "Scope node is OK"
        other = client.new_session_client("secret")
        other.query({"b": 1})
        assert other.get_last_txn_time() == client.get_last_txn_time() is not None


def test_a_wrong_secret_of_a_database_opened_by_its_url_is_told_the_right_one() -> None:
    with FaunaClient("fnMINE", endpoint="sqlite://") as client:
        with pytest.raises(Unauthorized) as caught:
            client.query(1)
        assert 'has the root secret "secret"' in str(caught.value)
        assert "fnMINE" not in str(caught.value)
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    with FaunaClient("secret", endpoint="sqlite://") as client:
        assert client.query(1) == 1


def test_a_server_is_not_said_to_have_that_secret(server: Server) -> None:
    server.handler = lambda connection, request: connection.answer(
        {"errors": [{"code": "unauthorized", "description": "Unauthorized"}]}, status=401
    )
    with FaunaClient("fnMINE", endpoint=server.url) as client, pytest.raises(Unauthorized) as caught:
        client.query(1)
    assert "root secret" not in str(caught.value)


def test_parameters_reach_the_engine_by_a_session_with_hooks() -> None:
    """Such a session prepares and sends each request itself."""
    with FaunaClient("secret", endpoint="sqlite://") as client:
        client.session.hooks["response"].append(lambda response, **_: response)
        assert client.ping("node") == "Scope node is OK"


def test_a_client_first_made_under_a_mock_is_as_quick_as_others_afterwards() -> None:
    code = """
import responses, faunadb.client
with responses.RequestsMock() as mock:
    mock.add("POST", "http://localhost:8443/", json={"resource": 1})
    client = faunadb.client.FaunaClient("secret", endpoint="http://localhost:8443")
    assert client.query(1) == 1
from faunadb import _shortcut
assert _shortcut.new_shortcut(client.session, "http://localhost:8443", client.auth) is not None
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_client_first_made_while_the_class_of_sessions_is_replaced_is_as_others() -> None:
    """As with the official driver, which had loaded it before: neither that client nor later ones notice."""
    code = """
import sys
from unittest import mock
from faunadb.client import FaunaClient
with mock.patch(sys.argv[1]):
    first = FaunaClient("secret", endpoint="sqlite://")
    assert first.query(1) == 1
assert FaunaClient("secret", endpoint="sqlite://").query(2) == 2
"""
    for name in ("requests.Session", "requests.sessions.Session", "requests.Request"):
        subprocess.run([sys.executable, "-c", code, name], check=True)


def test_requests_is_loaded_with_the_first_client() -> None:
    code = "import sys, faunadb.client, faunadb.page; print('requests' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
    from faunadb import client

    assert isinstance(FaunaClient("secret", endpoint=LOCAL).auth, client.HTTPBearerAuth)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        client.Nothing


def test_the_engine_is_loaded_on_demand_only() -> None:
    code = (
        "import sys; from faunadb.client import FaunaClient; FaunaClient('s', endpoint='http://h');"
        "print([m for m in sys.modules if m.startswith('faunadb.engine') or m in ('asyncio', 'iso8601', 'dateutil')])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
