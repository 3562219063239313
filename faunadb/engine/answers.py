"""Answers that are still true.

Most queries only read, and until something is committed a read gives the same answer each time, unless the answer
depends on the time as well. So answers are kept until the next commit, and given again to whoever asks the same with
the same secret. Whether there was a commit, by whichever process, each query's snapshot tells: nobody is given what was
true a moment ago.

An answer is kept only when it is a function of the query, the secret and the data. Neither the query may have looked at
the time or made anything new (`Context.timeless`: ``now``, ``new_id``, times to live, limits of history), nor what its
secret opens (`Auth.timeless`). Which forms are never kept, the registry says (`Form.timeless`).
"""

from __future__ import annotations

import hashlib
import os
import threading
from typing import TYPE_CHECKING, NamedTuple, Optional

from .language.registry import WRITE
from .request import Outcome, Request

if TYPE_CHECKING:
    from .language.context import Context
    from .storage import Snapshot

#: Bytes of answers that an engine keeps, when it is not told otherwise.
MAX_BYTES = 16 << 20
#: An answer that would take more than one part in so many is not kept.
_PARTS = 16
#: Bytes that an answer takes beside its text, about.
_BESIDE = 500


class _Kept(NamedTuple):
    """Answers by name, all true while the commit of the time txn is the newest."""

    txn: int
    answers: dict[bytes, Outcome]


class Answers:
    """What an engine has answered since the newest commit. Any thread may use it. max_bytes: 0 keeps nothing."""

    def __init__(self, max_bytes: int = MAX_BYTES):
        self._max_bytes = max_bytes
        self._digest = hashlib.blake2b(key=os.urandom(32), digest_size=32)
        self._lock = threading.Lock()
        self._kept = _Kept(-1, {})
        self._size = 0

    def __len__(self) -> int:
        return len(self._kept.answers)

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

    def find(self, name: Optional[bytes], snap: Snapshot) -> Optional[Outcome]:
        """The answer that is true at a snapshot, if there is one."""
        txn, answers = self._kept
        if txn != snap.last_txn or name is None:
            return None
        answer = answers.get(name)
        return None if answer is None else Outcome(answer.status, answer.text, snap.time, answer.metrics)

    def keep(self, name: Optional[bytes], ctx: Context, answer: Outcome) -> None:
        """Keep what a query has answered. ctx: of its evaluation, which is over."""
        size = len(answer.text) + _BESIDE
        if name is None or not (ctx.timeless and ctx.auth.timeless) or size > self._max_bytes // _PARTS:
            return
        last_txn = ctx.snap.last_txn
        with self._lock:
            if last_txn > self._kept.txn:
                self._kept = _Kept(last_txn, {})
                self._size = 0
            txn, answers = self._kept
            if last_txn < txn or name in answers:
                return
            self._size += size
            while self._size > self._max_bytes:
                self._size -= len(answers.pop(next(iter(answers))).text) + _BESIDE
            answers[name] = answer
