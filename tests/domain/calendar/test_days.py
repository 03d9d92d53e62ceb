"""Weeks begin on Monday, months are whole weeks, and no address of a page can break the calendar."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.calendar.days import (
    FIRST,
    LAST,
    View,
    heading,
    month_later,
    read_day,
    shown,
    turned,
    week_of,
    weekday,
    weeks_of_month,
)
from tests.domain.strategies import QUICK

DAYS = st.dates(FIRST, LAST)
VIEWS = st.sampled_from(View)


@QUICK
@given(day=DAYS)
def test_a_month_is_whole_weeks_from_monday_that_hold_each_of_its_days_once(day: date) -> None:
    weeks = weeks_of_month(day)
    days = [one for week in weeks for one in week]
    assert all(len(week) == 7 and week[0].weekday() == 0 for week in weeks)
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days))
    assert next(one for one in days if (one.year, one.month) == (day.year, day.month)).day == 1
    assert all(any((one.year, one.month) == (day.year, day.month) for one in week) for week in weeks)
    assert month_later(day, 1) - timedelta(days=1) in days


@QUICK
@given(day=DAYS)
def test_the_week_of_a_day_is_one_of_its_months_weeks(day: date) -> None:
    assert week_of(day) in weeks_of_month(day)


@QUICK
@given(day=DAYS, by=st.integers(-40, 40))
def test_months_are_turned_there_and_back(day: date, by: int) -> None:
    assert month_later(month_later(day, by), -by) == day.replace(day=1)


@QUICK
@given(view=VIEWS, day=DAYS)
def test_every_view_shows_the_day_it_is_of(view: View, day: date) -> None:
    assert day in shown(view, day)


@QUICK
@given(view=VIEWS, day=DAYS)
def test_turning_the_page_shows_what_follows_without_a_gap(view: View, day: date) -> None:
    """Up to the end of the calendar, where the page stays."""
    following = turned(view, day, 1)
    assert FIRST <= following <= LAST
    if following != LAST:
        assert shown(view, following)[0] <= shown(view, day)[-1] + timedelta(days=1)
        assert shown(view, following)[-1] > shown(view, day)[-1]


@QUICK
@given(view=VIEWS, day=DAYS, by=st.integers(-3, 3))
def test_a_page_has_a_heading_wherever_one_turns(view: View, day: date, by: int) -> None:
    assert "年" in heading(view, turned(view, day, by))


@QUICK
@given(text=st.text(max_size=12))
def test_an_address_that_is_no_day_shows_the_default(text: str) -> None:
    default = date(2026, 11, 26)
    assert FIRST <= read_day(text, default) <= LAST


@pytest.mark.parametrize("text", ["", "0001-01-01", "9999-12-31", "2026-02-30", "morgen", "1999-12-31"])
def test_a_day_that_nobody_means_is_not_taken(text: str) -> None:
    assert read_day(text, date(2026, 11, 26)) == date(2026, 11, 26)


@pytest.mark.parametrize(
    ("view", "day", "words"),
    [
        (View.MONTH, date(2026, 11, 26), "2026年11月"),
        (View.LIST, date(2026, 11, 26), "2026年11月"),
        (View.WEEK, date(2026, 11, 26), "2026年11月23日–29日"),
        (View.WEEK, date(2026, 12, 1), "2026年11月30日–12月6日"),
        (View.WEEK, date(2026, 12, 31), "2026年12月28日–2027年1月3日"),
    ],
)
def test_a_page_is_called_by_what_it_shows(view: View, day: date, words: str) -> None:
    assert heading(view, day) == words


def test_weekdays_in_chinese() -> None:
    assert "".join(weekday(day) for day in week_of(date(2026, 11, 26))) == "一二三四五六日"
