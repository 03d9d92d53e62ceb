"""Holidays are named, weekends that are worked are marked, and a year without a list is said to have none."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.calendar.days import FIRST, LAST
from bot.domain.calendar.holidays import in_full, nature, unknown_years, warning, working_days_after
from tests.domain.strategies import QUICK

LISTED = date(2026, 1, 1)
NOT_LISTED = date(2035, 10, 1)


@pytest.mark.parametrize(
    ("day", "works", "tag", "words"),
    [
        (date(2026, 10, 1), False, "国庆节", "国庆节假期"),
        (date(2026, 10, 10), True, "班", "国庆节调休上班"),
        (date(2026, 2, 17), False, "春节", "春节假期"),
        (date(2026, 11, 28), False, "", "周六休息"),
        (date(2026, 11, 27), True, "", ""),
    ],
)
def test_a_day_is_called_what_the_state_councils_list_says(day: date, works: bool, tag: str, words: str) -> None:
    assert (nature(day).works, nature(day).tag, in_full(day)) == (works, tag, words)
    assert nature(day).known


@pytest.mark.parametrize("day", [date(2035, 10, 4), date(2035, 10, 6), date(2003, 2, 3)])
def test_of_a_year_without_a_list_only_weekends_are_said(day: date) -> None:
    assert not nature(day).known
    assert nature(day).tag == ""
    assert nature(day).works == (day.weekday() < 5)


@pytest.mark.parametrize(
    ("day", "holiday"),
    [(date(2035, 1, 1), "元旦"), (date(2035, 5, 1), "劳动节"), (date(2035, 5, 2), "劳动节"), (NOT_LISTED, "国庆节")],
)
def test_the_days_that_the_law_fixes_are_off_in_every_year(day: date, holiday: str) -> None:
    assert (nature(day).works, nature(day).tag, nature(day).known) == (False, holiday, False)


def test_the_years_that_are_not_known_are_named_once() -> None:
    assert unknown_years([LISTED, NOT_LISTED, NOT_LISTED.replace(month=12), date(2036, 1, 1)]) == [2035, 2036]


def test_what_is_said_before_publishing_on_a_day_off() -> None:
    assert warning(date(2026, 10, 2)) == "10月2日（周五）是国庆节假期，不是工作日。"
    assert warning(date(2026, 11, 29)) == "11月29日（周日）休息，不是工作日。"
    assert warning(date(2026, 10, 10)) == ""


def test_after_a_long_holiday_the_next_working_day_is_the_one_that_is_worked() -> None:
    assert next(working_days_after(date(2026, 10, 1), 31)) == date(2026, 10, 8)
    assert next(working_days_after(date(2026, 2, 14), 31)) == date(2026, 2, 24)


@QUICK
@given(day=st.dates(FIRST, LAST))
def test_no_day_is_too_far_away_to_be_asked_about(day: date) -> None:
    found = nature(day)
    assert bool(warning(day)) is not found.works
    assert bool(in_full(day)) is (bool(found.tag) or not found.works)
    if found.tag == "班":
        assert day.weekday() >= 5


@QUICK
@given(day=st.dates(FIRST, date(2199, 1, 1)), count=st.integers(0, 40))
def test_working_days_come_in_order_and_are_worked(day: date, count: int) -> None:
    found = list(working_days_after(day, count))
    assert found == sorted(found)
    assert all(nature(one).works and 0 < (one - day).days <= count for one in found)
