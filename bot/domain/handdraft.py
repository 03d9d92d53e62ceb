"""The draft that the machine leaves on a platform for people to make public: when it is put there, looked at, given up. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from . import timeline
from .instants import require_all_aware, require_aware

AHEAD = timedelta(hours=1)
"""So long before the instant it is there: time for people to look at it on their own phone, too short to be forgotten."""
LOOK_BEFORE = timedelta(minutes=1)  # read back once more shortly before people publish it
MOST_TRIES = 8  # to take one back; afterwards a person does
TAKE_BACK_AGAIN = timedelta(minutes=2)


class Stage(StrEnum):
    """Where the draft of one message stands."""

    WAITING = "waiting"
    PLACED = "placed"
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
    Stage.FAILED: "没有放进草稿箱",
    Stage.ALTERED: "草稿不在或与签发的不一致",
    Stage.LEAVING: "正在从草稿箱取回",
    Stage.LEFT_OVER: "草稿可能还在草稿箱",
    Stage.TAKEN_BACK: "已从草稿箱取回",
}
FOR_A_PERSON = frozenset({Stage.FAILED, Stage.ALTERED, Stage.LEFT_OVER})
ENDED = frozenset({Stage.TAKEN_BACK, Stage.LEFT_OVER})
"""Of these nothing more is done: another signature brings another draft."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a row becomes: `next_at` None where nothing is due of it by itself."""

    stage: Stage
    next_at: datetime | None
    note: str = ""
    faults: int = 0


def placed_at(signed_at: datetime, instant: datetime) -> datetime:
    """When it is put there."""
    require_aware(instant)
    return max(require_aware(signed_at), instant - AHEAD)


def placed(instant: datetime, *, now: datetime) -> Step:
    """It stands there as it was signed; it is read once more shortly before its instant."""
    require_aware(now)
    look = require_aware(instant) - LOOK_BEFORE
    return Step(Stage.PLACED, look if look > now else None)


def faulted(stage: Stage, faults: int, message: str, instant: datetime, *, now: datetime) -> Step:
    """A call failed, after `faults` earlier ones. What was there stays there; while there is time it is tried again."""
    require_all_aware(instant)
    require_aware(now)
    again = now + timeline.stage_backoff(faults + 1)
    late = timeline.too_late(again, require_aware(instant))
    return Step(Stage.PLACED if stage is Stage.PLACED else Stage.FAILED, None if late else again, message, faults + 1)


def not_taken_back(faults: int, message: str, *, now: datetime) -> Step:
    """It could not be deleted, after `faults` earlier tries: again, and at last by a person."""
    require_aware(now)
    if faults + 1 >= MOST_TRIES:
        return Step(Stage.LEFT_OVER, None, message, faults + 1)
    return Step(Stage.LEAVING, now + TAKE_BACK_AGAIN, message, faults + 1)
