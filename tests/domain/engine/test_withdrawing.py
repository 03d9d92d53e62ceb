"""Taking down: two people, one call, and nothing is called gone that no read-back and no person has seen gone."""

from __future__ import annotations

import pytest

from bot.domain.channel import (
    Absent,
    ByHand,
    ChannelFault,
    Failed,
    Pending,
    PositionReceipt,
    Receipt,
    Remedy,
    Unclear,
    Withdrawn,
)
from bot.domain.delivery import Event, State, after
from bot.domain.engine import withdrawing
from bot.domain.engine.withdrawing import ARROWS, ENDED, FOR_A_PERSON, LOOKS, Known, Stage

from .parts import T, facts

GONE = Failed("53600", "文章已不在平台上。", gone=True)
THERE = Receipt({}, (PositionReceipt("1", None),))
OTHERS = (Absent(), Pending({}), Unclear("读不到"), Failed("3", "没有发布"))


def checking(**given) -> Known:
    return Known(Stage.CHECKING, **given)


# --- the table ----------------------------------------------------------------------------------------------


def test_a_call_begins_only_where_a_person_has_just_decided():
    assert [stage for stage, targets in ARROWS.items() if Stage.CALLING in targets] == [Stage.WAITING]
    into_waiting = {stage for stage, targets in ARROWS.items() if Stage.WAITING in targets}
    assert into_waiting == {Stage.ASKED, Stage.REFUSED, Stage.STILL_PUBLIC}


def test_what_nobody_knows_is_never_called_again_before_it_was_looked_up():
    assert Stage.WAITING not in ARROWS[Stage.CALLING] | ARROWS[Stage.CHECKING] | ARROWS[Stage.BY_HAND]


def test_every_stage_can_end_and_what_has_ended_stays():
    assert all(not ARROWS[stage] for stage in ENDED)
    reach = {stage: set(ARROWS[stage]) for stage in Stage}
    for _ in Stage:
        for found in reach.values():
            found |= {more for stage in list(found) for more in ARROWS[stage]}
    assert all(reach[stage] & ENDED for stage in set(Stage) - ENDED)


def test_every_stage_has_a_word_and_no_two_the_same():
    assert len({stage.label for stage in Stage}) == len(Stage)


# --- people -------------------------------------------------------------------------------------------------


def test_the_second_person_is_another_one_and_may_sign():
    assert withdrawing.may_confirm(person=2, asker=1, roles=["releaser"]) is None
    same = withdrawing.may_confirm(person=1, asker=1, roles=["releaser", "editor"])
    assert same is not None
    assert same.code == "second"
    for roles in (["editor"], ["duty"], ["final"], []):
        refusal = withdrawing.may_confirm(person=2, asker=1, roles=roles)
        assert refusal is not None
        assert refusal.code == "role"


# --- the call -----------------------------------------------------------------------------------------------


def test_what_is_gone_already_is_not_called_for():
    turn = withdrawing.before_the_call(Known(Stage.WAITING), GONE)
    assert turn is not None
    assert turn.stage is Stage.DONE
    for verdict in (THERE, *OTHERS):
        assert withdrawing.before_the_call(Known(Stage.WAITING), verdict) is None


def test_an_answer_that_says_done_is_read_back_before_it_counts():
    told = withdrawing.answered(Withdrawn("已撤下。"), now=T)
    assert (told.outcome, told.turn.stage, told.turn.next_at) == ("withdrawn", Stage.CHECKING, T + LOOKS[0])


@pytest.mark.parametrize("remedy", [Remedy.PERSON, Remedy.OPERATOR, Remedy.WAIT, Remedy.REFRESH])
def test_a_refusal_stands_before_a_person(remedy):
    told = withdrawing.answered(ChannelFault(remedy, "平台说不。", code="40059"), now=T)
    assert (told.outcome, told.code, told.turn.stage) == ("refused", "40059", Stage.REFUSED)
    assert told.turn.next_at is None


def test_silence_is_looked_up_and_not_repeated():
    told = withdrawing.answered(ChannelFault(Remedy.UNKNOWN, "没有应答。", code="timeout"), now=T)
    assert (told.outcome, told.turn.stage) == ("unknown", Stage.CHECKING)
    assert "不会盲目再删一次" in told.turn.reason


def test_what_only_a_person_can_do_is_theirs():
    told = withdrawing.answered(ByHand("请手工删除。"), now=T)
    assert (told.outcome, told.turn.stage) == ("by_hand", Stage.BY_HAND)


# --- the read-back ------------------------------------------------------------------------------------------


def test_only_the_platforms_own_word_that_it_is_gone_ends_it():
    assert withdrawing.after_look(checking(), GONE, now=T).stage is Stage.DONE
    for verdict in (THERE, *OTHERS):
        assert withdrawing.after_look(checking(), verdict, now=T).stage is Stage.CHECKING


def test_looks_are_spaced_and_end_before_a_person():
    known, at = checking(), T
    for place in range(1, len(LOOKS)):
        turn = withdrawing.after_look(known, THERE, now=at)
        assert (turn.stage, turn.looks) == (Stage.CHECKING, place)
        assert turn.next_at == at + LOOKS[place] - LOOKS[place - 1]
        known = checking(looks=turn.looks)
    last = withdrawing.after_look(known, THERE, now=at)
    assert (last.stage, last.next_at) == (Stage.STILL_PUBLIC, None)
    assert last.stage in FOR_A_PERSON
    for verdict in OTHERS:
        assert withdrawing.after_look(known, verdict, now=at).stage is Stage.BY_HAND


def test_one_article_of_several_is_proved_by_its_own_place_or_by_the_whole_being_gone():
    second = checking(position=1, places=3)
    assert withdrawing.proves_gone(second, Failed("deleted", "第 2 篇已删", gone=True, position=1))
    assert withdrawing.proves_gone(second, GONE)
    assert not withdrawing.proves_gone(second, Failed("deleted", "第 1 篇已删", gone=True, position=0))


def test_one_article_that_is_gone_does_not_prove_that_all_are():
    assert not withdrawing.proves_gone(checking(places=2), Failed("deleted", "第 1 篇已删", gone=True, position=0))
    assert withdrawing.proves_gone(checking(places=1), Failed("deleted", "第 1 篇已删", gone=True, position=0))


def test_where_a_look_speaks_of_the_message_as_a_whole_it_is_not_called_still_public():
    """mass/get says SEND_SUCCESS as long as one article of the message stands."""
    known = checking(position=0, places=2, looks=len(LOOKS) - 1, told=False)
    assert withdrawing.after_look(known, THERE, now=T).stage is Stage.BY_HAND


def test_a_look_that_a_person_asked_for_is_one_look():
    turn = withdrawing.looked_by_wish(now=T)
    assert (turn.stage, turn.next_at) == (Stage.CHECKING, T)
    again = withdrawing.after_look(checking(looks=turn.looks), THERE, now=T)
    assert again.stage is Stage.STILL_PUBLIC


def test_the_push_is_withdrawn_and_no_longer_measured():
    step = withdrawing.withdrawn(facts(State.LIVE), "孙签登记")
    assert step.event is Event.WITHDRAW
    assert after(State.LIVE, step.event) is State.WITHDRAWN
    assert step.changes["next_sample_at"] is None
    assert "孙签登记" in step.reason
