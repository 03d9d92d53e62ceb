"""Batches: who goes out together, handed to one sending process; and what became of a process that died."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from django.db import transaction

from bot.domain import timeline
from bot.domain.delivery import Event, State
from bot.domain.engine import handing_out, recovery
from bot.domain.engine.facts import Step
from bot.models import Attempt, Batch, Publication

from . import audit
from .accounts import spec_of
from .facts import facts_of
from .locks import is_held, tidy
from .transitions import Stale, enact, move
from .voiding import is_frozen

ACTOR = "系统"


def hand_out(due: Iterable[Publication], *, now: datetime) -> list[Batch]:
    """Arm what may go, one batch per instant."""
    groups: dict[datetime, list[Publication]] = defaultdict(list)
    busy = set(Publication.objects.filter(state__in=[State.ARMED, State.SENDING]).values_list("account_id", flat=True))
    for publication in due:
        if publication.account_id in busy or not _may_go(publication, now):
            continue
        busy.add(publication.account_id)
        groups[max(publication.not_before, now)].append(publication)
    return [batch for instant, group in groups.items() if (batch := _arm(instant, group, now))]


def _may_go(publication: Publication, now: datetime) -> bool:
    """Whether it may be armed; what stands in its way for good is written down."""
    answer = handing_out.may_go(facts_of(publication, ()), _standing(publication), now=now)
    if isinstance(answer, Step):
        with suppress(Stale):
            enact(publication, answer, actor=ACTOR, now=now)
        return False
    if answer is None:
        return False
    if answer.not_before > publication.not_before:
        Publication.objects.filter(pk=publication.pk, state=State.STAGED).update(not_before=answer.not_before)
        publication.not_before = answer.not_before
    return True


def _standing(publication: Publication) -> handing_out.Standing:
    return handing_out.Standing(
        signed=publication.release.signed,
        frozen=is_frozen(publication.release.unit),
        disabled=publication.account.disabled_reason,
        previous=_previous(publication),
    )


def _previous(publication: Publication) -> handing_out.Previous | None:
    if publication.lane == 0:
        return None
    earlier = publication.release.publications.filter(account_id=publication.account_id, lane__lt=publication.lane)
    previous = earlier.exclude(state=State.CANCELLED).order_by("-lane").first()
    if previous is None:
        return None
    return handing_out.Previous(previous.status, previous.accepted_at, spec_of(publication.account).spacing)


def _arm(instant: datetime, group: list[Publication], now: datetime) -> Batch | None:
    with audit.serialised():
        batch = Batch.objects.create(
            instant=instant, handed_at=now,
            claim_by=max(instant - timeline.CHILD_SENDER, now + timeline.CLAIM_GRACE),
        )  # fmt: skip
        armed = 0
        for publication in group:
            try:
                move(
                    publication,
                    Event.ARM,
                    actor=ACTOR,
                    now=now,
                    batch=batch,
                    next_at=None,
                )
                armed += 1
            except Stale:
                continue
        if not armed:
            batch.delete()
            return None
    return batch


def arrange_probe(publication: Publication, *, now: datetime) -> Batch:
    """A batch of one: the replay of the same key that tells whether the first call arrived."""
    with audit.serialised():
        batch = Batch.objects.create(kind="probe", instant=now, handed_at=now, claim_by=now + timeline.CLAIM_GRACE)
        Publication.objects.filter(pk=publication.pk, state=State.UNKNOWN, fence=publication.fence).update(
            batch=batch, next_at=now + timeline.LOOK_LEASE, lease_until=None
        )
    return batch


def claim(batch_id: int, owner: str, *, now: datetime) -> Batch | None:
    """Take a ready batch, while holding its lock. None when it was taken before."""
    fence = Batch.objects.filter(pk=batch_id, state="ready").values_list("fence", flat=True).first()
    if fence is None or not Batch.objects.filter(pk=batch_id, state="ready", fence=fence).update(
        state="claimed", fence=fence + 1, owner=owner, claimed_at=now
    ):
        return None
    return Batch.objects.get(pk=batch_id)


def finish(batch: Batch) -> None:
    """Everything of it is recorded."""
    Batch.objects.filter(pk=batch.pk, fence=batch.fence).update(state="done")


def recover(*, now: datetime) -> list[Batch]:
    """Settle batches whose sender is dead: before the intent it did nothing, after it nobody knows."""
    recovered = []
    for batch in Batch.objects.filter(state="claimed"):
        if is_held("batch", batch.pk):
            continue
        with audit.serialised():
            for attempt in Attempt.objects.filter(batch=batch, outcome="").select_related("publication__account"):
                _close_orphan(attempt, now)
            for publication in batch.publications.select_related("account", "release").filter(state=State.ARMED):
                _rearm(publication, now)
            finish(batch)
        tidy("batch", batch.pk)
        recovered.append(batch)
    return recovered


def _rearm(publication: Publication, now: datetime) -> None:
    with suppress(Stale), transaction.atomic():
        enact(publication, recovery.rearmed(facts_of(publication, ()), now=now), actor=ACTOR, now=now)


def _close_orphan(attempt: Attempt, now: datetime) -> None:
    """Its sender died with the intent committed: whether a byte left, nobody knows."""
    Attempt.objects.filter(pk=attempt.pk, outcome="").update(
        outcome="unknown", code="crash", message="发送进程在发出前后中断，不知道是否已发出。", answered_at=now
    )
    step = recovery.orphaned(facts_of(attempt.publication), now=now)
    if step is not None:
        with suppress(Stale), transaction.atomic():
            enact(attempt.publication, step, actor=ACTOR, now=now)
