"""Instants are aware datetimes; Beijing time appears only at the edges.

China has one zone and no daylight saving; instants are stored in UTC and shown as Asia/Shanghai.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

BEIJING = ZoneInfo("Asia/Shanghai")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_YEARS = range(2000, 2200)
TENTHS_BELOW_MS = 10


class NaiveInstantError(ValueError):
    """A datetime without a zone was handed in: guessing one could publish hours early."""


def require_aware(value: datetime) -> datetime:
    """Return `value` unchanged if it carries a zone, else raise NaiveInstantError."""
    if value.tzinfo is None or value.utcoffset() is None:
        raise NaiveInstantError(f"an instant needs a time zone: {value!r}")
    return value


def require_all_aware(*values: datetime | None) -> None:
    """Raise NaiveInstantError where one of them carries no zone. None is no instant."""
    for value in values:
        if value is not None:
            require_aware(value)


def to_beijing(value: datetime) -> datetime:
    """The same instant in Asia/Shanghai."""
    return require_aware(value).astimezone(BEIJING)


def beijing_date(value: datetime) -> date:
    """The calendar day in Beijing on which the instant falls (platform quotas reset at its midnight)."""
    return to_beijing(value).date()


def beijing_midnight(day: date) -> datetime:
    """The first instant of a Beijing calendar day, in UTC."""
    return datetime.combine(day, time(), BEIJING).astimezone(UTC)


def show(value: datetime, *, seconds: bool = True) -> str:
    """24-hour Beijing time for staff, e.g. `2026-11-23 09:00:00`."""
    return to_beijing(value).strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def parse_instant(text: str) -> datetime:
    """Read an instant typed by staff or a script: date, time of day and offset, e.g. `2026-12-01T09:00+08:00`.

    Raises NaiveInstantError where only the offset is missing, ValueError on anything else: a day alone, a week, a
    year that nobody means.
    """
    found = _INSTANT.fullmatch(text.strip())
    if found is None:
        raise ValueError("an instant is a date, a time of day and an offset")
    value = datetime.fromisoformat(found[0])
    return require_sensible(require_aware(value))


def require_sensible(value: datetime) -> datetime:
    """The same instant in UTC; ValueError for years with which nobody could go on reckoning."""
    require_aware(value)
    if value.year not in _YEARS:
        raise ValueError(f"nobody means the year {value.year}")
    return value.astimezone(UTC)


def delay(ms: float, *, digits: int = 1) -> str:
    """A delay in the unit in which one would say it. `digits`: of what is below a second.

    Below ten milliseconds tenths are told all the same: without them half a millisecond would be none, or one.
    """
    if ms < 1000:
        return f"{ms:.{digits if round(ms, 1) >= TENTHS_BELOW_MS else 1}f} 毫秒"
    return f"{ms / 1000:.1f} 秒" if ms < 120_000 else f"{int(ms) // 60_000} 分 {int(ms) // 1000 % 60} 秒"


def span(length: timedelta) -> str:
    """A length of time as staff say it: whole minutes as minutes, else minutes and seconds."""
    minutes, seconds = divmod(round(length.total_seconds()), 60)
    if not minutes:
        return f"{seconds} 秒"
    return f"{minutes} 分 {seconds} 秒" if seconds else f"{minutes} 分钟"


def milliseconds(delta: timedelta) -> float:
    """A duration in milliseconds."""
    return delta / timedelta(milliseconds=1)
