"""The official driver's names, those included that real programs import although they begin with an underscore."""

from __future__ import annotations

import importlib
import inspect
import json
from typing import Any

import pytest

from faunadb import _json
from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.objects import Ref

#: Of version 4.5.2, by module: all that it defines, and what it had imported from elsewhere that is used through it.
NAMES = {
    "faunadb": "__title__ __version__ __api_version__ __author__ __license__ __copyright__",
    "faunadb.client": "FaunaClient API_VERSION api_version RuntimeEnvHeader _LastTxnTime _Counter HTTPBearerAuth "
    "AuthBase HTTPAdapter Request Session Subscription FaunaError UnexpectedError _get_or_raise RequestResult _wrap "
    "parse_json_or_none to_json",
    "faunadb.client_logger": "logger",
    "faunadb.deprecated": "deprecated",
    "faunadb.errors": "ErrorData Failure FaunaError HttpError BadRequest Unauthorized PermissionDenied NotFound "
    "ContendedTransaction InternalError UnavailableError UnexpectedError _get_or_raise",
    "faunadb.objects": "Ref SetRef FaunaTime Query Native",
    "faunadb.page": "Page",
    "faunadb.request_result": "RequestResult",
    "faunadb._json": "parse_json parse_json_or_none stream_content_to_json to_json _FaunaJSONEncoder _parse_json_hook",
    "faunadb.streams": "Subscription",
    "faunadb.streams.client": "Connection",
    "faunadb.streams.dispatcher": "EventDispatcher",
    "faunadb.streams.errors": "StreamError",
    "faunadb.streams.events": "Event Start Error Version HistoryRewrite Set",
    "faunadb.streams.subscription": "Subscription",
    "faunadb.query": "_Expr _wrap _wrap_values _fn _params _varargs LetBindings",
}


@pytest.mark.parametrize(
    ("module", "name"), [(m, name) for m, names in NAMES.items() for name in names.split()]
)
def test_it_is_there(module: str, name: str) -> None:
    assert getattr(importlib.import_module(module), name) is not None


def test_unknown_names_are_still_errors() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        importlib.import_module("faunadb.client").no_such_name


def test_wrapped_values() -> None:
    wrapped = q._wrap_values({"a": {"b": 1}, "c": 2})
    assert type(wrapped) is dict
    assert _json.to_json(wrapped) == '{"a":{"object":{"b":1}},"c":2}'


def test_json_as_the_json_module_takes_it() -> None:
    ref = Ref("1", Ref("spells", Ref("collections")))
    text = json.dumps({"a": [ref, q.now()]}, cls=_json._FaunaJSONEncoder)
    found = json.loads(text, object_hook=_json._parse_json_hook)
    assert found == {"a": [ref, {"now": None}]}
    source = {"@date": "2020-02-29"}
    _json._parse_json_hook(source)
    assert source == {"@date": "2020-02-29"}


def test_methods_of_the_client() -> None:
    """Arguments keep their names and order."""
    signatures: dict[str, Any] = {
        "query": ["self", "expression", "timeout_millis", "tags", "traceparent"],
        "stream": [
            "self",
            "expression",
            "options",
            "on_start",
            "on_error",
            "on_version",
            "on_history",
            "on_set",
        ],
        "ping": ["self", "scope", "timeout"],
        "new_session_client": ["self", "secret", "observer"],
        "sync_last_txn_time": ["self", "new_txn_time"],
        "get_last_txn_time": ["self"],
        "get_query_timeout": ["self"],
    }
    for name, parameters in signatures.items():
        assert list(inspect.signature(getattr(FaunaClient, name)).parameters) == parameters, name
