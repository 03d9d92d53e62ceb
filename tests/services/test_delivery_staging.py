"""Ahead of the instant: everything in place, read back, and said aloud when it is not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.channel import Remedy, Staged
from bot.domain.delivery import State
from bot.models import Publication
from bot.services import accounts, releases, staging, stops
from bot.services.locks import ProcessLock

from .delivery_support import MINUTE, SECOND, SIGNED_AT, Engine, T, events_of, fault, put, states
from .factories import Office


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


def test_staging_begins_ten_minutes_ahead(engine: Engine) -> None:
    release = engine.signed()
    engine.go(T - 10 * MINUTE - SECOND)
    assert states(release) == [State.PLANNED, State.PLANNED]
    assert not engine.platform.calls
    engine.go(T - 10 * MINUTE)
    assert states(release) == [State.STAGED, State.STAGED]


def test_a_release_signed_late_is_staged_at_once(engine: Engine) -> None:
    engine.clock.wait_until(T - 2 * MINUTE)
    document = engine.office.approved(now=engine.clock.now())
    release = engine.office.signed(document, instant=T, now=engine.clock.now())
    engine.go(T - 2 * MINUTE)
    assert states(release) == [State.STAGED, State.STAGED]


def test_what_staging_left_is_kept_with_the_newest_own_id(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.weibo])
    engine.go(T - 9 * MINUTE)
    done = engine.weibo(release)
    assert done.staged == {"draft": f"draft-of-{done.key}"}
    assert (done.since, done.staged_at) == ("5000", T - 10 * MINUTE)
    assert done.next_at == T - 15 * SECOND


def test_the_token_is_asked_for_ahead_not_at_the_instant(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    engine.platform.grants["zghd"] = [fault(Remedy.OPERATOR, "AppSecret 不对。")]
    engine.go(T - 10 * MINUTE)
    assert engine.wechat(release).status is State.BLOCKED
    assert "AppSecret" in engine.wechat(release).reason


def test_a_fault_is_tried_again_with_growing_waits_and_its_reason_shown(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    engine.platform.stages["zghd"] = [fault(Remedy.UNKNOWN, "连不上。")] * 4
    tried = []
    for expected in (5, 15, 30, 60):
        engine.go(engine.clock.now() if tried else T - 10 * MINUTE)
        blocked = engine.wechat(release)
        assert (blocked.status, blocked.reason) == (State.BLOCKED, "连不上。")
        assert blocked.next_at == engine.clock.now() + expected * SECOND
        tried.append(expected)
        engine.clock.wait_until(blocked.next_at)
    engine.go(engine.clock.now())
    assert engine.wechat(release).status is State.STAGED
    assert engine.wechat(release).stage_faults == 0


def test_a_fault_that_names_its_end_is_tried_then(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    until = T - 4 * MINUTE
    engine.platform.stages["zghd"] = [fault(Remedy.WAIT, "额度用完。", wait_until=until)]
    engine.go(T - 10 * MINUTE)
    assert engine.wechat(release).next_at == until
    engine.go(T + MINUTE)
    assert engine.wechat(release).status is State.LIVE


def test_a_wait_beyond_the_deadline_is_held_at_the_deadline_not_forgotten(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    tomorrow = T + timedelta(days=1)
    engine.platform.stages["zghd"] = [fault(Remedy.WAIT, "额度用完。", wait_until=tomorrow)] * 9
    engine.go(T)
    assert engine.wechat(release).status is State.HELD
    assert "额度用完" in engine.wechat(release).reason
    assert not engine.platform.sent


def test_a_read_back_that_differs_is_no_staging(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    engine.platform.stages["zghd"] = [Staged({"draft": "other"}, verified=False)]
    engine.go(T - 10 * MINUTE)
    assert engine.wechat(release).status is State.BLOCKED
    assert engine.wechat(release).staged == {}
    assert "不一致" in engine.wechat(release).reason


def test_a_bell_rung_twice_stages_once(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    for _ in range(3):
        staging.stage(engine.wechat(release).pk, now=lambda: T - 5 * MINUTE)
    assert engine.platform.asked("stage") == 1
    assert states(release) == [State.STAGED]


def test_what_another_process_is_staging_is_left_to_it(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    other = ProcessLock("stage", engine.wechat(release).pk)
    assert other.acquire()
    staging.stage(engine.wechat(release).pk, now=lambda: T - 5 * MINUTE)
    other.release()
    assert not engine.platform.calls


def test_staging_whose_worker_died_is_taken_up_at_once(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    until = T - 9 * MINUTE + 90 * SECOND
    put(engine.wechat(release), State.STAGING, lease_until=until, next_at=until)
    engine.clock.wait_until(T - 9 * MINUTE)
    engine.go(T - 9 * MINUTE)
    assert states(release) == [State.STAGED]


def test_staging_whose_worker_lives_is_waited_for(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    until = T - 9 * MINUTE + 90 * SECOND
    put(engine.wechat(release), State.STAGING, lease_until=until, next_at=until)
    alive = ProcessLock("stage", engine.wechat(release).pk)
    assert alive.acquire()
    engine.clock.wait_until(T - 9 * MINUTE)
    result = engine.tick()
    alive.release()
    assert not result.rings
    assert engine.wechat(release).lease_until == until


def test_a_hold_while_staging_wins_over_the_worker_that_comes_back(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])

    class Holding:
        def __call__(self) -> object:
            if engine.wechat(release).status is State.STAGING:
                stops.hold(release, person=engine.releaser, reason="等等", now=SIGNED_AT)
            return T - 5 * MINUTE

    staging.stage(engine.wechat(release).pk, now=Holding())  # type: ignore[arg-type]
    assert engine.wechat(release).status is State.HELD
    assert engine.wechat(release).staged == {}


def test_a_resumed_publication_uses_what_still_stands(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.wechat])
    engine.go(T - 9 * MINUTE)
    stops.hold(release, person=engine.releaser, reason="等等", now=engine.clock.now())
    Publication.objects.filter(release=release).update(staged={"draft": "kept"})
    stops.resume(release, person=engine.releaser, now=engine.clock.now())
    engine.go(T + MINUTE)
    assert engine.wechat(release).staged == {"draft": "kept"}
    assert states(release) == [State.LIVE]


def test_nothing_is_staged_without_a_signature(engine: Engine) -> None:
    release = engine.office.planned(engine.office.approved(now=SIGNED_AT), instant=T, now=SIGNED_AT)
    engine.go(T - MINUTE)
    staging.stage(engine.wechat(release).pk, now=engine.clock.now)
    assert not engine.platform.calls
    assert events_of(engine.wechat(release)) == []


def test_for_a_disabled_account_nothing_is_called_any_more(engine: Engine) -> None:
    release = engine.signed()
    accounts.disable_account("zghd", reason="凭据泄露", actor="test", now=engine.clock.now())
    engine.go(T - MINUTE)
    assert engine.platform.asked("stage", "zghd") == 0
    held = engine.wechat(release)
    assert held.status is State.HELD
    assert "账号已停用（凭据泄露），未发出" in held.reason


def test_after_an_outage_a_release_signed_anew_goes_late_like_any_other(engine: Engine) -> None:
    """What went wrong in an earlier round says nothing of this one, in which nobody could try."""
    release = engine.signed(on=[engine.office.weibo])
    engine.platform.stages["lyhd"] = [fault(Remedy.OPERATOR)] * 50
    engine.go(T + MINUTE)
    assert states(release) == [State.HELD]
    engine.platform.stages["lyhd"].clear()
    later = T + timedelta(hours=2)
    releases.reschedule(release, instant=later, person=engine.office.people["editor"], now=engine.clock.now())
    engine.office.signs(release, now=engine.clock.now())
    engine.clock.wait_until(later + MINUTE)  # the machine was down from before staging until a minute after T
    engine.go(later + 5 * MINUTE)
    assert states(release) == [State.LIVE]
