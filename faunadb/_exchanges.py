"""How a client sends a request to its endpoint and reads the answer; what applications call is in :mod:`faunadb.client`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from json import JSONDecodeError
from time import time
from typing import TYPE_CHECKING, Any, Callable, Optional

from faunadb import __api_version__, _telemetry
from faunadb._driver_env import RuntimeEnvHeader
from faunadb._endpoint import CLOSED_SERVICE_MESSAGE, Endpoint
from faunadb._family import _LastTxnTime
from faunadb._headers import is_traceparent, tags_header
from faunadb._json import copied, parse_json, read_stored, to_json, without_lone_surrogates
from faunadb._written import written
from faunadb.errors import _OWN_DATABASE_HINT, FaunaError, Unauthorized, UnexpectedError, _get_or_raise
from faunadb.request_result import RequestResult

if TYPE_CHECKING:
    from requests import Session
    from urllib3.util import Timeout

    from faunadb._auth import HTTPBearerAuth
    from faunadb._shortcut import Shortcut
    from faunadb._transport import Answer

Observer = Callable[[RequestResult], Any]

_log = logging.getLogger("faunadb")
_log.addHandler(logging.NullHandler())

#: Returned in place of a value when a query needs a full exchange.
_UNUSUAL = object()


class Exchanges:
    """The part of a client that exchanges requests and responses with its endpoint.

    The constructor of :class:`~faunadb.client.FaunaClient` sets the attributes declared here.
    """

    auth: HTTPBearerAuth
    observer: Optional[Observer]
    session: Session
    _closed: bool
    _endpoint: Endpoint
    _last_txn_time: _LastTxnTime
    _query_timeout_ms: Optional[int]
    _shortcut: Optional[Shortcut]
    _timeout: Optional[Timeout]

    def _auth_header(self) -> str:
        return self.auth.auth_header()

    def _execute(
        self,
        action: str,
        path: str,
        data: Any = None,
        query: Optional[dict[str, Any]] = None,
        with_txn_time: bool = False,
        query_timeout_ms: Optional[int] = None,
        tags: Optional[Mapping[str, str]] = None,
        traceparent: Optional[str] = None,
    ) -> Any:
        """Do one exchange, and return the ``resource`` of the response."""
        if self._closed:
            raise UnexpectedError("The client is closed.", None)
        shortcut = self._shortcut
        if (
            shortcut is not None
            and shortcut.caller is not None
            and with_txn_time
            and tags is None
            and traceparent is None
            and self.observer is None
            and _telemetry.trace is None
            and not _log.isEnabledFor(logging.DEBUG)
            and shortcut.holds(self.session, self.auth)
        ):
            value = self._ask_engine(shortcut, data, query_timeout_ms)
            if value is not _UNUSUAL:
                return value
        headers = self._request_headers(with_txn_time, query_timeout_ms, tags, traceparent)
        body = None if action == "GET" else to_json(data)
        if _telemetry.trace is not None:
            with _telemetry.trace(self, action, path, headers):
                return self._exchange(action, path, data, body, query, headers, with_txn_time)
        return self._exchange(action, path, data, body, query, headers, with_txn_time)

    def _ask_engine(self, shortcut: Shortcut, data: Any, query_timeout_ms: Optional[int]) -> Any:
        """Return the value of a query that the engine in this process evaluates without an HTTP exchange.

        Headers and a :class:`RequestResult` are made only to raise an error. ``_UNUSUAL`` for a query that needs a
        full exchange.
        """
        source = written(data)
        timeout = self._query_timeout_ms if query_timeout_ms is None else query_timeout_ms
        start_time = time()
        outcome = shortcut.caller.query(source, self._last_txn_time._time or 0, timeout)
        if outcome is None:
            return _UNUSUAL
        self._last_txn_time.update_txn_time(outcome.time)
        if outcome.status < 300:
            body = outcome.body
            if type(body) is not str:
                if len(body) == 1:
                    return copied(body[0])
                page, collection, documents = body
                value = read_stored(page, collection, documents)
                if value is not None:
                    return value
            content, problem = _parse(without_lone_surrogates(outcome.text))
            if problem is None:
                return content["resource"]
        return self._result("POST", "/", None, data, shortcut.answer(source, outcome), start_time)

    def _exchange(
        self,
        action: str,
        path: str,
        data: Any,
        body: Optional[str],
        query: Optional[dict[str, Any]],
        headers: dict[str, str],
        with_txn_time: bool,
    ) -> Any:
        if query is not None:
            query = {name: value for name, value in query.items() if value is not None}
        start_time = time()
        answer = self._send(action, path, query, body, headers)
        if with_txn_time:
            self._note_txn_time(answer.txn_time)
        return self._result(action, path, query, data, answer, start_time)

    def _result(
        self,
        action: str,
        path: str,
        query: Optional[dict[str, Any]],
        data: Any,
        answer: Answer,
        start_time: float,
    ) -> Any:
        """Return the ``resource`` of an answer that has just come, and show it to the observer."""
        end_time = time()
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s %s %d %.1f ms", action, path, answer.status_code, (end_time - start_time) * 1000)
        content, problem = _parse(answer.text)
        is_simple = answer.status_code == 200 and self.observer is None and type(content) is dict
        if is_simple and "resource" in content:
            return content["resource"]
        result = RequestResult(
            action,
            path.lstrip("/"),
            query,
            data,
            answer.text,
            content,
            answer.status_code,
            answer.headers,
            start_time,
            end_time,
        )
        if self.observer is not None:
            self.observer(result)
        if problem is not None or content is None:
            raise UnexpectedError(problem or "Invalid JSON.", result)
        if answer.status_code == 401 and self._endpoint.engine_url is not None:
            raise Unauthorized(result, _OWN_DATABASE_HINT)
        FaunaError.raise_for_status_code(result)
        return _get_or_raise(result, content, "resource")

    def _send(
        self,
        action: str,
        path: str,
        query: Optional[dict[str, Any]],
        body: Optional[str],
        headers: dict[str, str],
    ) -> Answer:
        try:
            shortcut = self._shortcut
            if shortcut is None or not shortcut.holds(self.session, self.auth):
                from faunadb._shortcut import new_shortcut

                shortcut = self._shortcut = new_shortcut(self.session, self._endpoint.root, self.auth)
            if shortcut is not None:
                target = path + _query_string(query)
                answer = shortcut.send(action, target, None if body is None else body.encode(), headers)
                if answer is not None:
                    return answer
            return self._send_by_session(action, path, query, body, headers)
        except OSError as error:
            explained = self.explained(error)
            if explained is error:
                raise
            raise explained from error

    def _send_by_session(
        self,
        action: str,
        path: str,
        query: Optional[dict[str, Any]],
        body: Optional[str],
        headers: dict[str, str],
    ) -> Answer:
        """Send a request as ``requests`` does it, for whatever the shortcut does not know."""
        from faunadb._transport import answer_of, send_arguments

        prepared = self._prepare(action, path, body, headers, query)
        arguments = send_arguments(self.session, self._endpoint.root, self._timeout)
        return answer_of(self.session.send(prepared, **arguments))

    def _prepare(
        self,
        action: str,
        path: str,
        body: Optional[str],
        headers: dict[str, str],
        query: Optional[dict[str, Any]] = None,
    ) -> Any:
        """Return a request as the session prepares it."""
        from requests.models import Request

        session_headers = getattr(self.session, "headers", None)
        if session_headers is not None and "X-FaunaDB-API-Version" not in session_headers:
            # The application has put its own session in place of the client's.
            headers = {**driver_headers(), **headers}
        url = self._endpoint.root + path
        if self._endpoint.engine_url is not None:
            url, query = url + _query_string(query), None  # requests adds parameters to http URLs only
        request = Request(action, url, data=body, params=query, headers=headers, auth=self.auth)
        return self.session.prepare_request(request)

    def explained(self, error: OSError) -> OSError:
        """Return ``error``, or one that explains it: a failure to connect to the hosted service, which has closed."""
        from requests.exceptions import ConnectionError

        if not self._endpoint.is_closed_service or not isinstance(error, ConnectionError):
            return error
        message = CLOSED_SERVICE_MESSAGE.format(url=self._endpoint.base_url)
        return type(error)(f"{message} ({error})", request=error.request, response=error.response)

    def _note_txn_time(self, txn_time: Optional[int]) -> None:
        if txn_time is not None:
            self._last_txn_time.update_txn_time(txn_time)

    def _request_headers(
        self,
        with_txn_time: bool,
        query_timeout_ms: Optional[int] = None,
        tags: Optional[Mapping[str, str]] = None,
        traceparent: Optional[str] = None,
    ) -> dict[str, str]:
        """Return the headers of one request beyond those of the session."""
        headers: dict[str, str] = self._last_txn_time.request_header if with_txn_time else {}
        timeout = self._query_timeout_ms if query_timeout_ms is None else query_timeout_ms
        if timeout is not None:
            headers["X-Query-Timeout"] = str(timeout)
        if tags is not None:
            headers["x-fauna-tags"] = self._get_tags_string(tags)
        if traceparent is not None and self._is_valid_traceparent(traceparent):
            headers["traceparent"] = traceparent
        return headers

    def _get_tags_string(self, tags_dict: Mapping[str, str]) -> str:
        return tags_header(tags_dict)

    def _is_valid_traceparent(self, traceparent: str) -> bool:
        return is_traceparent(traceparent)


def driver_headers() -> dict[str, str]:
    """Return the headers that all clients of this process send with every request."""
    from requests.utils import default_user_agent

    return {
        "User-Agent": default_user_agent(),
        "Accept-Encoding": "gzip",
        "Content-Type": "application/json;charset=utf-8",
        "X-Fauna-Driver": "python",
        "X-FaunaDB-API-Version": __api_version__,
        "X-Driver-Env": str(RuntimeEnvHeader()),
    }


def _query_string(query: Optional[dict[str, Any]]) -> str:
    if not query:
        return ""
    from urllib.parse import urlencode  # late: only pings have parameters

    return "?" + urlencode(query)


def _parse(text: str) -> Any:
    """Return the parsed body of a response, and a sentence that says what is wrong with it (``None``: nothing)."""
    try:
        return parse_json(text), None
    except JSONDecodeError:
        return None, "Invalid JSON."
    except (ValueError, KeyError, TypeError) as error:
        return None, f"The response holds a value that cannot be read: {error}"
    except RecursionError:
        return None, "The response is nested too deeply to be read."
