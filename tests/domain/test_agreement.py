"""The platform's Date and our clock: what one answer tells, and what it cannot tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import agreement, timeline
from bot.domain.instants import NaiveInstantError

from .strategies import QUICK

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
MS = timedelta(milliseconds=1)


def answer(skew: int, *, took: int = 100, made: int = 0, at: int = 0) -> timedelta | None:
    """`skew`: our clock ahead, ms; `made`: how long before its receipt the answer was made; `at`: where in a second."""
    true = NOON + at * MS
    date = (true - made * MS).replace(microsecond=0)
    ours = true + skew * MS
    return agreement.ahead(date, sent=ours - took * MS, received=ours, took=took * MS)


@QUICK
@given(
    skew=st.integers(-100_000, 100_000),
    took=st.integers(0, 5_000),
    made=st.integers(0, 1_000),
    at=st.integers(0, 999),
)
def test_it_is_never_further_from_the_truth_than_a_second(skew: int, took: int, made: int, at: int) -> None:
    found = answer(skew, took=took, made=min(made, took), at=at)
    assert found is not None
    assert abs(found + skew * MS) <= timedelta(seconds=1)


@pytest.mark.parametrize("at", [0, 250, 500, 750, 999])
@pytest.mark.parametrize("skew", [-2_600, 2_600, -3_400, 3_400, -90_000, 90_000])
def test_a_clock_that_is_off_by_more_than_two_seconds_and_a_half_is_always_seen(skew: int, at: int) -> None:
    found = answer(skew, took=80, made=40, at=at)
    assert found is not None
    assert abs(found) > timeline.CLOCK_AGREEMENT


@pytest.mark.parametrize("took", [20, 300, 1_300, 4_900])
@pytest.mark.parametrize("skew", [-1_000, 0, 1_000])
@pytest.mark.parametrize("at", [0, 500, 999])
def test_a_clock_that_is_right_is_never_doubted_however_slow_the_platform(skew: int, took: int, at: int) -> None:
    found = answer(skew, took=took, made=20, at=at)
    assert found is not None
    assert abs(found) <= timeline.CLOCK_AGREEMENT


def test_an_answer_that_took_too_long_tells_nothing() -> None:
    assert answer(0, took=5_001) is None


@pytest.mark.parametrize("step", [-3_000, -300, 300, 3_000])
def test_a_clock_that_was_set_while_the_answer_was_under_way_tells_nothing(step: int) -> None:
    sent = NOON - 800 * MS
    assert agreement.ahead(NOON, sent=sent, received=NOON + step * MS, took=800 * MS) is None


def test_naive_instants_are_refused() -> None:
    with pytest.raises(NaiveInstantError):
        agreement.ahead(NOON.replace(tzinfo=None), sent=NOON, received=NOON, took=MS)
