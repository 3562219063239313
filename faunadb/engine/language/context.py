"""What one run of a query knows and may do: its snapshot or transaction, identity, limits, and place in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Optional, Protocol

from ..java.times import Time
from . import budget
from .effects import WRITE
from .errors import RequestError, bad_request, timed_out
from .values import FIRST_COLLECTION, Ref

#: Compute units of one query; 50 units are one billed operation.
MAX_COMPUTE = 600_000
UNITS_PER_OP = 50
MAX_WIDTH = 100_000
_WIDTH_BLOCK = 1024
_CHECK_EVERY = 256

#: Bytes that count as one operation of reading.
READ_UNIT = 4096

#: What a query may use that is evaluated in place (`Context.in_place`): units between two looks at the clock, bytes
#: read, bytes made.
_IN_PLACE_CHECK, _IN_PLACE_READ, _IN_PLACE_MADE = 16, 1 << 17, 1 << 18

#: Bytes a query may hold; it is not asked what it holds (`held`) before the process has grown by so much since it began.
MAX_MEMORY = 1 << 30
#: Bytes that all queries of the process may hold.
MAX_MEMORY_OF_ALL = 1 << 32
#: Bytes a query may hold where the size of the process cannot be told: garbage that is not known as such counts, too.
MAX_MADE = 1 << 33
#: Bytes that the fields of a document may take for each character of its text, whenever they are decoded.
DECODED = 24
#: Bytes a query makes between two looks at the process.
_MEASURE_EVERY = 1 << 23


#: What is there before anything is read ahead or brought; never changed.
_NOTHING: dict[tuple[int, int, int], Any] = {}
_NO_LITERALS: list[Any] = []


class NeedsWriter(Exception):
    """A query that was started read-only reached a write; it is run again as a writer."""


class TakesLong(Exception):
    """A query that is evaluated in place reached what the clock cannot interrupt soon; it is run again elsewhere."""


class Host(Protocol):
    """What a query may ask of whoever runs it (the engine).

    authenticator: `auth.Authenticator`, which checks secrets. schema_cache: `schema.view.SchemaCache`, what is known of
    the committed schema. strict_roles: nobody may give a function a role beyond their own.
    """

    authenticator: Any
    schema_cache: Any
    strict_roles: bool

    def see_to_tasks(self) -> None:
        """Do, behind the queries, what committed transactions have left to do (`schema.tasks`)."""


class Context:
    """One run of one query.

    host: who runs it. snap: the storage snapshot read from; tx: the same object when it is a transaction, else None.
    scope: number of the database it runs in. at: valid time of reads in microseconds, None for the present.
    timeless: nothing has asked for the `time` yet, nor made anything new (`Form.timeless`), so that the result stays
    true while nothing is written.
    effect_limit: the strongest effect allowed; effect_reason: what forbids more.
    deadline: `time.monotonic` seconds. depth: lambda applications in progress. made: about how many bytes of values
    it has made and may still hold (`held`). size_at_start: of the process in bytes, None when that cannot be told (or
    was not yet needed).
    in_place: others wait meanwhile (it is evaluated on the event loop), so that it ends by `TakesLong` before it reads
    or makes much. reads: bytes; read_ops: the same in operations, of which each read is one at least.
    """

    __slots__ = (
        "at",
        "auth",
        "cache",
        "check_at",
        "compute",
        "deadline",
        "depth",
        "effect_limit",
        "effect_reason",
        "host",
        "in_place",
        "literals",
        "made",
        "measure_at",
        "perms",
        "prefetched",
        "prefetched_size",
        "read_ops",
        "reads",
        "schema",
        "scope",
        "size_at_start",
        "snap",
        "timeless",
        "tx",
        "version",
    )

    def __init__(
        self,
        host: Host,
        snap: Any,
        schema: Any,
        auth: Any,
        tx: Any = None,
        version: str = "4",
        deadline: float = float("inf"),
        effect_limit: int = WRITE,
        effect_reason: str = "",
        in_place: bool = False,
    ):
        self.host = host
        self.snap = snap
        self.tx = tx
        self.schema = schema
        self.auth = auth
        self.scope: int = auth.scope
        self.perms = auth.permissions
        self.at: Optional[int] = None
        self.timeless = True
        self.version = version
        self.deadline = deadline
        self.effect_limit = effect_limit
        self.effect_reason = effect_reason
        self.depth = 0
        self.compute = 0
        self.in_place = in_place
        self.check_at = _IN_PLACE_CHECK if in_place else _CHECK_EVERY
        self.reads = 0
        self.read_ops = 0
        self.made = 0
        self.measure_at = _IN_PLACE_MADE if in_place else _MEASURE_EVERY
        self.size_at_start: Optional[int] = None
        #: per-query memory for modules (names of refs, parsed indexes, ...), by module
        self.cache: dict[Any, Any] = {}
        #: what the query's `Param` stand for
        self.literals = _NO_LITERALS
        #: newest versions read ahead, by (database, collection, id)
        self.prefetched = _NOTHING
        self.prefetched_size = 0

    @property
    def time(self) -> int:
        """The snapshot's time in microseconds."""
        self.timeless = False
        return self.snap.time  # type: ignore[no-any-return]

    def now(self) -> Time:
        """The snapshot time, constant within a query."""
        return Time.from_micros(self.time)

    def prefetch(self, items: list[Any]) -> None:
        """Read ahead the documents whose refs are among items, each collection's in one go.

        Not in a transaction, whose own writes count, nor in the past.
        """
        if self.tx is not None or self.at is not None:
            return
        self.drop_prefetched()
        self.prefetched = {}
        wanted: dict[tuple[int, int], list[int]] = {}
        for item in items:
            if type(item) is Ref and item.coll >= FIRST_COLLECTION:
                wanted.setdefault((item.scope, item.coll), []).append(item.id)
        for (scope, coll), docs in wanted.items():
            before = self.prefetched_size
            for doc, found in self.snap.newest_of(scope, coll, docs).items():
                self.prefetched[scope, coll, doc] = found
                text = found[3]
                if text:
                    self.prefetched_size += len(text)
            self.allocate(self.prefetched_size - before)

    def drop_prefetched(self) -> None:
        """What was read ahead is not needed any more."""
        self.prefetched = _NOTHING
        size, self.prefetched_size = self.prefetched_size, 0
        self.made -= size
        self.measure_at -= size  # as near as before: it is also the next look at the clock

    def writer(self) -> Any:
        """The running transaction; starts the query over as a writer when there is none."""
        if self.tx is None:
            raise NeedsWriter
        return self.tx

    def tick(self, units: int = 1) -> None:
        """Charge compute units; every long loop calls this, so that no query outlives its deadline."""
        self.compute += units
        if self.compute >= self.check_at:
            self.check()

    def tick_each(self, units: int, times: int) -> None:
        """What so many calls of `tick` do."""
        while times:
            steps = max(1, min(times, -(-(self.check_at - self.compute) // units)))
            times -= steps
            self.tick(units * steps)

    def check(self) -> None:
        """Enforce the compute limit and the deadline."""
        if self.compute > MAX_COMPUTE:
            ops = -(-self.compute // UNITS_PER_OP)
            raise bad_request(
                f"Transaction does too much compute: got {ops}, limit: {MAX_COMPUTE // UNITS_PER_OP}"
            )
        self.check_deadline()
        self.check_at = self.compute + (_IN_PLACE_CHECK if self.in_place else _CHECK_EVERY)

    def check_deadline(self) -> None:
        """Raise 503 when the query's time is up. Reading loops that charge no compute call this."""
        if time.monotonic() > self.deadline:
            raise timed_out("Query eval has timed out.")

    def read(self, size: int) -> None:
        """Count one read of size bytes."""
        self.read_ops += 1 if size <= READ_UNIT else -(-size // READ_UNIT)
        self.reads += size
        if self.in_place:
            if self.reads > _IN_PLACE_READ:
                raise TakesLong
            return
        self.made += DECODED * size
        if self.made >= self.measure_at:
            self.measure()

    def read_set(self, partitions: int) -> int:
        """Count the beginning of a read of a set, which asks each of its partitions. Returns the bytes that covers."""
        self.read_ops += partitions
        return partitions * READ_UNIT

    def read_entry(self, size: int, free: int) -> int:
        """Count one entry of a set. free: bytes that are covered by what was counted; returns what is left of them."""
        self.reads += size
        if not self.in_place:
            self.made += 2 * size
            if self.made >= self.measure_at:
                self.measure()
        elif self.reads > _IN_PLACE_READ:
            raise TakesLong
        if size > free:
            more = -(-(size - free) // READ_UNIT)
            self.read_ops += more
            free += more * READ_UNIT
        return free - size

    def read_bytes(self, size: int, decoded: int = 2) -> None:
        """Count size bytes that were read. decoded: bytes of the values made of each."""
        self.reads += size
        if self.in_place:
            if self.reads > _IN_PLACE_READ:
                raise TakesLong
        else:
            self.allocate(decoded * size)

    def allocate(self, size: int) -> None:
        """Count size bytes of values made; looks at the size of the process now and then."""
        self.made += size
        if self.made >= self.measure_at:
            self.measure()

    def measure(self) -> None:
        """Enforce the limit on memory, and the deadline."""
        if self.in_place:
            raise TakesLong
        self.check_deadline()
        self.measure_at = self.made + _MEASURE_EVERY
        size = budget.resident()
        if self.size_at_start is None:
            self.size_at_start = size
        if size is None or self.size_at_start is None:
            self._check_held(self.made, MAX_MADE)
        elif size - self.size_at_start > MAX_MEMORY:
            # Others may have made that, or this query, which is also no longer holding all that it has made.
            self._check_held(self.made, MAX_MEMORY)
            self._check_held(budget.held_by_all(self), MAX_MEMORY_OF_ALL)

    def _check_held(self, size: int, limit: int) -> None:
        if size > limit:
            raise bad_request(f"Transaction exceeded limit: got {size} bytes, limit {limit} bytes")

    def check_width(self, count: int) -> None:
        """Enforce the limit on the elements of one array or mapped collection, which takes memory for each."""
        self.made += 8 * count
        if self.made >= self.measure_at:
            self.measure()
        if count > MAX_WIDTH:
            blocks = -(-count // _WIDTH_BLOCK) * _WIDTH_BLOCK
            raise bad_request(f"Query exceeds max width. Max: {MAX_WIDTH}, current: {blocks}.")

    @contextmanager
    def restricted(
        self,
        perms: Any = None,
        effect: Optional[int] = None,
        reason: str = "",
        version: Optional[str] = None,
    ) -> Iterator[None]:
        """Run a block with other permissions, a lower effect limit or another API version (predicates, bindings)."""
        saved = (self.perms, self.effect_limit, self.effect_reason, self.version)
        if perms is not None:
            self.perms = perms
        if effect is not None and effect < self.effect_limit:
            self.effect_limit, self.effect_reason = effect, reason
        if version is not None:
            self.version = version
        try:
            yield
        finally:
            self.perms, self.effect_limit, self.effect_reason, self.version = saved


__all__ = ["Context", "NeedsWriter", "RequestError", "TakesLong"]
