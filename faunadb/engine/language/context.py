"""What one run of a query knows and may do: its snapshot or transaction, identity, limits, and place in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Optional, Protocol

from ..java.times import Time
from . import budget
from .effects import WRITE
from .errors import bad_request, timed_out
from .overruns import Watched
from .values import FIRST_COLLECTION, Ref

#: Compute units that one query may use.
MAX_COMPUTE = 600_000
#: Compute units in one operation, as operations are billed.
UNITS_PER_OP = 50
#: Elements of one array or mapped collection.
MAX_WIDTH = 100_000
#: The error for more than that gives the width rounded up to a multiple of this.
_WIDTH_BLOCK = 1024
#: Compute units between two looks at the clock.
_CHECK_EVERY = 256

#: Bytes that count as one operation of reading.
READ_UNIT = 4096

#: For a query that is evaluated in place (`Context.in_place`): compute units between two looks at the clock, and the
#: bytes it may read and make.
_IN_PLACE_CHECK, _IN_PLACE_READ, _IN_PLACE_MADE = 16, 1 << 17, 1 << 18

#: Bytes a query may hold (`held`). Only looked at once the process has grown by as much since the query began.
MAX_MEMORY = 1 << 30
#: Bytes that all queries of the process may hold.
MAX_MEMORY_OF_ALL = 1 << 32
#: Bytes a query may hold where the size of the process is not known. More, because the count includes some garbage.
MAX_MADE = 1 << 33
#: Bytes that decoded fields of a document may take for each character of its stored text.
DECODED = 24
#: Bytes a query makes between two looks at the process.
_MEASURE_EVERY = 1 << 23


#: Shared by all contexts that have read nothing ahead, or have no literals; never changed.
_NOTHING: dict[tuple[int, int, int], Any] = {}
_NO_LITERALS: list[Any] = []


class NeedsWriter(Exception):
    """A query that was started read-only reached a write; it is run again as a writer."""


class TakesLong(Exception):
    """A query that is evaluated in place turned out to be long; it is run again on another thread."""


class Host(Protocol):
    """What a query may ask of whoever runs it (the engine).

    authenticator: the `auth.Authenticator` that checks secrets. schema_cache: the `schema.view.SchemaCache` of the
    committed schema. strict_roles: whether nobody may give a function a role with more privileges than their own.
    """

    authenticator: Any
    schema_cache: Any
    strict_roles: bool

    def start_tasks(self) -> None:
        """Start, in the background, the tasks that committed transactions have left (`schema.tasks`)."""


class Context(Watched):
    """One run of one query.

    host: who runs it. snap: the storage snapshot read from; tx: the same object when it is a transaction, else None.
    scope: number of the database it runs in. at: valid time of reads in microseconds, None for the present.
    timeless: nothing has asked for the `time` so far and every form reached is `Form.timeless`, so that the result
    stays true as long as nothing is written. tells_time: it has asked for the time as a value (`now`).
    effect_limit: the strongest effect allowed; effect_reason: what forbids more.
    deadline: `time.monotonic` seconds. depth: lambda applications in progress. made: about how many bytes of values
    it has made and may still hold (`held`). size_at_start: bytes of the process at the first `measure`, None before it
    or where the system does not tell.
    in_place: it is evaluated on the event loop, where others wait meanwhile; it raises `TakesLong` before it reads or
    makes much. node: the query, once it is prepared; effect: the strongest one that it may have. reads: bytes read;
    read_ops: the same in operations, at least one for each read.
    """

    __slots__ = (
        "at",
        "auth",
        "cache",
        "check_at",
        "compute",
        "depth",
        "effect",
        "effect_limit",
        "effect_reason",
        "host",
        "in_place",
        "literals",
        "made",
        "measure_at",
        "node",
        "perms",
        "prefetched",
        "prefetched_size",
        "read_ops",
        "reads",
        "schema",
        "scope",
        "size_at_start",
        "snap",
        "tells_time",
        "timeless",
        "tx",
        "version",
    )

    node: Any
    effect: int

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
        self.tells_time = False
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
        #: what modules remember during the query (names of refs, parsed indexes, ...), by module
        self.cache: dict[Any, Any] = {}
        #: the values of the query's `nodes.Param`, by number
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
        self.tells_time = True
        return Time.from_micros(self.time)

    def prefetch(self, items: list[Any]) -> None:
        """Read ahead the documents whose refs are among items, with one read for each collection.

        Does nothing in a transaction, which must see its own writes, nor for reads in the past.
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
        """Forget what was read ahead."""
        self.prefetched = _NOTHING
        size, self.prefetched_size = self.prefetched_size, 0
        self.made -= size
        self.measure_at -= size  # no farther away than before: the clock is looked at then, too

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
        """Do what `times` calls of `tick(units)` do."""
        while times:
            steps = max(1, min(times, -(-(self.check_at - self.compute) // units)))
            times -= steps
            self.tick(units * steps)

    def check(self) -> None:
        """Enforce the compute limit and the deadline. Raises `RequestError`."""
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
        made = self.made = self.made + DECODED * size
        if made >= self.measure_at:
            self.measure()

    def read_set(self, partitions: int) -> int:
        """Count the start of reading a set: one operation for each of its partitions. Returns the bytes that these cover."""
        self.read_ops += partitions
        return partitions * READ_UNIT

    def read_entry(self, size: int, free: int) -> int:
        """Count one entry of a set. free: bytes that counted operations still cover; returns how many are left of them."""
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
        """Count size bytes that were read. decoded: how many bytes of values each of them becomes."""
        self.reads += size
        if self.in_place:
            if self.reads > _IN_PLACE_READ:
                raise TakesLong
        else:
            self.allocate(decoded * size)

    def allocate(self, size: int) -> None:
        """Count size bytes of values made; now and then, `measure`."""
        self.made += size
        if self.made >= self.measure_at:
            self.measure()

    def measure(self) -> None:
        """Enforce the limit on memory, and the deadline. Raises `RequestError`, or `TakesLong` in place."""
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
            # The process has grown, but others may have done that: what counts is what this query itself holds.
            self._check_held(self.made, MAX_MEMORY)
            self._check_held(budget.held_by_all(self), MAX_MEMORY_OF_ALL)

    def _check_held(self, size: int, limit: int) -> None:
        if size > limit:
            raise bad_request(f"Transaction exceeded limit: got {size} bytes, limit {limit} bytes")

    def check_width(self, count: int) -> None:
        """Enforce the limit on the elements of one array or mapped collection, and count the memory they take."""
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


__all__ = ["Context", "NeedsWriter", "TakesLong"]
