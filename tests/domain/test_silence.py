"""How long an account may stay silent: the steps, and the days as a calendar counts them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.instants import NaiveInstantError
from bot.domain.silence import LIMIT_DAYS, Silence, days_since, standing

from .strategies import INSTANTS, QUICK

ORDER = list(Silence)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (0, Silence.FRESH), (4, Silence.FRESH), (5, Silence.REMIND), (8, Silence.REMIND), (9, Silence.PRESS),
        (12, Silence.PRESS), (13, Silence.RED), (14, Silence.OVER), (400, Silence.OVER),
    ],
)  # fmt: skip
def test_reminded_from_five_days_pressed_from_nine_red_the_day_before_two_weeks(days: int, expected: Silence) -> None:
    assert standing(days) is expected
    assert LIMIT_DAYS == 14


@QUICK
@given(st.integers(0, 1000), st.integers(0, 1000))
def test_longer_silence_is_never_better(one: int, other: int) -> None:
    first, second = sorted((one, other))
    assert ORDER.index(standing(first)) <= ORDER.index(standing(second))


@QUICK
@given(INSTANTS, st.timedeltas(timedelta(0), timedelta(days=60)))
def test_the_days_are_those_of_the_calendar_in_beijing(last: datetime, silence: timedelta) -> None:
    days = days_since(last, last + silence)
    assert silence // timedelta(days=1) <= days <= silence // timedelta(days=1) + 1


def test_late_in_the_evening_and_the_next_morning_are_a_day_apart() -> None:
    evening = datetime(2026, 11, 23, 15, 59, tzinfo=UTC)  # 23:59 in Beijing
    assert days_since(evening, evening + timedelta(minutes=2)) == 1
    assert days_since(evening, evening - timedelta(minutes=2)) == 0


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(NaiveInstantError):
        days_since(datetime(2026, 11, 23), datetime(2026, 11, 24, tzinfo=UTC))
