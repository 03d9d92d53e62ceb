"""Where that stands which people post, on accounts that the machine may not post on: read here, written by others.

The book says what was posted. What people were given to post and nobody has entered is not known to be public, and not known
to be kept back: it is in doubt until somebody enters it or calls it off.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import Enum

from django.db.models import Exists, OuterRef, QuerySet

from bot import channels
from bot.domain.alarms import Side
from bot.domain.instants import require_aware
from bot.domain.urgent import SENT_BACK
from bot.models import ManualPost, ManualTask, Release


class Stage(Enum):
    """How far people are with tasks that are told of together."""

    WAITS = "waits"
    DONE = "done"
    PARTLY_DOWN = "partly_down"
    DOWN = "down"
    DROPPED = "dropped"


def tasks() -> QuerySet[ManualTask]:
    """Tasks with what tells whether they were posted (`posted`), in one question."""
    return _told(ManualTask.objects.all())


def tasks_of(release: Release) -> QuerySet[ManualTask]:
    """Those of a release, which they know."""
    return _told(release.manual_tasks.all())


def _told(found: QuerySet[ManualTask]) -> QuerySet[ManualTask]:
    return found.annotate(posted=_is_entered())


def not_entered() -> QuerySet[ManualTask]:
    """Tasks of which the book knows no post."""
    return ManualTask.objects.filter(~_is_entered())


def _is_entered() -> Exists:
    return Exists(_entries().filter(task=OuterRef("pk")))


def _entries() -> QuerySet[ManualPost]:
    return ManualPost.objects.filter(void__isnull=True)


def side(task: ManualTask) -> Side:
    """Where it stands by the book. Asks nothing for one of `tasks` that knows its release.

    Without an entry only a person's word that it is not posted any more, or that no text of it was ever signed, tells that
    it is not public.
    """
    posted = getattr(task, "posted", None)
    if _entries().filter(task=task).exists() if posted is None else posted:
        return Side.WAS_PUBLIC if task.drop_reason else Side.PUBLIC
    never = not task.waits or not task.payload_hash or task.release.cancelled_at is not None
    return Side.NOT_PUBLIC if never else Side.DOUBT


def still_owed(release: Release, found: Iterable[ManualTask]) -> list[ManualTask]:
    """Those of its tasks that people have neither done nor called off. Nothing is owed of a release that was called off."""
    return [] if release.cancelled_at else [task for task in found if task.done_at is None]


def due_from(release: Release) -> datetime | None:
    """From when people post their part; None while no signature stands, or a reviewer returned it.

    应急发布 “尽快”: at once, since a person needs longer than the machine.
    """
    if release.signed_at is None or release.cancelled_at is not None or returned(release):
        return None
    urgency = release.urgency
    at_once = urgency is not None and urgency.instant is None
    return min(release.signed_at, release.instant) if at_once else release.instant


def returned(release: Release) -> bool:
    """Whether a reviewer returned it as an urgent notice: for good, whatever has been corrected elsewhere since."""
    return release.urgency is not None and release.urgency.status in SENT_BACK


def due_now(release: Release, now: datetime) -> bool:
    """Whether people may post their part now, no freeze considered."""
    require_aware(now)
    start = due_from(release)
    return start is not None and start <= now and not release.waits_for_portal


def leaves_draft(task: ManualTask) -> bool:
    """Whether the machine leaves a draft of it on the account, which a person makes public there (`ModeSpec.by_hand`); else
    people post its text themselves. The task comes with its account. False where this process lacks the channel's program.
    """
    kind = channels.kinds().get(task.account.channel)
    return kind is not None and any(mode.name == task.mode and mode.by_hand for mode in kind.spec.modes)


def taken_down(task: ManualTask) -> bool:
    """Whether it was public and is not any more. Asks only of what has a reason, and nothing for one of `tasks`."""
    return bool(task.drop_reason) and side(task) is Side.WAS_PUBLIC


def stands(task: ManualTask) -> bool:
    """Whether it was entered and has not been taken down again, by its own row: asks nothing."""
    return not task.waits and not task.drop_reason


def stage(found: Iterable[ManualTask]) -> Stage:
    """Of one account, or of one message: what everything that tells of them goes by."""
    together = list(found)
    if any(task.waits for task in together):
        return Stage.WAITS
    down = any(map(taken_down, together))
    if any(map(stands, together)):
        return Stage.PARTLY_DOWN if down else Stage.DONE
    return Stage.DOWN if down else Stage.DROPPED
