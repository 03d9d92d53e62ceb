"""Statutory holidays of mainland China and the weekends that are worked for them (调休).

Source: the yearly notices of the State Council's General Office, as the package `chinesecalendar` holds them. They come
out in autumn for the year that follows. Of a year that is not in the package nobody can say more than Monday to Friday and
the days that the law itself fixes by the solar calendar, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import chinese_calendar

from .days import in_words, weekday

_SATURDAY = 5
#: 全国年节及纪念日放假办法 (2024), article 2: off in every year, whatever the notice adds.
_BY_LAW = {(1, 1): "元旦", (5, 1): "劳动节", (5, 2): "劳动节", (10, 1): "国庆节", (10, 2): "国庆节", (10, 3): "国庆节"}


@dataclass(frozen=True, slots=True)
class Nature:
    """Whether offices work on a day. `holiday`: the one that it belongs to, also as a weekend that is worked for it.

    `known` is False where the list of that year is not known: then Monday to Friday and the law's own days are all that is said.
    """

    works: bool
    holiday: str = ""
    known: bool = True

    @property
    def tag(self) -> str:
        """The short word for a day's header: the holiday, 班 for a weekend that is worked, else nothing."""
        if not self.holiday:
            return ""
        return "班" if self.works else self.holiday


def nature(day: date) -> Nature:
    """What is known of a day; of a year whose list is not out yet, its weekday and what the law fixes."""
    try:
        rests, name = chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:  # what chinesecalendar raises for a year that is not in its list
        by_law = _BY_LAW.get((day.month, day.day), "")
        return Nature(not by_law and day.weekday() < _SATURDAY, by_law, known=False)
    return Nature(not rests, chinese_calendar.Holiday(name).chinese if name else "")


def in_full(day: date) -> str:
    """The tag in words, for a reader who sees none: `国庆节假期`, `国庆节调休上班`, `周六休息`; "" on a working day."""
    found = nature(day)
    if found.holiday:
        return f"{found.holiday}{'调休上班' if found.works else '假期'}"
    return "" if found.works else f"周{weekday(day)}休息"


def unknown_years(days: Iterable[date]) -> list[int]:
    """Years among these days whose holidays are not known."""
    years = {day.year: day for day in days}
    return sorted(year for year, day in years.items() if not nature(day).known)


def unlisted(days: Iterable[date]) -> str:
    """For staff, where years among these days are not known; else ""."""
    years = "、".join(str(year) for year in unknown_years(days))
    return (
        f"{years} 年的放假调休安排还没有收录，只标出元旦、劳动节、国庆节的法定日期，其余请以国务院办公厅的通知为准。"
        if years
        else ""
    )


def warning(day: date) -> str:
    """For whoever wants to publish on that day and it is no working day; else ""."""
    found = nature(day)
    if found.works:
        return ""
    return (
        f"{in_words(day)}是{found.holiday}假期，不是工作日。" if found.holiday else f"{in_words(day)}休息，不是工作日。"
    )


def working_days_after(day: date, count: int) -> Iterator[date]:
    """The working days among the `count` days after `day`."""
    for ahead in range(1, count + 1):
        following = day + timedelta(days=ahead)
        if nature(following).works:
            yield following
