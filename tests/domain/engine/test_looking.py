"""After the answer: only reading, until it is shown, or a person must decide."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.channel import Absent, Doubled, Failed, Pending, PositionReceipt, Receipt, Unclear
from bot.domain.delivery import TRANSITIONS, Event, State
from bot.domain.engine import looking

from ..strategies import QUICK
from .parts import MASS, MINUTE, MODES, PUBLISH, SECOND, SHARE, T, facts

NOW = T + MINUTE


def receipt(*ids: str) -> Receipt:
    return Receipt({"msg_id": "7"}, tuple(PositionReceipt(one, None, T) for one in ids))


def events(state: State, verdict: looking.Verdict, places: int = 1, **given) -> list[Event | None]:
    return [step.event for step in looking.after_look(facts(state, **given), verdict, places=places, now=NOW)]


def test_live_needs_an_id_at_every_position():
    assert events(State.UNKNOWN, receipt("a", "b"), places=2) == [Event.FOUND, Event.CONFIRM]
    assert events(State.CONFIRMING, receipt("a", "b"), places=2) == [Event.CONFIRM]
    assert events(State.CONFIRMING, receipt("a"), places=2) == [None]
    assert events(State.UNKNOWN, receipt("a", ""), places=2) == [None]


@pytest.mark.parametrize("of", MODES, ids=lambda mode: mode.name)
def test_after_acceptance_absence_leads_to_looking_again_and_in_the_end_to_a_person(of):
    early = looking.after_look(facts(State.CONFIRMING, of, accepted_at=T), Absent(), places=1, now=NOW)
    late = looking.after_look(facts(State.CONFIRMING, of, accepted_at=T), Absent(), places=1, now=T + 31 * MINUTE)
    assert [step.event for step in (*early, *late)] == [None, Event.FAIL]


def test_freepublish_is_submitted_once_more_when_three_spaced_looks_say_absent():
    assert events(State.UNKNOWN, Absent(), of=PUBLISH, absents=1, unknowns=1) == [None]
    assert events(State.UNKNOWN, Absent(), of=PUBLISH, absents=2, unknowns=1) == [Event.PROVED_ABSENT]
    assert events(State.UNKNOWN, Absent(), of=PUBLISH, absents=2, unknowns=2) == [Event.GIVE_UP]


def test_looks_lie_as_far_apart_as_planned_however_late_the_first_one_was():
    """A sender may die long after its intent, with its byte written in between: only its end is known (seed 4604256)."""
    late, asked, times = T + 40 * SECOND, 0, [T + 160 * SECOND]
    while len(times) < len(PUBLISH.unknown.looks):
        of = facts(State.UNKNOWN, PUBLISH, unknowns=1, looks=asked, absents=asked)
        (step,) = looking.after_look(of, Absent(), places=1, now=times[-1])
        times.append(step.changes["next_at"])
        asked = step.changes["looks"]
    assert [time - late for time in times] == list(PUBLISH.unknown.looks)


def test_by_a_clock_that_was_set_nothing_is_proved_absent():
    """Set an hour forward, it had the looks made within a minute, and the effect came after them (seed 581652)."""
    found = events(State.UNKNOWN, Absent(), of=PUBLISH, absents=2, looks=2, unknowns=1, clock_far_off=True)
    assert found == [Event.GIVE_UP]


def test_what_a_clock_that_was_set_has_looked_at_too_soon_does_not_count():
    """Set an hour forward, it had the second look made two minutes after the first (seed 5032955)."""
    far = facts(State.UNKNOWN, PUBLISH, unknowns=1, absents=1, looks=1, clock_far_off=True)
    (step,) = looking.after_look(far, Absent(), places=1, now=NOW)
    assert (step.event, step.changes.get("absents"), step.changes["looks"]) == (None, None, 2)
    again = facts(State.UNKNOWN, PUBLISH, unknowns=1, absents=1, looks=2)
    (step,) = looking.after_look(again, Absent(), places=1, now=NOW)
    assert (step.event, step.changes["absents"]) == (None, 2)
    assert step.changes["next_at"] >= NOW + PUBLISH.unknown.looks[-1]


def test_the_reason_after_several_looks_says_nothing_that_holds_of_one_only():
    found = Absent("一次没找到不能说明没有发出，请勿重发。")
    asked = len(SHARE.unknown.looks) - 1
    (step,) = looking.after_look(facts(State.UNKNOWN, SHARE, absents=asked, looks=asked), found, places=1, now=NOW)
    assert step.event is Event.GIVE_UP
    assert "一次" not in step.reason
    assert f"隔时查了 {asked + 1} 次都没有查到，仍不能断定没有发出" in step.reason
    assert "请勿重发" in step.reason


def test_weibo_is_never_sent_again_by_machine():
    assert events(State.UNKNOWN, Absent(), of=SHARE, absents=2, unknowns=1) == [Event.GIVE_UP]
    assert looking.next_act(facts(State.UNKNOWN, SHARE, unknowns=1), now=NOW) is looking.Ask.LOOK


def test_a_mass_send_is_replayed_with_its_own_key_a_few_times_unless_somebody_wishes_to_stop():
    assert looking.next_act(facts(State.UNKNOWN, MASS), now=NOW) is looking.Ask.PROBE
    assert looking.next_act(facts(State.UNKNOWN, MASS, ids={"msg_id": "7"}), now=NOW) is looking.Ask.LOOK
    for changes in ({"probes": looking.MOST_PROBES}, {"stop_event": "hold", "stop_reason": "停"}):
        step = looking.next_act(facts(State.UNKNOWN, MASS, **changes), now=NOW)
        assert isinstance(step, looking.Step)
        assert step.event is Event.GIVE_UP


def test_a_failure_is_a_persons_and_names_the_position_and_a_live_one_that_is_gone_is_gone():
    (step,) = looking.after_look(
        facts(State.CONFIRMING), Failed("2", "原创校验没有通过。", position=1), places=2, now=NOW
    )
    assert (step.event, step.reason) == (Event.FAIL, "第 2 篇：原创校验没有通过。")
    assert events(State.SENDING, Failed("2", "失败。")) == [Event.FOUND, Event.FAIL]
    assert events(State.LIVE, Failed("5", "已删除。", gone=True)) == [Event.VANISH]
    assert events(State.LIVE, Failed("4", "失败。")) == []


VERDICTS = st.sampled_from(
    [receipt("a"), receipt(""), Pending({}, ""), Pending({"x": "1"}, ""), Absent(), Failed("4", "失败。"), Unclear("不清楚。"),
     Unclear("不一致。", needs_person=True)]
)  # fmt: skip


@QUICK
@given(
    st.sampled_from(MODES),
    st.sampled_from([State.CONFIRMING, State.UNKNOWN]),
    VERDICTS,
    st.integers(0, 9),
    st.integers(0, 4),
    st.integers(0, 7200),
)
def test_no_look_sends_early_or_ends_in_silence(of, state, verdict, absents, unknowns, seconds):
    """Each verdict leads along the table, to a later look, to live, to a person; only proved absence to staged."""
    now = T + seconds * SECOND
    held = facts(state, of, absents=absents, unknowns=unknowns, accepted_at=T if state is State.CONFIRMING else None)
    for step in looking.after_look(held, verdict, places=1, now=now):
        if step.event is not None:
            state = TRANSITIONS[state, step.event]
        next_at = step.changes["next_at"]
        assert next_at is None or next_at >= now
        assert step.changes.get("not_before", T) >= T
    assert state in {State.CONFIRMING, State.UNKNOWN, State.LIVE, State.NEEDS_PERSON, State.STAGED}
    if state is State.STAGED:
        assert (of, unknowns, isinstance(verdict, Absent)) == (PUBLISH, 1, True)
    if state in {State.CONFIRMING, State.UNKNOWN, State.STAGED}:
        assert next_at is not None


@QUICK
@given(st.sampled_from(MODES), st.integers(0, 7200))
def test_the_looking_ends(of, seconds):
    act = looking.next_act(facts(State.UNKNOWN, of, ids={"msg_id": "7"}), now=T + seconds * SECOND)
    assert (act is looking.Ask.LOOK) == (seconds <= 1800)


TWICE = Doubled("两篇。", urls=("https://a", "https://b"))


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (State.SENDING, [Event.FOUND, Event.FAIL]),
        (State.UNKNOWN, [Event.GIVE_UP]),
        (State.CONFIRMING, [Event.FAIL]),
    ],
)
def test_two_posts_of_one_push_are_for_a_person_and_both_are_kept(state, told):
    steps = looking.after_look(facts(state, of=PUBLISH), TWICE, places=1, now=NOW)
    assert [step.event for step in steps] == told
    assert steps[-1].changes["ids"]["doubles"] == "https://a https://b"


def test_what_was_sent_twice_is_watched_for_a_day_after_it_is_live():
    confirmed = looking.after_look(facts(State.CONFIRMING, PUBLISH, effects=2), receipt("a"), places=1, now=NOW)
    assert confirmed[-1].changes["next_at"] == NOW + looking.WATCH[0]
    at, looks = NOW + looking.WATCH[0], 0
    while at is not None:
        last = at
        step = looking.after_watch(facts(State.LIVE, PUBLISH, effects=2, looks=looks), receipt("a"), now=at)
        assert step.event is None
        at, looks = step.changes["next_at"], step.changes["looks"]
    assert last - NOW == MINUTE * 60 * 24


@pytest.mark.parametrize(("of", "effects"), [(PUBLISH, 1), (MASS, 2), (SHARE, 1)])
def test_what_cannot_stand_twice_is_not_watched(of, effects):
    confirmed = looking.after_look(facts(State.CONFIRMING, of, effects=effects), receipt("a"), places=1, now=NOW)
    assert confirmed[-1].changes["next_at"] is None


@pytest.mark.parametrize(
    "verdict", [Absent(), Unclear("读不到。"), Unclear("改过。", needs_person=True), Failed("5", "", True)]
)
def test_the_watch_moves_nothing_but_for_a_second_post(verdict):
    assert looking.after_watch(facts(State.LIVE, PUBLISH, effects=2), verdict, now=NOW).event is None
    assert looking.after_watch(facts(State.LIVE, PUBLISH, effects=2), TWICE, now=NOW).event is Event.DOUBLED
