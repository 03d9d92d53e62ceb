"""The days that figures are about: whole days in Beijing, both ends included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from bot.domain.instants import beijing_date, beijing_midnight, require_aware

from .errors import Refused

LONGEST = timedelta(days=366)
YEARS = range(2000, 2200)


class Choice(StrEnum):
    """Periods to choose from."""

    MONTH = "month"
    LAST_MONTH = "last-month"
    QUARTER = "quarter"
    LAST_QUARTER = "last-quarter"
    OWN = "own"

    @property
    def label(self) -> str:
        """The words staff see."""
        return CHOICE_LABELS[self]


CHOICE_LABELS = {
    Choice.MONTH: "本月", Choice.LAST_MONTH: "上月", Choice.QUARTER: "本季", Choice.LAST_QUARTER: "上季", Choice.OWN: "自定义",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Period:
    """Days in Beijing, both included."""

    choice: Choice
    first: date
    last: date

    @property
    def begin(self) -> datetime:
        """Its first instant."""
        return beijing_midnight(self.first)

    @property
    def end(self) -> datetime:
        """The first instant after it."""
        return beijing_midnight(self.last + timedelta(days=1))

    @property
    def name(self) -> str:
        """`2026年11月`, `2026年第4季度`, or the two days."""
        if self.choice in {Choice.MONTH, Choice.LAST_MONTH}:
            return f"{self.first.year}年{self.first.month}月"
        if self.choice in {Choice.QUARTER, Choice.LAST_QUARTER}:
            return f"{self.first.year}年第{(self.first.month + 2) // 3}季度"
        return self.days

    @property
    def days(self) -> str:
        """The two days in words."""
        return f"{_in_words(self.first)}至{_in_words(self.last)}"


def _in_words(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def period_of(choice: Choice, *, today: date, first: date | None = None, last: date | None = None) -> Period:
    """The days that are meant. `first` and `last` are for the choice of one's own; Refused where they are no period."""
    match choice:
        case Choice.MONTH:
            return _months(choice, today.replace(day=1), 1)
        case Choice.LAST_MONTH:
            return _months(choice, _months_on(today.replace(day=1), -1), 1)
        case Choice.QUARTER:
            return _months(choice, _quarter(today), 3)
        case Choice.LAST_QUARTER:
            return _months(choice, _months_on(_quarter(today), -3), 3)
    return _own(first, last)


def _months_on(day: date, months: int) -> date:
    """The first of a month, so many months from that of `day`."""
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(years, month + 1, 1)


def _quarter(day: date) -> date:
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


def _months(choice: Choice, first: date, count: int) -> Period:
    return Period(choice, first, _months_on(first, count) - timedelta(days=1))


def _own(first: date | None, last: date | None) -> Period:
    if first is None or last is None:
        raise Refused("period", "自定义时段要同时选起、止两个日期。")
    if first > last:
        raise Refused("period", "开始日期在结束日期之后。请对调。")
    if first.year not in YEARS or last.year not in YEARS:
        raise Refused("period", "日期须在 2000 年至 2199 年之间。")
    if last - first >= LONGEST:
        raise Refused("period", f"一次最多统计 {LONGEST.days} 天。请缩短时段，分几次看。")
    return Period(Choice.OWN, first, last)


def today_of(now: datetime) -> date:
    """The day in Beijing from which periods are reckoned."""
    return beijing_date(require_aware(now))
