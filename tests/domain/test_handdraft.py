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


@given(st.sampled_from([Stage.WAITING, Stage.FAILED, Stage.UNCHECKED]), st.integers(0, 50), NEAR, st.booleans())
def test_a_fault_is_tried_again_while_there_is_time(stage: Stage, faults: int, ahead: timedelta, made: bool) -> None:
    now = T - ahead
    step = handdraft.faulted(stage, faults, "平台没有应答。", T, made=made, now=now)
    assert step.stage is (Stage.UNCHECKED if made else Stage.FAILED)
    assert (step.faults, step.note) == (faults + 1, "平台没有应答。")
    if step.next_at is not None:
        assert now < step.next_at <= T + timeline.MAX_LATENESS
    else:
        assert timeline.too_late(now + timeline.stage_backoff(faults + 1), T)


@given(st.integers(0, 50), NEAR)
def test_what_was_compared_is_not_read_again_after_its_instant(faults: int, ahead: timedelta) -> None:
    """People may have published it by then."""
    step = handdraft.faulted(Stage.PLACED, faults, "平台没有应答。", T, made=True, now=T - ahead)
    assert step.stage is Stage.PLACED
    assert step.next_at is None or step.next_at < T


@given(st.integers(0, 50), NEAR, st.booleans())
def test_what_may_be_public_is_not_touched_again_by_machine(faults: int, ahead: timedelta, made: bool) -> None:
    step = handdraft.faulted(Stage.ALTERED, faults, "平台没有应答。", T, made=made, now=T - ahead)
    assert (step.stage, step.next_at) == (Stage.ALTERED, None)


def test_what_cannot_be_taken_back_is_left_to_a_person_after_so_many_tries() -> None:
    steps = [handdraft.not_taken_back(faults, "x", now=T) for faults in range(MOST_TRIES)]
    assert [step.stage for step in steps] == [Stage.LEAVING] * (MOST_TRIES - 1) + [Stage.LEFT_OVER]
    assert [step.next_at is None for step in steps] == [False] * (MOST_TRIES - 1) + [True]


SOON, LATE = T + timedelta(minutes=1), T - timedelta(minutes=11)
TOLD = (
    (Stage.ALTERED, 0, None, True), (Stage.LEFT_OVER, 8, None, True),
    (Stage.WAITING, 0, SOON, False), (Stage.WAITING, 0, LATE, True), (Stage.WAITING, 0, None, True),
    (Stage.FAILED, 1, SOON, False), (Stage.FAILED, 2, SOON, True), (Stage.FAILED, 1, None, True),
    (Stage.UNCHECKED, 1, SOON, False), (Stage.UNCHECKED, 2, SOON, True),
    (Stage.LEAVING, 0, SOON, False), (Stage.LEAVING, 1, SOON, True),
    (Stage.PLACED, 0, None, False), (Stage.PLACED, 1, SOON, False), (Stage.PLACED, 2, None, True),
    (Stage.TAKEN_BACK, 0, None, False),
)  # fmt: skip


@pytest.mark.parametrize(("stage", "faults", "next_at", "told"), TOLD)
def test_a_person_hears_of_what_nobody_tries_of_what_fails_again_and_of_what_must_go(
    stage: Stage, faults: int, next_at: datetime | None, told: bool
) -> None:
    assert handdraft.for_a_person(stage, faults, next_at, now=T) is told


def test_every_stage_has_its_word() -> None:
    assert len({stage.label for stage in Stage}) == len(Stage)
