"""Hold, cancel, freeze: they act until the first byte, and say honestly what they did not reach."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.delivery import FOR_A_PERSON, STOPPABLE, Event, State

from ..instants import require_all_aware
from .facts import REASON_LENGTH, Facts, Step, step

#: The sender reads wishes to stop 100 ms before T; only with this much time is "stopped" a promise.
STOP_MARGIN = timedelta(seconds=1)


class Reach(StrEnum):
    """How far a wish to stop got."""

    STOPPED = "stopped"
    IN_FLIGHT = "in_flight"
    SENT = "sent"
    DOUBTFUL = "doubtful"  # not under way, but an earlier try may have gone out
    NOTHING = "nothing"  # settled, or with a person


def stop(
    facts: Facts, event: Event, reason: str, *, now: datetime, clock_trusted: bool = True
) -> tuple[Step | None, Reach]:
    """What a wish to stop does, and what may be promised of it.

    Where a byte may be out the wish is left with the publication: nothing of it is sent again. What was called off
    for good stays so, whatever is wished later. What the machine holds a person takes over: nothing but a person lets it go.
    """
    require_all_aware(now)
    if facts.state in STOPPABLE or (facts.state is State.HELD and event is Event.CANCEL):
        return step(event, reason, next_at=None), Reach.STOPPED
    if facts.state is State.HELD and facts.held_by == "machine":
        before = f"（此前：{facts.reason}）" if facts.reason else ""
        return Step(None, {"held_by": "person", "reason": f"{reason}{before}"[:REASON_LENGTH]}), Reach.STOPPED
    if facts.state in {State.SENDING, State.UNKNOWN}:
        reach = reach_of_wish(facts, now=now, clock_trusted=clock_trusted)
        if event is Event.HOLD and facts.stop_event == Event.CANCEL:
            return None, reach
        return Step(None, {"stop_event": str(event), "stop_reason": reason[:300]}), reach
    if facts.state in {State.CONFIRMING, State.LIVE}:
        return None, Reach.SENT
    return None, Reach.DOUBTFUL if facts.doubts and facts.state in FOR_A_PERSON else Reach.NOTHING


def reach_of_wish(facts: Facts, *, now: datetime, clock_trusted: bool = True) -> Reach:
    """What may be promised of a wish that is written down by `now` while a byte may be out.

    By a clock that was set since the sender began, T may be behind us although it does not say so.
    """
    require_all_aware(now)
    in_time = clock_trusted and facts.state is State.SENDING and facts.not_before > now + STOP_MARGIN
    return Reach.STOPPED if in_time else Reach.IN_FLIGHT
