"""数据与报表: what a unit published in a period, as figures. Every definition of a figure stands here.

**Period.** Whole days in Beijing, both ends included. What a release brought counts on the day for which it was planned
(`Publication.instant`; what people posted for it counts there too), what people posted without one on the day of the post.

**Published.** One document's edition in one release that came out on at least one account, however many accounts took it:
a push that is live, or was until it was withdrawn or deleted, or a line of the book of manual posts that stands. A manual
post without a release is one more.

**On time.** Only pushes that Tongfa itself sent and whose first byte is timed (`Publication.sent_at`), and that came out by
its own reading back: what a person declared live or posted has no instant that we know. Late is the first byte against the
instant, or against when the portal's page allowed it, where that was later (`Publication.late_ms`); on time is at most 60
seconds.

**Corrections and withdrawals.** Corrections entered (`Correction.at`) and positions proved to be down
(`Item.withdrawn_at`), by the day on which that happened, whenever the text had come out.

**Reads.** The newest number that the platform reported of each post that came out in the period, added up; of how many
posts there is one stands beside it. Not reported is never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Count, F, FloatField, Func, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.fields import BigIntegerField
from django.db.models.functions import Coalesce, Greatest

from bot.domain.channel import ChannelSpec
from bot.domain.delivery import State
from bot.domain.engine.people import DECLARED
from bot.domain.instants import beijing_date, beijing_midnight, require_aware
from bot.domain.sampling import METRIC_WORDS
from bot.models import (
    Account,
    Correction,
    Item,
    ManualPost,
    ManualSample,
    Publication,
    SampleRecord,
    Takedown,
    Unit,
)

from .accounts import spec_of
from .errors import Refused

ON_TIME = timedelta(seconds=60)
LONGEST = timedelta(days=366)
CAME_OUT = (State.LIVE, State.GONE, State.WITHDRAWN)
"""States of a push that is public, or was."""

READS = "reads"
_YEARS = range(2000, 2200)
_HALF_A_MILLISECOND = 0.0005  # instants are compared to the millisecond, as SQLite reckons them


# --- the period ---------------------------------------------------------------------------------------------------


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
    if first.year not in _YEARS or last.year not in _YEARS:
        raise Refused("period", "日期须在 2000 年至 2199 年之间。")
    if last - first >= LONGEST:
        raise Refused("period", f"一次最多统计 {LONGEST.days} 天。请缩短时段，分几次看。")
    return Period(Choice.OWN, first, last)


# --- the cards ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reads:
    """What was read on one kind of channel. `total` is None where no number is known; `known` of `posts` have one."""

    channel: str
    label: str
    total: int | None
    known: int
    posts: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Worst:
    """The latest delivery of a period."""

    late_ms: float
    release: int
    title: str


@dataclass(frozen=True, slots=True)
class Cards:
    """The figures at the top."""

    published: int
    by_hand: int
    sent: int
    on_time: int
    worst: Worst | None
    corrections: int
    withdrawn: int
    reads: Sequence[Reads]

    @property
    def on_time_share(self) -> str:
        """In per cent, or "" where nothing was sent."""
        return share(self.on_time, self.sent)


def share(part: int, whole: int) -> str:
    """Per cent with one decimal, cut off and not rounded: `100` means all of them. "" of nothing."""
    if not 0 <= part <= whole:
        raise ValueError(f"{part} of {whole} is no share")
    if whole == 0:
        return ""
    tenths = part * 1000 // whole
    return str(tenths // 10) if tenths % 10 == 0 else f"{tenths // 10}.{tenths % 10}"


def cards(unit: Unit, period: Period) -> Cards:
    """All of them, by a fixed number of questions: the database counts."""
    sent, on_time, worst = _punctual(unit, period)
    published, by_hand = _published(unit, period)
    corrections = Correction.objects.filter(new__document__unit=unit, at__gte=period.begin, at__lt=period.end).count()
    return Cards(
        published, by_hand, sent, on_time, worst, corrections, _withdrawn(unit, period),
        [_reads(unit, period, spec) for spec in channels_of(unit)],
    )  # fmt: skip


def channels_of(unit: Unit) -> list[ChannelSpec]:
    """The kinds of channels on which the unit has accounts, those out of use included: they may have published."""
    found: dict[str, ChannelSpec] = {}
    for account in Account.objects.filter(unit=unit).order_by("pk"):
        found.setdefault(account.channel, spec_of(account))
    return list(found.values())


# --- what came out ------------------------------------------------------------------------------------------------


def came_out(unit: Unit, period: Period) -> QuerySet[Publication]:
    """The pushes of a period that are public, or were. An index knows them by state and instant."""
    return Publication.objects.filter(
        release__unit=unit, state__in=[str(state) for state in CAME_OUT],
        instant__gte=period.begin, instant__lt=period.end,
    )  # fmt: skip


def _items(unit: Unit, period: Period) -> QuerySet[Item]:
    return Item.objects.filter(
        publication__release__unit=unit, publication__state__in=[str(state) for state in CAME_OUT],
        publication__instant__gte=period.begin, publication__instant__lt=period.end,
    )  # fmt: skip


def posted_for_releases(unit: Unit, period: Period) -> QuerySet[ManualPost]:
    """What people posted for releases of the period."""
    return ManualPost.objects.filter(
        void__isnull=True, task__release__unit=unit, task__release__instant__gte=period.begin,
        task__release__instant__lt=period.end,
    )  # fmt: skip


def posted_alone(unit: Unit, period: Period) -> QuerySet[ManualPost]:
    """What people posted in the period without a release."""
    return ManualPost.objects.filter(
        unit=unit, void__isnull=True, task__isnull=True, posted_at__gte=period.begin, posted_at__lt=period.end
    )


def _published(unit: Unit, period: Period) -> tuple[int, int]:
    """How many texts came out, and how many posts of them people made."""
    tasks, alone = posted_for_releases(unit, period), posted_alone(unit, period).count()
    pushed = _items(unit, period).values_list("publication__release_id", "edition_id")
    together = pushed.union(tasks.values_list("task__release_id", "task__edition_id"))
    return together.count() + alone, tasks.count() + alone


def _withdrawn(unit: Unit, period: Period) -> int:
    """Texts of releases taken down, each once. Few pushes ever had a takedown: the count goes by those."""
    down = Takedown.objects.filter(withdrawal__release__unit=unit, publication__isnull=False)
    found = Item.objects.filter(
        publication__in=down.values("publication"), withdrawn_at__gte=period.begin, withdrawn_at__lt=period.end
    )
    return found.values("publication__release_id", "edition_id").distinct().count()


# --- on time ------------------------------------------------------------------------------------------------------


class _Seconds(Func):
    """Seconds from the second instant to the first, to the millisecond."""

    output_field = FloatField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """Julian days; the text of an instant is read by the database itself, row by row in C."""
        return super().as_sql(compiler, connection, template="((%(expressions)s) * 86400.0)", **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """An interval."""
        return super().as_sql(compiler, connection, template="EXTRACT(EPOCH FROM (%(expressions)s))", **extra)


def _seconds_late() -> Func:
    due = Greatest(F("instant"), Coalesce(F("gate_at"), F("instant")))
    return _Seconds(_Day(F("sent_at")), _Day(due), arg_joiner=" - ")


class _Day(Func):
    """An instant as the database can subtract it."""

    output_field = FloatField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """A fraction of days."""
        return super().as_sql(compiler, connection, template="julianday(%(expressions)s)", **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """Itself."""
        return super().as_sql(compiler, connection, template="%(expressions)s", **extra)


def _punctual(unit: Unit, period: Period) -> tuple[int, int, Worst | None]:
    """Deliveries that count, those on time, and the latest."""
    sent = came_out(unit, period).filter(sent_at__isnull=False).exclude(ids__has_key=DECLARED)
    timed = sent.annotate(late=_seconds_late())
    at_most = ON_TIME.total_seconds() + _HALF_A_MILLISECOND
    counted = timed.aggregate(sent=Count("pk"), on_time=Count("pk", filter=Q(late__lte=at_most)))
    worst = timed.order_by("-late", "pk").values_list("late", "release_id", "release__title").first()
    told = Worst(max(0.0, round(worst[0] * 1000)), worst[1], worst[2]) if worst else None
    return counted["sent"], counted["on_time"], told


# --- numbers ------------------------------------------------------------------------------------------------------


class _Number(Func):
    """One metric of the numbers in a sample: NULL where it is missing and where it is null, which is the same to us."""

    output_field = BigIntegerField()

    def __init__(self, metric: str) -> None:
        if metric not in METRIC_WORDS:
            raise ValueError(f"{metric!r} is no metric")
        super().__init__(F("values"), metric=metric)

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """`JSON_EXTRACT` gives NULL for a null."""
        template = "JSON_EXTRACT(%(expressions)s, '$.%(metric)s')"
        return super().as_sql(compiler, connection, template=template, **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """`->>` does too."""
        return super().as_sql(compiler, connection, template="(%(expressions)s ->> '%(metric)s')::bigint", **extra)


def newest_number(metric: str, *, by_hand: bool = False) -> Subquery:
    """The newest known number of one metric of an `Item` (or of a `ManualPost`): the same as `domain.sampling.newest`."""
    samples: QuerySet[Any] = (
        ManualSample.objects.filter(post=OuterRef("pk"))
        if by_hand
        else SampleRecord.objects.filter(item=OuterRef("pk"))
    )
    told = samples.annotate(told=_Number(metric)).filter(told__isnull=False)
    return Subquery(told.order_by("-stat_date", "-taken_at", "-pk").values("told")[:1])


def _reads(unit: Unit, period: Period, spec: ChannelSpec) -> Reads:
    pushed = _items(unit, period).filter(publication__account__channel=spec.name)
    tasks = posted_for_releases(unit, period).filter(account__channel=spec.name)
    alone = posted_alone(unit, period).filter(account__channel=spec.name)
    if READS not in spec.metrics:
        posts = pushed.count() + tasks.count() + alone.count()
        return Reads(spec.name, spec.label, None, 0, posts, f"{spec.label}不提供阅读数")
    told = [
        _added(pushed.annotate(told=newest_number(READS))),
        _added(tasks.annotate(told=newest_number(READS, by_hand=True))),
        _added(alone.annotate(told=newest_number(READS, by_hand=True))),
    ]
    known = sum(one["known"] for one in told)
    total = sum(one["total"] or 0 for one in told) if known else None
    return Reads(spec.name, spec.label, total, known, sum(one["posts"] for one in told))


def _added(posts: QuerySet[Any]) -> dict[str, Any]:
    return posts.aggregate(total=Sum("told"), known=Count("told"), posts=Count("pk"))


def today_of(now: datetime) -> date:
    """The day in Beijing from which periods are reckoned."""
    return beijing_date(require_aware(now))
