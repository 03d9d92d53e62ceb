"""When a draft for people is put on the platform, read again, and given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import handdraft, timeline
from bot.domain.handdraft import AHEAD, LOOK_BEFORE, MOST_TRIES, Stage

T = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
NEAR = st.timedeltas(min_value=timedelta(days=-2), max_value=timedelta(days=2))


@given(NEAR)
def test_it_is_put_there_an_hour_ahead_but_never_before_it_was_signed(before: timedelta) -> None:
    signed = T - before
    assert handdraft.placed_at(signed, T) == max(signed, T - AHEAD)


@given(NEAR)
def test_what_stands_there_is_read_once_more_before_its_instant_or_not_at_all(ahead: timedelta) -> None:
    step = handdraft.placed(T, now=T - ahead)
    assert step.stage is Stage.PLACED
    assert step.next_at == (T - LOOK_BEFORE if ahead > LOOK_BEFORE else None)


@given(st.sampled_from([Stage.WAITING, Stage.PLACED, Stage.FAILED]), st.integers(0, 50), NEAR)
def test_a_fault_is_tried_again_while_there_is_time_and_takes_away_nothing(
    stage: Stage, faults: int, ahead: timedelta
) -> None:
    now = T - ahead
    step = handdraft.faulted(stage, faults, "平台没有应答。", T, now=now)
    assert step.stage is (Stage.PLACED if stage is Stage.PLACED else Stage.FAILED)
    assert step.faults == faults + 1
    assert step.note
    if step.next_at is not None:
        assert now < step.next_at <= T + timeline.MAX_LATENESS
    else:
        assert timeline.too_late(now + timeline.stage_backoff(faults + 1), T)


def test_what_cannot_be_taken_back_is_left_to_a_person_after_so_many_tries() -> None:
    steps = [handdraft.not_taken_back(faults, "x", now=T) for faults in range(MOST_TRIES)]
    assert [step.stage for step in steps] == [Stage.LEAVING] * (MOST_TRIES - 1) + [Stage.LEFT_OVER]
    assert [step.next_at is None for step in steps] == [False] * (MOST_TRIES - 1) + [True]
    assert Stage.LEFT_OVER in handdraft.FOR_A_PERSON


def test_every_stage_has_its_word() -> None:
    assert len({stage.label for stage in Stage}) == len(Stage)


def test_naive_instants_are_refused() -> None:
    naive = datetime(2026, 3, 2, 9, 30)
    for call in (
        lambda: handdraft.placed_at(naive, T), lambda: handdraft.placed_at(T, naive),
        lambda: handdraft.placed(T, now=naive), lambda: handdraft.placed(naive, now=T),
        lambda: handdraft.faulted(Stage.WAITING, 0, "", T, now=naive),
        lambda: handdraft.faulted(Stage.WAITING, 0, "", naive, now=T),
        lambda: handdraft.not_taken_back(0, "", now=naive),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="needs a time zone"):
            call()
