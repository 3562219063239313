"""Running queries against a store: on a snapshot, or as a writer, and again when others were quicker.

`Queries.run` takes a query's JSON and who asks; it reads on a snapshot and becomes a writer only when the query turns
out to write.
"""

from __future__ import annotations

import json
import re
import time
from functools import cache
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from .answers import Answers
from .auth import Auth, Authenticator
from .auth.jwks import KeysNeeded, with_keys
from .defaults import ANSWERS, DEFAULT_SECRET
from .language import budget, deep
from .language.context import Context, NeedsWriter, TakesLong
from .language.errors import QueryErrors, RequestError, contended, timed_out
from .language.legacy import answer_body, writer_for
from .language.nodes import Node
from .language.overruns import Overrun, forget
from .language.parser import parse_query
from .language.prepared import Known, Parsed, PreparedQueries, Text
from .language.registry import FORMS, WRITE
from .language.values import Document, Ref
from .records import NamedTuple, maker
from .request import DEFAULT_TIMEOUT, Failed, Metrics, NotQuick, Outcome, Request, Unauthenticated
from .schema.view import SchemaCache, SchemaView, schema_view
from .storage.errors import (
    ClockBehind,
    Contended,
    DeadlineExceeded,
    SnapshotLost,
    SnapshotMoved,
    StoreError,
    StoreUnavailable,
)
from .storage.unresolved import Forms

if TYPE_CHECKING:
    from .storage import Snapshot, Store, Transaction


class _Prepared(NamedTuple):
    """A parsed query; good for every snapshot with the same schema. ctx: a context on the snapshot it was parsed with."""

    auth: Auth
    node: Node
    effect: int
    schema_version: int
    ctx: Context


_prepared, _outcome, _metrics = maker(_Prepared), maker(Outcome), maker(Metrics)


class Queries:
    """Runs queries. Thread-safe.

    store: opened store. secret: the root secret, kept as a hash only. answers: bytes of answers to keep (`Answers`).
    strict_roles: who may write functions cannot become an admin by giving one the role admin (docs/security.md).
    """

    def __init__(
        self,
        store: Store,
        *,
        secret: str = DEFAULT_SECRET,
        root_hashes: tuple[str, ...] = (),
        answers: int = ANSWERS,
        strict_roles: bool = False,
    ):
        self.store = store
        self.strict_roles = strict_roles
        self.answers = Answers(answers)
        self.prepared = PreparedQueries()
        self.authenticator = Authenticator([secret] if secret else [], root_hashes=root_hashes)
        self.schema_cache = SchemaCache()

    def see_to_tasks(self) -> None:
        """As `language.context.Host` asks; whoever has a background does it there."""
        raise NotImplementedError

    def authenticate(
        self,
        snap: Snapshot,
        schema: Any,
        header: Optional[str],
        deadline: Optional[float] = None,
        name: Optional[bytes] = None,
    ) -> Auth:
        """The principal of a request. name: what the header is trusted by. Raises `Unauthenticated`."""
        auth = self.authenticator.authenticate(self, snap, schema, header, deadline, name)
        if auth is None:
            raise Unauthenticated(snap.time)
        return auth

    def opens(self, header: str) -> Optional[bool]:
        """Whether the value of an ``Authorization`` header opens anything now; None when that cannot be told here."""
        deadline = time.monotonic() + DEFAULT_TIMEOUT / 1000

        def opens(snap: Snapshot) -> bool:
            schema = schema_view(self, snap)
            return self.authenticator.authenticate(self, snap, schema, header, deadline) is not None

        try:
            return self.store.read(opens)
        except (KeysNeeded, QueryErrors, RequestError, RecursionError, StoreError):
            return None

    def run(self, request: Request) -> Outcome:
        """Run a query. Raises `Unauthenticated`, `Failed`, `RequestError`."""
        outcome = None
        try:
            if request.snapshot is not None:
                outcome = self._run_quickly(request, request.snapshot)
                return outcome
            try:
                outcome = self._run(request)
                return outcome
            except RecursionError:
                return with_keys(lambda: deep.run(lambda: self._run(request)))
            except KeysNeeded as needed:
                needed.load()
            return with_keys(lambda: deep.with_room(lambda: self._run(request)))
        except RecursionError:
            raise RequestError(400, "stack overflow", "The query is nested too deeply.") from None
        except (DeadlineExceeded, Overrun):
            raise timed_out("Query eval has timed out.") from None
        except ClockBehind:
            raise timed_out("Timed out before deadline") from None
        except Contended:
            raise contended() from None
        except StoreUnavailable as failure:
            raise RequestError(503, "unavailable", str(failure)) from failure
        finally:
            if outcome is None:
                forget()

    def _run_quickly(self, request: Request, snap: Snapshot) -> Outcome:
        """request: with a deadline within `QUICK_SECONDS`."""
        source = request.source
        known = self.prepared.known(source, request.version) if type(source) is bytes else None
        writes = _looks_like_a_write(source) if known is None else known.effect >= WRITE
        if writes or request.last_seen > snap.time:
            raise NotQuick
        name = request.name
        if request.secret is None:  # whoever knows the secret has looked for a kept answer
            name = self.answers.name(request)
            kept = self.answers.find(name, snap)
            if kept is not None:
                return kept
        if name is not None:
            snap.note_reads()
        try:
            prepared = self._prepare(request, snap, None, known)
            if prepared.effect >= WRITE:
                raise NotQuick
            return self._read(request, prepared, snap, name)
        except (NeedsWriter, TakesLong, KeysNeeded, RecursionError):
            raise NotQuick from None
        except RequestError as error:
            if error.status == 503:
                raise NotQuick from None
            raise

    def _run(self, request: Request) -> Outcome:
        source = request.source
        known = self.prepared.known(source, request.version) if type(source) is bytes else None
        if known is None or known.effect == WRITE:
            ready = self._as_plain_write(request)
            if ready is not None:
                # A snapshot beforehand would only tell what the transaction tells as well.
                return self.write(lambda tx: self._prepare_and_evaluate(ready, tx), ready)
        try:
            found = self._run_lazily(request, known)
        except (SnapshotMoved, SnapshotLost):
            found = self.store.read(lambda snap: self._answer(request, known, snap), request.last_seen)
        return self._write(request, found) if isinstance(found, _Prepared) else found

    def _run_lazily(self, request: Request, known: Optional[Known]) -> Union[Outcome, _Prepared]:
        """As `_answer`, on a snapshot that is pinned when it is first read from."""
        snap = self.store.snapshot(request.last_seen, lazy=True)
        try:
            return self._answer(request, known, snap)
        except (StoreError, SnapshotMoved):
            raise
        except Exception:
            snap.pin()  # an error, too, is of a schema that is the current one
            raise
        finally:
            snap.close()

    def _answer(self, request: Request, known: Optional[Known], snap: Snapshot) -> Union[Outcome, _Prepared]:
        """Answer a query that only reads, from a snapshot; one that writes is made ready."""
        name = self.answers.name(request)
        if name is not None:
            kept = self.answers.find(name, snap)
            if kept is not None:
                return kept
        prepared = self._prepare(request, snap, None, known)
        if not (request.writer or prepared.effect == WRITE) or request.effect_limit < WRITE:
            try:
                return self._read(request, prepared, snap, name)
            except NeedsWriter:
                pass
        return prepared

    def _read(self, request: Request, prepared: _Prepared, snap: Snapshot, name: Optional[bytes]) -> Outcome:
        """Evaluate a query without a transaction. name: what its answer is to be kept by."""
        outcome = self._evaluate(request, prepared, snap, None)
        if name is not None:
            self.answers.keep(name, prepared.ctx, outcome)
        return outcome

    def _as_plain_write(self, request: Request) -> Optional[Request]:
        """A query that writes by its looks alone, with its source read before any lock is taken; None for others.

        Its principal is known: checking a new one takes long.
        """
        if request.effect_limit < WRITE or not _looks_like_a_write(request.source):
            return None
        if not self.authenticator.knows(request.authorization):
            return None
        try:
            return request._replace(source=self.prepared.read(request.source, request.version))
        except QueryErrors:
            return None  # to be told when the secret has been checked

    def _prepare_and_evaluate(self, request: Request, tx: Transaction) -> Outcome:
        return self._evaluate(request, self._prepare(request, tx, tx), tx, tx)

    def _prepare(
        self,
        request: Request,
        snap: Snapshot,
        tx: Optional[Transaction] = None,
        known: Optional[Known] = None,
    ) -> _Prepared:
        """known: what is known of the query's text, if that has been asked."""
        schema = SchemaView(self.schema_cache.at(snap), snap)
        auth = self.authenticator.authenticate(
            self, snap, schema, request.authorization, request.deadline, request.secret
        )
        if auth is None:
            raise Unauthenticated(snap.time)
        _, source, version, deadline, _, _, limit, reason, _, snapshot, _, _ = request
        ctx = Context(self, snap, schema, auth, tx, version, deadline, limit, reason, snapshot is not None)
        if known is None:
            text = source if type(source) is bytes else source.source if type(source) is Text else None
            known = None if text is None else self.prepared.known(text, version)
        if known is not None and known.committed is schema.committed and known.scope == ctx.scope:
            node, effect, ctx.literals = known.parsed
        else:
            node, effect, ctx.literals = self._parsed(ctx, request)
        return _prepared((auth, node, effect, snap.schema_version, ctx))  # type: ignore[no-any-return]

    def _parsed(self, ctx: Context, request: Request) -> Parsed:
        try:
            with budget.of(ctx):
                return self._parse(ctx, request)
        except QueryErrors as errors:
            raise Failed(errors, ctx.snap.time) from None

    def _parse(self, ctx: Context, request: Request) -> Parsed:
        source = request.source
        if type(source) is bytes:
            source = Text(source, request.version)
        if type(source) is Text:
            return self.prepared.parse(ctx, source)
        node = parse_query(ctx, source)
        return Parsed(node, node.effect(), [])

    def context(self, request: Request, snap: Snapshot, schema: Any, auth: Auth, tx: Any = None) -> Context:
        _, _, version, deadline, _, _, limit, reason, _, snapshot, _, _ = request
        return Context(self, snap, schema, auth, tx, version, deadline, limit, reason, snapshot is not None)

    def _evaluate(
        self, request: Request, prepared: _Prepared, snap: Snapshot, tx: Optional[Transaction]
    ) -> Outcome:
        ctx = prepared.ctx
        snap.asked_by(prepared.node)
        if ctx.snap is not snap or ctx.tx is not tx:
            ctx = self.context(request, snap, schema_view(self, snap), prepared.auth, tx)
            ctx.literals = prepared.ctx.literals
        with budget.of(ctx):
            try:
                value = prepared.node.eval(ctx, {})
            except QueryErrors as errors:
                raise Failed(errors, snap.time, ctx.reads, ctx.read_ops) from None
            body = answer_body(ctx, value)
        if tx is None:
            time, written, write_ops = snap.time, 0, 0
        else:
            time, written, write_ops = tx.txn if tx.wrote else snap.time, tx.bytes_written, tx.write_ops
        status = 201 if type(value) is Document and value.created else 200
        metrics = _metrics((ctx.compute, ctx.reads, written, 0, ctx.read_ops, write_ops))
        return _outcome((status, body, time, metrics))  # type: ignore[no-any-return]

    def _write(self, request: Request, prepared: _Prepared) -> Outcome:
        def work(tx: Transaction) -> Outcome:
            current = prepared
            if tx.schema_version != prepared.schema_version:
                current = self._prepare(request, tx, tx)
            return self._evaluate(request, current, tx, tx)

        return self.write(work, request)

    def write(self, work: Callable[[Transaction], Outcome], request: Request) -> Outcome:
        """Run work as a writer of the store, and tell how often it had lost to others before."""
        losses = 0

        def attempt(tx: Transaction) -> Outcome:
            nonlocal losses
            losses = tx.losses
            return work(tx)

        try:
            outcome, txn = self._write_with_room(attempt, request)
        except (Failed, RequestError) as failure:
            failure.retries = losses
            raise
        except Contended as lost:
            error = contended(losses)
            error.ref = self._shown(request, lost.document)
            raise error from None
        if txn is not None and outcome.time != txn:
            text = Forms(outcome.time).text(outcome.text, txn)
            outcome = outcome._replace(body=text, time=txn)
        if not losses:
            return outcome
        return outcome._replace(metrics=outcome.metrics._replace(retries=losses))

    def _shown(self, request: Request, document: Optional[tuple[int, int, int]]) -> Any:
        """The ref of a document over which a transaction lost, as JSON data; None without one."""
        if document is None:
            return None
        path = Ref(*document)

        def show(snap: Snapshot) -> Any:
            schema = schema_view(self, snap)
            auth = self.authenticate(snap, schema, request.authorization)
            ctx = self.context(request, snap, schema, auth)
            return json.loads(writer_for(ctx).text(path))

        return self.store.read(show)

    def _write_with_room(
        self, work: Callable[[Transaction], Outcome], request: Request
    ) -> tuple[Outcome, Optional[int]]:
        """Run work as a writer of the store, with room for deep nesting wherever it is run."""
        # The store may run it on another thread (the leader of a group commit), so the room is made around
        # work itself; a first attempt without room is undone by the store.
        options: dict[str, Any] = {
            "retries": request.retries,
            "deadline": None if request.deadline == float("inf") else request.deadline,
            "at_least": request.last_seen,
        }
        try:
            return self.store.write(work, **options)
        except RecursionError:
            return self.store.write(lambda tx: deep.run(lambda: work(tx)), **options)


_FIRST_KEY = re.compile(rb'\s*\{\s*"(\w+)"')


def _looks_like_a_write(source: Any) -> bool:
    """Whether the JSON text of a query begins with the first key of a form that writes."""
    first = _FIRST_KEY.match(source) if type(source) is bytes else None
    return first is not None and first[1] in _write_keys()


@cache
def _write_keys() -> frozenset[bytes]:
    """First keys of the forms that write."""
    return frozenset(form.name.encode() for form in FORMS if form.effect == WRITE)
