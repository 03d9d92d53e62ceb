"""Days as a calendar page shows them: weeks begin on Monday, a month is shown in whole weeks."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from enum import StrEnum

FIRST, LAST = date(2000, 1, 1), date(2199, 12, 31)  # as far as instants are understood (`bot.domain.instants`)
WEEK = 7
_WEEKDAYS = "一二三四五六日"
_MONDAY_FIRST = calendar.Calendar(firstweekday=calendar.MONDAY)


class View(StrEnum):
    """How much of the calendar is looked at."""

    MONTH = "month"
    WEEK = "week"
    LIST = "list"

    @property
    def label(self) -> str:
        """The word staff see."""
        return {"month": "月", "week": "周", "list": "列表"}[self.value]


def weeks_of_month(day: date) -> list[list[date]]:
    """The whole weeks that hold the month of `day`: four to six of them, Monday first."""
    return _MONDAY_FIRST.monthdatescalendar(day.year, day.month)


def week_of(day: date) -> list[date]:
    """The seven days from Monday to Sunday that hold `day`."""
    monday = day - timedelta(days=day.weekday())
    return [monday + timedelta(days=index) for index in range(WEEK)]


def month_later(day: date, by: int) -> date:
    """The first day of the month `by` months after that of `day` (before it, where negative)."""
    months = day.year * 12 + day.month - 1 + by
    return date(months // 12, months % 12 + 1, 1)


def shown(view: View, day: date) -> list[date]:
    """Every day that a view of `day` shows. A list is that of the month itself, without the days around it."""
    if view is View.WEEK:
        return week_of(day)
    days = [one for week in weeks_of_month(day) for one in week]
    return days if view is View.MONTH else [one for one in days if one.month == day.month]


def turned(view: View, day: date, by: int) -> date:
    """The day to look at after turning `by` pages; stays where the calendar ends."""
    turned_to = day + timedelta(weeks=by) if view is View.WEEK else month_later(day, by)
    return min(max(turned_to, FIRST), LAST)


def read_day(text: str, default: date) -> date:
    """A day as an address has it, e.g. `2026-11-27`; the default where it is none, or one that nobody means."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return default
    return day if FIRST <= day <= LAST else default


def weekday(day: date) -> str:
    """One character: 一 to 日."""
    return _WEEKDAYS[day.weekday()]


def in_words(day: date) -> str:
    """For staff: `11月27日（周五）`."""
    return f"{day.month}月{day.day}日（周{weekday(day)}）"


def heading(view: View, day: date) -> str:
    """What a page is called: `2026年11月`, or `2026年11月23日–29日`."""
    if view is not View.WEEK:
        return f"{day.year}年{day.month}月"
    monday, *_, sunday = week_of(day)
    start = f"{monday.year}年{monday.month}月{monday.day}日"
    if monday.year != sunday.year:
        return f"{start}–{sunday.year}年{sunday.month}月{sunday.day}日"
    return f"{start}–{'' if monday.month == sunday.month else f'{sunday.month}月'}{sunday.day}日"
