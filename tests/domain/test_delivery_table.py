"""The delivery table: what may follow what, and what may never follow again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.delivery import (
    FOR_A_PERSON,
    MAY_BE_PUBLIC,
    SETTLED,
    STATE_LABELS,
    STOPPABLE,
    TRANSITIONS,
    Event,
    IllegalTransition,
    State,
    after,
    sources,
)

from .strategies import QUICK

BY_PERSON = {
    Event.RETRY_BY_PERSON,
    Event.LIVE_BY_PERSON,
    Event.NOT_LIVE_BY_PERSON,
    Event.CANCEL,
    Event.RESUME,
    Event.HOLD,
    Event.WITHDRAW,
    Event.RESTORE,
}
BY_MACHINE = set(Event) - BY_PERSON


def reachable(start: State, events: set[Event]) -> set[State]:
    """All states that `events` alone lead to."""
    found, open_ = set(), [start]
    while open_:
        state = open_.pop()
        for (source, event), target in TRANSITIONS.items():
            if source is state and event in events and target not in found:
                found.add(target)
                open_.append(target)
    return found


@QUICK
@given(state=st.sampled_from(State), event=st.sampled_from(Event))
def test_after_follows_the_table_and_refuses_everything_else(state, event):
    if (state, event) in TRANSITIONS:
        assert after(state, event) is TRANSITIONS[state, event]
        assert state in sources(event)
    else:
        with pytest.raises(IllegalTransition):
            after(state, event)
        assert state not in sources(event)


def test_the_way_of_a_release_that_goes_well():
    state = State.PLANNED
    for event in (Event.STAGE, Event.STAGE_OK, Event.ARM, Event.INTENT, Event.ACCEPTED, Event.CONFIRM):
        state = after(state, event)
    assert state is State.LIVE


def test_sending_begins_only_with_a_committed_intent_or_a_probe_of_the_same_key():
    entries = {(source, event) for (source, event), target in TRANSITIONS.items() if target is State.SENDING}
    assert entries == {(State.ARMED, Event.INTENT), (State.UNKNOWN, Event.PROBE)}


def test_after_accepted_no_machine_and_no_person_throws_it_back_into_sending_unless_two_people_resend():
    for start in (State.CONFIRMING, State.LIVE):
        assert State.SENDING not in reachable(start, set(Event) - {Event.RETRY_BY_PERSON})


def test_what_waits_for_a_person_is_moved_by_nobody_else():
    for state in FOR_A_PERSON:
        assert not reachable(state, BY_MACHINE)
        assert {event for source, event in TRANSITIONS if source is state} == {
            Event.RETRY_BY_PERSON,
            Event.LIVE_BY_PERSON,
            Event.CANCEL,
        }


def test_unknown_is_sent_again_only_where_absence_is_proved_or_the_same_key_is_replayed():
    ways = {event: target for (source, event), target in TRANSITIONS.items() if source is State.UNKNOWN}
    assert ways == {
        Event.FOUND: State.CONFIRMING,
        Event.PROBE: State.SENDING,
        Event.PROVED_ABSENT: State.STAGED,
        Event.GIVE_UP: State.NEEDS_PERSON,
    }


def test_live_is_entered_by_read_back_or_by_a_person_only():
    entries = {event for (_, event), target in TRANSITIONS.items() if target is State.LIVE}
    assert entries == {Event.CONFIRM, Event.LIVE_BY_PERSON}


@pytest.mark.parametrize("event", [Event.HOLD, Event.CANCEL, Event.TOO_LATE])
def test_hold_cancel_and_lateness_act_on_everything_that_has_sent_no_byte(event):
    assert set(sources(event)) >= STOPPABLE
    assert not set(sources(event)) & (MAY_BE_PUBLIC - FOR_A_PERSON)


def test_a_held_publication_still_ends_as_missed_when_its_time_is_over():
    assert after(State.HELD, Event.TOO_LATE) is State.MISSED


def test_resume_goes_through_staging_again():
    assert after(State.HELD, Event.RESUME) is State.PLANNED


def test_settled_states_only_learn_that_the_post_was_taken_away_or_stands_twice_or_that_a_person_erred():
    assert {(s, e) for s, e in TRANSITIONS if s in SETTLED} == {
        (State.LIVE, Event.VANISH),
        (State.LIVE, Event.DOUBLED),
        (State.LIVE, Event.WITHDRAW),
        (State.LIVE, Event.NOT_LIVE_BY_PERSON),
    }


def test_every_state_can_be_reached_from_planned_and_every_open_one_can_end():
    assert reachable(State.PLANNED, set(Event)) | {State.PLANNED} == set(State)
    for state in set(State) - SETTLED:
        assert reachable(state, set(Event)) & SETTLED, state


def test_a_machine_alone_never_leaves_a_publication_without_a_way_on():
    for state in set(State) - SETTLED - FOR_A_PERSON:
        assert reachable(state, BY_MACHINE) & (SETTLED | FOR_A_PERSON), state


def test_every_state_has_a_word_for_staff_and_no_two_the_same():
    assert set(STATE_LABELS) == set(State)
    assert len(set(STATE_LABELS.values())) == len(State)
    assert State.CONFIRMING.label == "已受理，核对中"
