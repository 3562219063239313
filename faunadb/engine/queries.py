"""Runs queries against a store: on a snapshot, or as a writer, and once more if other writers were first.

`Queries.run` takes a query and who asks. It evaluates the query on a snapshot, and runs it again as a writer if it turns
out to write. A query that begins with a form that writes is run as a writer from the start.
"""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from .answers import Answers
from .attempts import Attempts, told
from .auth import Auth, Authenticator
from .auth.jwks import KeysNeeded, with_keys
from .defaults import ANSWERS, DEFAULT_SECRET
from .language import deep
from .language.context import Context, NeedsWriter, TakesLong
from .language.effects import CALL
from .language.errors import QueryErrors, RequestError, contended
from .language.first_key import looks_like_a_write
from .language.legacy import answer_body, writer_for
from .language.overruns import Overrun, forget
from .language.parser import parse_query
from .language.prepared import Known, Parsed, PreparedQueries, Text
from .language.registry import WRITE
from .language.values import Document, Ref
from .records import NamedTuple
from .request import (
    DEFAULT_TIMEOUT,
    Body,
    Failed,
    Gathered,
    NotQuick,
    Outcome,
    Request,
    Unauthenticated,
    Writes,
    deadline_of,
)
from .schema.view import Committed, SchemaCache, SchemaView, schema_view
from .storage.clock import wall_micros
from .storage.errors import (
    ClockBehind,
    Contended,
    DeadlineExceeded,
    SnapshotLost,
    SnapshotMoved,
    StoreError,
    StoreUnavailable,
)
from .storage.group_commit import Job

if TYPE_CHECKING:
    from .language.nodes import Node
    from .storage import Snapshot, Store, Transaction

#: Seconds to wait for a commit of somebody else, before each further attempt to tell a client a later time.
_PAUSES = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032)
#: Seconds that the check of an unknown secret waits for a store that is away. The query then waits again, until its deadline.
AWAY_SECONDS = 0.5


class _TimeStands(Exception):
    """A query told the time, and it is the one that its client has seen before, since somebody was writing all the while.

    outcome: what the query gave, which is true nevertheless.
    """

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


class _Principal(NamedTuple):
    """Who a secret is, and the schema, as long as that has a version: of those whom nothing but the schema decides about."""

    schema_version: int
    auth: Auth
    committed: Committed


_new_tuple = tuple.__new__
#: How many principals are remembered with the schema, and how many queries that call functions which write.
_MOST_PRINCIPALS, _MOST_CALLS = 1000, 100


class Queries:
    """Runs queries on a store. Any thread may use it.

    :param store: an open store.
    :param secret: the root secret, "" for none. Only a hash of it is kept.
    :param root_hashes: hashes of further root secrets, made by `auth.secrets.hash_root`.
    :param answers: bytes that kept answers may take (`Answers`).
    :param strict_roles: whether nobody may give a function a role with more privileges than their own. Otherwise, as in
        Fauna, who may write functions can become an admin by a function with the role admin (docs/security.md).
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
        #: by the digest of their secret (`Request.secret`)
        self._principals: dict[Optional[bytes], _Principal] = {}
        #: the databases of secrets that are for a child database
        self._scopes: dict[Optional[bytes], int] = {}
        #: queries that call functions, of which each wrote when it was run last: only running them tells
        self._writing: set[Node] = set()

    def start_tasks(self) -> None:
        """See `language.context.Host`. For subclasses, which know where to run tasks."""
        raise NotImplementedError

    def authenticate(
        self,
        snap: Snapshot,
        schema: Any,
        header: Optional[str],
        deadline: Optional[float] = None,
        name: Optional[bytes] = None,
    ) -> Auth:
        """The principal of a request.

        header: the value of ``Authorization``. deadline: in `time.monotonic` seconds. name: the header's digest
        (`Authenticator.trusted_name`), if it is known. Raises `Unauthenticated`, and what `Authenticator.authenticate`
        raises.
        """
        auth = self.authenticator.authenticate(self, snap, schema, header, deadline, name)
        if auth is None:
            raise Unauthenticated(snap.time)
        return auth

    def opens(self, header: str) -> Optional[bool]:
        """Whether the value of an ``Authorization`` header gives a principal now; None if that cannot be found out."""
        deadline = time.monotonic() + DEFAULT_TIMEOUT / 1000

        def opens(snap: Snapshot) -> bool:
            schema = schema_view(self, snap)
            return self.authenticator.authenticate(self, snap, schema, header, deadline) is not None

        try:
            return self.store.read(opens, deadline=time.monotonic() + AWAY_SECONDS)
        except (KeysNeeded, QueryErrors, RequestError, RecursionError, StoreError):
            return None

    def run(self, request: Request) -> Outcome:
        """Run a query.

        :raises Unauthenticated: the authorization gives no principal (401).
        :raises Failed: the query ended with errors of FQL.
        :raises RequestError: the request as a whole failed, for example by its deadline (503) or by other writers (409).
        :raises NotQuick: if the request has a snapshot: the query would write (`Writes`) or take longer.
        """
        outcome = None
        try:
            if request.snapshot is not None:
                outcome = self._run_quickly(request, request.snapshot)
                return outcome
            try:
                outcome = self._run(request)
                return outcome
            except RecursionError:
                return with_keys(partial(deep.run, partial(self._run, request)))
            except KeysNeeded as needed:
                needed.load()
            return with_keys(partial(deep.with_room, partial(self._run, request)))
        except (RecursionError, DeadlineExceeded, Overrun, ClockBehind, Contended) as failure:
            raise told(failure) from None
        except StoreUnavailable as failure:
            raise told(failure) from failure
        finally:
            if outcome is None:
                forget()

    def _run_quickly(self, request: Request, snap: Snapshot) -> Outcome:
        """Answer a query from a given snapshot, or raise `NotQuick`. The request's deadline is within `QUICK_SECONDS`."""
        source = request.source
        known = self._known(request)
        if looks_like_a_write(source) if known is None else known.effect >= WRITE and self._writes(known):
            raise Writes(known)
        if request.last_seen > snap.time:
            raise NotQuick
        name = request.name
        if request.secret is None:  # otherwise the caller has looked for a kept answer
            name = self.answers.name(request)
            kept = self.answers.find(name, snap)
            if kept is not None:
                return kept
        if name is not None:
            snap.note_reads()
        try:
            ctx = self._prepare(request, snap, None, known)
            if ctx.effect >= WRITE and self._writes(ctx):
                raise Writes(None)
            return self._read(request, ctx, snap, name)
        except NeedsWriter:
            self._has_written(known)
            raise Writes(known) from None
        except (TakesLong, _TimeStands, KeysNeeded, RecursionError):
            raise NotQuick from None
        except RequestError as error:
            if error.status == 503:
                raise NotQuick from None
            raise

    def _run(self, request: Request) -> Outcome:
        source = request.source
        known = self._known(request)
        if looks_like_a_write(source) if known is None else known.effect >= WRITE and self._writes(known):
            ready = self._as_plain_write(request, known)
            if ready is not None:
                # Nothing would be gained by a snapshot before the transaction.
                return self.write(partial(self._prepare_and_evaluate, ready, known), ready)
        try:
            found = self._run_lazily(request, known)
        except (SnapshotMoved, SnapshotLost):
            found = self.store.read(
                partial(self._answer, request, known), request.last_seen, deadline_of(request)
            )
        except _TimeStands as stands:
            found = self._run_later(request, known, stands)
        return found if type(found) is Outcome else self._write(request, found)  # type: ignore[arg-type]

    def _run_later(
        self, request: Request, known: Optional[Known], stands: _TimeStands
    ) -> Union[Outcome, Context]:
        """As `_run_lazily`, on a later snapshot, which another process's next commit gives if nothing else does."""
        for pause in _PAUSES:
            time.sleep(pause)
            try:
                return self._run_lazily(request, known)
            except _TimeStands as again:
                stands = again
            except (SnapshotMoved, SnapshotLost):
                pass
        return stands.outcome

    def _run_lazily(self, request: Request, known: Optional[Known]) -> Union[Outcome, Context]:
        """As `_answer`, on a snapshot that is pinned when it is first read from."""
        snap = self.store.snapshot(request.last_seen, True, deadline_of(request))
        try:
            return self._answer(request, known, snap)
        except (StoreError, SnapshotMoved):
            raise
        except Exception:
            snap.pin()  # a lazy snapshot may have shown an old schema, and the error may be due to that
            raise
        finally:
            snap.close()

    def _answer(self, request: Request, known: Optional[Known], snap: Snapshot) -> Union[Outcome, Context]:
        """The answer to a query that only reads. One that writes is returned ready for that."""
        name = self.answers.name(request)
        if name is not None:
            kept = self.answers.find(name, snap)
            if kept is not None:
                return kept
        ctx = self._prepare(request, snap, None, known)
        if (
            not (request.writer or (ctx.effect >= WRITE and self._writes(ctx)))
            or request.effect_limit < WRITE
        ):
            try:
                return self._read(request, ctx, snap, name)
            except NeedsWriter:
                self._has_written(known)
        return ctx

    def _known(self, request: Request) -> Optional[Known]:
        """What is remembered of a query, in the database that its secret was last for."""
        source, scopes = request.source, self._scopes
        if type(source) is not bytes:
            return None
        return self.prepared.known(source, request.version, scopes.get(request.secret, 0) if scopes else 0)

    def _writes(self, query: Union[Known, Context]) -> bool:
        """Whether a query with the effect of a write does write, as far as that is known before it is run."""
        return query.effect != CALL or query.node in self._writing

    def _has_written(self, known: Optional[Known]) -> None:
        """Remember a query that has turned out to write."""
        if known is not None:
            if len(self._writing) >= _MOST_CALLS:
                self._writing.clear()
            self._writing.add(known.node)

    def _read(self, request: Request, ctx: Context, snap: Snapshot, name: Optional[bytes]) -> Outcome:
        """Evaluate a prepared query without a transaction, and keep its answer under a name, if there is one."""
        snap.asked_by(ctx.node)
        _, body = _evaluated(ctx)
        time = snap.time
        outcome = _new_tuple(Outcome, (200, body, time, (ctx.compute, ctx.reads, 0, 0, ctx.read_ops, 0)))
        if ctx.tells_time and time <= request.last_seen < wall_micros():
            raise _TimeStands(outcome)
        if name is not None:
            self.answers.keep(name, ctx, outcome)
        return outcome

    def _as_plain_write(self, request: Request, known: Optional[Known]) -> Optional[Request]:
        """A query that writes, to be run as a writer at once, with its source read before any lock is taken.

        None if its principal is not a remembered one, because checking another takes long, and the lock of the writer would
        be held meanwhile; or if it is not allowed to write, malformed, or nested very deeply.

        :param known: what is remembered of the query.
        """
        if request.effect_limit < WRITE or not self.authenticator.knows(
            request.authorization, request.secret
        ):
            return None
        if known is not None:
            return request
        try:
            return request._replace(source=self.prepared.read(request.source, request.version))
        except QueryErrors:
            return None  # a snapshot is used to check the secret before these errors are told
        except RecursionError:
            return None  # reading it takes more of the stack than there is here

    def _prepare_and_evaluate(self, request: Request, known: Optional[Known], tx: Transaction) -> Outcome:
        return self._evaluate(request, self._prepare(request, tx, tx, known), tx)

    def _prepare(
        self,
        request: Request,
        snap: Snapshot,
        tx: Optional[Transaction] = None,
        known: Optional[Known] = None,
    ) -> Context:
        """Authenticate, and parse the query. Returns the context in which to evaluate it (`Context.node`).

        known: what is remembered of it, if the caller has looked for that.
        """
        authorization, source, version, deadline, _, _, limit, reason, _, snapshot, secret, _ = request
        schema_version = snap.schema_version
        principal = self._principals.get(secret)
        if principal is not None and principal.schema_version == schema_version:
            _, auth, committed = principal
            schema = SchemaView(committed, snap)
        else:
            schema = schema_view(self, snap)
            auth = self.authenticate(snap, schema, authorization, deadline, secret)
            self._remember(secret, schema_version, auth, schema.committed)
        ctx = Context(self, snap, schema, auth, tx, version, deadline, limit, reason, snapshot is not None)
        if known is None and type(source) is bytes:
            known = self._known(request)
        if known is not None and known.committed is schema.committed and known.scope == ctx.scope:
            ctx.node, ctx.effect, ctx.literals, _, _ = known
        else:
            ctx.node, ctx.effect, ctx.literals = self._parsed(ctx, request)
        return ctx

    def _remember(
        self, secret: Optional[bytes], schema_version: int, auth: Auth, committed: Committed
    ) -> None:
        if secret is None:
            return
        if auth.scope:
            if len(self._scopes) >= _MOST_PRINCIPALS:
                self._scopes.clear()
            self._scopes[secret] = auth.scope
        if not committed.confirmed or not self.authenticator.lasts(secret, schema_version):
            return
        if len(self._principals) >= _MOST_PRINCIPALS:
            self._principals.clear()
        self._principals[secret] = _Principal(schema_version, auth, committed)

    def _parsed(self, ctx: Context, request: Request) -> Parsed:
        try:
            with ctx:
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
        """A context to evaluate a request in. tx: the snapshot again, if it is a transaction."""
        _, _, version, deadline, _, _, limit, reason, _, snapshot, _, _ = request
        return Context(self, snap, schema, auth, tx, version, deadline, limit, reason, snapshot is not None)

    def _evaluate(self, request: Request, prepared: Context, tx: Transaction) -> Outcome:
        """Evaluate a query in a transaction. prepared: of this or an earlier snapshot with the same schema."""
        ctx = prepared
        tx.asked_by(ctx.node)
        if ctx.tx is not tx:
            ctx = self.context(request, tx, schema_view(self, tx), prepared.auth, tx)
            ctx.node, ctx.effect, ctx.literals = prepared.node, prepared.effect, prepared.literals
        value, body = _evaluated(ctx)
        if not tx.wrote:
            self._writing.discard(ctx.node)
        status = 201 if type(value) is Document and value.created else 200
        metrics = (ctx.compute, ctx.reads, tx.bytes_written, 0, ctx.read_ops, tx.write_ops)
        time = tx.txn if tx.wrote else tx.time
        return _new_tuple(Outcome, (status, body, time, metrics))

    def _write(self, request: Request, prepared: Context) -> Outcome:
        schema_version = prepared.snap.schema_version

        def work(tx: Transaction) -> Outcome:
            current = prepared
            if tx.schema_version != schema_version:
                current = self._prepare(request, tx, tx)
            return self._evaluate(request, current, tx)

        return self.write(work, request)

    def write(self, work: Callable[[Transaction], Outcome], request: Request) -> Outcome:
        """Run work as a writer of the store. The outcome, or the error, says how often it lost to others before."""
        attempts = Attempts(work)
        try:
            outcome, txn = self._write_with_room(attempts, request)
        except (Failed, RequestError) as failure:
            failure.retries = attempts.losses
            raise
        except Contended as lost:
            error = contended(attempts.losses)
            error.ref = self._shown(request, lost.document)
            raise error from None
        return attempts.outcome(outcome, txn)

    def write_together(self, take: Callable[[], Optional[Gathered]]) -> None:
        """Run queries that write, in this thread and in shared commits if the store can, for as long as one turn of writers
        lasts. Each gets its result. Those whose result is None then are to be given to `run`.

        take: gives the next query, or None. It is asked during the turn, and must not wait.
        """
        begun: list[tuple[Gathered, Attempts, Job]] = []

        def next_job() -> Optional[Job]:
            while (each := take()) is not None:
                request = each.request
                if request.last_seen and request.last_seen > wall_micros():
                    continue  # `Store.write` looks whether that time was given before
                known = each.known or self._known(request)
                ready = self._as_plain_write(request, known)
                if ready is not None:
                    attempts = Attempts(partial(self._prepare_and_evaluate, ready, known))
                    job = Job(attempts, ready.retries, deadline_of(ready), ready.last_seen)
                    begun.append((each, attempts, job))
                    return job
            return None

        try:
            self.store.write_together(next_job)
        finally:
            forget()  # first: what is written must get its result, or it would be written again
            for each, attempts, job in begun:
                if job.over:
                    each.result = attempts.result(job)

    def _shown(self, request: Request, document: Optional[tuple[int, int, int]]) -> Any:
        """The ref of the document over which a transaction lost, as JSON data; None if that is not known."""
        if document is None:
            return None
        path = Ref(*document)

        def show(snap: Snapshot) -> Any:
            schema = schema_view(self, snap)
            auth = self.authenticate(snap, schema, request.authorization)
            ctx = self.context(request, snap, schema, auth)
            return json.loads(writer_for(ctx).text(path))

        return self.store.read(show, deadline=deadline_of(request))

    def _write_with_room(
        self, work: Callable[[Transaction], Outcome], request: Request
    ) -> tuple[Outcome, Optional[int]]:
        """Run work as a writer of the store, if need be with room on the stack for deep nesting."""
        # The store may run it on another thread (the leader of a group commit), so the room has to be made within the
        # work itself. If the first attempt, without room, fails, the store undoes it.
        options: dict[str, Any] = {
            "retries": request.retries,
            "deadline": deadline_of(request),
            "at_least": request.last_seen,
        }
        try:
            return self.store.write(work, **options)
        except RecursionError:
            return self.store.write(lambda tx: deep.run(lambda: work(tx)), **options)


def _evaluated(ctx: Context) -> tuple[Any, Body]:
    """The value of a prepared query, and the body of the answer."""
    ctx.begin()
    try:
        value = ctx.node.eval(ctx, {})
        return value, answer_body(ctx, value)
    except QueryErrors as errors:
        raise Failed(errors, ctx.snap.time, ctx.reads, ctx.read_ops) from None
    finally:
        ctx.end()
