"""数据与报表: what a unit published in a period, as figures. Every definition of a figure stands here.

**Period.** Whole days in Beijing, both ends included. What a release brought counts on the day for which it was planned
(`Publication.instant`; what people posted for it counts there too), what people posted without one on the day of the post.

**Published.** One document's edition in one release that came out on at least one account, however many accounts took it:
a push that is live, or was until it was withdrawn or deleted, or a line of the book of manual posts that stands. A manual
post without a release is one more.

**On time.** Only pushes that Tongfa itself sent and whose first byte is timed (`Publication.sent_at`), and that came out by
its own reading back: what a person declared live or posted has no instant that we know. Late is the first byte against the
instant that was signed (sending it again later promises nothing new), or against when the portal's page allowed it, where that was later (`Publication.late_ms`); on time is at most 60
seconds.

**Corrections and withdrawals.** Corrections entered (`Correction.at`), positions proved to be down (`Item.withdrawn_at`)
and what people posted for a release and entered as taken down again (the trail knows when), by the day on which that
happened, whenever the text had come out.

**Reads.** The newest number that the platform reported of each post that came out in the period, added up; of how many
posts there is one stands beside it. Not reported is never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from bot.domain.channel import ChannelSpec
from bot.domain.engine.people import DECLARED
from bot.models import AuditEvent, Correction, Edition, Item, ManualPost, Takedown, Unit

from . import manual
from .reportnumbers import READS, newest_number, seconds_late
from .reportperiods import Period
from .reportsource import came_out, channels_of, items_out, posted_alone, posted_for_releases

ON_TIME = timedelta(seconds=60)
_HALF_A_MILLISECOND = 0.0005  # instants are compared to the millisecond, as SQLite reckons them


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
    return Cards(
        published, by_hand, sent, on_time, worst, _corrected(unit, period), _withdrawn(unit, period),
        [_reads(unit, period, spec) for spec in channels_of(unit)],
    )  # fmt: skip


# --- what came out ------------------------------------------------------------------------------------------------


def _published(unit: Unit, period: Period) -> tuple[int, int]:
    """How many texts came out, and how many posts of them people made."""
    tasks, alone = posted_for_releases(unit, period), posted_alone(unit, period).count()
    pushed = items_out(unit, period).values_list("publication__release_id", "edition_id")
    together = pushed.union(tasks.values_list("task__release_id", "task__edition_id"))
    return together.count() + alone, tasks.count() + alone


def _corrected(unit: Unit, period: Period) -> int:
    """Corrections are few, and of all units: asked for together with their documents, SQLite begins with the archive."""
    new = list(Correction.objects.filter(at__gte=period.begin, at__lt=period.end).values_list("new", flat=True))
    ours = set(Edition.objects.filter(pk__in=new, document__unit=unit).values_list("pk", flat=True)) if new else set()
    return sum(pk in ours for pk in new)


def _withdrawn(unit: Unit, period: Period) -> int:
    """Texts of releases taken down, each once, be it on one account or on several."""
    return len({*_down_by_machine(unit, period), *_down_by_people(unit, period)})


def _down_by_machine(unit: Unit, period: Period) -> QuerySet[Item, tuple[int, int]]:
    """Release and edition. Few pushes ever had a takedown: the search goes by those."""
    down = Takedown.objects.filter(withdrawal__release__unit=unit, publication__isnull=False)
    found = Item.objects.filter(
        publication__in=down.values("publication"), withdrawn_at__gte=period.begin, withdrawn_at__lt=period.end
    )
    return found.values_list("publication__release_id", "edition_id").distinct()


def _down_by_people(unit: Unit, period: Period) -> Iterable[tuple[int, int]]:
    """Release and edition. A task tells that it is down, the trail since when."""
    standing = ManualPost.objects.filter(unit=unit, void__isnull=True, task__isnull=False).exclude(task__drop_reason="")
    tasks = dict(standing.values_list("task", "task__release"))
    if not tasks:
        return ()
    lines = AuditEvent.objects.filter(
        subject__in={f"release:{pk}" for pk in tasks.values()}, action=manual.TAKEN_DOWN,
        at__gte=period.begin, at__lt=period.end,
    )  # fmt: skip
    entered = ManualPost.objects.filter(task__in=tasks, pk__in=list(lines.values_list("data__post", flat=True)))
    return entered.values_list("task__release", "task__edition")


# --- on time ------------------------------------------------------------------------------------------------------


def _punctual(unit: Unit, period: Period) -> tuple[int, int, Worst | None]:
    """Deliveries that count, those on time, and the latest."""
    sent = came_out(unit, period).filter(sent_at__isnull=False).exclude(ids__has_key=DECLARED)
    timed = sent.annotate(late=seconds_late())
    at_most = ON_TIME.total_seconds() + _HALF_A_MILLISECOND
    counted = timed.aggregate(sent=Count("pk"), on_time=Count("pk", filter=Q(late__lte=at_most)))
    worst = timed.order_by("-late", "pk").select_related("release").first()
    late = worst.late_ms if worst else None  # SQLite reckons in whole milliseconds: it finds the push, and no tenths
    told = (
        Worst(max(0.0, round(late, 1)), worst.release_id, worst.release.title) if worst and late is not None else None
    )
    return counted["sent"], counted["on_time"], told


# --- reads --------------------------------------------------------------------------------------------------------


def _reads(unit: Unit, period: Period, spec: ChannelSpec) -> Reads:
    pushed = items_out(unit, period).filter(publication__account__channel=spec.name)
    tasks = posted_for_releases(unit, period).filter(account__channel=spec.name)
    alone = posted_alone(unit, period).filter(account__channel=spec.name)
    if READS not in spec.metrics:
        posts = pushed.count() + tasks.count() + alone.count()
        others = "、".join(spec.metric_labels.values())
        note = f"{spec.label}不提供阅读数" + (f"，{others}见逐条" if others else "")
        return Reads(spec.name, spec.label, None, 0, posts, note)
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
