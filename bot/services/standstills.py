"""Times in which nobody looked what is due: the plug pulled, the process ended, the database away. What fell due meanwhile, and what
became of it, is told to people.

The sign is the watch's sweep: each is written down with its time, every 20 seconds around a release and every minute
elsewhen; what was sent and answered since is a later one. Whoever begins to follow the time and finds it overdue knows since
when nobody looked. A standstill shorter than that pause is told where the start knows that the last run did not end in order
(`tongfa up`) and something fell due in it; of processes that each have a container it may go unnoticed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from bot.domain.delivery import State
from bot.domain.instants import beijing_date, require_aware, show
from bot.models import Attempt, Chore, Publication, Release, Standstill, Unit

from . import audit
from .reportnumbers import due

ACTOR = "系统"
OVERDUE = timedelta(seconds=3)
"""Where somebody else is at it, no sweep is due for so long: who begins beside them has found no standstill."""

GAP = timedelta(minutes=2)
"""Without a new process: as late a sweep means that the database was away, or that the machine slept."""

UNDER_WAY = timedelta(minutes=1)
"""What fell due so shortly before may have been under way when the work was interrupted."""

NEWEST = 1_000
"""Attempts among which the last sign of life is looked for: those of one crowd."""

TOLD_FOR = timedelta(hours=24)
IN_DOUBT = (State.UNKNOWN, State.NEEDS_PERSON)
"""It may have left before the work was interrupted; people are told all the same."""

LONGEST_WAIT = timedelta(days=3)
"""How long a release may wait for its page: what falls due then was planned for so much earlier."""


def note(sweep: Chore, since: datetime | None, *, now: datetime) -> Standstill | None:
    """Write down that nobody swept for a while, if so. `sweep` is the chore as it stood before this one.

    `since`: from when on this process has followed the time; None: nobody knows, and nothing is written.
    """
    require_aware(now)
    if since is None:
        return None
    require_aware(since)
    if sweep.ran_at is None:
        return None
    begun_anew = since - sweep.next_at >= OVERDUE
    if not begun_anew and now - sweep.next_at < GAP:
        return None
    if Standstill.objects.filter(since__gte=sweep.ran_at).exists():
        return None  # the start has told it already
    until = since if begun_anew else now
    return _written(_last_sign(sweep.ran_at, until), until, now)


def interrupted(*, now: datetime) -> Standstill | None:
    """The last run did not end in order: written down however short it was, if something fell due in it that had not left."""
    require_aware(now)
    swept = Chore.objects.filter(name="sweep", ran_at__lt=now).values_list("ran_at", flat=True).first()
    if swept is None:
        return None
    found = Standstill(since=_last_sign(swept, now), until=now)
    signed = Publication.objects.filter(_had_not_left(found), release__signed_at__isnull=False)
    due_then = signed.alias(fell_due=due()).filter(fell_due__gt=found.since - UNDER_WAY, fell_due__lt=found.until)
    if not due_then.exclude(state=State.CANCELLED).exists():
        return None
    return _written(found.since, found.until, now)


def _written(since: datetime, until: datetime, now: datetime) -> Standstill:
    with audit.serialised():
        audit.append(ACTOR, "home.resumed", "home", {"since": since.isoformat(), "until": until.isoformat()}, now=now)
        return Standstill.objects.create(since=since, until=until)


def _last_sign(swept: datetime, until: datetime) -> datetime:
    """When the machine was last known to work: since the sweep it may have sent something, and had answers."""
    signs = [swept]
    for stamps in Attempt.objects.order_by("-pk").values_list("sent_at", "answered_at")[:NEWEST]:
        signs += [at for at in stamps if at is not None and at < until]
    return max(signs)


def lately(*, now: datetime) -> QuerySet[Standstill]:
    """Those that ended within the last day, the newest first."""
    require_aware(now)
    return Standstill.objects.filter(until__gt=now - TOLD_FOR, until__lte=now).order_by("-until", "-pk")


def touched(unit: Unit, standstill: Standstill) -> QuerySet[Release]:
    """Signed releases of a unit of which something fell due while nobody looked and was not public before, in order of time."""
    fell_due = (
        Publication.objects.filter(_had_not_left(standstill), release=OuterRef("pk"))
        .alias(fell_due=due())
        .filter(fell_due__gt=standstill.since - UNDER_WAY, fell_due__lt=standstill.until)
        .exclude(state=State.CANCELLED)
    )
    return Release.objects.filter(
        Exists(fell_due), unit=unit, signed_at__isnull=False, instant__gt=standstill.since - LONGEST_WAIT,
        instant__lt=standstill.until,
    ).order_by("instant", "pk")  # fmt: skip


def _had_not_left(standstill: Standstill) -> Q:
    gone = Q(sent_at__isnull=False, sent_at__lt=standstill.until)
    return ~gone | Q(state__in=[str(state) for state in IN_DOUBT])


def over(release: Release, publications: Sequence[Publication]) -> list[Standstill]:
    """Those in which something of a signed release fell due and was not public before: in order of time."""
    pushes = [one for one in publications if one.status is not State.CANCELLED] if release.signed else []
    if not pushes:
        return []
    first, last = min(one.due for one in pushes), max(one.due for one in pushes)
    around = Standstill.objects.filter(until__gt=first, since__lt=last + UNDER_WAY).order_by("until", "pk")
    return [one for one in around if any(_fell_into(push, one) for push in pushes)]


def _fell_into(push: Publication, one: Standstill) -> bool:
    """By what was promised: a late try moves `not_before`, and what is told of a standstill stays told."""
    left_before = push.sent_at is not None and push.sent_at < one.until and push.status not in IN_DOUBT
    return one.since - UNDER_WAY < push.due < one.until and not left_before


def of_release(one: Standstill, publications: Sequence[Publication]) -> str:
    """The same of one release: from when to when, and how much of it fell due then."""
    pushes = [push for push in publications if push.status is not State.CANCELLED]
    hit = [push for push in pushes if _fell_into(push, one)]
    part = "本单的发布时刻" if len(hit) == len(pushes) else f"本单 {len(pushes)} 条推送中 {len(hit)} 条的时刻"
    before = "或之前一分钟内，停下时还没有办完" if any(push.due <= one.since for push in hit) else ""
    return f"{words(one)}{part}在这段时间里{before}"


def words(one: Standstill) -> str:
    """From when to when, as a sentence for staff."""
    until = show(one.until)
    end = until[11:] if beijing_date(one.since) == beijing_date(one.until) else until
    return f"{show(one.since)} 之后系统没有巡查，{end} 恢复（{_length(one.until - one.since)}）。"


def _length(span: timedelta) -> str:
    minutes, seconds = divmod(max(1, round(span.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "天"), (hours, "小时"), (minutes, "分"), (seconds, "秒"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)
