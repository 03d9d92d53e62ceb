"""Staging, handing out, recovery and stopping: what is decided while no byte has left."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import timeline
from bot.domain.delivery import STOPPABLE, TRANSITIONS, Event, State
from bot.domain.engine import handing_out, people, recovery, sender, staging, stopping
from bot.domain.engine.facts import Step
from bot.domain.engine.handing_out import Go, Previous, Standing

from ..strategies import QUICK
from .parts import MINUTE, PUBLISH, SECOND, T, facts

SPACING = 5 * SECOND


# --- may it go ------------------------------------------------------------------------------------------------


def test_what_is_signed_and_undisturbed_goes_at_its_instant():
    assert handing_out.may_go(facts(State.STAGED), Standing(), now=T - 15 * SECOND) == Go(T)


@pytest.mark.parametrize(
    ("standing", "word"),
    [(Standing(signed=False), "签发"), (Standing(frozen=True), "停发"), (Standing(disabled="换号"), "换号")],
)
def test_without_signature_frozen_or_disabled_it_is_held_unsent(standing, word):
    step = handing_out.may_go(facts(State.STAGED), standing, now=T - 15 * SECOND)
    assert isinstance(step, Step)
    assert (step.event, word in step.reason, "未发出" in step.reason) == (Event.HOLD, True, True)


def test_a_wish_to_stop_and_lateness_win():
    stop = handing_out.may_go(facts(State.STAGED, stop_event="cancel", stop_reason="改期"), Standing(), now=T)
    late = handing_out.may_go(facts(State.STAGED, reason="令牌失效"), Standing(), now=T + timedelta(hours=1))
    assert isinstance(stop, Step)
    assert isinstance(late, Step)
    assert (stop.event, late.event) == (Event.CANCEL, Event.TOO_LATE)
    assert "此前：令牌失效" in late.reason


def test_a_gate_that_is_not_open_makes_it_wait():
    assert handing_out.may_go(facts(State.STAGED), Standing(shut=True), now=T) is None


@pytest.mark.parametrize("state", State)
def test_a_lane_goes_on_after_the_answer_and_the_spacing_or_is_held(state):
    answer = handing_out.may_go(
        facts(State.STAGED, lane=1), Standing(previous=Previous(state, T + 2 * SECOND, SPACING)), now=T + 3 * SECOND
    )
    if state in handing_out.PASSED:
        assert answer == Go(T + 7 * SECOND)
    elif state in handing_out.STUCK:
        assert isinstance(answer, Step)
        assert answer.event is Event.HOLD
    else:
        assert answer is None


@given(st.lists(st.sampled_from(State), min_size=1))
def test_the_nearest_that_has_not_passed_decides_for_a_lane(states):
    place = handing_out.decisive(states)
    assert all(state in handing_out.PASSED for state in states[place + 1 :])
    assert states[place] not in handing_out.PASSED or (set(states) <= handing_out.PASSED and place == len(states) - 1)


@QUICK
@given(
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from(State),
    st.sampled_from(["", "hold", "cancel"]),
)
def test_the_last_look_lets_through_only_what_nothing_speaks_against(
    signed, frozen, approved, lock, trusted, fresh, state, wish
):
    out = handing_out.struck(
        Standing(signed=signed, frozen=frozen), state, wish,
        approved=approved, lock_held=lock, clock_trusted=trusted, read_back_holds=fresh,
    )  # fmt: skip
    good = signed and not frozen and approved and lock and trusted and fresh
    assert bool(out) != (good and state is State.SENDING and not wish)


@pytest.mark.parametrize("state", State)
def test_the_last_look_strikes_out_what_follows_a_post_that_failed_since_it_was_armed(state):
    out = handing_out.struck(
        Standing(previous=Previous(state, T, SPACING)), State.SENDING, "",
        approved=True, lock_held=True, clock_trusted=True,
    )  # fmt: skip
    assert bool(out) == (state not in handing_out.PASSED)


def test_what_the_platform_was_seen_to_hold_a_minute_ago_says_nothing_any_more():
    assert sender.read_back_holds(T - timeline.HAND_OUT, T)
    assert sender.read_back_holds(T - timeline.READ_BACK_HOLDS, T)
    assert not sender.read_back_holds(T - timeline.READ_BACK_HOLDS - SECOND, T)
    assert sender.read_back_holds(None, T)  # a crowd, or a vendor without drafts: the comparison at staging stands


# --- the order of the last seconds ---------------------------------------------------------------------------------


def test_intents_stand_before_any_byte_and_the_last_look_comes_after_the_last_wait():
    order = [act for act, _ in sender.acts(T)]
    assert order.index(sender.Act.COMMIT_INTENTS) < order.index(sender.Act.LAST_LOOK) < order.index(sender.Act.FIRE)
    assert order[-2:] == [sender.Act.LAST_LOOK, sender.Act.FIRE]


def test_firing_begins_before_the_instant_so_that_the_launcher_waits_on_both_clocks():
    """Whoever waited for T on the wall clock first would make the launcher's own countdown start after it."""
    assert dict(sender.acts(T))[sender.Act.LAST_LOOK] == T - timeline.RECHECK
    assert dict(sender.acts(T))[sender.Act.FIRE] is None


def test_no_first_byte_leaves_long_after_an_intent_or_the_instant():
    assert sender.send_by(T, T - 2 * SECOND) == T + timeline.SEND_BY
    assert sender.send_by(T, T + MINUTE) == T + MINUTE + timeline.SEND_BY
    assert sender.fire_at(T, T - SECOND) == T


# --- staging --------------------------------------------------------------------------------------------------


def test_a_fault_is_tried_again_and_looked_at_by_the_deadline():
    step = staging.faulted(
        facts(State.STAGING, stage_by=T - 15 * SECOND, stage_faults=5), "忙。", wait_until=None, now=T - 40 * SECOND
    )
    assert (step.event, step.changes["next_at"]) == (Event.STAGE_FAULT, T - 15 * SECOND)


def test_what_was_tried_and_is_not_ready_in_time_is_held_and_what_nobody_tried_goes_late():
    tried = facts(State.BLOCKED, stage_by=T - 15 * SECOND, stage_faults=1)
    nobody = facts(State.PLANNED, stage_by=T - 15 * SECOND)
    rung = facts(State.PLANNED, stage_by=T - 15 * SECOND, rung_at=T - MINUTE)
    assert [staging.unready(one, now=T - 15 * SECOND) for one in (tried, nobody, rung)] == [True, False, True]
    assert not staging.unready(tried, now=T - 16 * SECOND)


# --- dead processes -------------------------------------------------------------------------------------------


def test_a_sender_that_died_before_its_intent_did_nothing_three_times_is_no_accident():
    again, held = (recovery.rearmed(facts(State.ARMED, crashes=crashes), now=T) for crashes in (1, 2))
    assert (again.event, held.event) == (Event.DISARM, Event.HOLD)


@pytest.mark.parametrize("state", State)
def test_a_sender_that_died_after_its_intent_leaves_nothing_but_unknown(state):
    step = recovery.orphaned(facts(state, PUBLISH), now=T)
    assert (step.event if step else None) == (Event.SILENCE if state is State.SENDING else None)


# --- people ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", [Event.HOLD, Event.CANCEL])
def test_a_stop_reaches_what_has_not_left_and_is_honest_about_the_rest(state, event):
    step, reach = stopping.stop(facts(state), event, "停", now=T - MINUTE)
    if state in STOPPABLE:
        assert (reach, step.event) == (stopping.Reach.STOPPED, event)
    elif state in {State.SENDING, State.UNKNOWN}:
        assert (step.event, step.changes["stop_event"]) == (None, str(event))
        assert reach == (stopping.Reach.STOPPED if state is State.SENDING else stopping.Reach.IN_FLIGHT)
    elif state in {State.CONFIRMING, State.LIVE}:
        assert (step, reach) == (None, stopping.Reach.SENT)


def test_a_stop_in_the_last_second_is_not_promised():
    assert stopping.stop(facts(State.SENDING), Event.HOLD, "停", now=T - SECOND)[1] is stopping.Reach.IN_FLIGHT


def test_what_was_called_off_is_not_merely_held_by_a_later_freeze():
    step, _ = stopping.stop(facts(State.UNKNOWN, stop_event="cancel"), Event.HOLD, "停", now=T)
    assert step is None


def test_sent_again_by_two_people_has_a_fresh_instant_and_keeps_what_is_known_until_the_next_act():
    step = people.sent_again(facts(State.NEEDS_PERSON, ids={"a": "1"}, sent_at=T), "重发", now=T + MINUTE)
    assert step.changes["instant"] == step.changes["not_before"] == T + MINUTE
    assert not {"ids", "sent_at", "accepted_at"} & step.changes.keys()
    _, begun = sender.intent(T + MINUTE, T + 2 * MINUTE, probe=False)
    assert (begun["ids"], begun["sent_at"], begun["not_before"]) == ({}, None, T + 2 * MINUTE)
    assert sender.intent(T, T, probe=True)[1] == {"next_at": None}
    assert TRANSITIONS[State.NEEDS_PERSON, step.event] is State.PLANNED
