"""What an answer to the public call, or none, does to a publication."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.channel import Refused, Remedy, Unknown
from bot.domain.delivery import TRANSITIONS, Event, State
from bot.domain.engine import answers

from ..strategies import QUICK
from .parts import MASS, MINUTE, MODES, PUBLISH, SECOND, SHARE, T, facts

NOW = T + SECOND
NOTHING = Unknown("no_answer", "没有应答。")


def test_accepted_is_looked_at_and_never_sent_again():
    step = answers.accepted(facts(), {"msg_id": "7"}, sent_at=T, now=NOW)
    assert step.event is Event.ACCEPTED
    assert (step.changes["ids"], step.changes["sent_at"], step.changes["next_at"]) == (
        {"msg_id": "7"},
        T,
        NOW + 5 * SECOND,
    )


@pytest.mark.parametrize("state", [State.CONFIRMING, State.LIVE, State.NEEDS_PERSON])
def test_an_answer_that_a_callback_overtook_only_adds_what_it_knows(state):
    step = answers.accepted(facts(state, ids={"a": "1"}), {"b": "2"}, sent_at=T, now=NOW)
    assert (step.event, step.changes["ids"]) == (None, {"a": "1", "b": "2"})


@pytest.mark.parametrize(
    ("of", "seconds"), [(MASS, 60), (PUBLISH, 120), (SHARE, 15)], ids=lambda v: getattr(v, "name", v)
)
def test_silence_is_unknown_and_waits_for_the_last_possible_effect(of, seconds):
    step = answers.unknown(facts(of=of), NOTHING, sent_at=T, probe=False, now=NOW)
    assert (step.event, step.changes["next_at"]) == (Event.SILENCE, NOW + seconds * SECOND)
    assert "查清之前不会再发" in step.reason


def test_an_unknown_answer_that_names_the_record_is_judged_by_it_soon():
    step = answers.unknown(facts(), Unknown("45065", "已有记录。", {"msg_id": "7"}), sent_at=T, probe=True, now=NOW)
    assert (step.changes["ids"], step.changes["next_at"]) == ({"msg_id": "7"}, NOW + 5 * SECOND)


def test_while_the_platform_waits_for_somebody_no_replay_is_due():
    waiting = Unknown("89504", "等管理员确认。", hold=30 * MINUTE)
    for probe in (False, True):
        step = answers.unknown(facts(), waiting, sent_at=T, probe=probe, now=NOW)
        assert step.changes["next_at"] == NOW + 30 * MINUTE
    named = Unknown("89504", "等管理员确认。", {"msg_id": "7"}, hold=30 * MINUTE)
    assert answers.unknown(facts(), named, sent_at=T, probe=False, now=NOW).changes["next_at"] == NOW + 5 * SECOND


def test_a_replay_does_not_move_the_instant_of_the_first_call():
    first = facts(sent_at=T)
    assert answers.unknown(first, NOTHING, sent_at=T + MINUTE, probe=True, now=T + MINUTE).changes["sent_at"] == T


def test_what_did_not_leave_is_staged_again_but_a_wish_to_stop_comes_first():
    (back,) = answers.not_sent(facts(), "连接被拒", probe=False, now=NOW)
    assert (back.event, "未发出" in back.reason) == (Event.NOT_SENT, True)
    back, stop = answers.not_sent(facts(stop_event="cancel", stop_reason="改期"), "连接被拒", probe=False, now=NOW)
    assert (back.event, stop.event, stop.reason) == (Event.NOT_SENT, Event.CANCEL, "改期")


def test_a_replay_that_did_not_leave_or_was_refused_says_nothing_about_the_first_call():
    (step,) = answers.not_sent(facts(), "连接被拒", probe=True, now=NOW)
    assert step.event is Event.SILENCE
    assert answers.refused(facts(), Refused("45009", Remedy.WAIT, "额度。"), probe=True, now=NOW).event is Event.SILENCE


def test_a_refused_token_is_mended_once_and_then_is_a_persons():
    refusal = Refused("40001", Remedy.REFRESH, "令牌无效。")
    assert answers.refused(facts(refusals=1), refusal, probe=False, now=NOW).event is Event.NOT_SENT
    second = answers.refused(facts(refusals=2), refusal, probe=False, now=NOW)
    assert (second.event, "不再自动重试" in second.reason) == (Event.REFUSED, True)


@pytest.mark.parametrize(
    "said",
    [
        "次数已用完（错误码 10023），没有发出。系统会等到额度恢复。",
        "次数已用完（错误码 10023），没有发出。系统至少等十分钟。",
        "次数已用完（错误码 10023），没有发出；系统会在一分钟后再试。",
    ],
)
def test_when_the_machine_is_done_it_takes_back_what_the_channel_would_have_it_promise(said: str) -> None:
    step = answers.refused(
        facts(refusals=1), Refused("10023", Remedy.WAIT, said, T + 31 * MINUTE), probe=False, now=NOW
    )
    reason = str(step.changes["reason"])
    assert reason.startswith("次数已用完（错误码 10023），没有发出。到可以再发时已超过最迟发送时限")
    assert "系统会" not in reason
    assert "系统至少" not in reason


def test_a_quota_that_resets_too_late_is_a_persons():
    late = Refused("45028", Remedy.WAIT, "次数已用完。", T + 31 * MINUTE)
    assert answers.refused(facts(refusals=1), late, probe=False, now=NOW).event is Event.REFUSED
    soon = Refused("45011", Remedy.WAIT, "太频繁。", T + MINUTE)
    step = answers.refused(facts(refusals=1), soon, probe=False, now=NOW)
    assert (step.event, step.changes["not_before"]) == (Event.NOT_SENT, T + MINUTE)


@QUICK
@given(
    st.sampled_from(MODES), st.sampled_from(Remedy), st.integers(1, 9), st.integers(-60, 3600), st.booleans(),
    st.sampled_from(["", "hold", "cancel"]),
)  # fmt: skip
def test_whatever_the_answer_the_step_is_one_of_the_table_and_never_early(of, remedy, refusals, wait, probe, wish):
    held = facts(of=of, refusals=refusals, stop_event=wish, stop_reason="停", unknowns=int(probe))
    refusal = Refused("1", remedy, "不行。", T + wait * SECOND)
    state = State.SENDING
    for step in [*answers.not_sent(held, "没有连上", probe=probe, now=NOW)]:
        state = TRANSITIONS[state, step.event]
        assert step.changes.get("not_before", T) >= T
    step = answers.refused(held, refusal, probe=probe, now=NOW)
    assert (State.SENDING, step.event) in TRANSITIONS
    assert step.changes.get("not_before", T) >= T
    assert step.event is not Event.NOT_SENT or refusals < answers.MEND_LIMIT
