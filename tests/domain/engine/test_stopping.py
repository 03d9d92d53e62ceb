"""What may be promised of a wish to stop."""

from __future__ import annotations

import pytest

from bot.domain.delivery import Event, State
from bot.domain.engine import stopping
from bot.domain.engine.stopping import Reach

from .parts import SECOND, SHARE, T, facts


@pytest.mark.parametrize(
    ("before", "trusted", "reach"),
    [(2 * SECOND, True, Reach.STOPPED), (SECOND, True, Reach.IN_FLIGHT), (2 * SECOND, False, Reach.IN_FLIGHT)],
    ids=["in time", "too close", "by a clock that was set, T may be behind us (seed 509783)"],
)
def test_stopped_is_said_of_what_is_being_sent_only_when_its_sender_will_still_look(before, trusted, reach):
    sending = facts(State.SENDING, SHARE, not_before=T)
    step, found = stopping.stop(sending, Event.HOLD, "核对", now=T - before, clock_trusted=trusted)
    assert found is reach
    assert step is not None
    assert step.changes["stop_event"] == Event.HOLD


def test_a_person_takes_over_what_the_machine_holds_and_its_reason_stays():
    held = facts(State.HELD, SHARE, held_by="machine", reason="草稿与签发内容不一致，未发出。")
    step, found = stopping.stop(held, Event.HOLD, "孙签暂停：核对", now=T)
    assert found is Reach.STOPPED
    assert step is not None
    assert step.changes == {"held_by": "person", "reason": "孙签暂停：核对（此前：草稿与签发内容不一致，未发出。）"}
    assert stopping.stop(facts(State.HELD, SHARE, held_by="person"), Event.HOLD, "再核", now=T) == (None, Reach.NOTHING)
