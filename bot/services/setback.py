"""The wall clock was ahead and has been set right: what was put off into a time that has not come is due now.

A machine that takes its hardware clock's local time for UTC starts eight hours ahead. Until the time service sets it
right, leases, bells and the next round of an alarm are written down for then; without this they would sleep until then.
Nothing here decides anything: what becomes due is only looked at.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Case, DateTimeField, F, Model, Q, Value, When

from bot.domain import alarms, sync, timeline
from bot.domain.delivery import STOPPABLE, State
from bot.domain.engine.looking import WATCH
from bot.domain.instants import require_aware
from bot.models import Alarm, AlarmNotice, Batch, Chore, HandDraft, PortalGate, Preflight, Publication, Release, Token

#: Longer than any lease, any pause between two looks. Alarms and their messages have pauses of their own.
LONGEST_LEASE = timedelta(minutes=6)
LONGEST_PAUSE = timedelta(hours=1)
LONGEST_CHORE = timedelta(hours=25)
_LOOKED_AT = Q(state__in=[State.CONFIRMING, State.UNKNOWN])
_TO_LEAVE = Q(state__in=[str(state) for state in STOPPABLE])


def pull_back(*, now: datetime) -> int:
    """Make due what a clock that was ahead has put off; returns how many rows. Harmless where it never was."""
    require_aware(now)
    with transaction.atomic():
        return sum((_bells(now), _publications(now), _watch(now), _gates(now)))


def ask_the_time(*, now: datetime) -> None:
    """Have the machine looked at, its clock with it, as soon as a worker is free."""
    require_aware(now)
    Chore.objects.filter(name="machine", next_at__gt=now).update(next_at=now)


def _bells(now: datetime) -> int:
    """Bells that were rung and leases that were taken in the future."""
    rung: tuple[type[Model], ...] = (Publication, Batch, PortalGate, Preflight, AlarmNotice, Chore)
    leased: tuple[type[Model], ...] = (Publication, PortalGate)
    count = sum(model._default_manager.filter(rung_at__gt=now).update(rung_at=None) for model in rung)
    for model in leased:
        count += model._default_manager.filter(lease_until__gt=now + LONGEST_LEASE).update(lease_until=None)
    count += Token.objects.filter(refreshing_until__gt=now + LONGEST_LEASE).update(refreshing_until=None)
    soon = now + timeline.RING_AGAIN
    unclaimed = Batch.objects.filter(state="ready", claim_by__gt=soon, claim_by__gte=F("instant") + timeline.RING_AGAIN)
    return count + unclaimed.update(claim_by=soon)


def _publications(now: datetime) -> int:
    """Looks, also for a second post of what is live; tries of what may still leave, that are due when nothing may leave any more."""
    count = Publication.objects.filter(_LOOKED_AT, next_at__gt=now + LONGEST_PAUSE).update(next_at=now)
    live = Publication.objects.filter(state=State.LIVE, next_at__gt=now + max(WATCH))
    count += live.update(next_at=now)
    last = F("instant") + settings.TONGFA.max_lateness
    return count + Publication.objects.filter(_TO_LEAVE, next_at__gt=now, next_at__gte=last).update(next_at=now)


def _watch(now: datetime) -> int:
    """Alarms, messages, inspections, pre-flights."""
    far = now + LONGEST_PAUSE
    count = _alarms(now) + _notices(now)
    count += Chore.objects.filter(next_at__gt=now + LONGEST_CHORE).update(next_at=now)
    lost = HandDraft.objects.filter(next_at__gt=far, next_at__gte=F("release__instant") + settings.TONGFA.max_lateness)
    count += HandDraft.objects.filter(pk__in=list(lost.values_list("pk", flat=True))).update(next_at=now)
    count += HandDraft.objects.filter(lease_until__gt=far).update(lease_until=None, next_at=now)
    short = Chore.objects.filter(next_at__gt=far).exclude(name="chain")
    late = Preflight.objects.filter(next_at__gt=far, next_at__gte=F("due_at") + LONGEST_PAUSE)
    return count + short.update(next_at=now) + late.update(next_at=now)


def _alarms(now: datetime) -> int:
    """Rings of people: even an hour is far too long, when the next ring is never more than minutes away."""
    unheard = Alarm.objects.filter(closed_at__isnull=True)
    put_off = Q(raised_at__gt=now)
    for ring, pause in enumerate(alarms.PAUSES):
        put_off |= Q(ring=ring, next_at__gt=now + pause)
    count = unheard.filter(put_off, next_at__gt=now).update(next_at=now)
    count += unheard.filter(told_at__gt=now).update(told_at=now)
    return count + unheard.filter(raised_at__gt=now).update(raised_at=now)  # the later rings are counted from it


def _notices(now: datetime) -> int:
    """Messages that wait for their next try; one that is being sent keeps its worker as long as that may be at it."""
    put_off = Q(created_at__gt=now) | Q(tries=0)
    for tries in range(1, len(alarms.BACKOFF) + 1):
        put_off |= Q(tries=tries, next_at__gt=alarms.retry_at(tries, now))
    put_off |= Q(next_at__gt=now + alarms.STUBBORNLY)
    waiting = AlarmNotice.objects.filter(put_off, next_at__gt=now).exclude(state="sending")
    sending = AlarmNotice.objects.filter(state="sending", next_at__gt=now + alarms.NOTICE_LEASE)
    return waiting.update(next_at=now) + sending.update(next_at=now)


def _gates(now: datetime) -> int:
    """Questions to the portal that are due when nobody would wait for its answer any more; looks of the future."""
    last = F("release__instant") + settings.TONGFA.max_lateness
    ids = PortalGate.objects.filter(next_at__gt=now, next_at__gte=last).values_list("pk", flat=True)
    count = PortalGate.objects.filter(pk__in=list(ids)).update(next_at=now)
    return count + look_anew(now=now)


def look_anew(release: Release | None = None, *, now: datetime) -> int:
    """Have the page of `release`, or of all, looked at now, where a clock that was ahead has looked, or was about to: its next
    look, its lease and its bell keep everybody else from one. Its proof is none from now on: it would pass for fresh as
    soon as the time has come that it bears, should nobody get to look before. Returns how many pages.

    Asked at every thorough tick, too: it may have been the clock of another host, which nobody here saw set right.
    """
    require_aware(now)
    waiting = Q(next_at__isnull=False) if release is None else Q(next_at__isnull=False, release=release)
    ahead = now + timeline.CLOCK_AGREEMENT
    dated, put_off = Q(live_at__gt=ahead), Q(asked_at__gt=ahead, next_at__gt=now)
    under_way = Q(rung_at__gt=ahead) | Q(lease_until__gt=ahead + timeline.GATE_LEASE)
    found = PortalGate.objects.filter(waiting, dated | put_off | under_way)
    if not found.exists():
        return 0  # an update that changes nothing waits for whoever writes, all the same
    proof = Case(When(dated, then=Value(sync.outdated(now), output_field=DateTimeField())), default=F("live_at"))
    return found.update(next_at=now, rung_at=None, lease_until=None, live_at=proof)
