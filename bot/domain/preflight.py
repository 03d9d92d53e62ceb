"""Pre-flights: which checks of a release are due when (design.md section 7). Pure; whoever asks brings the time along."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from .instants import require_all_aware, require_aware
from .timeline import PREFLIGHTS


class Kind(StrEnum):
    """Why a pre-flight is made."""

    DAY = "day"
    HOUR = "hour"
    QUARTER = "quarter"
    LAST = "last"
    SIGNING = "signing"  # signed later than the time of some check: what was missed, as one
    ASKED = "asked"  # a person wanted to know now

    @property
    def label(self) -> str:
        """The word staff see."""
        return LABELS[self]


LABELS = {
    Kind.DAY: "发布前一天",
    Kind.HOUR: "发布前 1 小时",
    Kind.QUARTER: "发布前 15 分钟",
    Kind.LAST: "发布前 5 分钟",
    Kind.SIGNING: "签发时补做",
    Kind.ASKED: "人工要求",
}
#: The kinds of the timeline's delays, in its order.
TIMED = dict(zip((Kind.DAY, Kind.HOUR, Kind.QUARTER, Kind.LAST), PREFLIGHTS, strict=True))


@dataclass(frozen=True, slots=True)
class Due:
    """One pre-flight and its time."""

    kind: Kind
    at: datetime


def plan(signed_at: datetime, instant: datetime) -> list[Due]:
    """The pre-flights of a release that is signed now, in order of time.

    Those whose time is already past run at once, as one.
    """
    require_aware(signed_at)
    require_aware(instant)
    times = [Due(kind, instant - ahead) for kind, ahead in TIMED.items()]
    missed = any(due.at <= signed_at for due in times)
    return [*([Due(Kind.SIGNING, signed_at)] if missed else []), *(due for due in times if due.at > signed_at)]


def newest(waiting: Iterable[tuple[int, datetime]], now: datetime) -> int | None:
    """Of the pre-flights of one account that are due, the one to run: the latest. The others are covered by it.

    `waiting`: (id, time). None when nothing is due.
    """
    require_all_aware(now)
    due = [(at, pk) for pk, at in waiting if at <= now]
    return max(due)[1] if due else None


def too_late(last_instant: datetime, now: datetime) -> bool:
    """True from the last instant of the account's pushes on: there is nothing left to find out ahead."""
    require_all_aware(last_instant, now)
    return now >= last_instant


#: How long one worker may be at a pre-flight before it is run again by somebody else.
LEASE = timedelta(seconds=90)
