"""Time that can be moved on: the machine's clock plus an offset in memory that all processes of a run share.

`install()` once, before anything is forked. From then on `time.time`, `datetime.now` and their kin tell the shifted time
in this process and in every one forked from it; monotonic clocks stay as they are.
"""

from __future__ import annotations

import mmap
from datetime import UTC, datetime

import _time_machine
import time_machine

_BILLION = 1_000_000_000


class SharedClock:
    """The offset. Made before the processes that share it."""

    def __init__(self) -> None:
        self._cell = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("q")

    def install(self) -> None:
        """Let this process (and its children) tell the shifted time."""
        traveller = time_machine.travel(0, tick=True).start()
        traveller.time_ns = self._time_ns  # type: ignore[method-assign]

    def _time_ns(self) -> int:
        return int(_time_machine.original_time_ns()) + self._cell[0]

    def now(self) -> datetime:
        """The shifted time."""
        return datetime.now(UTC)

    @property
    def offset(self) -> float:
        """Seconds between the shifted time and the machine's."""
        return self._cell[0] / _BILLION

    def set(self, moment: datetime) -> None:
        """Let it be `moment` now."""
        self._cell[0] = round(moment.timestamp() * 1_000_000) * 1000 - int(_time_machine.original_time_ns())

    def advance_to(self, moment: datetime) -> None:
        """Let it be `moment`, unless that has passed."""
        if moment > self.now():
            self.set(moment)

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._cell[0] += round(seconds * _BILLION)
