"""Batches: who goes out together, handed to one sending process; and what became of a process that died."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime

import structlog
from django.db import transaction

from bot.domain import timeline
from bot.domain.delivery import Event, State
from bot.domain.engine import handing_out, recovery
from bot.domain.engine.facts import Step, step
from bot.domain.instants import require_aware
from bot.domain.sync import AT_TIME
from bot.models import Attempt, Batch, Freeze, Publication

from . import audit, gating
from .bulk import CHUNK, chunks
from .errors import Refused
from .facts import facts_of
from .lanes import Lanes
from .locks import ProcessLock, is_held, tidy
from .quotas import follow
from .transitions import Change, Stale, enact, move_all, touch

log = structlog.get_logger(__name__)
ACTOR = "系统"


def hand_out(due: Iterable[Publication], *, now: datetime) -> list[Batch]:
    """Arm what may go: one batch per instant, several for a crowd. Publications of one release stay together."""
    require_aware(now)
    waiting = list(due)
    if not waiting:
        return []
    groups: dict[tuple[bool, datetime], list[Publication]] = defaultdict(list)
    busy = set(Publication.objects.filter(state__in=[State.ARMED, State.SENDING]).values_list("account_id", flat=True))
    probed = Publication.objects.filter(state=State.UNKNOWN, batch__kind="probe", batch__state__in=["ready", "claimed"])
    busy |= set(probed.values_list("account_id", flat=True))  # its replay is about to leave: the next one waits
    around = _Around(waiting)
    for publication in waiting:
        if (
            publication.account_id in busy
            or _waits_for_page(publication, now)
            or not _may_go(publication, around, now)
            or _is_early(publication, len(waiting), now)
        ):
            continue
        busy.add(publication.account_id)
        groups[_goes_with(publication, now)].append(publication)
    whole = ((max(now, *(one.not_before for one in group)), group) for group in groups.values())
    parts = ((instant, part) for instant, group in whole for part in together(group))
    return [batch for instant, part in parts if (batch := _arm(instant, part, now))]


def _goes_with(publication: Publication, now: datetime) -> tuple[bool, datetime]:
    """What is handed out as one: what goes at the same instant; of what was kept from it, whatever goes within the same second.

    Of a crowd whose platform could not be reached each is due again some microseconds after the one before: every one of
    them would have a sending process of its own.
    """
    leaves = max(publication.not_before, now)
    kept_back = leaves > max(publication.instant, now)
    return (True, leaves.replace(microsecond=0)) if kept_back and leaves.microsecond else (False, leaves)


def _is_early(publication: Publication, count: int, now: datetime) -> bool:
    """Due long before it may leave (its lane's spacing, a clock that was set back): the account would wait with its sender."""
    early = publication.not_before - now > timeline.hand_out_ahead(count)
    if early:
        with suppress(Stale):
            touch(publication, next_at=publication.not_before - timeline.HAND_OUT)
    return early


def _waits_for_page(publication: Publication, now: datetime) -> bool:
    """Whether its portal page keeps it back. What is not signed any more is held, whatever its page: nobody asks for that."""
    release = publication.release
    return release.signed and (release.waits_for_portal or _wants_proof(publication, now))


def _wants_proof(publication: Publication, now: datetime) -> bool:
    """Its portal page was seen too long ago: it is asked for first (a machine that was down, a late try).

    While something might have left, nobody asked the portal any more: where it is sure now that nothing has, somebody does.
    """
    if publication.release.sync == AT_TIME:
        return False
    gate = publication.release.gate
    unproved = gating.unproved(publication.release_id, gate.state, gate.live_at, now=now)
    if unproved:
        gating.ask_again(publication.release, now=now)
    return unproved


def is_busy(account_id: int) -> bool:
    """Whether a push of the account is about to leave or on its way."""
    return Publication.objects.filter(account=account_id, state__in=[State.ARMED, State.SENDING]).exists()


def together(group: Sequence[Publication]) -> list[list[Publication]]:
    """A crowd over several batches of about the same size, each release whole in one of them."""
    count = timeline.batches_for(len(group))
    parts: list[list[Publication]] = [[] for _ in range(count)]
    releases: dict[int, list[Publication]] = defaultdict(list)
    for publication in group:
        releases[publication.release_id].append(publication)
    for mates in releases.values():
        min(parts, key=len).extend(mates)
    return [part for part in parts if part]


class _Around:
    """What stands around many publications, asked once for all of them."""

    def __init__(self, publications: Sequence[Publication]) -> None:
        self._frozen = set(Freeze.objects.filter(lifted_at__isnull=True).values_list("unit_id", flat=True))
        self._lanes = Lanes(publications)

    def standing(self, publication: Publication) -> handing_out.Standing:
        """For the domain to judge."""
        return handing_out.Standing(
            signed=publication.release.signed,
            frozen=publication.release.unit_id in self._frozen,
            disabled=publication.account.disabled_reason,
            previous=self._lanes.previous(publication),
            shut=publication.release.waits_for_portal,
        )


def _may_go(publication: Publication, around: _Around, now: datetime) -> bool:
    """Whether it may be armed; what stands in its way for good is written down."""
    facts = facts_of(publication, ())
    answer = handing_out.may_go(facts, around.standing(publication), now=now)
    if isinstance(answer, Step) and answer.event is Event.TOO_LATE:
        answer = handing_out.expired(facts_of(publication))  # with its attempts: what is said then depends on them
    if isinstance(answer, Step):
        with suppress(Stale):
            enact(publication, answer, actor=ACTOR, now=now)
        return False
    if answer is None:
        return False
    if not _within_quota(publication, max(answer.not_before, now), now):
        return False
    if answer.not_before > publication.not_before:
        Publication.objects.filter(pk=publication.pk, state=State.STAGED).update(not_before=answer.not_before)
        publication.not_before = answer.not_before
    return True


def _within_quota(publication: Publication, at: datetime, now: datetime) -> bool:
    """Whether a late one still has a slot in the hour, day and month in which it would go; else it is held."""
    if at <= publication.instant:
        return True
    try:
        with audit.serialised():
            follow(publication, at, now=now)
    except Refused as refused:
        with suppress(Stale):
            enact(publication, step(Event.HOLD, refused.message, next_at=None), actor=ACTOR, now=now)
        return False
    return True


def _arm(instant: datetime, group: list[Publication], now: datetime) -> Batch | None:
    if len(group) <= CHUNK:
        with audit.serialised():
            batch = _batch(instant, group, now)
            if _arm_all(batch, group, now):
                return batch
            batch.delete()  # somebody else was faster with all of it
            return None
    return _arm_crowd(instant, group, now)


def _arm_crowd(instant: datetime, group: list[Publication], now: datetime) -> Batch | None:
    """In short transactions. Until all are in, the clock itself has the batch, under the batch's lock.

    Should it die on the way, `recover` treats it like any dead sender: what it armed goes again.
    """
    with transaction.atomic():  # nobody sees the batch before its lock is held: it would pass for a dead sender's
        batch = _batch(instant, group, now, state="claimed", owner="clock")
        lock = ProcessLock("batch", batch.pk)
        if not lock.acquire():
            transaction.set_rollback(True)
            return None
    try:
        armed = sum(_arm_all(batch, part, now) for part in chunks(group))
        if not armed:
            batch.delete()
            return None
        if not Batch.objects.filter(pk=batch.pk, state="claimed", fence=0).update(state="ready", owner=""):
            log.error("batches.taken_over", batch=batch.pk)  # what it armed is taken up by `recover`
            return None
        batch.state, batch.owner = "ready", ""
    finally:
        lock.release()
    return batch


def _batch(instant: datetime, group: Sequence[Publication], now: datetime, **more: str) -> Batch:
    ahead = timeline.hand_out_ahead(len(group)) - timeline.HAND_OUT + timeline.CHILD_SENDER
    claim_by = max(instant - ahead, now + timeline.CLAIM_GRACE)
    return Batch.objects.create(instant=instant, handed_at=now, claim_by=claim_by, **more)


def _arm_all(batch: Batch, group: Sequence[Publication], now: datetime) -> int:
    changes = [Change(publication, Event.ARM, {"batch": batch, "next_at": None}) for publication in group]
    return len(move_all(changes, actor=ACTOR, now=now))


def arrange_probe(publication: Publication, *, now: datetime) -> Batch:
    """A batch of one: the replay of the same key that tells whether the first call arrived."""
    require_aware(now)
    with audit.serialised():
        batch = Batch.objects.create(kind="probe", instant=now, handed_at=now, claim_by=now + timeline.CLAIM_GRACE)
        Publication.objects.filter(pk=publication.pk, state=State.UNKNOWN, fence=publication.fence).update(
            batch=batch, next_at=now + timeline.LOOK_LEASE, lease_until=None
        )
    return batch


def claim(batch_id: int, owner: str, *, now: datetime) -> Batch | None:
    """Take a ready batch, while holding its lock. None when it was taken before."""
    require_aware(now)
    fence = Batch.objects.filter(pk=batch_id, state="ready").values_list("fence", flat=True).first()
    if fence is None or not Batch.objects.filter(pk=batch_id, state="ready", fence=fence).update(
        state="claimed", fence=fence + 1, owner=owner, claimed_at=now
    ):
        return None
    return Batch.objects.get(pk=batch_id)


def finish(batch: Batch) -> None:
    """Everything of it is recorded. With an attempt still open it stays claimed, so that `recover` settles that."""
    if Attempt.objects.filter(batch=batch, outcome="").exists():
        return
    Batch.objects.filter(pk=batch.pk, fence=batch.fence).update(state="done")


def recover(*, now: datetime) -> bool:
    """Settle batches whose sender is dead: before the intent it did nothing, after it nobody knows. Whether there was any."""
    require_aware(now)
    recovered = _rearm_the_stranded(now)
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
        recovered = True
    return recovered


def _rearm_the_stranded(now: datetime) -> bool:
    """Armed for a batch that is over: nobody would ever send it."""
    armed = Publication.objects.filter(state=State.ARMED).exclude(batch__state__in=["ready", "claimed"])
    found = list(armed.select_related("account", "release"))
    for publication in found:
        with audit.serialised():
            _rearm(publication, now)
    return bool(found)


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
