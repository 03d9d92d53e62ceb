"""Instants are aware datetimes; Beijing time appears only at the edges.

China has one zone and no daylight saving; instants are stored in UTC and shown as Asia/Shanghai.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

BEIJING = ZoneInfo("Asia/Shanghai")


class NaiveInstantError(ValueError):
    """A datetime without a zone was handed in: guessing one could publish hours early."""


def require_aware(value: datetime) -> datetime:
    """Return `value` unchanged if it carries a zone, else raise NaiveInstantError."""
    if value.tzinfo is None or value.utcoffset() is None:
        raise NaiveInstantError(f"an instant needs a time zone: {value!r}")
    return value


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
    """Read an instant typed by staff or a script.

    ISO 8601 with an offset is taken as it stands; without one it is Beijing time, which is what every
    staff member means. Raises ValueError on anything else.
    """
    value = datetime.fromisoformat(text.strip())
    return (value if value.tzinfo else value.replace(tzinfo=BEIJING)).astimezone(UTC)


def milliseconds(delta: timedelta) -> float:
    """A duration in milliseconds."""
    return delta / timedelta(milliseconds=1)
