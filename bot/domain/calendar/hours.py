"""The hours of a day in bands: one row of a week's page each. Early and late hours may be folded into one band."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TypeVar

from bot.domain.instants import to_beijing

OPENS, CLOSES, DAY = 8, 20, 24
HALF_PAST_NINE = time(9, 30)  # where nobody says when: after the morning's first checks

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Band:
    """Hours from `first` up to, not including, `end`."""

    first: int
    end: int

    @property
    def folded(self) -> bool:
        """Whether it stands for several hours."""
        return self.end - self.first > 1

    @property
    def label(self) -> str:
        """`09:00`, or `8 点前` and `20 点后` for hours that are folded together."""
        if not self.folded:
            return f"{self.first:02}:00"
        return f"{self.end} 点前" if self.first == 0 else f"{self.first} 点后"

    @property
    def landing(self) -> int:
        """The hour that is meant by a drop on it: of folded hours the one nearest to the working day."""
        return self.end - 1 if self.folded and self.first == 0 else self.first


def bands(*, unfolded: bool) -> list[Band]:
    """The rows of a week: the working hours one by one, what lies around them folded unless asked for."""
    hours = [Band(hour, hour + 1) for hour in (range(DAY) if unfolded else range(OPENS, CLOSES))]
    return hours if unfolded else [Band(0, OPENS), *hours, Band(CLOSES, DAY)]


def by_day(things: Iterable[Thing], instant: Callable[[Thing], datetime]) -> dict[date, list[Thing]]:
    """Things on the Beijing days of their instants, in order of time; days without any are not there."""
    placed: dict[date, list[Thing]] = {}
    for thing in sorted(things, key=instant):
        placed.setdefault(to_beijing(instant(thing)).date(), []).append(thing)
    return placed


def by_band(
    things: Iterable[Thing], instant: Callable[[Thing], datetime], rows: Sequence[Band]
) -> dict[tuple[date, Band], list[Thing]]:
    """Things in the cells of a week: by day, and by the band that holds their hour."""
    cells: dict[tuple[date, Band], list[Thing]] = {}
    for day, ones in by_day(things, instant).items():
        for thing in ones:
            hour = to_beijing(instant(thing)).hour
            row = next(band for band in rows if band.first <= hour < band.end)
            cells.setdefault((day, row), []).append(thing)
    return cells
