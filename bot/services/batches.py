"""Batches: who goes out together, handed to one sending process; and what became of a process that died."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings

from bot.domain import timeline
from bot.domain.delivery import Event, State
from bot.models import Attempt, Batch, Publication

from . import audit
from .accounts import spec_of
from .locks import is_held, tidy
from .transitions import Stale, move
from .voiding import is_frozen

ACTOR = "系统"
PASSED = {State.CONFIRMING, State.LIVE, State.GONE, State.WITHDRAWN}
STUCK = {State.UNKNOWN, State.NEEDS_PERSON, State.MISSED, State.HELD, State.BLOCKED}


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
    if timeline.too_late(now, publication.instant, settings.TONGFA.max_lateness):
        return _leave(publication, Event.TOO_LATE, "超过最迟发送时限，未发出。请决定改期重发或作废。", now)
    if not publication.release.signed:
        return _leave(publication, Event.HOLD, "发布单没有有效签发，未发出。请重新签发。", now)
    if not publication.account.enabled:
        return _leave(publication, Event.HOLD, f"账号已停用（{publication.account.disabled_reason}），未发出。", now)
    if is_frozen(publication.release.unit):
        return _leave(publication, Event.HOLD, "本单位处于一键停发状态，未发出。", now)
    return _lane_is_clear(publication, now)


def _leave(publication: Publication, event: Event, reason: str, now: datetime) -> bool:
    with suppress(Stale):
        move(publication, event, actor=ACTOR, now=now, reason=reason, next_at=None)
    return False


def _lane_is_clear(publication: Publication, now: datetime) -> bool:
    """The next of a lane goes after the previous answer and the vendor's spacing; trouble holds the rest."""
    if publication.lane == 0:
        return True
    earlier = publication.release.publications.filter(account_id=publication.account_id, lane__lt=publication.lane)
    previous = earlier.exclude(state=State.CANCELLED).order_by("-lane").first()
    if previous is None:
        return True
    if previous.status in STUCK:
        reason = f"同一账号的上一条“{previous.status.label}”，本条暂停，未发出。处理好上一条后可恢复本条。"
        return _leave(publication, Event.HOLD, reason, now)
    if previous.status not in PASSED or previous.accepted_at is None:
        return False
    earliest = previous.accepted_at + spec_of(publication.account).spacing
    if earliest > publication.not_before:
        Publication.objects.filter(pk=publication.pk, state=State.STAGED).update(not_before=earliest)
        publication.not_before = earliest
    return True


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
                    stop_event="",
                    stop_reason="",
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
            for publication in batch.publications.select_related("account", "release"):
                _recover_one(publication, now)
            finish(batch)
        tidy("batch", batch.pk)
        recovered.append(batch)
    return recovered


def _recover_one(publication: Publication, now: datetime) -> None:
    if publication.status is State.ARMED:
        move(
            publication,
            Event.DISARM,
            actor=ACTOR,
            now=now,
            batch=None,
            next_at=now,
            reason="发送进程中断，尚未发出，正在重新安排。",
        )
        return
    if publication.status is not State.SENDING:
        return
    attempt = publication.attempts.filter(outcome="").first()
    sent = attempt.intent_at if attempt else now
    if attempt:
        Attempt.objects.filter(pk=attempt.pk).update(
            outcome="unknown", code="crash", message="发送进程在发出前后中断，不知道是否已发出。", answered_at=now
        )
    move(
        publication, Event.SILENCE, actor=ACTOR, now=now, sent_at=publication.sent_at or max(sent, publication.not_before),
        reason="发送进程中断，是否已发出不明，正在向平台核对；核对清楚之前不会重发。",
        next_at=now + first_look(publication), looks=0, absents=0,
    )  # fmt: skip


def first_look(publication: Publication) -> timedelta:
    """Delay of the first look after an unknown result."""
    policy = spec_of(publication.account).mode(publication.mode).unknown
    if policy.when_absent == "probe" and not publication.ids:
        return policy.probe_after
    return policy.looks[0]


def release_unclaimed(batch: Batch, *, now: datetime) -> None:
    """A batch that nobody could take in time: its publications are staged again and go late rather than never."""
    with audit.serialised():
        taken = Batch.objects.filter(pk=batch.pk, state="ready", fence=batch.fence).update(state="done")
        for publication in batch.publications.filter(state=State.ARMED) if taken else ():
            move(publication, Event.DISARM, actor=ACTOR, now=now, batch=None, next_at=now)
