"""Quota as reservations: taken at signing, given back when nothing was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import IntegrityError, transaction

from bot.domain import quota
from bot.domain.channel import Quota
from bot.domain.instants import BEIJING, beijing_date, beijing_midnight, require_aware, show
from bot.models import Account, Publication, Reservation

from .accounts import spec_of
from .errors import Refused

_PERIODS = {"day": "当日", "month": "当月", "hour": "该小时"}
LOOK_AHEAD = 62  # windows: two months of days


def quotas_of(account: Account, mode: str) -> tuple[Quota, ...]:
    """The quotas of a mode for this account's type."""
    quotas = spec_of(account).mode(mode).quotas
    return quotas.get(account.options.get("account_type", ""), quotas.get("", ()))


def reserve(publication: Publication, *, now: datetime) -> None:
    """Take one slot of every quota of the publication's mode in the windows of its instant.

    A slot that it kept (a byte may have left) is its own: sent again by people on that day it needs no other.

    Refused, naming the next free day, when a window is used up.
    """
    require_aware(now)
    for rule in quotas_of(publication.account, publication.mode):
        window = quota.window(rule.period, publication.instant)
        if not _has_slot(publication, window) and not _take_slot(publication, rule, window):
            raise Refused("quota", _used_up(publication, rule))


def follow(publication: Publication, at: datetime, *, now: datetime) -> None:
    """Take a slot in the windows of `at` where they are not those that were signed: what is late goes to another's day.

    Refused when such a window is used up: others were promised its slots.
    """
    require_aware(at)
    require_aware(now)
    for rule in quotas_of(publication.account, publication.mode):
        window = quota.window(rule.period, at)
        if window == quota.window(rule.period, publication.instant) or _has_slot(publication, window):
            continue
        if not _take_slot(publication, rule, window):
            raise Refused("quota", _taken_by_others(publication, rule))


def _taken_by_others(publication: Publication, rule: Quota) -> str:
    label = spec_of(publication.account).mode(publication.mode).label
    return (
        f"现在发出会占用{_PERIODS[rule.period]}的{label}额度（{rule.count} 次），账号“{publication.account.name}”的已签给别的发布，没有发出。"
        "请作废本条，改期另发。"
    )


def _has_slot(publication: Publication, window: str) -> bool:
    mine = {"account": publication.account, "mode": publication.mode, "window": window}
    return publication.reservations.filter(**mine, released_at__isnull=True).exists()


def _take_slot(publication: Publication, rule: Quota, window: str) -> bool:
    for slot in range(1, rule.count + 1):
        row = {"account": publication.account, "mode": publication.mode, "window": window, "slot": slot}
        if Reservation.objects.filter(**row, released_at__isnull=True).exists():
            continue
        try:
            with transaction.atomic():
                Reservation.objects.create(**row, publication=publication)
        except IntegrityError:
            continue
        return True
    return False


def free_slots(account: Account, mode: str, rule: Quota, window: str) -> int:
    """How many slots of a window are left."""
    used = Reservation.objects.filter(account=account, mode=mode, window=window, released_at__isnull=True).count()
    return max(0, rule.count - used)


def next_free(account: Account, mode: str, rule: Quota, after: datetime) -> datetime | None:
    """Start of the next window with a free slot, None when there is none in the next two months."""
    require_aware(after)
    for start in quota.next_windows(rule.period, after, LOOK_AHEAD):
        if free_slots(account, mode, rule, quota.window(rule.period, start)):
            return start
    return None


def _used_up(publication: Publication, rule: Quota) -> str:
    account = publication.account
    label = spec_of(account).mode(publication.mode).label
    free = next_free(account, publication.mode, rule, publication.instant)
    at = publication.instant.astimezone(BEIJING)
    if free is None:
        advice = "近两个月内没有空余。"
    elif rule.period == "hour":
        advice = f"最近可用的时段从 {show(free, seconds=False)} 开始。"
    else:
        same_time = free.replace(hour=at.hour, minute=at.minute, second=at.second)
        advice = f"最近可用的日期是 {free:%Y-%m-%d}（例如 {show(same_time)}）。"
    return f"账号“{account.name}”{_PERIODS[rule.period]}的{label}额度（{rule.count} 次）已用完，未签发，什么都没有发出。{advice}请改期后再签发。"


def used(account: Account, mode: str, instant: datetime) -> list[tuple[Quota, int]]:
    """For each quota of a mode: the rule and how many slots are taken in the window of `instant`."""
    require_aware(instant)
    return [
        (rule, rule.count - free_slots(account, mode, rule, quota.window(rule.period, instant)))
        for rule in quotas_of(account, mode)
    ]


# --- what is free ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Window:
    """One quota in one window of the Beijing calendar: `period` "hour", "day" or "month", `name` as in the records."""

    period: str
    name: str
    start: datetime
    count: int
    used: int

    @property
    def free(self) -> int:
        """Slots that a signature may still take."""
        return max(0, self.count - self.used)


@dataclass(frozen=True, slots=True)
class Day:
    """One day of an account in one mode. `windows`: its day, and the month it lies in; `busiest`: the fullest hour.

    `free` is the least that any of them leaves, None where the mode knows no quota. `past`: nothing can be signed for it.
    """

    date: date
    windows: tuple[Window, ...]
    busiest: Window | None
    past: bool

    @property
    def free(self) -> int | None:
        """How many more publications may be signed for that day."""
        return min((window.free for window in self.windows), default=None)


def calendar(account: Account, mode: str, first: date, days: int, *, now: datetime) -> list[Day]:
    """What is taken and what is free on each of `days` Beijing days from `first`: what a calendar page shows.

    One query, however long the span.
    """
    require_aware(now)
    rules = quotas_of(account, mode)
    taken = _taken(account, mode, first, days)
    today = beijing_date(require_aware(now))
    spans = [first + timedelta(days=index) for index in range(days)]
    return [_day(rules, day, taken, past=day < today) for day in spans]


def _taken(account: Account, mode: str, first: date, days: int) -> Counter[str]:
    """Slots in use by window. The names of windows sort as their instants do: months, days and hours of the span."""
    last = first + timedelta(days=days)
    held = Reservation.objects.filter(
        account=account,
        mode=mode,
        released_at__isnull=True,
        window__gte=f"{first:%Y-%m}",
        window__lt=f"{last:%Y-%m-%d}T24",
    )
    return Counter(held.values_list("window", flat=True))


def _day(rules: Sequence[Quota], day: date, taken: Counter[str], *, past: bool) -> Day:
    start = beijing_midnight(day)
    windows = [_window(rule, start, taken) for rule in rules if rule.period != "hour"]
    hours = [
        _window(rule, start + timedelta(hours=hour), taken)
        for rule in rules
        if rule.period == "hour"
        for hour in range(24)
    ]
    busiest = max(hours, key=lambda window: window.used) if hours else None
    return Day(day, tuple(windows), busiest, past)


def _window(rule: Quota, instant: datetime, taken: Counter[str]) -> Window:
    name = quota.window(rule.period, instant)
    return Window(rule.period, name, instant, rule.count, taken[name])


def calls_spent(account: Account, *, now: datetime) -> dict[str, int]:
    """Our own count of calls in the windows that hold `now`, by bucket and window, e.g. {"calls 2026-11-23": 12}."""
    windows = [quota.window(period, now) for period in ("hour", "day")]
    rows = account.counters.filter(window__in=windows).order_by("bucket", "window")
    return {f"{row.bucket} {row.window}": row.count for row in rows}
