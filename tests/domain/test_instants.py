"""Instants carry a zone; Beijing time is for the edges."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given

from bot.domain.instants import (
    BEIJING,
    NaiveInstantError,
    beijing_date,
    beijing_midnight,
    delay,
    milliseconds,
    parse_instant,
    require_aware,
    show,
    span,
    to_beijing,
)

from .strategies import INSTANTS, QUICK

NAIVE = datetime(2026, 11, 23, 9)


@pytest.mark.parametrize("function", [require_aware, to_beijing, beijing_date, show])
def test_a_datetime_without_a_zone_is_refused_since_a_guess_could_publish_hours_early(function):
    with pytest.raises(NaiveInstantError, match="time zone"):
        function(NAIVE)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T09:00:00+08:00",
        "2026-11-23 09:00+08:00",
        "2026-11-23T09:00+0800",
        "2026-11-23T09:00:00.000000+08:00",
        " 2026-11-23T01:00:00+00:00 ",
        "2026-11-23T01:00:00Z",
        "2026-11-23T10:00+09:00",
    ],
)
def test_an_instant_is_a_date_a_time_and_an_offset(text):
    assert parse_instant(text) == datetime(2026, 11, 23, 1, tzinfo=UTC)
    assert parse_instant(text).tzinfo is UTC


@pytest.mark.parametrize("text", ["2026-11-23T09:00:00", "2026-11-23 09:00", " 2026-11-23T09:00:00.5 "])
def test_without_an_offset_it_is_refused_and_not_taken_for_beijing_time(text):
    with pytest.raises(NaiveInstantError):
        parse_instant(text)


@pytest.mark.parametrize(
    "text", ["2026-11-23", "20261123", "2026-W48-1", "2026-11-23T09", "20261123T0900+0800", "2026-W48-1T09:00+08:00"]
)
def test_a_day_alone_or_in_another_form_is_no_instant(text):
    with pytest.raises(ValueError, match="a date, a time of day and an offset"):
        parse_instant(text)


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+08:00", "9999-12-31T23:59-08:00", "1999-12-31T23:59Z", "2200-01-01T00:00Z"]
)
def test_a_year_that_nobody_means_is_refused_before_anything_overflows(text):
    with pytest.raises(ValueError, match="nobody means"):
        parse_instant(text)


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "09:00", "2026-13-01T09:00Z", "2026-11-23T25:00Z", "2026-02-30T09:00Z", "2026-11-23T09:00+25:00", "+10m", "２０２６-11-23T09:00Z"],
)  # fmt: skip
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError):
        parse_instant(text)


@QUICK
@given(instant=INSTANTS)
def test_what_is_shown_can_be_typed_in_again_with_beijings_offset(instant):
    assert parse_instant(f"{show(instant)}+08:00") == instant.replace(microsecond=0)


@QUICK
@given(instant=INSTANTS)
def test_the_beijing_day_begins_at_its_midnight_and_lasts_24_hours(instant):
    start = beijing_midnight(beijing_date(instant))
    assert start <= instant < start + timedelta(days=1)
    assert start.tzinfo is UTC
    assert to_beijing(start).hour == 0


def test_the_day_changes_at_16_o_clock_utc():
    assert beijing_date(datetime(2026, 11, 23, 15, 59, 59, tzinfo=UTC)) == date(2026, 11, 23)
    assert beijing_date(datetime(2026, 11, 23, 16, 0, tzinfo=UTC)) == date(2026, 11, 24)


def test_staff_see_24_hour_beijing_time():
    at = datetime(2026, 11, 23, 7, 5, 9, tzinfo=UTC)
    assert show(at) == "2026-11-23 15:05:09"
    assert show(at.astimezone(BEIJING), seconds=False) == "2026-11-23 15:05"


def test_milliseconds_keep_their_fraction():
    assert milliseconds(timedelta(seconds=1, microseconds=500)) == 1000.5


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (0, "0.0 毫秒"),
        (37.44, "37.4 毫秒"),
        (1500, "1.5 秒"),
        (119_000, "119.0 秒"),
        (120_000, "2 分 0 秒"),
        (481_600, "8 分 1 秒"),
    ],
)
def test_a_delay_is_said_in_the_unit_in_which_one_would_say_it(ms, words):
    assert delay(ms) == words


def test_a_page_leaves_out_what_is_below_a_millisecond():
    assert delay(36.6, digits=0) == "37 毫秒"
    assert delay(10, digits=0) == "10 毫秒"


@pytest.mark.parametrize(
    ("ms", "words"), [(0.5, "0.5 毫秒"), (0.04, "0.0 毫秒"), (9.94, "9.9 毫秒"), (9.96, "10 毫秒")]
)
def test_but_tells_tenths_of_what_is_below_ten(ms, words):
    assert delay(ms, digits=0) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(20, "20 秒"), (60, "1 分钟"), (150, "2 分 30 秒"), (3600, "60 分钟"), (59.7, "1 分钟"), (0, "0 秒")],
)
def test_a_length_of_time_is_said_in_minutes_and_seconds(seconds, words):
    assert span(timedelta(seconds=seconds)) == words
