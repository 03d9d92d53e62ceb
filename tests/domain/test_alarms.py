"""What calls for an alarm, what it says of being out, and when whom is told."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import alarms
from bot.domain.alarms import BACKOFF, ESCALATIONS, LABELS, REMEDIES, RINGS, Kind, Out, Side, Told
from bot.domain.delivery import SETTLED, STOPPABLE, State
from bot.domain.notice import MOST_LINES, compose

from .strategies import QUICK

T = datetime(2026, 11, 24, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def wanted(
    state: State, *, by_machine: bool = True, signed: bool = True, after: timedelta = timedelta(), shut: bool = False
) -> Kind | None:
    return alarms.wanted(state, held_by_machine=by_machine, signed=signed, not_before=T, now=T + after, shut=shut)


@pytest.mark.parametrize("state", [State.NEEDS_PERSON, State.MISSED, State.UNKNOWN, State.GONE])
@pytest.mark.parametrize("signed", [True, False])
def test_what_only_a_person_can_settle_calls_for_one_whatever_else_holds(state, signed):
    assert wanted(state, signed=signed) == Kind(state.value)


def test_what_a_person_holds_is_no_news_what_the_machine_holds_is():
    assert wanted(State.HELD) is Kind.HELD
    assert wanted(State.HELD, by_machine=False) is None


@pytest.mark.parametrize("state", sorted(STOPPABLE))
def test_what_has_not_left_a_minute_after_its_instant_is_overdue(state):
    assert wanted(state, after=MINUTE - timedelta(microseconds=1)) is None
    assert wanted(state, after=MINUTE) is Kind.OVERDUE
    assert wanted(state, after=MINUTE, signed=False) is None


@pytest.mark.parametrize("state", sorted(STOPPABLE))
def test_what_waits_for_its_page_is_not_late(state):
    assert wanted(state, after=20 * MINUTE, shut=True) is None


def test_behind_a_shut_gate_everything_else_calls_for_a_person_as_ever():
    assert wanted(State.HELD, shut=True) is Kind.HELD
    assert wanted(State.MISSED, shut=True) is Kind.MISSED
    assert wanted(State.SENDING, after=MINUTE, shut=True) is Kind.OVERDUE


def test_a_send_that_hangs_is_overdue_and_nobody_knows_whether_it_is_out():
    assert wanted(State.SENDING, after=MINUTE) is Kind.OVERDUE
    assert alarms.is_out(State.SENDING, []) is Out.UNKNOWN


@QUICK
@given(
    st.sampled_from(sorted((SETTLED | {State.CONFIRMING}) - {State.GONE})),
    st.booleans(),
    st.timedeltas(timedelta(), timedelta(days=9)),
)
def test_what_is_settled_or_accepted_calls_for_none(state, signed, after):
    assert wanted(state, signed=signed, after=after) is None


@QUICK
@given(st.sampled_from(list(State)), st.sampled_from(list(State)))
def test_no_change_into_or_out_of_trouble_goes_unmarked(old, new):
    if wanted(old) != wanted(new):
        assert alarms.touches_people(old, new)


@QUICK
@given(st.lists(st.sampled_from(["", "not_sent", "accepted", "refused", "unknown"])))
def test_no_is_said_only_where_nothing_can_have_become_public(outcomes):
    out = alarms.is_out(State.NEEDS_PERSON, outcomes)
    harmless = set(outcomes) <= {"not_sent", "refused"}
    assert (out is Out.NO) == harmless
    assert out in {Out.NO, Out.UNKNOWN}


def test_a_release_is_split_when_a_part_is_public_and_a_part_waits_for_a_person():
    assert alarms.is_split([State.LIVE, State.HELD])
    assert not alarms.is_split([State.LIVE, State.CONFIRMING])
    assert not alarms.is_split([State.LIVE, State.CANCELLED])
    assert not alarms.is_split([State.HELD, State.MISSED])
    assert not alarms.is_split([State.LIVE, State.GONE])  # its own alarm says what is still public


@QUICK
@given(st.sampled_from(list(State)), st.lists(st.sampled_from(["", "not_sent", "accepted", "refused", "unknown"])))
def test_what_may_be_public_is_never_told_as_not_public(state, outcomes):
    where = alarms.side(state, outcomes)
    if state in {State.SENDING, State.UNKNOWN, State.CONFIRMING} or not set(outcomes) <= {"not_sent", "refused"}:
        assert where is not Side.NOT_PUBLIC
    assert (where is Side.PUBLIC) == (state is State.LIVE)


def test_a_release_that_is_public_in_part_is_told_in_up_to_four_groups():
    found = [(Side.NOT_PUBLIC, "丙"), (Side.PUBLIC, "甲"), (Side.DOUBT, "乙"), (Side.PUBLIC, "甲")]
    assert alarms.sides_in_words(found) == "已公开：甲 2 条；是否公开不明：乙；未公开：丙。"


def test_what_to_do_with_a_release_that_is_public_in_part_goes_by_the_words_that_its_alarm_uses():
    """Which sides there are differs from one to the next: no side is spoken of as if it were there."""
    named = re.findall("“(.+?)”的", REMEDIES[Kind.SPLIT])
    assert named == ["未公开", "是否公开不明"]
    told = alarms.sides_in_words([(side, "甲") for side in Side])
    assert all(f"{words}：" in told for words in named)
    assert "一侧" not in REMEDIES[Kind.SPLIT]


def test_what_was_taken_down_had_gone_out():
    assert alarms.is_out(State.GONE, ["accepted"]) is Out.YES


def test_every_kind_has_a_word_and_says_who_must_do_what():
    assert set(LABELS) == set(REMEDIES) == set(Kind)
    assert all(remedy.startswith(("请", "系统")) for remedy in REMEDIES.values())


# --- when --------------------------------------------------------------------------------------------------


def test_unread_for_5_and_15_minutes_the_next_rings_are_told():
    assert alarms.next_notice(T, 1, T) == T + 5 * MINUTE
    assert alarms.next_notice(T, 2, T + 5 * MINUTE) == T + 15 * MINUTE
    assert alarms.next_notice(T, RINGS, T) is None
    assert len(ESCALATIONS) == RINGS - 1


@QUICK
@given(st.timedeltas(timedelta(), timedelta(hours=3)))
def test_a_release_makes_one_message_a_minute(since):
    told_at = T - since
    assert alarms.first_notice(T, told_at) >= max(T, told_at + alarms.SPACING)
    assert alarms.first_notice(T, told_at) - T <= alarms.SPACING


def test_what_did_not_arrive_is_tried_again_later_and_later_and_then_every_hour():
    waits = [alarms.retry_at(tries, T) - T for tries in range(1, len(BACKOFF) + 4)]
    assert waits == [*sorted(BACKOFF), *[timedelta(hours=1)] * 3]
    assert not alarms.is_overdue(len(BACKOFF))
    assert alarms.is_overdue(len(BACKOFF) + 1)


# --- words -------------------------------------------------------------------------------------------------


def told(kind: Kind = Kind.UNKNOWN, **changes: object) -> Told:
    given_ = {
        "out": Out.UNKNOWN,
        "where": "中国河东",
        "release": 7,
        "instant": "2026-11-24 09:00:00",
        "title": "",
        "more": "",
    }
    return Told(kind, **{**given_, **changes})  # type: ignore[arg-type]


def test_a_message_says_what_happened_whether_it_is_out_and_what_to_do():
    text = compose([told()], ring=1, at=T, link="https://x/releases/7", live=True).text
    assert text.startswith("【同发】结果不明")
    assert "发布单 7（2026-11-24 09:00:00），中国河东：结果不明" in text
    assert "是否已发出：不明" in text
    assert REMEDIES[Kind.UNKNOWN] in text
    assert text.endswith("https://x/releases/7")


def test_a_drill_is_called_one_and_an_escalation_says_so():
    drill = compose([told()], ring=2, at=T, link="x", live=False)
    assert drill.subject.startswith("【同发·演练】")
    assert "此前通知无人阅读，现升级到第 2 级" in drill.text


def test_an_escalation_of_what_never_arrived_blames_nobody_for_not_reading():
    text = compose([told()], ring=2, at=T, link="x", live=True, arrived=False).text
    assert "此前通知没有送达，现升级到第 2 级" in text
    assert "无人阅读" not in text


@QUICK
@given(st.lists(st.sampled_from(list(Kind)), min_size=1, max_size=400))
def test_however_much_happens_it_is_one_message_of_bounded_length(kinds):
    text = compose([told(kind) for kind in kinds], ring=1, at=T, link="x", live=True).text
    assert text.count("是否已发出") <= MOST_LINES
    assert len(text) < 4000
    named = list(dict.fromkeys(kinds))[:MOST_LINES]
    left = len([kind for kind in kinds if kind not in named])
    assert (f"另有 {left} 项" in text) == (left > 0)


def test_what_reads_the_same_is_one_line_with_its_number():
    stopped = [told(Kind.HELD, out=Out.NO)] * 16
    lines = compose([*stopped, told(Kind.HELD, out=Out.NO, where="临沂河东")], ring=1, at=T, link="x", live=True).lines
    assert lines[:2] == [
        "· 发布单 7（2026-11-24 09:00:00），中国河东：被系统暂停。是否已发出：否。（共 16 条）",
        "· 发布单 7（2026-11-24 09:00:00），临沂河东：被系统暂停。是否已发出：否。",
    ]
