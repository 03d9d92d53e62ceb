"""Quota windows lie on the Beijing calendar, wherever the server stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.quota import next_windows, window, window_end

from .strategies import INSTANTS, QUICK

PERIODS = st.sampled_from(["hour", "day", "month"])


@pytest.mark.parametrize(
    ("period", "instant", "name", "end"),
    [
        ("day", datetime(2026, 11, 23, 15, 59, 59, tzinfo=UTC), "2026-11-23", datetime(2026, 11, 23, 16, tzinfo=UTC)),
        ("day", datetime(2026, 11, 23, 16, 0, tzinfo=UTC), "2026-11-24", datetime(2026, 11, 24, 16, tzinfo=UTC)),
        ("month", datetime(2026, 12, 31, 15, 59, tzinfo=UTC), "2026-12", datetime(2026, 12, 31, 16, tzinfo=UTC)),
        ("month", datetime(2026, 12, 31, 16, 0, tzinfo=UTC), "2027-01", datetime(2027, 1, 31, 16, tzinfo=UTC)),
        ("hour", datetime(2026, 11, 23, 1, 30, tzinfo=UTC), "2026-11-23T09", datetime(2026, 11, 23, 2, tzinfo=UTC)),
    ],
)
def test_a_window_begins_and_ends_by_beijing_time(period, instant, name, end):
    assert window(period, instant) == name
    assert window_end(period, instant) == end


@QUICK
@given(period=PERIODS, instant=INSTANTS)
def test_every_instant_of_a_window_has_its_name_and_the_end_begins_the_next(period, instant):
    end = window_end(period, instant)
    assert end > instant
    assert window(period, end - timedelta(microseconds=1)) == window(period, instant)
    assert window(period, end) != window(period, instant)


@QUICK
@given(period=PERIODS, instant=INSTANTS, offset=st.integers(-12, 14))
def test_the_zone_in_which_an_instant_is_written_does_not_matter(period, instant, offset):
    moved = instant.astimezone(timezone(timedelta(hours=offset)))
    assert window(period, moved) == window(period, instant)
    assert window_end(period, moved) == window_end(period, instant)


@QUICK
@given(period=PERIODS, instant=INSTANTS, count=st.integers(1, 40))
def test_the_next_windows_follow_each_other_without_a_gap(period, instant, count):
    starts = next_windows(period, instant, count)
    assert len(starts) == count
    assert starts[0] == window_end(period, instant)
    for one, other in pairwise(starts):
        assert window_end(period, one) == other


def test_an_unknown_period_is_a_fault_of_the_program():
    with pytest.raises(KeyError):
        window("week", datetime(2026, 11, 23, tzinfo=UTC))
