"""The rows of drafts that people make public: made when a release is signed, given up when its signature goes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q

from bot.domain import handdraft
from bot.domain.instants import require_aware
from bot.models import Chore, HandDraft, ManualTask, Release

from .accounts import spec_of

CHORE = "drafts"


def arrange_drafts(release: Release, tasks: Iterable[ManualTask], *, now: datetime) -> None:
    """One row for each message whose draft the machine leaves, in the transaction of the signature (`now` is its instant)."""
    require_aware(now)
    messages = {(task.account_id, task.lane) for task in tasks if spec_of(task.account).mode(task.mode).by_hand}
    due = handdraft.placed_at(now, release.instant)
    HandDraft.objects.bulk_create(
        HandDraft(release=release, account_id=account, lane=lane, signed_at=now, next_at=due)
        for account, lane in sorted(messages)
    )
    if messages:
        ring_by(due)


def ring_by(due: datetime) -> None:
    """The chore comes by then."""
    require_aware(due)
    Chore.objects.filter(pk=CHORE, next_at__gt=due).update(next_at=due, rung_at=None)


def give_up_drafts(release_id: int, *, now: datetime) -> None:
    """Something of the release was called off or has to be signed anew: what still stands there is looked at now."""
    require_aware(now)
    alive = ~Q(stage__in=[str(stage) for stage in handdraft.ENDED])
    if HandDraft.objects.filter(alive, release=release_id).update(next_at=now, faults=0):
        ring_by(now)
