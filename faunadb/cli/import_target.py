"""Where an import writes documents: by queries, or straight into the engine of this process.

Queries work for every database. Where the engine runs in this process and the secret may write everything, documents
are loaded without queries, which takes a fraction of the time and keeps the times of credentials.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Optional, Union

from faunadb import query as q
from faunadb.cli.connection import Connection, first_error
from faunadb.cli.errors import CliError
from faunadb.cli.export_format import Document, Names, document_ref, object_literal, query_literal
from faunadb.cli.quick_records import QuickReader
from faunadb.client import FaunaClient
from faunadb.engine.loading import Incoming, Loader, Ready, Refused
from faunadb.engine.request import Unauthenticated
from faunadb.engine.storage.errors import StoreError
from faunadb.errors import (
    BadRequest,
    FaunaError,
    HttpError,
    NotFound,
    PermissionDenied,
    Unauthorized,
    UnexpectedError,
)

__all__ = ["QueryTarget", "Refusal", "Target", "open_target"]

_ATTEMPTS = 6


class Refusal(Exception):
    """The database refuses a batch. ``index``: the document at fault, ``None`` when not known."""

    def __init__(self, index: Optional[int], reason: str) -> None:
        super().__init__(reason)
        self.index = index


class Target:
    """Writes documents into one database."""

    #: most documents of a batch, and bytes
    batch_rows = 500
    batch_bytes = 1 << 20
    #: whether credentials keep the times that they have in the export
    keeps_times_of_credentials = False
    #: whether documents get the ttl that their collection's ``ttl_days`` asks for
    adds_ttl = True

    def quick_reader(self, names: Names, module: str) -> Optional[QuickReader]:
        """The reader of lines into versions that this target takes as they are; ``None`` where it takes none."""
        return None

    def write(self, documents: Sequence[Union[Document, Ready]]) -> None:
        """Write documents in one transaction: all of one collection, with a time or all without.

        :raises Refusal: when the database refuses them; nothing is written then
        :raises CliError: when it does not answer any more, or the secret may not write them
        """
        raise NotImplementedError

    def count(self, collection: str) -> Optional[int]:
        """How many documents a collection has; ``None`` when that cannot be found out."""
        raise NotImplementedError

    def _again(self, fault: Exception, attempt: int) -> None:
        """Wait before another attempt.

        :raises CliError: after the last one
        """
        if attempt == _ATTEMPTS - 1:
            raise CliError(
                f"the target stopped answering: {fault}. Run the same command again to go on from here"
            ) from None
        time.sleep(0.1 * 2**attempt)


def open_target(connection: Connection) -> Target:
    """The quickest way into a database."""
    queries = QueryTarget(connection)
    engine = connection.engine()
    if engine is None:
        return queries
    loader = Loader(engine, connection.client().auth.auth_header())
    try:
        return LoaderTarget(loader, queries) if loader.may_load() else queries
    except Unauthenticated:
        return queries


class QueryTarget(Target):
    """Writes documents by queries."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.client = connection.client()
        self._server: Optional[FaunaClient] = None

    def write(self, documents: Sequence[Union[Document, Ready]]) -> None:
        assert all(isinstance(document, Document) for document in documents)
        self._write([document for document in documents if isinstance(document, Document)])

    def _write(self, documents: Sequence[Document]) -> None:
        client = self._credentials_client() if documents[0].credentials else self.client
        expressions = [_expression(document) for document in documents]
        for attempt in range(_ATTEMPTS):
            try:
                client.query(q._Expr({"do": [*expressions, None]}))
                return
            except (Unauthorized, PermissionDenied) as fault:
                collection = documents[0].collection
                raise CliError(f"the secret may not write to {collection}: {first_error(fault)}") from None
            except (BadRequest, NotFound) as fault:
                raise Refusal(_index(fault), first_error(fault)) from None
            except (FaunaError, OSError) as fault:
                if _is_refusal(fault):
                    raise Refusal(None, str(fault)) from None
                self._again(fault, attempt)

    def count(self, collection: str) -> Optional[int]:
        try:
            return int(self.client.query(q.count(q.documents(q.collection(collection)))))
        except (FaunaError, OSError):
            return None

    def _credentials_client(self) -> FaunaClient:
        """A client with the role server, which alone may set password hashes; the plain one when the secret may not."""
        if self._server is None:
            try:
                self._server = self.connection.role_client("server")
                self._server.query(0)
            except (CliError, HttpError):
                self._server = self.client
        return self._server


class LoaderTarget(Target):
    """Hands documents to the engine in this process; those without a time of their own go by queries."""

    batch_rows = 2000
    batch_bytes = 4 << 20
    keeps_times_of_credentials = True
    adds_ttl = False

    def __init__(self, loader: Loader, queries: QueryTarget) -> None:
        self.loader = loader
        self.queries = queries

    def quick_reader(self, names: Names, module: str) -> Optional[QuickReader]:
        return QuickReader(names, module, self.loader.number)

    def write(self, documents: Sequence[Union[Document, Ready]]) -> None:
        if documents[0].ts is None:
            self.queries.write(documents)
            return
        batch = [document if isinstance(document, Ready) else _incoming(document) for document in documents]
        for attempt in range(_ATTEMPTS):
            try:
                self.loader.load(batch)
                return
            except Refused as refused:
                raise Refusal(refused.index, str(refused)) from None
            except Unauthenticated:
                raise CliError("the secret is not good any more") from None
            except StoreError as fault:
                self._again(fault, attempt)

    def count(self, collection: str) -> Optional[int]:
        return self.loader.count(collection)


def _incoming(document: Any) -> Incoming:
    return Incoming(
        None if document.credentials else document.collection,
        int(document.id),
        document.ts or 0,
        document.ttl,
        _credentials(document) if document.credentials else document.data,
    )


def _expression(document: Document) -> Any:
    """The expression that writes a document, whether it exists already or not."""
    ref = document_ref(document.collection, document.id, document.credentials)
    if document.credentials:
        fields = _credentials(document)
        if document.ttl is not None:
            fields["ttl"] = document.ttl
        return _upsert(ref, query_literal(fields))
    fields = {"data": object_literal(document.data)}
    if document.ttl is not None:
        fields["ttl"] = document.ttl
    params = query_literal(fields)
    if document.ts is not None:
        return {"insert": ref, "ts": document.ts, "action": "create", "params": params}
    return _upsert(ref, params)


def _credentials(document: Document) -> dict[str, Any]:
    fields = dict(document.data)
    fields["instance"] = fields.pop("document", fields.get("instance"))
    return fields


def _upsert(ref: Any, params: Any) -> Any:
    return {
        "if": {"exists": ref},
        "then": {"replace": ref, "params": params},
        "else": {"create": ref, "params": params},
    }


def _index(fault: HttpError) -> Optional[int]:
    position = fault.errors[0].position if fault.errors else None
    if position and len(position) > 1 and position[0] == "do" and isinstance(position[1], int):
        return position[1]
    return None


def _is_refusal(fault: Exception) -> bool:
    """Whether an `UnexpectedError` is about this very query (status 413, a value that cannot be sent), so that trying
    again is no use."""
    if not isinstance(fault, UnexpectedError):
        return False
    result = fault.request_result
    return result is None or (400 <= result.status_code < 500 and result.status_code not in (408, 429))
