"""The days and hours of the calendar: what stands in a day's header, and where an empty slot leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.urls import NoReverseMatch, reverse

from bot.domain.calendar import holidays
from bot.domain.calendar.days import weekday
from bot.domain.calendar.holidays import Nature
from bot.domain.calendar.hours import HALF_PAST_NINE, Band
from bot.domain.instants import BEIJING, beijing_date, to_beijing
from bot.models import Account
from bot.services import quotas
from bot.services.accounts import known, spec_of
from bot.services.releases import earliest

from .calendar_hands import Hand
from .calendar_tiles import Tile

_HALF_HOUR = timedelta(minutes=30)
_PERIODS = {"day": "当日", "month": "当月"}
MOST_NAMED = 3  # accounts whose quotas stand in a day's header by name; those of more are summed


@dataclass(frozen=True, slots=True)
class QuotaTag:
    """`群发 0/1`, of many accounts `群发余 5/7`, and the same in whole words."""

    label: str
    numbers: str
    full: bool
    words: str


@dataclass(frozen=True, slots=True)
class DayCell:
    """One day. `tag` and `words` name a holiday or a weekend that is worked; `slot` leads to the composer, if anywhere."""

    date: date
    nature: Nature
    words: str
    tiles: Sequence[Tile | Hand]
    quotas: Sequence[QuotaTag]
    today: bool
    past: bool
    outside: bool
    slot: str

    @property
    def weekday(self) -> str:
        """One character."""
        return weekday(self.date)

    @property
    def number(self) -> str:
        """The day, with its month where that begins."""
        return f"{self.date.month}月{self.date.day}日" if self.date.day == 1 else str(self.date.day)


@dataclass(frozen=True, slots=True)
class HourCell:
    """One band of hours of one day."""

    day: DayCell
    band: Band
    tiles: Sequence[Tile | Hand]
    past: bool
    slot: str


class Composer:
    """Where an empty slot leads: nowhere for those who may not plan, and where no page for it exists."""

    def __init__(self, *, offered: bool, now: datetime) -> None:
        self._address, self._earliest = composer_address() if offered else "", earliest(now)

    def slot(self, day: date, at: time) -> str:
        """The composer at that time, "" where it is too late for it."""
        if not self._address or datetime.combine(day, at, BEIJING) < self._earliest:
            return ""
        return f"{self._address}?at={day.isoformat()}T{at:%H:%M}"

    def day(self, day: date) -> str:
        """The composer at the usual time of a day, or at the next half hour that is left of it."""
        usual = self.slot(day, HALF_PAST_NINE)
        if usual or beijing_date(self._earliest) != day:
            return usual
        local = to_beijing(self._earliest).replace(second=0, microsecond=0)
        following = local - timedelta(minutes=local.minute % 30) + _HALF_HOUR
        return self.slot(day, following.time()) if following.date() == day else ""


def composer_address() -> str:
    """The page on which a release is composed, "" where there is none."""
    try:
        return reverse("release-new")
    except NoReverseMatch:
        return ""


def cells(
    days: Sequence[date], tiles: Mapping[date, Sequence[Tile | Hand]], tags: Mapping[date, Sequence[QuotaTag]],
    composer: Composer, *, month: int, now: datetime,
) -> list[DayCell]:  # fmt: skip
    """The cells of these days. `month`: the one that is shown; days of others are `outside`."""
    today = beijing_date(now)
    return [
        DayCell(
            day, holidays.nature(day), holidays.in_full(day), tiles.get(day, ()), tags.get(day, ()), day == today,
            day < today, day.month != month, composer.day(day),
        )
        for day in days
    ]  # fmt: skip


def hour_cells(
    week: Sequence[DayCell], band: Band, tiles: Mapping[tuple[date, Band], Sequence[Tile | Hand]], composer: Composer,
    *, now: datetime,
) -> list[HourCell]:  # fmt: skip
    """One row of a week."""
    return [
        HourCell(
            cell, band, tiles.get((cell.date, band), ()), _end(cell.date, band) <= now,
            composer.slot(cell.date, time(band.landing)),
        )
        for cell in week
    ]  # fmt: skip


def _end(day: date, band: Band) -> datetime:
    return datetime.combine(day, time(), BEIJING) + timedelta(hours=band.end)


def quota_tags(accounts: Sequence[Account], days: Sequence[date], *, now: datetime) -> dict[date, list[QuotaTag]]:
    """What is taken of every quota that is counted in posts, by day or month; of a day that is over what was used on it."""
    wanted = [
        (account, mode.name)
        for account in filter(known, accounts)
        for mode in spec_of(account).modes
        if _counted(account, mode.name)
    ]
    taken: dict[date, list[_Taken]] = {}
    shown = quotas.calendars(wanted, days[0], len(days), now=now)
    for (account, mode), calendar in zip(wanted, shown, strict=True):
        for day in calendar:
            windows = [window for window in day.windows if not window.calls]
            if day.past:
                windows = [window for window in windows if window.period == "day" and window.used]
            if windows:
                taken.setdefault(day.date, []).extend(_Taken(account, mode, one, day.past) for one in windows)
    few = len({account.pk for account, _ in wanted}) <= MOST_NAMED
    return {
        day: [_tag(one, alone=len(wanted) == 1) for one in ones] if few else _summed(ones)
        for day, ones in taken.items()
    }


def _counted(account: Account, mode: str) -> bool:
    rules = quotas.quotas_of(account, mode)
    return account.enabled and any(rule.period in _PERIODS and not rule.bucket for rule in rules)


@dataclass(frozen=True, slots=True)
class _Taken:
    """What is taken of one quota of an account, on a day that is over or one that is not."""

    account: Account
    mode: str
    window: quotas.Window
    past: bool

    @property
    def label(self) -> str:
        """What the quota is of."""
        return spec_of(self.account).mode(self.mode).label

    @property
    def full(self) -> bool:
        """Whether nothing is left that could be signed for."""
        return self.window.free <= 0 and not self.past

    @property
    def words(self) -> str:
        """In whole words."""
        window = self.window
        taken = f"用了 {window.used} 次" if self.past else f"已签 {window.used} 次"
        left = "" if self.past else f"，还可签 {window.free} 次"
        return f"{self.account.name}{_PERIODS[window.period]}{self.label}额度：{taken}，共 {window.count} 次{left}"


def _tag(one: _Taken, *, alone: bool) -> QuotaTag:
    month = "月 " if one.window.period == "month" else ""
    numbers = f"{month}{one.window.used}/{one.window.count}"
    return QuotaTag(one.label if alone else one.account.name, numbers, one.full, one.words)


def _summed(ones: Sequence[_Taken]) -> list[QuotaTag]:
    """One tag for all accounts whose quotas are of a kind: many names have no room in a day's header."""
    kinds: dict[tuple[str, str], list[_Taken]] = {}
    for one in ones:
        kinds.setdefault((one.window.period, one.label), []).append(one)
    return [_sum(period, label, alike) for (period, label), alike in kinds.items()]


def _sum(period: str, label: str, ones: Sequence[_Taken]) -> QuotaTag:
    past = all(one.past for one in ones)
    number = sum(one.window.used if past else max(one.window.free, 0) for one in ones)
    month = "本月" if period == "month" else ""
    words = "；".join(one.words for one in ones)
    numbers = f"{number}/{sum(one.window.count for one in ones)}"
    return QuotaTag(f"{month}{label}{'用' if past else '余'}", numbers, all(one.full for one in ones), words)
