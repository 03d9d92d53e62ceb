"""The draft that the machine leaves on a platform for people to make public: when it is put there, looked at, given up. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from . import timeline
from .instants import require_all_aware

AHEAD = timedelta(hours=1)
"""So long before the instant it is there: time for people to look at it on their own phone, too short to be forgotten."""
LOOK_BEFORE = timedelta(minutes=1)
"""It is read back once more shortly before people publish it; never after, when it may be gone."""
MOST_TRIES = 8  # to take one back; afterwards a person does
TAKE_BACK_AGAIN = timedelta(minutes=2)
OVERDUE = timedelta(minutes=10)  # nobody has put it there by then: a person hears of it
TOLD_FROM = 2  # faults in a row that a person hears of


class Stage(StrEnum):
    """Where the draft of one message stands."""

    WAITING = "waiting"
    PLACED = "placed"
    UNCHECKED = "unchecked"
    FAILED = "failed"
    ALTERED = "altered"
    LEAVING = "leaving"
    LEFT_OVER = "left_over"
    TAKEN_BACK = "taken_back"

    @property
    def label(self) -> str:
        """The word staff see."""
        return _LABELS[self]


_LABELS = {
    Stage.WAITING: "尚未放入草稿箱",
    Stage.PLACED: "已在草稿箱，核对一致",
    Stage.UNCHECKED: "已放入草稿箱，还没有核对一致",
    Stage.FAILED: "没有放进草稿箱",
    Stage.ALTERED: "草稿不在或与签发的不一致",
    Stage.LEAVING: "正在从草稿箱取回",
    Stage.LEFT_OVER: "草稿可能还在草稿箱",
    Stage.TAKEN_BACK: "草稿箱里没有留下草稿",
}
ANEW = frozenset({Stage.UNCHECKED, Stage.FAILED, Stage.ALTERED, Stage.TAKEN_BACK})
"""Where a person may have it put there anew."""
GOING = frozenset({Stage.LEAVING, Stage.LEFT_OVER})
"""What stands there is not to be published by anybody."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a row becomes: `next_at` None where nothing is due of it by itself."""

    stage: Stage
    next_at: datetime | None
    note: str = ""
    faults: int = 0


def placed_at(signed_at: datetime, instant: datetime) -> datetime:
    """When it is put there."""
    require_all_aware(signed_at, instant)
    return max(signed_at, instant - AHEAD)


def placed(instant: datetime, *, now: datetime) -> Step:
    """It stands there as it was signed; it is read once more shortly before its instant."""
    require_all_aware(instant, now)
    look = instant - LOOK_BEFORE
    return Step(Stage.PLACED, look if look > now else None)


def faulted(stage: Stage, faults: int, message: str, instant: datetime, *, made: bool, now: datetime) -> Step:
    """A call failed, after `faults` earlier ones. `made`: a draft of ours stands there, or may.

    What may be public is not touched again by machine; what was compared is not read after its instant, when people may
    have published it; the rest is tried again while there is time.
    """
    require_all_aware(instant, now)
    if stage is Stage.ALTERED:
        return Step(Stage.ALTERED, None, message, faults + 1)
    again = now + timeline.stage_backoff(faults + 1)
    if stage is Stage.PLACED:
        return Step(Stage.PLACED, again if again < instant else None, message, faults + 1)
    late = timeline.too_late(again, instant)
    return Step(Stage.UNCHECKED if made else Stage.FAILED, None if late else again, message, faults + 1)


def not_taken_back(faults: int, message: str, *, now: datetime) -> Step:
    """It could not be deleted, after `faults` earlier tries: again, and at last by a person."""
    require_all_aware(now)
    if faults + 1 >= MOST_TRIES:
        return Step(Stage.LEFT_OVER, None, message, faults + 1)
    return Step(Stage.LEAVING, now + TAKE_BACK_AGAIN, message, faults + 1)


def for_a_person(stage: Stage, faults: int, next_at: datetime | None, *, now: datetime) -> bool:
    """Whether a person must hear of it: what nobody tries any more, what fails again, what is late, what must go."""
    require_all_aware(next_at, now)
    if stage in {Stage.ALTERED, Stage.LEFT_OVER}:
        return True
    if stage is Stage.WAITING:
        return next_at is None or next_at < now - OVERDUE
    if stage in {Stage.FAILED, Stage.UNCHECKED}:
        return next_at is None or faults >= TOLD_FROM
    return faults > 0 if stage is Stage.LEAVING else stage is Stage.PLACED and faults >= TOLD_FROM
