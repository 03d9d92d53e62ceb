"""Working days of mainland China (domain.md 4.5): counting starts the day after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice

import chinese_calendar

#: Further apart than this, days are not counted one by one; the answer is "at least".
_SPAN = 400
_SATURDAY = 5


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
    verdicts = [_is_workday(day) for day in days]
    return Count(
        days=sum(worked for worked, _ in verdicts),
        provisional=not all(known for _, known in verdicts),
        at_least=(end - start).days > _SPAN,
    )


def _days(start: date, end: date) -> Iterator[date]:
    return (start + timedelta(days=offset) for offset in range(1, (end - start).days + 1))


def _is_workday(day: date) -> tuple[bool, bool]:
    """(works, known). The package covers 2004 to the last published year and refuses others."""
    try:
        return bool(chinese_calendar.is_workday(day)), True
    except NotImplementedError:
        return day.weekday() < _SATURDAY, False


@dataclass(frozen=True, slots=True)
class Calendar:
    """What the State Council's list says of one day: `holiday` its name ("" where it is none), `off` no work that day.

    `known`: False for years that are not published yet; then Saturday and Sunday are off, and nothing else is known.
    """

    holiday: str
    off: bool
    known: bool


def calendar_of(day: date) -> Calendar:
    """Holiday, weekend, or working day (also the one that is worked in lieu)."""
    try:
        off, name = chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:
        return Calendar("", day.weekday() >= _SATURDAY, known=False)
    return Calendar(chinese_calendar.Holiday(name).chinese if name else "", bool(off), known=True)
