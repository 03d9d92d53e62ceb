"""What giving a release another instant would mean, said before anybody does it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Prefetch, QuerySet

from bot.domain.calendar import holidays
from bot.domain.delivery import State
from bot.domain.instants import BEIJING, beijing_date, require_aware, to_beijing
from bot.models import Attempt, Publication, Release
from bot.models.gathering import gather

from . import quotas
from .errors import Refused
from .facts import Try
from .releases import MOVABLE, as_seen, earliest, immovable, require_room

#: Days after the wished one among which a better one is looked for: two months.
LOOK_AHEAD = 62

_FIXED = {
    "urgent": "应急发布单不改期。",
    "cancelled": "已作废，不能改期。",
    "under_way": "已有推送发出、正在发出或等待处理，不能整单改期。",
}


@dataclass(frozen=True, slots=True)
class Prospect:
    """What would happen. `refusal`: why nothing would, else "". `voids`: a signature stands, and would not any more.

    `better`: the next day at the same time of day on which people work and every quota suffices, where the wished one has
    `warnings`; None where there is none in two months. `seen`: what `reschedule` wants back. `fixed`: no instant
    at all would do. `unchanged`: it is the one that it has. `note`: what is not known.
    """

    instant: datetime
    refusal: str
    voids: bool
    warnings: tuple[str, ...]
    better: datetime | None
    earliest: datetime
    seen: str
    fixed: bool
    unchanged: bool
    note: str


def foresee(release: Release, instant: datetime, *, now: datetime) -> Prospect:
    """What it would mean to move `release` to `instant`. Changes nothing; needs five questions to the database."""
    require_aware(instant)
    require_aware(now)
    found = release.publications.select_related("account").prefetch_related(outcomes())
    publications = list(found.exclude(state=State.CANCELLED))
    stuck = immovable(release, publications)
    refusal = stuck.message if stuck else _too_close(instant, now)
    by = instant - release.instant
    warnings = () if refusal else _warnings(publications, instant, by)
    better = _better(publications, instant, by) if warnings else None
    note = holidays.unlisted([beijing_date(instant)])
    return Prospect(
        instant, refusal, release.signed, warnings, better, first_minute(now), as_seen(release),
        stuck is not None, instant == release.instant, note,
    )  # fmt: skip


def outcomes() -> Prefetch[str]:
    """Attempts as far as moving needs them, fetched along with publications."""
    return Prefetch("attempts", _tries())


def with_outcomes(publications: Iterable[Publication], *, all_of_them: bool = False) -> None:
    """Give their `outcomes` to those whose state does not forbid moving already; `why_fixed` asks nothing more then."""
    wanted = [one for one in publications if all_of_them or one.status in MOVABLE]
    gather(wanted, "attempts", _tries(), "publication")


def _tries() -> QuerySet[Attempt]:
    """Without the platforms' answers, which may be long."""
    return Attempt.objects.only("publication_id", *Try._fields).order_by("number")


def why_fixed(release: Release, publications: Sequence[Publication]) -> str:
    """In short, why a release cannot be moved at all; "" where it can. No questions where attempts are prefetched."""
    alive = [one for one in publications if one.status is not State.CANCELLED]
    refused = immovable(release, alive)
    return _FIXED[refused.code] if refused else ""


def first_minute(now: datetime) -> datetime:
    """The first whole minute to which a release may be moved now."""
    least = earliest(now)
    whole = least.replace(second=0, microsecond=0)
    return whole if whole == least else whole + timedelta(minutes=1)


def _too_close(instant: datetime, now: datetime) -> str:
    try:
        require_room(instant, now)
    except Refused as refused:
        return refused.message
    return ""


def _warnings(publications: Sequence[Publication], instant: datetime, by: timedelta) -> tuple[str, ...]:
    day = beijing_date(instant)
    lacking = (f"{lack.what}：{lack.numbers}，到时签发不了。" for lack in quotas.shortages(publications, by=by))
    off = holidays.warning(day)
    return (*lacking, *((off,) if off else ()))


def _better(publications: Sequence[Publication], instant: datetime, by: timedelta) -> datetime | None:
    local = to_beijing(instant)
    days = holidays.working_days_after(local.date(), LOOK_AHEAD)
    shifts = [by + (datetime.combine(day, local.time(), BEIJING) - local) for day in days]
    found = quotas.first_shift(publications, shifts)
    return None if found is None else instant + (found - by)
