"""The rows of drafts that people make public: made when a release is signed, looked at anew when something of it changes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from bot.domain import handdraft
from bot.domain.handdraft import Stage
from bot.domain.instants import require_aware
from bot.models import Account, Chore, HandDraft, ManualTask, Release

from . import byhand

CHORE = "drafts"


def arrange_drafts(release: Release, tasks: Iterable[ManualTask], *, now: datetime) -> None:
    """One row for each message whose draft the machine leaves, in the transaction of the signature (`now` is its instant)."""
    require_aware(now)
    messages = {(task.account_id, task.lane) for task in tasks if byhand.leaves_draft(task)}
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


def look_at_drafts(release_id: int, *, now: datetime, message: tuple[int, int] | None = None) -> None:
    """Something of the release was signed anew, called off or entered: what was left for it is looked at now.

    `message`: of one account and lane alone. A worker that is at one of them sees for itself when it writes.
    """
    require_aware(now)
    found = HandDraft.objects.filter(release=release_id)
    if message is not None:
        found = found.filter(account=message[0], lane=message[1])
    _look_at(found, now)


def look_at_drafts_of(account: Account, *, now: datetime) -> None:
    """The account was taken out of use: what was left there is looked at now."""
    require_aware(now)
    _look_at(HandDraft.objects.filter(account=account), now)


def _look_at(rows: QuerySet[HandDraft], now: datetime) -> None:
    found = rows.exclude(stage__in=[Stage.TAKEN_BACK, Stage.LEFT_OVER])
    if found.filter(lease_until__isnull=True).update(next_at=now, faults=0) or found.exists():
        ring_by(now)


def put_back_drafts(release_id: int, message: tuple[int, int], *, now: datetime) -> None:
    """An entry was an error: what was taken back for it is wanted again."""
    require_aware(now)
    account, lane = message
    found = HandDraft.objects.filter(release=release_id, account=account, lane=lane, stage=Stage.TAKEN_BACK)
    if found.update(stage=Stage.WAITING, next_at=now, note="", faults=0):
        ring_by(now)
    look_at_drafts(release_id, now=now, message=message)
