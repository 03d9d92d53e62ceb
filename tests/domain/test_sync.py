"""The portal gate as pure decisions in virtual time: as soon as the page is live, but not before T."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import sync, timeline
from bot.domain.hashing import canonical_json
from bot.domain.instants import NaiveInstantError
from bot.domain.manifest import manifest, manifest_hash
from bot.domain.sync import AfterLive, AtTime, Gate, GateState, PolicyError, Seen, Then

from .strategies import QUICK

T = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
URL, TITLE = "https://www.hedong.gov.cn/info/1.html", "关于调整城区公交线路的通知"
WAITS = st.integers(5, 1500).map(lambda seconds: timedelta(seconds=seconds))
POLICIES = st.builds(AfterLive, st.just(URL), st.just(TITLE), WAITS, st.sampled_from(Then))
MOMENTS = st.integers(-7200 * 10, 3600 * 10).map(lambda tenths: T + timedelta(seconds=tenths / 10))
SEEN = st.sampled_from(Seen)


# --- the policy -----------------------------------------------------------------------------------------


@QUICK
@given(policy=POLICIES)
def test_a_policy_survives_the_record_and_the_manifest(policy):
    value = sync.as_json(policy)
    assert sync.from_json(json.loads(canonical_json(value))) == policy
    assert sync.from_json(sync.as_json(AtTime())) == AtTime()


@QUICK
@given(one=POLICIES, other=POLICIES)
def test_any_change_of_the_policy_is_another_manifest(one, other):
    hashes = {manifest_hash(manifest("7", sync.as_json(policy), [])) for policy in (one, other, AtTime())}
    assert len(hashes) == (2 if one == other else 3)


@pytest.mark.parametrize(
    "changes", [{"url": URL + "?a=1"}, {"title": TITLE + "（试行）"}, {"wait": 61 * SECOND}, {"then": Then.GO}], ids=str
)
def test_each_part_of_the_policy_is_signed(changes):
    policy = AfterLive(URL, TITLE, MINUTE, Then.HOLD)
    changed = dataclasses.replace(policy, **changes)
    assert manifest_hash(manifest("7", sync.as_json(policy), [])) != manifest_hash(
        manifest("7", sync.as_json(changed), [])
    )


@pytest.mark.parametrize(
    "url",
    ["", "www.hedong.gov.cn", "file:///etc/passwd", "ftp://x.example/", "http://", "http://a b/", "http://u:p@x.example/",
     "http://x.example:0/", "http://x.example:99999/", "http://x.example/\n", "http://[::1", "http://x.example/" + "a" * 1000],
)  # fmt: skip
def test_an_address_that_is_no_page_is_no_policy(url):
    with pytest.raises(PolicyError):
        AfterLive(url, TITLE, MINUTE, Then.HOLD)


@pytest.mark.parametrize("title", ["", "   ", "通知", " 通 知 ", "\u200b\u200b\u200b\u200b", "长" * 201])
def test_a_title_that_would_be_found_anywhere_is_no_policy(title):
    with pytest.raises(PolicyError):
        AfterLive(URL, title, MINUTE, Then.HOLD)


@pytest.mark.parametrize("wait", [timedelta(0), 4 * SECOND, timedelta(seconds=60, milliseconds=1), -MINUTE])
def test_a_wait_is_whole_seconds_and_some_of_them(wait):
    with pytest.raises(PolicyError):
        AfterLive(URL, TITLE, wait, Then.HOLD)


GOOD = {"kind": "after_live", "url": URL, "title": TITLE, "wait": 60, "then": "ask"}


@pytest.mark.parametrize(
    "value",
    [None, "whenever", {}, [], {**GOOD, "kind": "at_time"}, {**GOOD, "wait": True}, {**GOOD, "wait": 1.5}, {**GOOD, "wait": 10**12},
     {**GOOD, "then": "wait"}, {**GOOD, "url": None}, {**GOOD, "more": 1}, {name: value for name, value in GOOD.items() if name != "then"}],
    ids=str,
)  # fmt: skip
def test_a_record_that_is_no_policy_is_refused(value):
    with pytest.raises(PolicyError):
        sync.from_json(value)


def test_a_wait_leaves_time_to_send_or_to_ask():
    assert sync.longest_wait(timedelta(minutes=30)) == timedelta(minutes=25)
    assert sync.longest_wait(MINUTE) == timedelta(0)


@pytest.mark.parametrize(
    "other", [f"  {TITLE} ", TITLE[:5] + "\n" + TITLE[5:], TITLE[:5] + "\u3000" + TITLE[5:], TITLE + "\ufeff"]
)
def test_white_space_does_not_count_in_a_title(other):
    assert sync.comparable(other) == sync.comparable(TITLE)


# --- when to ask ------------------------------------------------------------------------------------------


@QUICK
@given(now=MOMENTS, wait=WAITS)
def test_the_next_question_is_later_and_the_last_one_is_at_the_end_of_the_wait(now, wait):
    again = sync.next_ask(T, wait, now)
    assert now < again <= now + timedelta(minutes=30)
    assert again <= T + wait or now >= T + wait


@QUICK
@given(ahead=st.integers(0, 14 * 86400), wait=WAITS)
def test_the_portal_is_asked_a_bounded_number_of_times(ahead, wait):
    now, asked = T - timedelta(seconds=ahead), 0
    while now < T + wait:
        now, asked = sync.next_ask(T, wait, now), asked + 1
    assert now == T + wait
    assert asked <= ahead / 1800 + 15 + 20 + 20 + wait.total_seconds() / 3 + 5


def test_from_a_minute_before_t_it_is_asked_every_three_seconds():
    assert sync.next_ask(T, MINUTE, T - MINUTE) == T - 57 * SECOND
    assert sync.next_ask(T, MINUTE, T - 70 * SECOND) == T - MINUTE
    assert sync.next_ask(T, MINUTE, T - timedelta(days=2)) == T - timedelta(days=2) + timedelta(minutes=30)


def test_a_naive_instant_is_refused():
    with pytest.raises(NaiveInstantError):
        sync.next_ask(T, MINUTE, datetime(2026, 11, 23))


# --- what an answer does ------------------------------------------------------------------------------------


def play(policy, answers):
    """The gate through answers at moments, each asked when it wants to be; what it was after each."""
    gate, trail = Gate(next_at=answers[0][0] if answers else None), []
    for now, seen in answers:
        gate = sync.answered(gate, policy, T, seen, now)
        trail.append((now, seen, gate))
    return trail


ANSWERS = st.lists(st.tuples(MOMENTS, SEEN), min_size=1, max_size=25).map(
    lambda given: sorted(given, key=lambda one: one[0])
)


@QUICK
@given(policy=POLICIES, answers=ANSWERS)
def test_it_never_opens_without_a_live_page_and_never_goes_before_t(policy, answers):
    live = False
    for now, seen, gate in play(policy, answers):
        live = live or seen is Seen.LIVE
        if gate.state is GateState.OPEN:
            assert live
            assert gate.live_at is not None
        if gate.effective is not None:
            assert gate.effective >= T
        if gate.state is GateState.WAIVED:
            assert policy.then is Then.GO
            assert now >= T + policy.wait


@QUICK
@given(policy=POLICIES, answers=ANSWERS)
def test_time_being_up_is_never_passed_over_in_silence(policy, answers):
    """After an answer at or behind T + wait the gate is open, decided, or with a person."""
    for now, _, gate in play(policy, answers):
        if now >= T + policy.wait:
            assert gate.state is not GateState.SHUT
        if gate.state is GateState.SHUT:
            assert gate.next_at is not None
            assert gate.next_at > now


@QUICK
@given(policy=POLICIES, answers=ANSWERS)
def test_what_was_decided_at_the_end_stays_whatever_the_portal_says(policy, answers):
    ended = None
    for _, _, gate in play(policy, answers):
        if ended is not None:
            assert gate == ended
        if gate.state not in (GateState.SHUT, GateState.OPEN):
            assert gate.next_at is None
            ended = gate


@QUICK
@given(policy=POLICIES, answers=ANSWERS)
def test_once_a_part_has_left_nothing_shuts_the_gate_and_nobody_asks_any_more(policy, answers):
    for now, seen, gate in play(policy, answers):
        if gate.state is GateState.OPEN:
            after = sync.answered(gate, policy, T, seen, now, left=True)
            assert (after.state, after.next_at) == (GateState.OPEN, None)


@QUICK
@given(policy=POLICIES, answers=ANSWERS)
def test_until_then_a_page_that_is_gone_shuts_it_also_after_its_instant(policy, answers):
    """The clock says that it should have left; an outage may have kept it."""
    for _, seen, gate in play(policy, answers):
        if seen is Seen.NOT_YET:
            assert gate.state is not GateState.OPEN


@pytest.mark.parametrize(
    ("then", "state"), [(Then.HOLD, GateState.HELD), (Then.GO, GateState.WAIVED), (Then.ASK, GateState.ASKING)]
)
def test_the_three_ends(then, state):
    policy = AfterLive(URL, TITLE, MINUTE, then)
    shut = sync.answered(Gate(), policy, T, Seen.NOT_YET, T + 59 * SECOND)
    assert (shut.state, shut.next_at) == (GateState.SHUT, T + MINUTE)
    ended = sync.answered(shut, policy, T, Seen.UNCLEAR, T + MINUTE)
    assert (ended.state, ended.next_at) == (state, None)
    assert ended.effective == (T + MINUTE + timeline.GATE_LEAD if then is Then.GO else None)


def test_a_live_page_opens_it_also_when_the_answer_is_late():
    policy = AfterLive(URL, TITLE, MINUTE, Then.HOLD)
    assert sync.answered(Gate(), policy, T, Seen.LIVE, T + 2 * MINUTE).state is GateState.OPEN


POLICY = AfterLive(URL, TITLE, MINUTE, Then.HOLD)


def test_open_before_t_goes_at_t_and_after_t_as_soon_as_all_can_leave_together():
    assert sync.answered(Gate(), POLICY, T, Seen.LIVE, T - MINUTE).effective == T
    assert sync.answered(Gate(), POLICY, T, Seen.LIVE, T - 3 * SECOND).effective == T + 7 * SECOND
    assert sync.answered(Gate(), POLICY, T, Seen.LIVE, T + 30 * SECOND).effective == T + 40 * SECOND


def test_a_page_taken_down_shuts_it_at_once_and_since_starts_anew():
    opened = sync.answered(Gate(), POLICY, T, Seen.LIVE, T - 5 * MINUTE)
    shut = sync.answered(opened, POLICY, T, Seen.NOT_YET, T - 4 * MINUTE)
    again = sync.answered(shut, POLICY, T, Seen.LIVE, T - 3 * MINUTE)
    assert (shut.state, shut.open_since, shut.effective) == (GateState.SHUT, None, None)
    assert (again.state, again.open_since, again.live_at) == (GateState.OPEN, T - 3 * MINUTE, T - 3 * MINUTE)


def test_an_unclear_answer_leaves_a_fresh_proof_standing_and_an_old_one_not():
    opened = sync.answered(Gate(), POLICY, T, Seen.LIVE, T - 5 * MINUTE)
    still = sync.answered(opened, POLICY, T, Seen.UNCLEAR, T - 5 * MINUTE + timeline.GATE_PROOF)
    lost = sync.answered(still, POLICY, T, Seen.UNCLEAR, T - 5 * MINUTE + timeline.GATE_PROOF + SECOND)
    assert (still.state, still.live_at, lost.state) == (GateState.OPEN, T - 5 * MINUTE, GateState.SHUT)


def test_an_open_gate_is_asked_until_its_release_leaves():
    opened = sync.answered(Gate(), POLICY, T, Seen.LIVE, T - 7 * SECOND)
    assert (opened.effective, opened.next_at) == (T + 3 * SECOND, T - 4 * SECOND)
    late = sync.answered(opened, POLICY, T, Seen.LIVE, T + 10 * SECOND)
    assert (late.effective, late.next_at) == (T + 3 * SECOND, T + 13 * SECOND)
    assert late.open_since == T - 7 * SECOND
    assert sync.answered(late, POLICY, T, Seen.LIVE, T + 13 * SECOND, left=True).next_at is None


def test_every_state_and_every_end_has_a_word_for_staff():
    assert all(one.label for kind in (Then, Seen, GateState) for one in kind)
