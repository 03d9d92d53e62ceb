"""Batches: who goes out together, handed to one sending process; and what became of a process that died."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

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
MOST_CRASHES = 3
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
    if publication.stop_event:
        return _leave(publication, Event(publication.stop_event), publication.stop_reason, now)
    if not publication.release.signed:
        return _leave(publication, Event.HOLD, "发布单没有有效签发，未发出。请重新签发。", now)
    if not publication.account.enabled:
        return _leave(publication, Event.HOLD, f"账号已停用（{publication.account.disabled_reason}），未发出。", now)
    if is_frozen(publication.release.unit):
        return _leave(publication, Event.HOLD, "本单位处于一键停发状态，未发出。", now)
    return _lane_is_clear(publication, now)


def _leave(publication: Publication, event: Event, reason: str, now: datetime) -> bool:
    with suppress(Stale):
        move(publication, event, actor=ACTOR, now=now, reason=reason, next_at=None, stop_event="", stop_reason="")
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
    """Its sender died before any intent: provably nothing left. Three times is no accident: a person looks."""
    crashes = publication.crashes + 1
    if crashes >= MOST_CRASHES:
        reason = f"发送进程连续 {crashes} 次中断，均未发出，已暂停。请系统管理员查看日志后恢复。"
        event = Event.HOLD
    else:
        event, reason = Event.DISARM, "发送进程中断，尚未发出，正在重新安排。"
    with suppress(Stale), transaction.atomic():
        move(
            publication, event, actor=ACTOR, now=now, batch=None, reason=reason, crashes=crashes,
            next_at=now if event is Event.DISARM else None,
        )  # fmt: skip


def _close_orphan(attempt: Attempt, now: datetime) -> None:
    """Its sender died with the intent committed: whether a byte left, nobody knows."""
    Attempt.objects.filter(pk=attempt.pk, outcome="").update(
        outcome="unknown", code="crash", message="发送进程在发出前后中断，不知道是否已发出。", answered_at=now
    )
    publication = attempt.publication
    if publication.status is not State.SENDING:
        return
    with suppress(Stale), transaction.atomic():
        move(
            publication, Event.SILENCE, actor=ACTOR, now=now, looks=0, absents=0,
            reason="发送进程中断，是否已发出不明，正在向平台核对；核对清楚之前不会重发。",
            next_at=now + first_look(publication),
        )  # fmt: skip


def first_look(publication: Publication) -> timedelta:
    """Delay of the first look after an unknown result."""
    policy = spec_of(publication.account).mode(publication.mode).unknown
    if policy.when_absent == "probe" and not publication.ids:
        return policy.probe_after
    return policy.looks[0]
