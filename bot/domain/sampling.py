"""When the numbers of a post are asked for, and what several answers come to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta

from .channel import ChannelFault, ChannelSpec, Remedy
from .instants import BEIJING, beijing_date, beijing_midnight, require_aware

HOURLY_PLAN = tuple(timedelta(hours=hours) for hours in (1, 2, 4, 8, 24))
DAILY_AT = time(8, 30)
TOLD_AFTER = timedelta(hours=8)  # into the next day: a vendor that reports by day has made its figures by then
FOLLOW_FOR = timedelta(days=30)
BUSY_RETRY = timedelta(minutes=30)

METRIC_WORDS = {
    "reads": "阅读",
    "shares": "分享",
    "likes": "点赞",
    "recommends": "在看",
    "comments": "评论",
    "favourites": "收藏",
    "reposts": "转发",
    "attitudes": "赞",
}
"""The metrics that staff read, with their words, in the order in which they are shown; behind them a vendor's own."""


def metric_words(*specs: ChannelSpec) -> dict[str, str]:
    """The metrics that staff read where these vendors report, with their words, in the order in which they are shown."""
    words = dict(METRIC_WORDS)
    for spec in specs:
        for name, label in spec.metric_labels.items():
            words.setdefault(name, label)
    return words


def next_sample_at(spec: ChannelSpec, live_at: datetime, now: datetime) -> datetime | None:
    """When a post that went live at `live_at` is measured next; None after 30 days."""
    require_aware(live_at)
    require_aware(now)
    if now > live_at + FOLLOW_FOR:
        return None
    if not spec.metrics_daily:
        soon = [live_at + delay for delay in HOURLY_PLAN if live_at + delay > now]
        if soon:
            return soon[0]
    return _next_morning(now)


def _next_morning(now: datetime) -> datetime:
    day = beijing_date(now) + timedelta(days=1)
    return datetime.combine(day, DAILY_AT, BEIJING).astimezone(UTC)


def told_until(spec: ChannelSpec, now: datetime) -> datetime:
    """Of what was published from then on the vendor can have no numbers yet."""
    require_aware(now)
    return beijing_midnight(beijing_date(now - TOLD_AFTER)) if spec.metrics_daily else now


def again_at(fault: ChannelFault, now: datetime) -> datetime:
    """When to ask again where a platform did not answer: when it says, else in half an hour."""
    require_aware(now)
    return fault.wait_until if fault.remedy is Remedy.WAIT and fault.wait_until else now + BUSY_RETRY


def newest(answers: Iterable[Mapping[str, int | None]]) -> dict[str, int | None]:
    """The newest known number of each metric, of answers that come oldest first; a metric never reported is missing."""
    values: dict[str, int | None] = {}
    for answer in answers:
        values.update({name: value for name, value in answer.items() if value is not None})
    return values
