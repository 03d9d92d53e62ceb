"""What a reason may claim: "nothing went out" holds for one try alone where an earlier one is in doubt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.delivery import Event, State
from bot.domain.engine.facts import REASON_LENGTH
from bot.domain.engine.sentences import THIS_TIME, denies, of_this_try

TOKEN = "平台一再拒绝本账号的令牌（代码 40001），没有发出，系统不再自动重试。"


@pytest.mark.parametrize("state", [State.HELD, State.BLOCKED, State.MISSED])
def test_a_denial_stands_with_what_is_held_blocked_or_missed(state):
    assert denies("账号已停用，未发出。", state)


def test_a_last_refusal_is_a_denial_before_a_person():
    assert denies(TOKEN, State.NEEDS_PERSON, Event.REFUSED)


def test_what_the_platform_says_of_an_act_that_it_took_is_none():
    assert not denies("平台说明：审核未过，没有发出。", State.NEEDS_PERSON, Event.FAIL)


def test_what_is_told_in_passing_is_none():
    assert not denies("未发出，将自动重试。", State.STAGED, Event.NOT_SENT)


@pytest.mark.parametrize("reason", ["是否已发出不明。", "仍不能断定没有发出。", "草稿被改动。", ""])
def test_a_sentence_that_doubts_or_is_silent_is_none(reason):
    assert not denies(reason, State.HELD, Event.HOLD)


@given(st.text(max_size=2 * REASON_LENGTH), st.sampled_from(State), st.sampled_from(Event))
def test_said_of_this_try_it_fits_and_denies_nothing_any_more(reason, state, event):
    said = of_this_try(reason)
    assert len(said) <= REASON_LENGTH
    assert said.endswith(THIS_TIME)
    assert not denies(said, state, event)
