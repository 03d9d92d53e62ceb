"""Which releases the duty desk (值班台) has room for: what is nearest. What it says of all of them is asked of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet

from bot.domain.delivery import SETTLED, STOPPABLE, State
from bot.domain.instants import beijing_date, beijing_midnight
from bot.models import ManualTask, Publication, Release, Unit

AHEAD = timedelta(days=7)
MOST = 60  # releases on one page; more would not be a board any more
MOST_IN_TROUBLE = 300  # releases in the list for people beyond those of the board: an incident may concern them all
ASKS = (State.NEEDS_PERSON, State.UNKNOWN, State.MISSED, State.BLOCKED, State.HELD)
ON_ITS_WAY = (*STOPPABLE, State.SENDING)
_LONG = ("manifest", "manifest_hash", "policy")
_OF_THE_GATE = ("gate__seen", "gate__asked_at", "gate__validators", "gate__held")
_HEAD = ("release__title", "release__instant", "release__signed_by__name")
_SIGNED = Q(release__signed_at__isnull=False, release__cancelled_at__isnull=True)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Releases of the board in order of time, and `others` beside them that ask for a person. `cut`: the board had no room
    for all of its own, `more`: the list for people has none for all that ask."""

    board: Sequence[Release]
    others: Sequence[Release]
    cut: bool
    more: bool


@dataclass(frozen=True, slots=True)
class NextUp:
    """What goes out next. `begun`: other parts of its release have had their instants already."""

    release: Release
    instant: datetime
    begun: bool


def choose(unit: Unit, now: datetime) -> Chosen:
    """Today's (Beijing), the coming 7 days' and older unsettled ones, nearest first; and whatever else asks for a person."""
    parts = _parts(unit, now)
    found = sorted(fair(parts, MOST), key=lambda release: (release.instant, release.pk))
    others = heads(_asking(unit, now).exclude(pk__in=[release.pk for release in found])).order_by("instant", "pk")
    beside = list(others[: MOST_IN_TROUBLE + 1])
    cut = len(found) < sum(len(part) for part in parts)
    return Chosen(found, beside[:MOST_IN_TROUBLE], cut, len(beside) > MOST_IN_TROUBLE)


def heads(found: QuerySet[Release]) -> QuerySet[Release]:
    """Without what a list does not read."""
    return found.select_related("gate", "urgency").defer(*_LONG, *_OF_THE_GATE)


def fair(parts: Sequence[Sequence[Release]], room: int) -> list[Release]:
    """The first of each part. What one leaves of its share the others have, the first of them first."""
    share = room // len(parts)
    taken = [min(len(part), share) for part in parts]
    for place, part in enumerate(parts):
        taken[place] += min(len(part) - taken[place], room - sum(taken))
    return [release for part, count in zip(parts, taken, strict=True) for release in part[:count]]


def _parts(unit: Unit, now: datetime) -> list[list[Release]]:
    """To come, of today, and of former days: each at most one more than there is room for, what was called off last."""
    start = beijing_midnight(beijing_date(now))
    mine = heads(Release.objects.filter(unit=unit))
    standing_first = F("cancelled_at").asc(nulls_first=True)
    coming = mine.filter(instant__gte=now, instant__lt=now + AHEAD).order_by(standing_first, "instant", "pk")
    today = mine.filter(instant__gte=start, instant__lt=now).order_by(standing_first, "-instant", "-pk")
    older = mine.filter(_unsettled(unit, start), instant__lt=start).distinct().order_by("-instant", "-pk")
    return [list(part[: MOST + 1]) for part in (coming, today, older)]


def _unsettled(unit: Unit, start: datetime) -> Q:
    by_hand = ManualTask.objects.filter(
        done_at__isnull=True, release__unit=unit, release__cancelled_at__isnull=True, release__instant__lt=start
    )
    open_states = [str(state) for state in State if state not in SETTLED]
    return Q(publications__state__in=open_states) | Q(pk__in=by_hand.values("release"))


def _asking(unit: Unit, now: datetime) -> QuerySet[Release]:
    """All that may ask for a person (`board.asks` says which do): pushes in trouble whenever they are due, what people are
    to post by now, what the portal's page is waited for in vain, and what is not signed in the coming 7 days."""
    pushes, tasks = Publication.objects.filter(release__unit=unit), ManualTask.objects.filter(release__unit=unit)
    in_trouble = pushes.filter(state__in=[str(state) for state in ASKS]).values("release")
    planned = pushes.filter(state=str(State.PLANNED), release__signed_at__isnull=True).values("release")
    by_people = tasks.filter(done_at__isnull=True, release__cancelled_at__isnull=True).values("release")
    unsigned = Q(signed_at__isnull=True, cancelled_at__isnull=True, instant__lt=now + AHEAD)
    due = Q(signed_at__isnull=False) & (Q(instant__lte=now) | Q(urgency__isnull=False))
    asked = Q(pk__in=in_trouble) | (unsigned & Q(pk__in=planned)) | (Q(pk__in=by_people) & (unsigned | due))
    return Release.objects.filter(asked, unit=unit)


def next_up(unit: Unit, now: datetime) -> NextUp | None:
    """The next instant, in the coming 7 days, of a signed release of which something is still to go out."""
    found = [*_next_push(unit, now), *_next_by_people(unit, now)]
    return min(found, key=lambda one: one.instant, default=None)


def _next_push(unit: Unit, now: datetime) -> list[NextUp]:
    states = [str(state) for state in ON_ITS_WAY]
    coming = Publication.objects.filter(_SIGNED, release__unit=unit, state__in=states)
    coming = coming.filter(not_before__gt=now, not_before__lt=now + AHEAD).order_by("not_before", "pk")
    found = coming.select_related("release__signed_by").only("not_before", "release", *_HEAD)[:1]
    return [NextUp(one.release, one.not_before, one.release.instant <= now) for one in found]


def _next_by_people(unit: Unit, now: datetime) -> list[NextUp]:
    coming = ManualTask.objects.filter(_SIGNED, release__unit=unit, done_at__isnull=True)
    coming = coming.filter(release__instant__gt=now, release__instant__lt=now + AHEAD).order_by(
        "release__instant", "pk"
    )
    found = coming.select_related("release__signed_by").only("release", *_HEAD)[:1]
    return [NextUp(one.release, one.release.instant, False) for one in found]


def held_up(unit: Unit) -> int:
    """How many pushes of signed releases wait until somebody resumes them."""
    return Publication.objects.filter(_SIGNED, release__unit=unit, state=str(State.HELD)).count()
