"""Every release has exactly one place on the page, whatever its hour."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.calendar.hours import DAY, Band, bands, by_band, by_day
from bot.domain.instants import beijing_date, to_beijing
from tests.domain.strategies import INSTANTS, QUICK


@pytest.mark.parametrize("unfolded", [True, False])
def test_the_bands_of_a_day_hold_each_hour_once(unfolded: bool) -> None:
    hours = [hour for band in bands(unfolded=unfolded) for hour in range(band.first, band.end)]
    assert hours == list(range(DAY))


def test_the_working_day_is_shown_hour_by_hour_and_the_rest_is_folded() -> None:
    labels = [band.label for band in bands(unfolded=False)]
    assert labels[:3] == ["8 点前", "08:00", "09:00"]
    assert labels[-2:] == ["19:00", "20 点后"]
    assert [band.landing for band in bands(unfolded=False)][::13] == [7, 20]
    assert Band(0, 1).label == "00:00"
    assert Band(0, 1).landing == 0


@QUICK
@given(instants=st.lists(INSTANTS, max_size=12), unfolded=st.booleans())
def test_nothing_is_lost_between_the_cells(instants: list[datetime], unfolded: bool) -> None:
    cells = by_band(instants, lambda one: one, bands(unfolded=unfolded))
    assert sorted(one for cell in cells.values() for one in cell) == sorted(instants)
    for (day, band), ones in cells.items():
        assert all(beijing_date(one) == day and band.first <= to_beijing(one).hour < band.end for one in ones)
        assert ones == sorted(ones)


@QUICK
@given(instants=st.lists(INSTANTS, max_size=12))
def test_a_day_lists_its_own_in_order_of_time(instants: list[datetime]) -> None:
    placed = by_day(instants, lambda one: one)
    assert sorted(one for day in placed.values() for one in day) == sorted(instants)
    assert all(ones == sorted(ones) and {beijing_date(one) for one in ones} == {day} for day, ones in placed.items())
