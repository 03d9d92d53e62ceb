"""Which pre-flights a signature brings, and which of several due ones is run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.instants import NaiveInstantError
from bot.domain.preflight import LABELS, Kind, newest, plan, too_late
from bot.domain.timeline import PREFLIGHTS

from .strategies import QUICK

T = datetime(2026, 11, 24, 1, tzinfo=UTC)
AHEAD = st.timedeltas(timedelta(seconds=1), timedelta(days=10))


def test_signed_days_ahead_all_four_are_made():
    assert [(due.kind, T - due.at) for due in plan(T - timedelta(days=3), T)] == list(
        zip((Kind.DAY, Kind.HOUR, Kind.QUARTER, Kind.LAST), PREFLIGHTS, strict=True)
    )


def test_what_was_missed_runs_at_once_as_one():
    signed = T - timedelta(minutes=20)
    assert [(due.kind, due.at) for due in plan(signed, T)] == [
        (Kind.SIGNING, signed), (Kind.QUARTER, T - timedelta(minutes=15)), (Kind.LAST, T - timedelta(minutes=5)),
    ]  # fmt: skip
    assert [due.kind for due in plan(T - timedelta(seconds=90), T)] == [Kind.SIGNING]


@QUICK
@given(AHEAD)
def test_every_plan_is_in_order_ahead_of_the_instant_and_not_before_the_signature(ahead):
    signed = T - ahead
    times = [due.at for due in plan(signed, T)]
    assert times == sorted(times)
    assert len(set(times)) == len(times)
    assert all(signed <= at < T for at in times)
    assert times


@QUICK
@given(AHEAD)
def test_every_time_of_the_timeline_is_kept_or_made_good(ahead):
    made = plan(T - ahead, T)
    kept = {due.kind for due in made} - {Kind.SIGNING}
    assert len(kept) == sum(T - before > T - ahead for before in PREFLIGHTS)
    assert (made[0].kind is Kind.SIGNING) == (len(kept) < len(PREFLIGHTS))


@QUICK
@given(st.lists(st.datetimes(timezones=st.just(UTC), min_value=datetime(2026, 1, 1), max_value=datetime(2027, 1, 1))))
def test_of_several_due_ones_the_latest_is_run_and_nothing_that_is_not_due(times):
    found = newest(enumerate(times), T)
    due = [at for at in times if at <= T]
    assert (found is None) == (not due)
    assert found is None or times[found] == max(due)


def test_at_the_last_instant_it_is_too_late():
    assert too_late(T, T)
    assert not too_late(T, T - timedelta(microseconds=1))


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(NaiveInstantError):
        plan(datetime(2026, 1, 1), T)


def test_every_kind_has_a_word_for_staff():
    assert set(LABELS) == set(Kind)
