"""A release in time: the order of its moments, the spacing of a lane, the ends of patience."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import timeline

from .strategies import INSTANTS, QUICK

T = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SPACINGS = st.timedeltas(timedelta(0), timedelta(minutes=5))


def test_the_moments_before_t_come_in_the_order_of_the_plan():
    ahead = [
        timeline.STAGE_AHEAD, timeline.MIN_LEAD, timeline.HAND_OUT, timeline.CHILD_SENDER, timeline.CONNECT,
        timeline.INTENT, timeline.RECHECK, timedelta(0),
    ]  # fmt: skip
    assert all(earlier > later for earlier, later in pairwise(ahead))
    assert timeline.STAGED_BY >= timeline.HAND_OUT


def test_the_numbers_of_the_plan():
    assert timedelta(minutes=10) == timeline.STAGE_AHEAD
    assert timedelta(minutes=30) == timeline.MAX_LATENESS
    assert timedelta(seconds=90) == timeline.MIN_LEAD
    assert timeline.SEND_BY == timeline.CONNECT == 5 * SECOND
    assert timeline.STAGED_BY == timeline.HAND_OUT == 15 * SECOND
    assert timeline.CHILD_SENDER == 8 * SECOND
    assert timeline.INTENT == timeline.CLOCK_AGREEMENT == 2 * SECOND
    assert timedelta(milliseconds=100) == timeline.RECHECK
    assert timedelta(milliseconds=200) == timeline.CLOCK_DRIFT
    assert timedelta(minutes=2) == timeline.QUIET
    assert [ahead / timedelta(minutes=1) for ahead in timeline.PREFLIGHTS] == [24 * 60, 60, 15, 5]


@QUICK
@given(first=INSTANTS, count=st.integers(0, 20), spacing=SPACINGS)
def test_the_first_of_a_lane_leaves_at_t_and_each_next_one_after_the_spacing_and_an_answer(first, count, spacing):
    instants = timeline.lane_instants(first, count, spacing)
    assert len(instants) == count
    assert instants[:1] == ([first] if count else [])
    assert all(later - earlier == spacing + timeline.LANE_ALLOWANCE for earlier, later in pairwise(instants))
    assert all(later > earlier for earlier, later in pairwise(instants))


@pytest.mark.parametrize(
    ("begins", "ends"),
    [(-15, -6), (-8, -5), (-4, -1), (0, 10), (600, 610)],
    ids=["as it should", "a child of the clock", "late", "at its instant", "after a stop"],
)
def test_nobody_waits_for_one_account_ahead_of_the_instant(begins, ends):
    assert timeline.prepared_by(T, 2, T + begins * SECOND) == T + ends * SECOND


def test_four_posts_of_a_weibo_lane():
    assert [at - T for at in timeline.lane_instants(T, 4, 5 * SECOND)] == [
        0 * SECOND,
        6 * SECOND,
        12 * SECOND,
        18 * SECOND,
    ]


@QUICK
@given(faults=st.integers(0, 10_000))
def test_staging_waits_longer_after_each_fault_but_never_longer_than_a_minute(faults):
    assert timedelta(0) < timeline.stage_backoff(faults) <= timeline.stage_backoff(faults + 1) <= timedelta(minutes=1)


def test_the_first_fault_is_tried_again_after_five_seconds():
    assert [timeline.stage_backoff(n).total_seconds() for n in (1, 2, 3, 4, 5)] == [5, 15, 30, 60, 60]


def test_what_did_not_leave_is_tried_again_after_a_second_then_ever_more_rarely():
    assert [timeline.resend_backoff(n).total_seconds() for n in (1, 2, 3, 4, 5, 6)] == [1, 5, 15, 30, 60, 60]


@QUICK
@given(delays=st.lists(SPACINGS, min_size=1, max_size=6).map(tuple), asked=st.integers(0, 20))
def test_the_last_delay_between_looks_repeats(delays, asked):
    assert timeline.nth_delay(delays, asked) == (delays[asked] if asked < len(delays) else delays[-1])


@pytest.mark.parametrize(
    ("late", "refused"), [(timedelta(minutes=30), False), (timedelta(minutes=30, microseconds=1), True)]
)
def test_later_than_max_lateness_the_machine_sends_nothing(late, refused):
    assert timeline.too_late(T + late, T) is refused


@QUICK
@given(now=INSTANTS, patience=SPACINGS)
def test_nothing_is_too_late_before_its_instant(now, patience):
    assert not timeline.too_late(now, now + SECOND, patience)


# --- a crowd at one instant ---------------------------------------------------------------------------------------


@QUICK
@given(count=st.integers(0, 30_000))
def test_a_crowd_gets_more_time_never_less_and_the_order_of_the_moments_holds(count):
    assert timeline.hand_out_ahead(count) >= timeline.hand_out_ahead(max(0, count - 1)) >= timeline.HAND_OUT
    size = -(-count // timeline.batches_for(count))
    assert timeline.hand_out_ahead(count) > timeline.connect_ahead(size) > timeline.intent_ahead(size)
    assert timeline.STAGED_BY > timeline.intent_ahead(size) > 2 * timeline.RECHECK  # who is not ready holds its mates
    assert timeline.stage_ahead(count) - timeline.hand_out_ahead(count) > timedelta(minutes=5)


@pytest.mark.parametrize("count", [1, 2, 50, 100])
def test_a_few_keep_to_the_plan(count):
    assert timeline.hand_out_ahead(count) == timeline.HAND_OUT
    assert timeline.connect_ahead(count) == timeline.CONNECT
    assert timeline.intent_ahead(count) == timeline.INTENT
    assert timeline.stage_ahead(count) == timeline.STAGE_AHEAD
    assert timeline.batches_for(count) == 1


@pytest.mark.parametrize(("count", "batches"), [(999, 1), (1000, 2), (10_000, 2), (10_001, 3), (20_000, 4)])
def test_a_crowd_is_shared_by_several_processes(count, batches):
    assert timeline.batches_for(count) == batches


@QUICK
@given(ahead=st.timedeltas(timedelta(seconds=-1), timedelta(seconds=1)))
def test_the_clock_does_not_wake_in_the_last_moments_before_an_instant(ahead):
    wake = timeline.out_of_the_way(T + ahead, [T])
    assert wake >= T + ahead
    assert not T - timeline.HUSH_BEFORE < wake < T + timeline.HUSH_AFTER
    assert wake - (T + ahead) <= timeline.HUSH_BEFORE + timeline.HUSH_AFTER
