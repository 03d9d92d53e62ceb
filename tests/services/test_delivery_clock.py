"""tick(now): a plain function of the instant and the database. It rings, never sends, and may be run by anybody twice."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from django.db import connection

from bot.domain.delivery import State
from bot.models import Alarm, Batch, Chore, Publication
from bot.services import batches, clock, setback
from bot.services.clock import Job

from .delivery_support import MINUTE, NO_ANSWER, SECOND, Engine, T, intend, put, states
from .factories import Office


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


def at(engine: Engine, instant: datetime) -> clock.Tick:
    engine.clock.wait_until(instant)
    return engine.tick()


def test_an_empty_house_is_asked_again_in_a_minute(engine: Engine) -> None:
    assert engine.tick() == clock.Tick([], [], engine.clock.now() + MINUTE)


def test_a_tick_calls_no_platform(engine: Engine) -> None:
    engine.signed()
    for minute in range(40):
        at(engine, T + (minute - 12) * MINUTE)
    assert engine.platform.calls == []
    assert engine.platform.sent == []


def test_it_wakes_for_the_next_thing_to_do(engine: Engine) -> None:
    engine.signed()
    assert at(engine, T - 10 * MINUTE - 20 * SECOND).next_at == T - 10 * MINUTE
    assert at(engine, T - 20 * MINUTE + 9 * MINUTE).next_at is not None


def test_each_bell_is_rung_once(engine: Engine) -> None:
    release = engine.signed()
    jobs = [Job("stage", engine.wechat(release).pk), Job("stage", engine.weibo(release).pk)]
    assert at(engine, T - 10 * MINUTE).rings == jobs
    assert at(engine, T - 10 * MINUTE).rings == []
    assert at(engine, T - 10 * MINUTE + 9 * SECOND) == clock.Tick([], [], engine.clock.now() + MINUTE, near=True)


def test_a_bell_that_nobody_answers_becomes_work_for_a_child(engine: Engine) -> None:
    """Redis is down, or all workers are: it costs ten seconds, never the outcome."""
    release = engine.signed(on=[engine.office.wechat])
    job = Job("stage", engine.wechat(release).pk)
    at(engine, T - 10 * MINUTE)
    late = at(engine, T - 10 * MINUTE + 10 * SECOND)
    assert (late.rings, late.children) == ([], [job])
    assert at(engine, T - 10 * MINUTE + 11 * SECOND).children == []
    assert at(engine, T - 10 * MINUTE + 20 * SECOND).children == [job]


def test_a_batch_is_rung_once_and_sent_by_a_child_when_unclaimed_eight_seconds_ahead(engine: Engine) -> None:
    engine.signed()
    engine.go(T - 16 * SECOND)
    handed = at(engine, T - 15 * SECOND)
    job = Job("send", Batch.objects.get().pk)
    assert (handed.rings, handed.children) == ([job], [])
    assert at(engine, T - 14 * SECOND).rings == []
    assert at(engine, T - timedelta(seconds=8, milliseconds=1)).children == []
    assert at(engine, T - 8 * SECOND).children == [job]
    assert at(engine, T - 7 * SECOND).children == []


def test_a_claimed_batch_gets_no_child(engine: Engine) -> None:
    from bot.services.locks import ProcessLock

    engine.armed()
    lock = ProcessLock("batch", Batch.objects.get().pk)
    assert lock.acquire()
    batches.claim(Batch.objects.get().pk, "worker:1", now=engine.clock.now())
    children = at(engine, T - 5 * SECOND).children
    lock.release()
    assert children == []


def test_without_any_worker_children_take_a_release_out_at_its_instant(engine: Engine) -> None:
    release = engine.signed()
    engine.workers = False
    engine.go(T + MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]
    assert {shot.at for shot in engine.platform.sent} == {T}


def test_two_ticks_at_one_instant_hand_out_and_ring_once(engine: Engine) -> None:
    engine.signed()
    engine.go(T - 16 * SECOND)
    first, second = at(engine, T - 15 * SECOND), engine.tick()
    assert len(first.rings) == 1
    assert (second.rings, second.children) == ([], [])
    assert Batch.objects.count() == 1


def test_two_clocks_that_meet_between_reading_and_writing_arm_once(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second reads the same rows before the first has written: the fence lets one of them through."""
    release = engine.signed()
    engine.go(T - 16 * SECOND)
    engine.clock.wait_until(T - 15 * SECOND)
    arm, met = batches._arm, list[bool]()

    def meeting(instant: datetime, group: list[Publication], now: datetime) -> Batch | None:
        if not met:
            met.append(True)
            engine.tick()  # the other clock is faster
        return arm(instant, group, now)

    monkeypatch.setattr(batches, "_arm", meeting)
    engine.tick()
    assert Batch.objects.count() == 1
    assert states(release) == [State.ARMED, State.ARMED]


def test_four_clocks_at_once_make_one_batch(committed_office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(committed_office, monkeypatch)
    release = engine.signed()
    engine.go(T - 16 * SECOND)
    found, start = list[clock.Tick](), threading.Barrier(4)

    def run() -> None:
        start.wait(10)
        try:
            found.append(clock.tick(T - 15 * SECOND))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 4
    assert states(release) == [State.ARMED, State.ARMED]
    with_publications = Batch.objects.filter(publications__isnull=False).distinct()
    assert with_publications.count() == 1


def test_a_look_is_rung_when_due_and_not_while_somebody_looks(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.weibo])
    engine.platform.answers["lyhd"] = [NO_ANSWER]
    engine.go(T)
    one = engine.weibo(release)
    assert at(engine, T + 14 * SECOND).rings == []
    assert at(engine, T + 15 * SECOND).rings == [Job("look", one.pk)]
    put(one, State.UNKNOWN, lease_until=T + 60 * SECOND, rung_at=None)
    assert at(engine, T + 30 * SECOND).rings == []


def test_accounts_with_due_numbers_are_rung_once_in_two_minutes(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.weibo])
    engine.go(T + MINUTE)
    due = engine.weibo(release).next_sample_at
    assert due is not None
    job = Job("measure", engine.office.weibo.pk)
    assert at(engine, due - SECOND).rings == []
    assert at(engine, due).rings == [job]
    assert at(engine, due + 30 * SECOND).rings == []
    assert at(engine, due + 121 * SECOND).rings == [job]


def test_what_is_too_late_is_missed_in_one_tick_whatever_its_state(engine: Engine) -> None:
    release = engine.signed()
    put(engine.wechat(release), State.ARMED)
    put(engine.weibo(release), State.HELD, reason="孙签暂停：待核")
    at(engine, T + 30 * MINUTE + SECOND)
    assert states(release) == [State.MISSED, State.MISSED]
    assert "待核" in engine.weibo(release).reason
    assert "未发出" in engine.wechat(release).reason


@pytest.mark.parametrize("state", [State.SENDING, State.UNKNOWN, State.CONFIRMING])
def test_what_may_be_public_is_never_called_missed(engine: Engine, state: State) -> None:
    release = engine.signed(on=[engine.office.weibo])
    put(engine.weibo(release), state)
    at(engine, T + 31 * MINUTE)
    assert engine.weibo(release).status is state


def test_an_unknown_job_is_an_error_not_silence() -> None:
    with pytest.raises(ValueError, match="no such job"):
        clock.perform(Job("dance", 1))


# --- a machine that starts with a wrong clock -------------------------------------------------------------------

HOURS = timedelta(hours=8)


def starting(engine: Engine, instant: datetime, *, for_seconds: float = 1.0) -> clock.Tick:
    """A tick of a clock process that has begun to follow the time at `instant`."""
    return clock.tick(instant, thorough=True, watched=clock.Watched(instant, for_seconds))


def test_a_clock_that_is_ahead_at_the_start_declares_nothing_missed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hardware clock runs on local time, and was taken for UTC: by it the release is hours late."""
    release = engine.signed()
    monkeypatch.setattr(clock, "doubt_of_this_boot", lambda **_: None)  # no platform has told its time yet
    starting(engine, T + HOURS)
    assert states(release) == [State.PLANNED, State.PLANNED]
    monkeypatch.setattr(clock, "doubt_of_this_boot", lambda **_: "本机时钟与平台时间相差 +28800.0 秒。")
    starting(engine, T + HOURS, for_seconds=9999)
    assert states(release) == [State.PLANNED, State.PLANNED]
    setback.pull_back(now=engine.clock.now())  # the time service sets it right
    engine.go(T + MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]


def test_what_is_really_over_is_missed_as_soon_as_a_platform_confirms_the_time(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = engine.signed()
    monkeypatch.setattr(clock, "doubt_of_this_boot", lambda **_: "")
    starting(engine, T + HOURS)
    assert states(release) == [State.MISSED, State.MISSED]


def test_where_no_platform_answers_patience_decides(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    release = engine.signed()
    monkeypatch.setattr(clock, "doubt_of_this_boot", lambda **_: None)
    starting(engine, T + HOURS, for_seconds=clock.PATIENCE - 1)
    assert states(release) == [State.PLANNED, State.PLANNED]
    starting(engine, T + HOURS, for_seconds=clock.PATIENCE)
    assert states(release) == [State.MISSED, State.MISSED]


def test_what_passes_before_the_clocks_own_eyes_needs_nobody_to_confirm_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = engine.signed()
    monkeypatch.setattr(clock, "doubt_of_this_boot", lambda **_: None)
    clock.tick(T + 31 * MINUTE, thorough=True, watched=clock.Watched(T, 1860.0))
    assert states(release) == [State.MISSED, State.MISSED]


def test_what_a_clock_that_was_ahead_put_off_is_due_again(engine: Engine) -> None:
    release = engine.signed()
    one, two = engine.wechat(release), engine.weibo(release)
    ahead = engine.clock.now() + HOURS
    put(one, State.PLANNED, rung_at=ahead, lease_until=ahead + MINUTE)
    put(two, State.UNKNOWN, next_at=ahead)
    Chore.objects.update(next_at=ahead, rung_at=ahead)
    alarm = Alarm.objects.create(
        kind="disk", subject="home", out="none", message="磁盘将满。", raised_at=ahead, told_at=ahead, next_at=ahead
    )  # fmt: skip
    now = engine.clock.now()
    assert setback.pull_back(now=now) > 0
    one, two = Publication.objects.get(pk=one.pk), Publication.objects.get(pk=two.pk)
    alarm.refresh_from_db()
    assert (one.rung_at, one.lease_until, two.next_at) == (None, None, now)
    assert (alarm.told_at, alarm.next_at) == (now, now)
    assert not Chore.objects.filter(rung_at__gt=now).exists()
    assert not Chore.objects.exclude(name="chain").filter(next_at__gt=now + timedelta(hours=1)).exists()


def test_where_the_clock_was_right_nothing_is_pulled_back(engine: Engine) -> None:
    release = engine.signed()
    engine.go(T - 5 * MINUTE)
    before = list(Publication.objects.values())
    assert setback.pull_back(now=engine.clock.now()) == 0
    assert list(Publication.objects.values()) == before
    engine.go(T + MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]


@pytest.mark.parametrize(("before", "wish"), [(2, "hold"), (-2, "")])
def test_a_clock_that_comes_late_to_hold_a_release_strikes_out_what_waits_for_its_instant(
    engine: Engine, before: int, wish: str
) -> None:
    """It was set back, or stood still, over T - 15 s; meanwhile the mate's sender has committed its intent (seed 4826780)."""
    release = engine.signed()
    begun, stuck = engine.wechat(release), engine.weibo(release)
    put(begun, State.SENDING, next_at=None)
    intend(begun, at=T - 3 * SECOND)
    put(stuck, State.STAGING, stage_by=T - 15 * SECOND, rung_at=T - 30 * SECOND, next_at=T - 20 * SECOND)
    at(engine, T - before * SECOND)
    begun.refresh_from_db()
    stuck.refresh_from_db()
    assert stuck.status is State.HELD
    assert (begun.status, begun.stop_event) == (State.SENDING, wish)
    assert begun.stop_reason == "" or "为保证同步" in begun.stop_reason
