"""Loads documents with ids and times of their own, many in one transaction and without queries: for imports.

A version goes into the history of its document as ``insert`` would put it there, except that a document gets no ``ttl``
from its collection's ``ttl_days`` (it says itself whether it has one), and that credentials keep their times.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

from ..auth.permissions import Admin, Server
from ..documents import insert
from ..documents.writing import insert_text
from ..indexes import lookups
from ..json_text import encoder
from ..language import deep
from ..language import values as v
from ..language.context import Context
from ..language.errors import Fault, QueryError, QueryErrors, RequestError, not_unique
from ..records import NamedTuple
from ..schema.credentials import CREDENTIALS
from ..schema.fields import Check
from ..schema.view import schema_view
from .literal_text import LiteralText

if TYPE_CHECKING:
    from ..engine import Engine
    from ..storage import Snapshot

#: How many documents are looked up together.
_LOOKED_UP = 250
#: How many seconds one batch may take.
DEADLINE = 600.0


class Incoming(NamedTuple):
    """A version of a document to be loaded.

    collection: the name of a user collection, or None for credentials. ts: microseconds. ttl: a literal, or None.
    data: the members of ``data`` as literals of the wire; for credentials those of the whole document.
    """

    collection: Optional[str]
    id: int
    ts: int
    ttl: Any
    data: dict[str, Any]


class Ready(NamedTuple):
    """A version whose stored text has been made already.

    number: that of the collection, from `Loader.number`. ts, expires (None without ttl): microseconds. fields: the
    fields in the text, if they are plain JSON; None if there are values of other kinds among them.
    """

    collection: str
    number: int
    id: int
    ts: int
    expires: Optional[int]
    text: str
    fields: Optional[dict[str, Any]]


_encode = encoder(ensure_ascii=False)


def stored_ref(number: int, identifier: str) -> dict[str, Any]:
    """What is stored for a ref in its own database. number: of the collection. identifier: digits without leading zeros."""
    return {"@:ref": [number, identifier]}


def ready(
    collection: str,
    number: int,
    id: int,
    ts: int,
    data: dict[str, Any],
    ttl: Optional[dict[str, str]] = None,
    expires: Optional[int] = None,
) -> Ready:
    """A version of a user document.

    data: its members as they are stored (times, dates and bytes as on the wire, in their canonical spelling, refs by
    `stored_ref`), without nulls, special doubles, and keys that begin with @. ttl: a time in the same form. expires:
    the same time in microseconds.
    """
    fields: dict[str, Any] = {"data": data} if data else {}
    if ttl is not None:
        fields["ttl"] = ttl
    text = _encode(fields)
    return Ready(collection, number, id, ts, expires, text, None if '"@' in text else fields)


class Refused(Exception):
    """A batch of which nothing was loaded. index: the document at fault."""

    def __init__(self, index: int, reason: str):
        super().__init__(reason)
        self.index = index


class Loader:
    """Loads documents into one database of an engine.

    authorization: value of the header, with the secret of an admin or server key (or root).
    """

    def __init__(self, engine: Engine, authorization: str):
        self.engine = engine
        self.authorization = authorization

    def may_load(self) -> bool:
        """Whether the secret may write all of history. Raises `Unauthenticated`."""
        auth = self.engine.store.read(
            lambda snap: self.engine.authenticate(snap, schema_view(self.engine, snap), self.authorization)
        )
        return type(auth.permissions) in (Admin, Server)

    def number(self, collection: str) -> Optional[int]:
        """The number of a collection; None when there is none of that name."""

        def number(snap: Snapshot) -> Optional[int]:
            found = self._find(snap, collection)
            return None if found is None else found.id

        return self.engine.store.read(number)

    def count(self, collection: str) -> Optional[int]:
        """How many documents of a collection can be read now; None when there is no such collection."""

        def count(snap: Snapshot) -> Optional[int]:
            found = self._find(snap, collection)
            if found is None:
                return None
            rows = snap.entries(found.scope, found.id, b"")
            return sum(1 for row in rows if row.ttl is None or row.ttl > snap.time)

        return self.engine.store.read(count)

    def _find(self, snap: Snapshot, collection: str) -> Optional[v.Ref]:
        schema = schema_view(self.engine, snap)
        auth = self.engine.authenticate(snap, schema, self.authorization)
        return schema.lookup(auth.scope, v.COLLECTIONS, collection)

    def load(self, batch: Sequence[Union[Incoming, Ready]]) -> None:
        """Load documents in one transaction.

        Raises `Refused` when one of them cannot be stored, the errors of `Store.write`, `Unauthenticated`.
        """

        def work(tx: Any) -> None:
            self._load(tx, batch)

        deadline = time.monotonic() + DEADLINE
        try:
            self.engine.store.write(work, deadline=deadline)
        except RecursionError:
            self.engine.store.write(lambda tx: deep.run(lambda: work(tx)), deadline=deadline)

    def _load(self, tx: Any, batch: Sequence[Union[Incoming, Ready]]) -> None:
        schema = schema_view(self.engine, tx)
        auth = self.engine.authenticate(tx, schema, self.authorization)
        ctx = Context(self.engine, tx, schema, auth, tx=tx)
        text = LiteralText(ctx)
        present = _present(ctx, batch)
        for index, incoming in enumerate(batch):
            try:
                if incoming.ts > ctx.time:
                    raise Fault("invalid write time", "Cannot write outside of snapshot time.")
                if isinstance(incoming, Ready):
                    if text.collection(incoming.collection) != incoming.number:
                        raise Fault("invalid ref", "The collection was replaced while documents were read.")
                    ref = v.Ref(ctx.scope, incoming.number, incoming.id)
                    is_new = (ref.coll, ref.id) not in present
                    stored, expires = incoming.text, incoming.expires
                    insert_text(ctx, ref, incoming.ts, stored, expires, is_new, incoming.fields)
                    present.add((ref.coll, ref.id))
                elif incoming.collection is None:
                    _load_credentials(ctx, text, incoming)
                else:
                    ref = v.Ref(ctx.scope, text.collection(incoming.collection), incoming.id)
                    insert_text(ctx, ref, incoming.ts, *text.fields(incoming.data, incoming.ttl))
                    present.add((ref.coll, ref.id))
            except (Fault, QueryErrors, RequestError) as fault:
                raise Refused(index, _reason(fault)) from None


def _present(ctx: Context, batch: Sequence[Union[Incoming, Ready]]) -> set[tuple[int, int]]:
    """Collection and id of those `Ready` documents of a batch that exist already.

    They are looked up together, before anything is written: the transaction would have to write all that waits before
    each look-up.
    """
    ids: dict[int, list[int]] = {}
    for incoming in batch:
        if isinstance(incoming, Ready):
            ids.setdefault(incoming.number, []).append(incoming.id)
    present: set[tuple[int, int]] = set()
    for number, all_ids in ids.items():
        for start in range(0, len(all_ids), _LOOKED_UP):
            some = all_ids[start : start + _LOOKED_UP]
            present.update((number, found) for found in ctx.snap.newest_of(ctx.scope, number, some))
    return present


def _load_credentials(ctx: Context, text: LiteralText, incoming: Incoming) -> None:
    ref = v.Ref(ctx.scope, v.CREDENTIALS, incoming.id)
    members = dict(incoming.data) if incoming.ttl is None else {**incoming.data, "ttl": incoming.ttl}
    check = Check(ctx)
    known = CREDENTIALS.known(text.value(members))
    # the hash is taken as it is, whoever loads it; an export holds no passwords in clear
    fields = {key: value for key, value in known.items() if key not in ("password", "current_password")}
    fields = CREDENTIALS.validated(check, ref, fields, None)
    check.raise_any(())
    holder = lookups.credentials_of(ctx.snap, fields["instance"])
    if holder is not None and holder != ref:
        raise not_unique()
    insert(ctx, ref, incoming.ts, fields)


def _reason(fault: Exception) -> str:
    error = fault.errors[0] if isinstance(fault, QueryErrors) else fault
    if not isinstance(error, (QueryError, Fault, RequestError)):
        return str(error)
    text = f"{error.code}: {error.description}"
    failures = [
        f"{'.'.join(map(str, failure.field))}: {failure.description}"
        for failure in getattr(error, "failures", None) or ()
    ]
    return f"{text} ({'; '.join(failures)})" if failures else text


__all__ = ["Incoming", "Loader", "Ready", "Refused", "ready", "stored_ref"]
