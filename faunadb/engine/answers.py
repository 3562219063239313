"""Answers that are still true.

Most queries only read, and until what they read changes a read gives the same answer each time, unless the answer
depends on the time as well. So answers are kept, each with what was read for it (`storage.read_set`), and given again
to whoever asks the same with the same secret. Each query's snapshot tells whether there was a commit, by whichever
process, and the commit log what it changed: an answer that it touches goes. Nobody is given what was true a moment ago.

An answer is kept only when it is a function of the query, the secret and the data. Neither the query may have looked at
the time or made anything new (`Context.timeless`: ``now``, ``new_id``, times to live, limits of history), nor what its
secret opens (`Auth.timeless`). Which forms are never kept, the registry says (`Form.timeless`).
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Optional

from .defaults import ANSWERS
from .language.registry import WRITE
from .records import NamedTuple
from .request import Outcome, Request
from .storage.read_set import Changes, Read, larger_paths, within

if TYPE_CHECKING:
    from .language.context import Context
    from .storage import Snapshot

#: An answer that would take more than one part in so many is not kept.
_PARTS = 16
#: Bytes that an answer takes beside its text, and for each thing that was read for it, about.
_BESIDE, _PER_READ = 500, 250
#: Things that may be read for an answer that is kept. Dropping it costs as much.
MAX_READS = 300
#: Commits that are looked through to catch up; after more of them nothing is kept.
MAX_BEHIND = 200
#: The newest commits that are remembered, for answers that were being evaluated meanwhile.
_RECENT = 64


class _Kept(NamedTuple):
    """txn: the newest commit that its snapshot saw."""

    answer: Outcome
    reads: tuple[Read, ...]
    size: int
    txn: int


class Answers:
    """What an engine has answered that is still true. Any thread may use it. max_bytes: 0 keeps nothing."""

    def __init__(self, max_bytes: int = ANSWERS):
        self._max_bytes = max_bytes
        # The key in front of the text: as a key of BLAKE2 it would be a block of its own, with each digest.
        self._digest = hashlib.blake2b(os.urandom(32), digest_size=32)
        self._lock = threading.Lock()
        self._clear(-1, -1)

    def _clear(self, txn: int, schema_version: int) -> None:
        self._kept: dict[bytes, _Kept] = {}
        self._size = 0
        #: by the path of a thing, the answers for which it was read, and what of it: of a set perhaps several ranges
        self._readers: dict[str, dict[bytes, list[Read]]] = {}
        #: the newest commits, of which all after the floor are there
        self._recent: deque[tuple[int, Changes]] = deque()
        self._floor = txn
        #: every commit up to this one is known and has taken along the answers from before it
        self._schema_version = schema_version
        self._txn = txn

    def __len__(self) -> int:
        return len(self._kept)

    def name(self, request: Request) -> Optional[bytes]:
        """What the answer to a request is kept by, None when it will not be.

        A digest, under a key of this process: secrets and passwords do not stay in memory.
        """
        source, secret = request.source, request.authorization
        if not self._max_bytes or type(source) is not bytes or secret is None:
            return None
        if request.writer or request.effect_limit < WRITE:
            return None
        asked = f"{request.version} {len(secret)} {secret}".encode("utf-8", "surrogatepass") + source
        digest = self._digest.copy()
        digest.update(asked)
        return digest.digest()

    def name_of(self, secret: bytes, version: str, source: bytes) -> Optional[bytes]:
        """The same for a query that may write. secret: the `Authenticator.trusted_name` of its authorization."""
        if not self._max_bytes:
            return None
        digest = self._digest.copy()
        digest.update(b"%b %b %b" % (secret, version.encode(), source))
        return digest.digest()

    def find(self, name: Optional[bytes], snap: Snapshot) -> Optional[Outcome]:
        """The answer that is true at a snapshot, if there is one."""
        answer = self.look_up(name, snap)
        return None if answer is None else Outcome(answer.status, answer.body, snap.time, answer.metrics)

    def look_up(self, name: Optional[bytes], snap: Snapshot) -> Optional[Outcome]:
        """The same with the time at which it was given first."""
        if name is None or name not in self._kept:
            return None
        self._catch_up(snap)
        kept = self._kept.get(name)
        txn = snap.last_txn
        if kept is None or kept.txn > txn or txn != self._txn:  # a commit may have come to be known just now
            return None
        return kept.answer

    def text_of(self, name: Optional[bytes], answer: Outcome) -> str:
        """The text of an answer, which is made once as long as the answer is kept by that name."""
        body = answer.body
        if type(body) is str:
            return body
        text = answer.text
        if name is not None:
            with self._lock:
                kept = self._kept.get(name)
                if kept is not None and kept.answer is answer:
                    self._kept[name] = kept._replace(answer=answer._replace(body=text))
        return text

    def keep(self, name: Optional[bytes], ctx: Context, answer: Outcome) -> None:
        """Keep what a query has answered. ctx: of its evaluation, which is over, on a snapshot that noted its reads.

        The snapshot may see commits that are not known yet. They are looked at when somebody asks for an answer: many
        are never asked for again, and the log may be behind a network.
        """
        if name is None or not (ctx.timeless and ctx.auth.timeless):
            return
        snap = ctx.snap
        reads = tuple(islice(snap.reads, MAX_READS + 1))
        size = answer.size + _BESIDE + _PER_READ * len(reads)
        if size > self._max_bytes // _PARTS or len(reads) > MAX_READS:
            return
        with self._lock:
            if not self._kept and snap.last_txn > self._txn:
                self._clear(snap.last_txn, snap.schema_version)
            if name in self._kept or not self._is_true(snap):
                return
            self._kept[name] = _Kept(answer, reads, size, snap.last_txn)
            for read in reads:
                self._readers.setdefault(read.path, {}).setdefault(name, []).append(read)
            self._size += size
            while self._size > self._max_bytes:
                self._drop(next(iter(self._kept)))

    def _is_true(self, snap: Snapshot) -> bool:
        """Whether what was read from a snapshot has not changed since, by the commits that are known."""
        txn = snap.last_txn
        if txn > self._txn:
            return True
        if txn == self._txn:
            return snap.schema_version == self._schema_version
        if txn < self._floor:
            return False  # too old to tell
        later = [commit for commit in self._recent if commit[0] > txn]
        return snap.reads.changed_since(later) is None

    def _catch_up(self, snap: Snapshot) -> None:
        """Learn of the commits that a snapshot sees."""
        known = self._txn
        # One that is not pinned yet is pinned by the question for the log, in one round trip.
        if snap.position is not None and snap.last_txn <= known:
            return
        commits = snap.changed(known, MAX_BEHIND)  # perhaps a network away: nobody else waits for it
        with self._lock:
            if snap.last_txn <= self._txn:
                return
            # What fills an empty store leaves no log, but makes another schema.
            if snap.schema_version != self._schema_version or not commits or len(commits) == MAX_BEHIND:
                self._clear(snap.last_txn, snap.schema_version)
                return
            for txn, changes in commits:
                if txn > self._txn:
                    self._drop_touched(txn, changes)
                    self._recent.append((txn, changes))
                    if len(self._recent) > _RECENT:
                        self._floor, _ = self._recent.popleft()
            self._txn = snap.last_txn

    def _drop_touched(self, txn: int, changes: Changes) -> None:
        """Forget the answers from before a commit that it makes void."""
        touched: set[bytes] = set()
        if changes.wide:  # seldom: the schema, or very much at once
            touched.update(self._kept)
        for path, values in changes.at.items():
            for larger in larger_paths(path):
                touched.update(self._readers.get(larger, ()))
            for name, reads in self._readers.get(path, {}).items():
                if any(read.wide or within(values, read.lower, read.upper) for read in reads):
                    touched.add(name)
        for name in touched:
            if self._kept[name].txn < txn:
                self._drop(name)

    def _drop(self, name: bytes) -> None:
        kept = self._kept.pop(name, None)
        if kept is None:
            return
        self._size -= kept.size
        for read in kept.reads:
            names = self._readers.get(read.path)
            if names is not None:
                names.pop(name, None)
                if not names:
                    del self._readers[read.path]
