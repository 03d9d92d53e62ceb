"""What people do around a gate: they hold what it holds already, send again what it let through, decide when time is short."""

from __future__ import annotations

from datetime import datetime

import pytest

from bot.domain.channel import Absent, Remedy
from bot.domain.channel import Refused as RefusedByPlatform
from bot.domain.delivery import State
from bot.domain.sync import GateState, Then
from bot.models import Alarm, PortalGate, Publication, Release
from bot.services import gating, settling, stops
from bot.services.errors import Refused

from .delivery_support import ABSENT, LIVE, MINUTE, NOT_LEFT, SECOND, Engine, T, fault, receipt, states
from .factories import Office, after_live


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


def let_go(engine: Engine, release: Release) -> int:
    return gating.decide(release, go=True, person=engine.releaser, now=engine.clock.now())


def hold(engine: Engine, release: Release, only: Publication | None = None) -> stops.Stopped:
    return stops.hold(
        release, person=engine.releaser, reason="配图有误", now=engine.clock.now(), only=only.pk if only else None
    )


def send_again(engine: Engine, one: Publication) -> None:
    settling.settle_again(
        one, person=engine.releaser, second=engine.office.people["final"], reason="核实未发出", now=engine.clock.now()
    )


# --- held by a person, too ------------------------------------------------------------------------------------


def test_what_a_person_holds_although_the_gate_holds_it_is_not_resumed_by_the_gates_decision(engine: Engine) -> None:
    release = engine.signed(sync=after_live(then=Then.ASK))
    engine.go(T + 3 * MINUTE)
    assert states(release) == [State.HELD, State.HELD]
    answer = hold(engine, release, engine.wechat(release))
    assert answer.stopped == 1
    assert (engine.wechat(release).held_by, "孙签暂停：配图有误" in engine.wechat(release).reason) == ("person", True)
    assert let_go(engine, release) == 1
    engine.go(T + 6 * MINUTE)
    assert (engine.wechat(release).status, engine.weibo(release).status) == (State.HELD, State.LIVE)


def test_what_a_freeze_met_held_waits_for_a_resume_after_it_is_lifted(engine: Engine) -> None:
    release = engine.signed(sync=after_live(then=Then.ASK))
    engine.go(T + 3 * MINUTE)
    answer = stops.freeze(engine.office.unit, person=engine.releaser, reason="突发", now=engine.clock.now())
    assert answer.stopped == 2
    stops.unfreeze(engine.office.unit, person=engine.releaser, now=engine.clock.now())
    assert let_go(engine, release) == 0
    engine.go(T + 6 * MINUTE)
    assert states(release) == [State.HELD, State.HELD]
    assert stops.resume(release, person=engine.releaser, now=engine.clock.now()) == 2
    engine.go(T + 10 * MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]


def test_the_alarm_of_what_the_machine_held_ends_once_a_person_holds_it(engine: Engine) -> None:
    engine.platform.stages["zghd"] = [fault(Remedy.OPERATOR)] * 50
    release = engine.signed()
    engine.go(T + MINUTE)
    assert Alarm.objects.filter(publication=engine.wechat(release), closed_at__isnull=True).exists()
    hold(engine, release)
    engine.go(T + 2 * MINUTE)
    assert not Alarm.objects.filter(publication=engine.wechat(release), closed_at__isnull=True).exists()


def test_why_the_machine_held_it_is_not_forgotten_by_a_hold(engine: Engine) -> None:
    engine.platform.stages["zghd"] = [fault(Remedy.PERSON, "平台上的草稿与签发内容不一致，未发出。")] * 50
    release = engine.signed(on=[engine.office.wechat])
    engine.go(T + MINUTE)
    hold(engine, release)
    assert engine.wechat(release).reason.startswith("孙签暂停：配图有误（此前：")
    assert "草稿与签发内容不一致" in engine.wechat(release).reason


def test_held_again_by_a_person_nothing_changes(engine: Engine) -> None:
    release = engine.signed()
    hold(engine, release)
    before = engine.wechat(release).reason
    assert hold(engine, release).stopped == 0
    assert engine.wechat(release).reason == before


# --- sent again -----------------------------------------------------------------------------------------------


def effective(release: Release) -> datetime:
    found = PortalGate.objects.get(release=release).effective
    assert found is not None
    return found


def test_what_was_sent_again_goes_when_its_page_is_back_and_no_later(engine: Engine) -> None:
    """The delay of the release is not added to an instant that people chose after it."""
    engine.page.at(T - 5 * MINUTE).at(T + 5 * MINUTE, ABSENT).at(T + 6 * MINUTE, LIVE)
    engine.platform.answers["lyhd"] = [RefusedByPlatform("20021", Remedy.PERSON, "微博拒绝发布，没有发出。")]
    look = lambda evidence: Absent("没有") if len(engine.platform.sent) < 2 else receipt(evidence)  # noqa: E731
    engine.platform.looks["lyhd"] = [look] * 20
    release = engine.signed(on=[engine.office.weibo], sync=after_live(wait=20 * MINUTE, then=Then.ASK))
    engine.go(T + 4 * MINUTE)
    engine.clock.wait_until(T + 5 * MINUTE)
    send_again(engine, engine.weibo(release))
    engine.go(T + 25 * MINUTE)
    assert engine.platform.sent[1].at <= effective(release) + 15 * SECOND


@pytest.mark.parametrize("then", [Then.GO, Then.ASK])
def test_missed_and_sent_again_it_goes_without_the_page_when_the_rule_or_a_person_says_so(
    engine: Engine, then: Then
) -> None:
    engine.page.at(T - 5 * MINUTE).at(T + 39 * MINUTE, ABSENT)
    engine.platform.answers["lyhd"] = [NOT_LEFT] * 400
    release = engine.signed(on=[engine.office.weibo], sync=after_live(wait=2 * MINUTE, then=then))
    engine.go(T + 32 * MINUTE)
    assert states(release) == [State.MISSED]
    engine.platform.answers["lyhd"].clear()
    engine.clock.wait_until(T + 40 * MINUTE)
    send_again(engine, engine.weibo(release))
    engine.go(T + 41 * MINUTE)
    if then is Then.ASK:
        assert PortalGate.objects.get(release=release).status is GateState.ASKING
        assert let_go(engine, release) == 1
    engine.go(T + 45 * MINUTE)
    assert states(release) == [State.LIVE]
    assert engine.platform.sent[-1].at <= effective(release) + 15 * SECOND


# --- decided late ---------------------------------------------------------------------------------------------


def test_what_is_let_go_while_there_is_time_is_sent(engine: Engine) -> None:
    release = engine.signed(sync=after_live(then=Then.ASK))
    engine.go(T + 29 * MINUTE)
    assert let_go(engine, release) == 2
    engine.go(T + 32 * MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]
    assert all(shot.at <= T + 30 * MINUTE for shot in engine.platform.sent)


@pytest.mark.parametrize("left", [20 * SECOND, 5 * SECOND])
def test_what_could_only_leave_after_its_last_instant_is_not_promised(engine: Engine, left) -> None:
    release = engine.signed(sync=after_live(then=Then.ASK))
    engine.go(T + 30 * MINUTE - left)
    with pytest.raises(Refused, match=r"已超过最迟发送时限.*没有放行，没有发出。请改期另发，或作废"):
        let_go(engine, release)
    engine.go(T + 32 * MINUTE)
    assert engine.platform.sent == []


def test_only_what_of_a_lane_can_leave_in_time_is_promised(engine: Engine) -> None:
    release = engine.signed(*engine.articles(2), on=[engine.office.weibo], sync=after_live(then=Then.ASK))
    engine.go(T + 29 * MINUTE + 22 * SECOND)
    promised = let_go(engine, release)
    engine.go(T + 35 * MINUTE)
    assert len(engine.platform.sent) == promised


def test_a_policy_whose_interpretation_somebody_holds_is_held_with_it_when_the_gate_is_decided(engine: Engine) -> None:
    pair, notice = engine.office.approved_pair(), engine.articles(1)[0]
    release = engine.signed(notice, *pair, on=[engine.office.weibo], sync=after_live(then=Then.ASK))
    engine.go(T + 3 * MINUTE)
    hold(engine, release, release.publications.get(lane=2))
    assert let_go(engine, release) == 1
    engine.go(T + 6 * MINUTE)
    assert states(release) == [State.LIVE, State.HELD, State.HELD]
    assert "--go" not in release.publications.get(lane=1).reason.partition("（此前")[0]
