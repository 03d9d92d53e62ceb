"""The clock: a plain function of the present instant and the database.

`tick(now)` settles what dead processes left, hands out batches, says which workers to ring and which work
nobody took, and when to be asked again. It sends nothing and calls no platform; the database is the truth,
the broker only a doorbell.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import Q

from bot.domain import timeline
from bot.domain.delivery import STOPPABLE, State
from bot.domain.engine import handing_out
from bot.domain.engine import staging as staging_rules
from bot.models import Account, Batch, Publication

from . import audit, batches, measuring
from .confirming import look
from .facts import facts_of
from .sending import run_batch
from .staging import stage, take_back
from .transitions import Stale, enact
from .walltime import WallClock

ACTOR = "系统"
log = structlog.get_logger(__name__)
LONGEST = timedelta(seconds=30)
MOST = 500  # publications looked at in one tick; the rest is due at the next
WAITING = (State.PLANNED, State.BLOCKED)


@dataclass(frozen=True, slots=True)
class Job:
    """Work for some process: `send` a batch, `stage` or `look` at a publication, `measure` an account."""

    kind: str
    subject: int


@dataclass(slots=True)
class Tick:
    """What one tick found: bells to ring, work to do in a child process, and when to look again."""

    rings: list[Job] = field(default_factory=list)
    children: list[Job] = field(default_factory=list)
    next_at: datetime | None = None


def tick(now: datetime) -> Tick:
    """One look at the world. A part that fails is logged and does not keep the others from their turn."""
    result = Tick()
    for part in (_recover, _sweep_too_late, _hand_out, _ring_the_due, _ring_batches, _measure):
        try:
            part(now, result)
        except OperationalError:
            raise  # the database is away: the caller waits a moment
        except Exception:
            log.exception("clock.part", part=part.__name__)
    result.next_at = _next_at(now)
    return result


def _recover(now: datetime, result: Tick) -> None:
    del result
    batches.recover(now=now)
    take_back(now=now)


def _hand_out(now: datetime, result: Tick) -> None:
    del result
    batches.hand_out(_due(now, [State.STAGED]), now=now)


def _ring_the_due(now: datetime, result: Tick) -> None:
    for publication in _due(now, [*WAITING, State.STAGING]):
        _stage(publication, now, result)
    for publication in _due(now, [State.CONFIRMING, State.UNKNOWN]):
        _ring(publication, "look", now, result)


def _due(now: datetime, states: Sequence[State]) -> list[Publication]:
    found = (
        Publication.objects.filter(next_at__lte=now, state__in=[str(state) for state in states])
        .exclude(lease_until__gt=now)
        .select_related("account", "release__unit")
        .order_by("next_at", "release_id", "account_id", "lane")
    )
    return list(found[:MOST])


def _sweep_too_late(now: datetime, result: Tick) -> None:
    del result
    late = Publication.objects.filter(
        state__in=[str(state) for state in STOPPABLE | {State.HELD}],
        instant__lt=now - settings.TONGFA.max_lateness,
        release__signed_at__isnull=False,
    ).exclude(lease_until__gt=now)
    for publication in late.select_related("account")[:MOST]:
        with suppress(Stale):
            enact(publication, handing_out.expired(facts_of(publication, ())), actor=ACTOR, now=now)


# --- staging --------------------------------------------------------------------------------------------


def _stage(publication: Publication, now: datetime, result: Tick) -> None:
    if staging_rules.unready(facts_of(publication, ()), now=now):
        _hold_together(publication, now)
        return
    _ring(publication, "stage", now, result)


def _hold_together(publication: Publication, now: datetime) -> None:
    """One account is not ready at T - 15 s: the whole release waits for a person, so that nothing goes out by halves."""
    mates = Publication.objects.filter(
        release_id=publication.release_id, state__in=[str(state) for state in STOPPABLE]
    ).exclude(pk=publication.pk)
    name = publication.account.name
    with audit.serialised():
        try:
            enact(publication, staging_rules.held_for_itself(facts_of(publication, ())), actor=ACTOR, now=now)
        except Stale:
            return
        for mate in mates.select_related("account"):
            with suppress(Stale), transaction.atomic():
                enact(mate, staging_rules.held_for_its_mate(facts_of(mate, ()), name), actor=ACTOR, now=now)


# --- bells ----------------------------------------------------------------------------------------------


def _ring(publication: Publication, kind: str, now: datetime, result: Tick) -> None:
    job = Job(kind, publication.pk)
    if publication.rung_at is None:
        result.rings.append(job)
    elif publication.rung_at <= now - timeline.RING_AGAIN:
        result.children.append(job)
    else:
        return
    Publication.objects.filter(pk=publication.pk, fence=publication.fence).update(rung_at=now)


def _ring_batches(now: datetime, result: Tick) -> None:
    Batch.objects.filter(state="ready", instant__lt=now - settings.TONGFA.max_lateness).update(state="done")
    for batch in Batch.objects.filter(state="ready"):
        if batch.rung_at is None:
            result.rings.append(Job("send", batch.pk))
            Batch.objects.filter(pk=batch.pk).update(rung_at=now)
        elif now >= batch.claim_by:
            result.children.append(Job("send", batch.pk))
            Batch.objects.filter(pk=batch.pk).update(claim_by=now + timeline.RING_AGAIN)


def _measure(now: datetime, result: Tick) -> None:
    for account_id in measuring.due_accounts(now):
        free = Q(next_sample_at__isnull=True) | Q(next_sample_at__lte=now)
        if Account.objects.filter(free, pk=account_id).update(next_sample_at=now + timedelta(minutes=2)):
            result.rings.append(Job("measure", account_id))


def _next_at(now: datetime) -> datetime:
    soonest = (
        Publication.objects.filter(next_at__gt=now)
        .exclude(state__in=[State.LIVE, State.CANCELLED])
        .order_by("next_at")
        .values_list("next_at", flat=True)
        .first()
    )
    return min(now + LONGEST, soonest) if soonest else now + LONGEST


def perform(job: Job) -> None:
    """Do one job in this process; what a worker or a child process calls."""

    now = WallClock().now
    match job.kind:
        case "send":
            run_batch(job.subject)
        case "stage":
            stage(job.subject, now=now)
        case "look":
            look(job.subject, now=now)
        case "measure":
            measuring.measure_account(job.subject, now=now)
        case _:
            raise ValueError(f"no such job: {job.kind}")
