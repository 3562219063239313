"""A cache of answers, which never gives one that is out of date.

Most queries only read, and a read gives the same answer until something that it read changes. So an engine keeps answers,
each with the set of what was read for it (`storage.read_set`), and gives them again to whoever asks the same with the
same secret. Before it gives one, the query's snapshot tells whether there were commits since, by any process, and the
commit log tells what they changed. Answers for which any of that was read are dropped.

An answer is kept only if it depends on nothing but the query, the secret and the data. The query must not have looked at
the time or made anything new (`Context.timeless`: ``now``, ``new_id``, times to live, limits of history), and the secret
must not open different things at different times (`Auth.timeless`). The registry says which forms are never kept
(`Form.timeless`).

Where others write much and few queries are asked again, looking at the commits takes longer than evaluating. So the engine
reckons up both. If keeping answers does not pay, it keeps none for a while.
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
from .storage.base import LOG_KEPT
from .storage.read_set import Changes, Read, larger_paths, within

if TYPE_CHECKING:
    from .language.context import Context
    from .storage import Snapshot

#: An answer that would take more than this fraction of the cache is not kept: one sixteenth.
_LARGEST_PART = 16
#: About how many bytes an answer takes besides its text: in any case, and for each thing that was read for it.
_OVERHEAD, _PER_READ = 500, 250
#: An answer for which more things were read is not kept, because dropping it would take a step for each of them.
MAX_READS = 300
#: If there were more commits than this since the last look, all answers are dropped without looking at the commits.
MAX_BEHIND = 200
#: How many of the newest commits are remembered, to judge answers whose evaluation began before them.
_RECENT = 64
#: To evaluate a query takes about as long as to look at so many commits.
_SAVED = 10
#: How many commits may be looked at before the answers that are given again must have saved as much; and how many at most,
#: however much they have saved.
_ADVANCE, _MOST = MAX_BEHIND, 2_000
#: For how many queries no answers are kept if they did not: the first time, and at most.
_REST, _LONGEST_REST = 1_000, 16_000


class _Kept(NamedTuple):
    """A kept answer. size: bytes that it takes. txn: the newest commit that its snapshot saw."""

    answer: Outcome
    reads: tuple[Read, ...]
    size: int
    txn: int


class Answers:
    """The answers that an engine keeps. Any thread may use it. max_bytes: what they may take together; 0 keeps none."""

    def __init__(self, max_bytes: int = ANSWERS):
        self._max_bytes = max_bytes
        # The secret key is hashed before the text. BLAKE2's own key parameter would cost a whole block for each digest.
        self._digest = hashlib.blake2b(os.urandom(32), digest_size=32)
        self._lock = threading.Lock()
        #: how many commits may still be looked at before no answers are kept for a while
        self._balance = _ADVANCE
        #: for how many queries that will be, and for how many it still is
        self._rest = _REST
        self._resting = 0
        self._clear(-1, -1)

    def _clear(self, txn: int, schema_version: int) -> None:
        self._kept: dict[bytes, _Kept] = {}
        self._size = 0
        #: by the path of a thing: the names of the answers for which it was read, and what was read of it (of a set
        #: there may be several ranges)
        self._readers: dict[str, dict[bytes, list[Read]]] = {}
        #: the commits after `_floor`, up to `_txn`
        self._recent: deque[tuple[int, Changes]] = deque()
        self._floor = txn
        #: the newest commit whose changes have been applied to the answers, and the version of the schema there
        self._txn = txn
        self._schema_version = schema_version

    def __len__(self) -> int:
        return len(self._kept)

    def name(self, request: Request) -> Optional[bytes]:
        """The name under which the answer to a request is kept; None if it will not be kept.

        It is a digest under a key of this process, so that no secrets or passwords stay in memory.
        """
        source, secret = request.source, request.authorization
        if not self._max_bytes or type(source) is not bytes or secret is None:
            return None
        if request.writer or request.effect_limit < WRITE or self._rests():
            return None
        asked = f"{request.version} {len(secret)} {secret}".encode("utf-8", "surrogatepass") + source
        digest = self._digest.copy()
        digest.update(asked)
        return digest.digest()

    def name_of(self, secret: bytes, version: str, source: bytes) -> Optional[bytes]:
        """As `name`, from its parts. secret: the digest of the authorization (`Request.secret`). source: the query's JSON."""
        if not self._max_bytes or self._rests():
            return None
        digest = self._digest.copy()
        digest.update(b"%b %b %b" % (secret, version.encode(), source))
        return digest.digest()

    def _rests(self) -> bool:
        """Whether no answer is kept to the query that has just come, because that did not pay before."""
        if self._resting <= 0:
            return False
        self._resting -= 1
        return True

    def find(self, name: Optional[bytes], snap: Snapshot) -> Optional[Outcome]:
        """The kept answer, if it is true at a snapshot, as of the snapshot's time."""
        if name is None or name not in self._kept:
            return None
        # A snapshot that is not pinned yet is pinned by reading the log, which saves a round trip.
        if snap.position is None:
            self._catch_up(snap)
        answer = self.look_up(name, snap)
        return None if answer is None else Outcome(answer.status, answer.body, snap.time, answer.metrics)

    def look_up(self, name: bytes, snap: Snapshot) -> Optional[Outcome]:
        """As `find`, as of the time at which the answer was given first. snap: one that is pinned."""
        if name not in self._kept:
            return None
        txn = snap.last_txn
        if txn > self._txn:
            self._catch_up(snap)
        # It is looked up after the commits that the snapshot sees are known: another thread may have learned of them just
        # now, and dropped it. If that thread knows of newer ones as well, nothing can be said.
        kept = self._kept.get(name)
        if kept is None or kept.txn > txn or txn != self._txn:
            return None
        if self._balance < _MOST:
            self._balance += _SAVED
        else:
            self._rest = _REST
        return kept.answer

    def text_of(self, name: Optional[bytes], answer: Outcome) -> str:
        """The text of an answer. It is made only once if the answer is kept under that name."""
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
        """Keep an answer, if it may be kept. ctx: that of its evaluation, whose snapshot has noted what was read.

        The snapshot may see commits that this cache has not looked at. It looks at them when somebody asks for an
        answer: many answers are never asked for again, and reading the commit log may take a network round trip.
        """
        if name is None or not (ctx.timeless and ctx.auth.timeless):
            return
        snap = ctx.snap
        reads = tuple(islice(snap.reads, MAX_READS + 1))
        size = answer.size + _OVERHEAD + _PER_READ * len(reads)
        if size > self._max_bytes // _LARGEST_PART or len(reads) > MAX_READS:
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
        """Whether none of the commits known here has changed what was read from a snapshot."""
        txn = snap.last_txn
        if txn > self._txn:
            return True
        if txn == self._txn:
            return snap.schema_version == self._schema_version
        if txn < self._floor:
            return False  # the commits since then are not remembered
        later = [commit for commit in self._recent if commit[0] > txn]
        return snap.reads.changed_since(later) is None

    def _catch_up(self, snap: Snapshot) -> None:
        """Drop the answers that are made void by commits which a snapshot sees and which are not known here yet."""
        commits = snap.changed(self._txn, MAX_BEHIND)  # outside the lock: it may wait for a network
        with self._lock:
            if snap.last_txn <= self._txn:
                return
            self._balance -= len(commits)
            if self._balance < 0:
                self._resting, self._rest = self._rest, min(4 * self._rest, _LONGEST_REST)
                self._balance = _ADVANCE
                self._clear(snap.last_txn, snap.schema_version)
                return
            # Copying a store into an empty one leaves no row in the log, but changes the version of the schema. And if
            # nobody has asked for very long, the log does not reach back to the last look.
            if (
                snap.schema_version != self._schema_version
                or not commits
                or len(commits) == MAX_BEHIND
                or snap.last_txn - self._txn > LOG_KEPT
            ):
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
        """Drop the answers that saw less than this commit and for which something that it changed was read."""
        touched: set[bytes] = set()
        if changes.wide:  # a change of the schema or of very much at once, which is rare
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
