"""Windows of platform quotas, on the Beijing calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from .instants import BEIJING, beijing_midnight, require_all_aware, to_beijing


def window(period: str, instant: datetime) -> str:
    """Name of the window in which an instant falls: `2026-11-23`, `2026-11` or `2026-11-23T09`."""
    local = to_beijing(instant)
    return local.strftime({"day": "%Y-%m-%d", "month": "%Y-%m", "hour": "%Y-%m-%dT%H"}[period])


def window_end(period: str, instant: datetime) -> datetime:
    """First instant after the window, in UTC."""
    local = to_beijing(instant)
    if period == "hour":
        return (local.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)).astimezone(UTC)
    if period == "day":
        return beijing_midnight(local.date() + timedelta(days=1))
    following = date(local.year + local.month // 12, local.month % 12 + 1, 1)
    return beijing_midnight(following)


def next_windows(period: str, instant: datetime, count: int) -> list[datetime]:
    """Starts of the `count` windows after the one that holds `instant`."""
    require_all_aware(instant)
    starts: list[datetime] = []
    for _ in range(count):
        instant = window_end(period, instant)
        starts.append(instant.astimezone(BEIJING))
    return starts
