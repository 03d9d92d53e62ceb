"""The wall clock as a value: real in processes, virtual in tests."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells and waits for instants."""

    def now(self) -> datetime:
        """The present instant, aware."""

    def wait_until(self, instant: datetime) -> None:
        """Return at `instant` or later; at once when it has passed."""


class WallClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant."""
        return datetime.now(UTC)

    def wait_until(self, instant: datetime) -> None:
        """Sleep in short steps, so that a step of the wall clock is noticed."""
        while (left := (instant - self.now()).total_seconds()) > 0:
            time.sleep(min(left, 0.25))
