"""Progress of long commands: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import sys
import time
from typing import Any, Optional, TextIO

__all__ = ["Progress", "amount"]

_EVERY = 10.0


def amount(number: float) -> str:
    """A number with separated thousands, such as ``12,345``."""
    return f"{int(number):,}"


class Progress:
    """Shows rows done, rows per second and the time left. Use as a context manager.

    :param label: what is being done
    :param total: bytes to go through, from which the time left is estimated; ``None`` when not known
    :param out: where to write (default: standard error)
    :param quiet: show nothing
    """

    def __init__(
        self, label: str, total: Optional[int], out: Optional[TextIO] = None, quiet: bool = False
    ) -> None:
        self.label = label
        self.total = total
        self.out = out or sys.stderr
        self.quiet = quiet
        self.rows = 0
        self.done = 0
        self._started = time.monotonic()
        self._resumed = 0
        self._last = self._started
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        if not self.quiet and self.out.isatty():
            self._bar = _rich_bar(self.out, self.total is not None)
        if self._bar is not None:
            self._task = self._bar.add_task(self.label, total=self.total, rows="0", rate="")
            self._bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        if self._bar is not None:
            self._show()
            self._bar.stop()

    def skip_to(self, done: int) -> None:
        """Note what an earlier run has done: it counts for the bar, but not for the rate.

        :param done: bytes
        """
        self.done = done
        self._resumed = done

    def update(self, rows: int, done: int) -> None:
        """Note ``rows`` more rows, and ``done`` bytes in all."""
        self.rows += rows
        self.done = done
        now = time.monotonic()
        if self.quiet or (self._bar is None and now - self._last < _EVERY):
            return
        self._last = now
        self._show()

    @property
    def rate(self) -> float:
        """Rows per second."""
        return self.rows / max(time.monotonic() - self._started, 1e-9)

    def seconds_left(self) -> Optional[float]:
        """Seconds to the end at the pace so far; ``None`` when not known."""
        worked = self.done - self._resumed
        if not self.total or worked <= 0:
            return None
        return (self.total - self.done) * (time.monotonic() - self._started) / worked

    def _show(self) -> None:
        rate = f"{amount(self.rate)}/s"
        if self._bar is not None:
            numbers = {"completed": self.done, "rows": amount(self.rows), "rate": rate}
            self._bar.update(self._task, description=self.label, **numbers)
            return
        left = self.seconds_left()
        share = f", {100 * self.done // self.total}%" if self.total else ""
        rest = f", {int(left)} s left" if left is not None else ""
        self.out.write(f"{self.label}: {amount(self.rows)} rows, {rate}{share}{rest}\n")
        self.out.flush()


def _rich_bar(out: TextIO, known: bool) -> Any:
    """A bar of rich, or ``None`` without it."""
    try:
        from rich.console import Console  # late: an extra, and slow to load
        from rich.progress import (
            BarColumn,
            SpinnerColumn,
            TaskProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Bar
    except ImportError:
        return None
    columns = [TextColumn("{task.description}"), TextColumn("{task.fields[rows]} rows {task.fields[rate]}")]
    middle = [BarColumn(), TaskProgressColumn(), TimeRemainingColumn()] if known else [SpinnerColumn()]
    return Bar(columns[0], *middle, columns[1], console=Console(file=out), transient=False)
