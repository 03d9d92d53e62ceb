"""Working days of mainland China (domain.md 4.5): counting starts the day after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice

from bot.domain.calendar.holidays import nature

#: Further apart than this, days are not counted one by one; the answer is "at least".
_SPAN = 400


@dataclass(frozen=True, slots=True)
class Count:
    """A number of working days.

    `provisional`: the State Council's list of a year involved is not known, so Monday to Friday was counted
    there. `at_least`: the span is so long that counting stopped.
    """

    days: int
    provisional: bool = False
    at_least: bool = False

    def __str__(self) -> str:
        return f"至少{self.days}" if self.at_least else str(self.days)


def working_days(start: date, end: date) -> Count:
    """Working days after `start` up to and including `end`; 0 if `end` is not later."""
    days = list(islice(_days(start, end), _SPAN))
    natures = [nature(day) for day in days]
    return Count(
        days=sum(one.works for one in natures),
        provisional=not all(one.known for one in natures),
        at_least=(end - start).days > _SPAN,
    )


def _days(start: date, end: date) -> Iterator[date]:
    return (start + timedelta(days=offset) for offset in range(1, (end - start).days + 1))
