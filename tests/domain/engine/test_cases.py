"""What a person may do about a push: the unsafe is not offered, and it is said why."""

from __future__ import annotations

import pytest

from bot.domain.channel import Absent, Failed, Pending, Receipt, Unclear
from bot.domain.delivery import FOR_A_PERSON, State
from bot.domain.engine import cases
from bot.domain.engine.cases import OPEN_CASES, Case, Choice, choices

TELLING = (Receipt({}, ()), Pending({}), Failed("3", "没有发布"))
SILENT = (Absent(), Unclear("读不到"))


def offered(state: State, **given) -> set[Choice]:
    found = choices(Case(state, **{"left": True, "until": "09:30", **given}))
    assert set(found) == set(Choice)
    return {choice for choice, why_not in found.items() if not why_not}


@pytest.mark.parametrize("state", sorted(FOR_A_PERSON))
def test_what_stands_before_a_person_can_be_settled_in_every_way(state):
    assert offered(state) == set(Choice)


def test_while_the_system_still_looks_only_a_look_is_safe():
    assert offered(State.UNKNOWN) == {Choice.LOOK}
    assert "最迟 09:30" in choices(Case(State.UNKNOWN, left=True, until="09:30"))[Choice.AGAIN]


def test_what_never_left_is_not_looked_for():
    assert Choice.LOOK not in offered(State.MISSED, left=False)


def test_what_a_look_has_just_shown_is_not_sent_again():
    assert Choice.AGAIN not in offered(State.NEEDS_PERSON, seen=True)
    assert Choice.LIVE in offered(State.NEEDS_PERSON, seen=True)


def test_what_the_release_bars_is_barred_with_its_own_reason():
    found = choices(Case(State.NEEDS_PERSON, left=True, barred="没有有效签发。"))
    assert found[Choice.AGAIN] == "没有有效签发。"


@pytest.mark.parametrize("state", [State.HELD, State.BLOCKED])
def test_what_has_not_left_is_resumed_or_called_off_and_never_declared(state):
    assert offered(state, left=False) == {Choice.CANCEL}


def test_whatever_is_not_offered_says_why():
    for state in OPEN_CASES:
        for left in (True, False):
            assert all(isinstance(words, str) for words in choices(Case(state, left=left)).values())


@pytest.mark.parametrize("state", sorted(set(State) - {State.UNKNOWN, State.CONFIRMING}))
def test_a_look_out_of_turn_moves_nothing_that_stands_before_a_person_or_is_settled(state):
    assert not any(cases.moves(state, verdict) for verdict in (*TELLING, *SILENT))


def test_a_look_out_of_turn_that_found_nothing_counts_towards_no_absence():
    assert not any(cases.moves(State.UNKNOWN, verdict) for verdict in SILENT)
    assert all(cases.moves(State.UNKNOWN, verdict) for verdict in TELLING)


def test_after_acceptance_only_an_end_counts():
    ends = [verdict for verdict in (*TELLING, *SILENT) if cases.moves(State.CONFIRMING, verdict)]
    assert [type(verdict) for verdict in ends] == [Receipt, Failed]
