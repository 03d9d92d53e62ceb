"""What one answer's `Date` says of our clock. Pure.

Source: RFC 9110, section 6.6.1: the instant at which the answer was made, in whole seconds. So the middle of that second
is taken, and an answer's way to us is at most half of the time that it took, and of a slow one no more than that of a
quick one: it was the making that took long. What is left is under a second of doubt to either side.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from .instants import require_aware

HALF_A_SECOND = timedelta(milliseconds=500)
SLOWEST = timedelta(seconds=5)
"""An answer that took longer tells nothing of the time."""

STEPPED = timedelta(milliseconds=200)
"""Our own clock ran so much more or less than its steady companion while the answer was under way: it was set."""


def ahead(date: datetime, *, sent: datetime, received: datetime, took: timedelta) -> timedelta | None:
    """By how much the platform's clock is ahead of ours (negative: behind); None where the answer cannot tell.

    `sent`, `received`: our clock then; `took`: the time between by a clock that nobody sets.
    """
    require_aware(date)
    require_aware(sent)
    require_aware(received)
    if took > SLOWEST or abs((received - sent) - took) > STEPPED:
        return None
    return date - received + HALF_A_SECOND + min(took / 2, HALF_A_SECOND)
