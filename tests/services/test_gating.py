"""The portal gate in virtual time: as soon as the page is live, but not before T; and what happens when it never is."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.test import override_settings

from bot.domain import timeline
from bot.domain.channel import Absent, Remedy
from bot.domain.channel import Refused as RefusedByPlatform
from bot.domain.delivery import State
from bot.domain.sync import AfterLive, GateState, Seen, Then
from bot.models import Alarm, AuditEvent, Batch, Item, PortalGate, Publication, Release
from bot.services import audit, clock, gating, health, settling, stops, voiding
from bot.services.clock import Job
from bot.services.errors import Refused
from bot.services.signature import Signatures
from tests.portal.support import page, portal, response

from .delivery_support import ABSENT, LIVE, MINUTE, NOT_LEFT, SECOND, SIGNED_AT, SILENT, Engine, T, put, states
from .factories import Office, after_live, publication

LEAD = timeline.GATE_LEAD
TICK = 4 * SECOND  # a question every three seconds, and the clock's second


def signed(push: Publication) -> None:
    """Refused unless what is to be sent is what was signed."""
    Signatures().require(push, list(push.items.select_related("edition").order_by("position")))


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


def gate(release: Release) -> PortalGate:
    return PortalGate.objects.get(release=release)


def left(engine: Engine) -> dict[str, datetime]:
    return {shot.slug: shot.at for shot in engine.platform.sent}


def told(release: Release, action: str) -> list[dict[str, object]]:
    return [
        event.data
        for event in AuditEvent.objects.filter(subject=f"release:{release.pk}", action=action).order_by("sequence")
    ]


# --- the page comes ---------------------------------------------------------------------------------------


def test_a_page_that_is_live_before_t_lets_the_release_go_exactly_at_t(engine: Engine) -> None:
    engine.page.at(T - 5 * MINUTE)
    release = engine.signed(sync=after_live())
    engine.go(T + MINUTE)
    assert left(engine) == {"zghd": T, "lyhd": T}
    assert states(release) == [State.LIVE, State.LIVE]
    assert engine.wechat(release).late_ms == 0
    found = gate(release)
    assert (found.status, found.effective, found.next_at) == (GateState.OPEN, T, None)
    assert found.open_since
    assert T - 5 * MINUTE <= found.open_since <= T - 4 * MINUTE


def test_a_page_that_comes_after_t_lets_both_accounts_go_at_one_instant_soon_after(engine: Engine) -> None:
    engine.page.at(T + MINUTE)
    release = engine.signed(sync=after_live())
    engine.go(T + 2 * MINUTE)
    opened = gate(release).open_since
    assert opened
    assert T + MINUTE <= opened <= T + MINUTE + TICK
    assert left(engine) == {"zghd": opened + LEAD, "lyhd": opened + LEAD}
    assert states(release) == [State.LIVE, State.LIVE]
    assert Batch.objects.count() == 1
    assert engine.wechat(release).late_ms == 0  # against the instant that the page allowed
    assert engine.wechat(release).gate_at == gate(release).effective == opened + LEAD


@pytest.mark.parametrize("before", [14, 12, 9, 5, 1, 0])
def test_a_page_that_comes_shortly_before_t_loses_no_more_than_the_lead(engine: Engine, before: int) -> None:
    engine.page.at(T - before * SECOND)
    release = engine.signed(sync=after_live())
    engine.go(T + MINUTE)
    opened = gate(release).open_since
    assert opened is not None
    assert set(left(engine).values()) == {max(T, opened + LEAD)}
    assert states(release) == [State.LIVE, State.LIVE]


def test_posts_of_a_lane_keep_their_distance(engine: Engine) -> None:
    engine.page.at(T + MINUTE)
    release = engine.signed(*engine.articles(3), on=[engine.office.weibo], sync=after_live())
    engine.go(T + 2 * MINUTE)
    effective = gate(release).effective
    assert effective is not None
    times = [shot.at for shot in engine.platform.shots("lyhd")]
    assert times[0] == effective
    assert all(later - earlier >= 5 * SECOND for earlier, later in itertools.pairwise(times))
    assert len(times) == 3
    assert [p.late_ms for p in release.publications.order_by("lane")] == pytest.approx([0, 0, 0], abs=2000)


def test_a_page_that_is_taken_down_again_before_t_shuts_the_gate(engine: Engine) -> None:
    engine.page.at(T - 5 * MINUTE).at(T - 30 * SECOND, ABSENT).at(T + MINUTE)
    release = engine.signed(sync=after_live())
    engine.go(T + 30 * SECOND)
    assert left(engine) == {}
    assert gate(release).status is GateState.SHUT
    engine.go(T + 2 * MINUTE)
    effective = gate(release).effective
    assert effective
    assert effective > T + MINUTE
    assert set(left(engine).values()) == {effective}


def test_a_page_that_is_taken_down_after_the_batch_was_handed_out_calls_it_back(engine: Engine) -> None:
    """Nobody has answered the bell yet: what is armed comes back."""
    engine.page.at(T - 5 * MINUTE).at(T - 12 * SECOND, ABSENT)
    release = engine.signed(sync=after_live())
    engine.go(T - 16 * SECOND)
    engine.clock.wait_until(T - 15 * SECOND)
    rings = engine.tick().rings
    assert Job("send", Batch.objects.get().pk) in rings
    assert states(release) == [State.ARMED, State.ARMED]
    engine.clock.wait_until(T - 11 * SECOND)
    gating.ask(gate(release).pk, now=engine.clock.now, look=engine.page)
    assert states(release) == [State.STAGED, State.STAGED]
    assert "不在线上" in engine.wechat(release).reason
    engine.go(T + 20 * SECOND)
    assert left(engine) == {}


@pytest.mark.parametrize("before", [timedelta(seconds=4), timedelta(seconds=1), timedelta(milliseconds=300)])
def test_a_page_that_is_taken_down_while_the_sender_waits_stops_it_at_its_last_look(
    engine: Engine, before: timedelta
) -> None:
    engine.page.at(T - 5 * MINUTE).at(T - before, ABSENT).at(T + MINUTE)
    release = engine.signed(sync=after_live())

    def asks() -> None:
        PortalGate.objects.update(next_at=engine.clock.now(), lease_until=None)
        gating.ask(gate(release).pk, now=engine.clock.now, look=engine.page)

    engine.clock.at(T - before, asks)
    engine.go(T + 10 * SECOND)
    assert left(engine) == {}
    assert states(release) == [State.STAGED, State.STAGED]
    engine.go(T + 3 * MINUTE)
    assert set(left(engine).values()) == {gate(release).effective}
    assert states(release) == [State.LIVE, State.LIVE]


def test_one_unclear_answer_does_not_undo_what_was_seen_but_a_minute_of_them_does(engine: Engine) -> None:
    engine.page.at(T - 5 * MINUTE).at(T - 20 * SECOND, SILENT)
    release = engine.signed(sync=after_live())
    engine.go(T + MINUTE)
    assert set(left(engine).values()) == {T}
    other = engine.signed(number=2, instant=T + 24 * timedelta(hours=1), sync=after_live())
    day = T + 24 * timedelta(hours=1)
    engine.page.at(day - 5 * MINUTE).at(day - 3 * MINUTE, SILENT)
    engine.go(day + MINUTE)
    assert (gate(release).status, gate(other).status) == (GateState.OPEN, GateState.SHUT)
    assert len(engine.platform.sent) == 2


def test_an_error_of_our_own_is_an_unclear_answer(engine: Engine) -> None:
    engine.page.at(SIGNED_AT, ValueError("boom")).at(T + MINUTE)
    release = engine.signed(sync=after_live())
    engine.go(T + 30 * SECOND)
    assert (gate(release).seen, "ValueError" in gate(release).words) == (Seen.UNCLEAR, True)
    engine.go(T + 2 * MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]


# --- asking -----------------------------------------------------------------------------------------------


def test_the_portal_is_asked_seldom_ahead_of_t_and_every_few_seconds_around_it(engine: Engine) -> None:
    engine.signed(sync=after_live(), instant=SIGNED_AT + timedelta(hours=12))
    at = SIGNED_AT + timedelta(hours=12)
    engine.go(at + 10 * MINUTE)
    asked = engine.page.asked
    assert len([when for when in asked if when < at - timedelta(hours=1)]) <= 24
    assert len([when for when in asked if at - timedelta(hours=1) <= when < at - 10 * MINUTE]) <= 12
    assert 15 <= len([when for when in asked if at - MINUTE <= when < at]) <= 22
    assert len(asked) <= 300
    assert asked[0] == SIGNED_AT  # a wrong address shows at once
    assert asked[-1] <= at + 10 * MINUTE + TICK


def test_nothing_is_asked_once_the_release_has_left(engine: Engine) -> None:
    engine.page.at(T + MINUTE)
    release = engine.signed(sync=after_live())
    engine.go(T + 20 * MINUTE)
    effective = gate(release).effective
    assert effective
    assert engine.page.asked[-1] <= effective + TICK  # the bell that rang just before was answered just after
    assert len([when for when in engine.page.asked if when >= effective]) <= 1


def test_nothing_is_asked_for_a_release_that_is_not_signed_or_was_called_off(engine: Engine) -> None:
    engine.office.planned(sync=after_live())
    release = engine.signed(number=2, sync=after_live())
    stops.cancel(release, person=engine.releaser, reason="改期", now=SIGNED_AT)
    engine.go(T + 20 * MINUTE)
    assert engine.page.asked == []


def test_every_change_of_the_answer_is_in_the_trail_and_no_repetition(engine: Engine) -> None:
    engine.page.at(T + 5 * SECOND, SILENT).at(T + MINUTE)
    release = engine.signed(sync=after_live())
    engine.go(T + 5 * MINUTE)
    assert [data["seen"] for data in told(release, "gate.answered")] == ["not_yet", "unclear", "live"]
    assert [(data["from"], data["to"]) for data in told(release, "gate.moved")] == [("shut", "open")]
    assert gate(release).asked == len(engine.page.asked) > 20
    assert audit.verify_chain()[2] is None


def test_two_workers_that_are_rung_at_once_ask_once(engine: Engine) -> None:
    release = engine.signed(sync=after_live())
    pk = gate(release).pk

    def meanwhile(url: str, title: str, **_: object) -> object:
        gating.ask(pk, now=engine.clock.now, look=engine.page)  # the other worker
        return LIVE

    gating.ask(pk, now=engine.clock.now, look=meanwhile)  # type: ignore[arg-type]
    gating.ask(pk, now=engine.clock.now, look=engine.page)  # a bell heard late
    assert engine.page.asked == []
    assert (gate(release).asked, gate(release).status) == (1, GateState.OPEN)


def test_a_worker_that_comes_back_after_another_took_over_changes_nothing(engine: Engine) -> None:
    """It slept for ten minutes with an old “live” in its hands."""
    release = engine.signed(sync=after_live())
    pk = gate(release).pk

    def sleeps(url: str, title: str, **_: object) -> object:
        engine.clock.wait_until(SIGNED_AT + 10 * MINUTE)
        gating.ask(pk, now=engine.clock.now, look=engine.page)
        return LIVE

    gating.ask(pk, now=engine.clock.now, look=sleeps)  # type: ignore[arg-type]
    assert (gate(release).status, gate(release).seen, gate(release).asked) == (GateState.SHUT, Seen.NOT_YET, 1)


def test_an_answer_that_was_slept_over_proves_nothing_of_now(engine: Engine) -> None:
    """The whole machine was suspended, so nobody else asked meanwhile; the page is gone."""
    release = engine.signed(sync=after_live())
    pk = gate(release).pk

    def sleeps(url: str, title: str, **_: object) -> object:
        engine.clock.wait_until(SIGNED_AT + 10 * MINUTE)
        return LIVE

    gating.ask(pk, now=engine.clock.now, look=sleeps)  # type: ignore[arg-type]
    assert (gate(release).status, gate(release).live_at, gate(release).asked) == (GateState.SHUT, None, 0)
    engine.go(SIGNED_AT + 11 * MINUTE)
    assert (gate(release).status, gate(release).seen) == (GateState.SHUT, Seen.NOT_YET)


def test_without_any_worker_the_clocks_children_ask(engine: Engine) -> None:
    engine.page.at(T - 2 * MINUTE)
    release = engine.signed(sync=after_live())
    engine.workers = False
    engine.go(T + MINUTE)
    assert any(job.kind == "gate" for job in engine.children)
    assert states(release) == [State.LIVE, State.LIVE]
    assert set(left(engine).values()) == {T}


def test_an_answer_of_the_last_moment_counts_although_it_came_after_the_wait(engine: Engine) -> None:
    engine.page.at(T + 2 * MINUTE)
    engine.page.takes = 2 * SECOND
    release = engine.signed(sync=after_live(then=Then.HOLD))
    engine.go(T + 3 * MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]


def test_a_shut_gate_wakes_the_clock_in_time_and_keeps_no_other_release_waiting(engine: Engine) -> None:
    waiting = engine.signed(sync=after_live(), on=[engine.office.wechat])
    other = engine.signed(number=2, on=[engine.office.weibo])
    engine.go(T + 30 * SECOND)
    assert left(engine) == {"lyhd": T}
    assert (states(waiting), states(other)) == ([State.STAGED], [State.LIVE])
    found = PortalGate.objects.get()
    assert found.next_at is not None
    engine.clock.wait_until(found.next_at - SECOND)
    assert engine.tick().next_at == found.next_at


def test_an_idle_clock_reads_gates_once(engine: Engine, django_assert_num_queries) -> None:
    engine.signed()
    with django_assert_num_queries(1):
        assert gating.soonest(SIGNED_AT) == []


# --- it never comes ---------------------------------------------------------------------------------------


def test_hold_holds_with_a_reason_and_a_person_may_let_it_go(engine: Engine) -> None:
    release = engine.signed(sync=after_live(then=Then.HOLD))
    engine.go(T + 3 * MINUTE)
    assert states(release) == [State.HELD, State.HELD]
    assert gate(release).status is GateState.HELD
    reason = engine.wechat(release).reason
    assert "门户网页仍未上线" in reason
    assert "未发出" in reason
    assert "HTTP 404" in reason
    assert f"可在发布单 {release.pk} 上决定“不等网页，照发”" in reason
    assert gating.decide(release, go=True, person=engine.releaser, now=engine.clock.now()) == 2
    decided = engine.clock.now()
    engine.go(T + 5 * MINUTE)
    assert set(left(engine).values()) == {decided + gating.RELEASE_LEAD}
    assert states(release) == [State.LIVE, State.LIVE]
    assert Batch.objects.count() == 1
    assert gate(release).decided_by == engine.releaser


def test_go_goes_without_the_page_at_the_end_of_the_wait(engine: Engine) -> None:
    release = engine.signed(sync=after_live(then=Then.GO, wait=MINUTE))
    engine.go(T + 3 * MINUTE)
    (at,) = set(left(engine).values())
    assert T + MINUTE + LEAD <= at <= T + MINUTE + LEAD + TICK
    assert (gate(release).status, gate(release).decided_by) == (GateState.WAIVED, None)
    assert states(release) == [State.LIVE, State.LIVE]


def test_ask_holds_and_says_that_a_person_must_choose(engine: Engine) -> None:
    release = engine.signed(sync=after_live(then=Then.ASK))
    engine.go(T + 3 * MINUTE)
    assert states(release) == [State.HELD, State.HELD]
    assert gate(release).status is GateState.ASKING
    assert "请先决定" in engine.weibo(release).reason
    gating.decide(release, go=False, person=engine.releaser, now=engine.clock.now())
    assert gate(release).status is GateState.HELD
    with pytest.raises(Refused, match="已经暂停"):
        gating.decide(release, go=False, person=engine.releaser, now=engine.clock.now())
    assert gating.decide(release, go=True, person=engine.releaser, now=engine.clock.now()) == 2
    engine.go(T + 5 * MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]
    assert [data["to"] for data in told(release, "gate.decided")] == ["held", "waived"]


def test_what_nobody_decides_is_missed_at_the_end_and_stands_before_a_person(engine: Engine) -> None:
    release = engine.signed(sync=after_live(then=Then.ASK))
    engine.go(T + 31 * MINUTE)
    assert states(release) == [State.MISSED, State.MISSED]
    assert "门户" in engine.wechat(release).reason
    assert left(engine) == {}


def test_two_people_may_send_again_what_was_missed_once_the_gate_was_decided(engine: Engine) -> None:
    release = engine.signed(on=[engine.office.weibo], sync=after_live(then=Then.ASK))
    engine.go(T + 31 * MINUTE)
    people = {"person": engine.releaser, "second": engine.office.people["final"]}
    with pytest.raises(Refused, match="请先决定"):
        settling.settle_again(engine.weibo(release), **people, reason="网页已上线", now=engine.clock.now())
    assert gating.decide(release, go=True, person=engine.releaser, now=engine.clock.now()) == 0
    settling.settle_again(engine.weibo(release), **people, reason="网页已上线", now=engine.clock.now())
    resent = engine.clock.now()
    engine.go(T + 35 * MINUTE)
    assert states(release) == [State.LIVE]
    assert resent <= left(engine)["lyhd"] <= resent + MINUTE
    late = engine.weibo(release).late_ms
    assert late is not None
    assert (left(engine)["lyhd"] - T).total_seconds() * 1000 == pytest.approx(late)  # against what was promised


@pytest.mark.parametrize("role", ["editor", "first", "final"])
def test_only_who_signs_or_is_on_duty_decides(engine: Engine, role: str) -> None:
    release = engine.signed(sync=after_live())
    engine.go(T + 3 * MINUTE)
    with pytest.raises(Refused):
        gating.decide(release, go=True, person=engine.office.people[role], now=engine.clock.now())
    assert gate(release).status is GateState.ASKING


def test_nobody_decides_ahead_of_time_afterwards_or_without_a_gate(engine: Engine) -> None:
    engine.page.at(T + MINUTE)
    release = engine.signed(sync=after_live())
    plain = engine.signed(number=2, instant=T + timedelta(days=1))
    for found, code in ((release, "waiting"), (plain, "no_gate")):
        with pytest.raises(Refused) as refusal:
            gating.decide(found, go=True, person=engine.releaser, now=engine.clock.now())
        assert refusal.value.code == code
    engine.go(T + 5 * MINUTE)
    with pytest.raises(Refused) as refusal:
        gating.decide(release, go=False, person=engine.releaser, now=engine.clock.now())
    assert refusal.value.code == "passed"


# --- together with the other stops ------------------------------------------------------------------------


def test_a_freeze_while_waiting_stops_it_and_afterwards_it_goes_when_resumed(engine: Engine) -> None:
    engine.page.at(T + 90 * SECOND)
    release = engine.signed(sync=after_live())
    engine.go(T + MINUTE)
    answer = stops.freeze(engine.office.unit, person=engine.releaser, reason="核实", now=engine.clock.now())
    assert (answer.sent, answer.stopped, answer.in_flight) == (0, 2, 0)
    engine.go(T + 2 * MINUTE)
    assert gate(release).status is GateState.OPEN
    assert left(engine) == {}
    stops.unfreeze(engine.office.unit, person=engine.releaser, now=engine.clock.now())
    assert stops.resume(release, person=engine.releaser, now=engine.clock.now()) == 2
    engine.go(T + 3 * MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]


def test_under_a_freeze_neither_the_policy_nor_a_person_sends(engine: Engine) -> None:
    release = engine.signed(sync=after_live(then=Then.GO), on=[engine.office.weibo])
    asking = engine.signed(number=2, instant=T + MINUTE, sync=after_live(), on=[engine.office.wechat])
    engine.go(T + 2 * MINUTE)
    stops.freeze(engine.office.unit, person=engine.releaser, reason="核实", now=engine.clock.now())
    engine.go(T + 4 * MINUTE)
    assert (gate(release).status, gate(asking).status) == (GateState.WAIVED, GateState.ASKING)
    with pytest.raises(Refused, match="停发"):
        gating.decide(asking, go=True, person=engine.releaser, now=engine.clock.now())
    assert left(engine) == {}


def test_what_a_person_held_before_is_not_resumed_by_the_gates_decision(engine: Engine) -> None:
    release = engine.signed(sync=after_live())
    engine.go(T + MINUTE)
    stops.hold(release, person=engine.releaser, reason="改图", now=engine.clock.now(), only=engine.wechat(release).pk)
    engine.go(T + 3 * MINUTE)
    assert gating.decide(release, go=True, person=engine.releaser, now=engine.clock.now()) == 1
    engine.go(T + 5 * MINUTE)
    assert states(release) == [State.HELD, State.LIVE]
    assert stops.resume(release, person=engine.releaser, now=engine.clock.now()) == 1
    engine.go(T + 7 * MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]


def test_resuming_is_refused_while_the_gate_waits_for_a_decision(engine: Engine) -> None:
    """It would be staged and then wait for a gate that nobody asks any more."""
    release = engine.signed(sync=after_live())
    engine.go(T + 3 * MINUTE)
    with pytest.raises(Refused, match="不等网页，照发"):
        stops.resume(release, person=engine.releaser, now=engine.clock.now())
    assert states(release) == [State.HELD, State.HELD]


def test_held_and_resumed_while_waiting_it_still_goes_with_the_page(engine: Engine) -> None:
    engine.page.at(T + 90 * SECOND)
    release = engine.signed(sync=after_live())
    engine.go(T - 5 * MINUTE)
    stops.hold(release, person=engine.releaser, reason="核对", now=engine.clock.now())
    engine.go(T + MINUTE)
    stops.resume(release, person=engine.releaser, now=engine.clock.now())
    engine.go(T + 4 * MINUTE)
    assert set(left(engine).values()) == {gate(release).effective}
    assert states(release) == [State.LIVE, State.LIVE]


def test_cancelled_while_waiting_nothing_goes_and_its_editions_are_free(engine: Engine) -> None:
    engine.page.at(T + 90 * SECOND)
    release = engine.signed(sync=after_live())
    engine.go(T + MINUTE)
    assert stops.cancel(release, person=engine.releaser, reason="不发了", now=engine.clock.now()).stopped == 2
    engine.go(T + 3 * MINUTE)
    assert left(engine) == {}
    assert not Item.objects.filter(publication__release=release, active=True).exists()


def test_an_account_that_is_not_ready_holds_the_release_as_ever(engine: Engine) -> None:
    from .delivery_support import Remedy, fault

    engine.page.at(T - 5 * MINUTE)
    engine.platform.stages["zghd"] = [fault(Remedy.OPERATOR)] * 50
    release = engine.signed(sync=after_live())
    engine.go(T + MINUTE)
    assert states(release) == [State.HELD, State.HELD]
    assert "没有准备好" in engine.weibo(release).reason


def test_what_did_not_leave_after_the_gate_opened_is_tried_again_as_ever(engine: Engine) -> None:
    engine.page.at(T + MINUTE)
    engine.platform.answers["lyhd"] = [NOT_LEFT]
    release = engine.signed(sync=after_live())
    engine.go(T + 3 * MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]
    assert len(engine.platform.shots("lyhd")) == 1


@pytest.mark.parametrize("gone", [T - 5 * MINUTE, T + 2 * MINUTE])
def test_after_an_outage_the_page_is_looked_at_again_before_anything_leaves(engine: Engine, gone: datetime) -> None:
    """The proof of before the outage says nothing of now."""
    engine.page.at(T - 10 * MINUTE).at(gone, ABSENT).at(T + 8 * MINUTE)
    release = engine.signed(sync=after_live(wait=9 * MINUTE))
    engine.go(T - 8 * MINUTE)
    assert gate(release).status is GateState.OPEN
    engine.clock.wait_until(T + 5 * MINUTE)  # nobody was there
    engine.go(T + 7 * MINUTE)
    assert left(engine) == {}
    assert gate(release).status is GateState.SHUT
    engine.go(T + 10 * MINUTE)
    assert len(set(left(engine).values())) == 1
    assert min(left(engine).values()) > T + 8 * MINUTE


def test_a_page_that_is_gone_while_a_platform_does_not_take_anything_stops_the_next_try(engine: Engine) -> None:
    engine.page.at(T - 5 * MINUTE).at(T + 4 * SECOND, ABSENT)
    engine.platform.answers.update({"zghd": [NOT_LEFT] * 6, "lyhd": [NOT_LEFT] * 6})
    release = engine.signed(sync=after_live())
    engine.go(T + 4 * MINUTE)
    assert left(engine) == {}
    assert gate(release).status is GateState.ASKING
    assert states(release) == [State.HELD, State.HELD]


def test_the_rest_goes_after_what_is_public_already_whatever_becomes_of_the_page(engine: Engine) -> None:
    engine.page.at(T - 5 * MINUTE).at(T + SECOND, ABSENT)
    engine.platform.answers["lyhd"] = [NOT_LEFT]
    release = engine.signed(sync=after_live())
    engine.go(T + 3 * MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]


def test_time_that_is_up_by_a_clock_that_a_platform_contradicts_ends_no_wait(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine started with its local time taken for UTC."""
    release = engine.signed(sync=after_live(then=Then.HOLD))
    monkeypatch.setattr(gating, "far_off", lambda **_: True)
    PortalGate.objects.update(next_at=T + 8 * timedelta(hours=1))
    engine.clock.wait_until(T + 8 * timedelta(hours=1))
    gating.ask(gate(release).pk, now=engine.clock.now, look=engine.page)
    assert gate(release).status is GateState.SHUT
    assert State.HELD not in states(release)


def test_no_wait_ends_in_going_by_a_clock_that_no_platform_has_confirmed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second machine, an hour ahead, that has asked nobody but the portal so far (seed 6021065)."""
    asked: list[str] = []
    release = engine.signed(sync=after_live(then=Then.GO))
    monkeypatch.setattr(gating, "unheard", lambda: True)
    monkeypatch.setattr(gating.platformtime, "ask_one_of", lambda found: asked.extend(one.slug for one in found))
    PortalGate.objects.update(next_at=T + timedelta(hours=1))
    engine.clock.wait_until(T + timedelta(hours=1))
    gating.ask(gate(release).pk, now=engine.clock.now, look=engine.page)
    assert gate(release).status is GateState.SHUT
    assert asked == ["zghd", "lyhd"]
    monkeypatch.setattr(gating, "unheard", lambda: False)
    PortalGate.objects.update(next_at=engine.clock.now())
    gating.ask(gate(release).pk, now=engine.clock.now, look=engine.page)
    assert gate(release).status is GateState.WAIVED


def test_a_page_that_is_gone_again_ends_no_wait_by_a_clock_that_a_platform_contradicts(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.page.at(T - 5 * MINUTE)
    release = engine.signed(sync=after_live(then=Then.GO))
    engine.go(T - 2 * MINUTE)
    assert gate(release).status is GateState.OPEN
    engine.page.at(T - MINUTE, ABSENT)
    monkeypatch.setattr(gating, "far_off", lambda **_: True)
    PortalGate.objects.update(next_at=T + timedelta(hours=8))
    engine.clock.wait_until(T + timedelta(hours=8))
    gating.ask(gate(release).pk, now=engine.clock.now, look=engine.page)
    assert gate(release).status is GateState.SHUT


def test_a_bell_for_another_publication_is_not_held_up_by_five_hundred_that_wait(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "MOST", 1)
    engine.signed(sync=after_live(), on=[engine.office.wechat])
    engine.signed(number=2, on=[engine.office.weibo])
    engine.go(T + 10 * SECOND)
    assert left(engine) == {"lyhd": T}


# --- planning, signing ------------------------------------------------------------------------------------


def test_the_signature_covers_the_whole_policy(engine: Engine) -> None:
    """Any part of it changed behind the signature's back is noticed before sending, and holds."""
    engine.page.at(T - 5 * MINUTE)
    release = engine.signed(sync=after_live())
    assert release.manifest["sync"] == release.policy
    for name, value in {"url": "https://www.hedong.gov.cn/x", "title": "另一个标题", "wait": 60, "then": "go"}.items():
        push = publication(release, engine.office.wechat)
        push.release.policy = {**release.policy, name: value}
        with pytest.raises(Refused, match="同步方式"):
            signed(push)
    push = publication(release, engine.office.wechat)
    push.release.sync, push.release.policy = "at_time", None
    with pytest.raises(Refused, match="同步方式"):
        signed(push)
    signed(publication(release, engine.office.wechat))


def test_signed_anew_the_gate_begins_anew(engine: Engine) -> None:
    from bot.services.voiding import void_signature

    engine.page.at(SIGNED_AT).at(SIGNED_AT + 5 * MINUTE, ABSENT)
    release = engine.signed(sync=after_live())
    engine.go(SIGNED_AT + MINUTE)
    assert gate(release).status is GateState.OPEN
    void_signature(release.pk, reason="内容有改动", actor="test", now=engine.clock.now())
    engine.go(SIGNED_AT + 6 * MINUTE)
    release.refresh_from_db()
    engine.office.signs(release, now=engine.clock.now())
    assert (gate(release).status, gate(release).validators) == (GateState.SHUT, {})
    engine.go(T + MINUTE)
    assert left(engine) == {}


@pytest.mark.parametrize(
    ("minutes", "code"), [(25, ""), (26, "wait")], ids=["as long as allowed", "longer than lateness leaves time for"]
)
def test_a_wait_leaves_five_minutes_of_the_lateness_that_is_allowed(office: Office, minutes: int, code: str) -> None:
    if not code:
        assert office.planned(sync=after_live(wait=minutes * MINUTE)).policy["wait"] == minutes * 60
        return
    with pytest.raises(Refused) as refusal:
        office.planned(sync=after_live(wait=minutes * MINUTE))
    assert refusal.value.code == code
    assert not Release.objects.exists()


def test_a_wait_that_no_longer_fits_is_refused_at_signing(office: Office) -> None:
    release = office.planned(sync=after_live(wait=20 * MINUTE))
    with (
        override_settings(TONGFA=dataclasses.replace(settings.TONGFA, max_lateness=10 * MINUTE)),
        pytest.raises(Refused) as refusal,
    ):
        office.signs(release)
    assert refusal.value.code == "wait"


@pytest.mark.parametrize("url", ["http://evil.example/1.html", "http://169.254.169.254/latest", "http://10.0.0.8/"])
def test_a_page_that_is_not_of_the_portal_is_refused_at_planning(office: Office, url: str) -> None:
    with pytest.raises(Refused) as refusal:
        office.planned(sync=after_live(url=url))
    assert refusal.value.code == "portal"


@pytest.mark.parametrize(
    "given",
    [("file:///etc/passwd", "一个标题啊", MINUTE, "hold"), ("https://www.hedong.gov.cn/", "短", MINUTE, "hold")],
)
def test_what_is_no_policy_is_refused_in_staff_words(given) -> None:
    with pytest.raises(Refused, match="未保存"):
        gating.after_live(*given)
    assert isinstance(gating.after_live("https://www.hedong.gov.cn/a", "一个标题啊", MINUTE, "go"), AfterLive)


def test_rules_follow_the_settings(office: Office, tmp_path) -> None:
    assert gating.rules().inside == frozenset()
    assert "www.hedong.gov.cn" in gating.rules().hosts
    assert gating.rules().rehearsal
    with override_settings(TONGFA=dataclasses.replace(settings.TONGFA, portal_hosts=frozenset({"portal.gov.example"}))):
        assert gating.rules().hosts == gating.rules().inside == {"portal.gov.example"}


def test_a_publication_is_not_handed_out_through_a_shut_gate_even_if_somebody_asks_for_it(engine: Engine) -> None:
    from bot.services import batches

    release = engine.signed(sync=after_live())
    push = put(engine.wechat(release), State.STAGED, next_at=T)
    assert batches.hand_out([push], now=T) == []
    assert Publication.objects.get(pk=push.pk).status is State.STAGED


# --- with a real portal -----------------------------------------------------------------------------------


def test_a_worker_asks_a_real_page_and_asks_conditionally_once_it_was_live(office: Office) -> None:
    """No stub in between: the job that the clock rings, the reader, a server."""
    policy = after_live()
    answers = [response(b"", 404), response(page(policy.title), etag='"v1"'), response(b"", 304)]
    with portal(*answers) as server:
        release = office.signed(sync=dataclasses.replace(policy, url=server.url("/info/1.html")))
        seen = []
        for _ in answers:
            PortalGate.objects.update(next_at=SIGNED_AT, state="shut")
            clock.perform(Job("gate", gate(release).pk))
            seen.append((gate(release).seen, gate(release).status))
    assert seen[1:] == [("live", GateState.OPEN), ("live", GateState.OPEN)]
    assert seen[0][0] == "not_yet"
    assert [b"if-none-match" in request.lower() for request in server.requests] == [False, False, True]


def test_the_doctor_names_gates_that_need_somebody_and_no_release_that_only_waits(engine: Engine) -> None:
    release = engine.signed(sync=after_live(), on=[engine.office.weibo])
    engine.go(T + 90 * SECOND)

    def told_now() -> dict[str, tuple[bool, str]]:
        found = health.examine(now=engine.clock.now(), ask_platforms=False)
        return {result.name: (result.ok, result.message) for result in found}

    assert told_now()["逾期未发"][0]
    assert "门户联动" not in told_now()
    engine.go(T + 3 * MINUTE)
    ok, message = told_now()["门户联动"]
    assert not ok
    assert f"请先决定：发布单 {release.pk}" in message


def asks(engine: Engine, release: Release) -> Callable[[], None]:
    """A worker asks the portal now."""

    def ask() -> None:
        PortalGate.objects.filter(release=release).update(next_at=engine.clock.now(), lease_until=None)
        gating.ask(gate(release).pk, now=engine.clock.now, look=engine.page)

    return ask


def test_an_answer_that_came_while_the_launcher_tried_does_not_end_the_questions_for_good(engine: Engine) -> None:
    """Something might have left then; nothing had. A minute later the proof is old, and somebody must ask again."""
    engine.page.at(T - 5 * MINUTE)
    engine.platform.answers.update({"zghd": [NOT_LEFT] * 5, "lyhd": [NOT_LEFT] * 5})
    release = engine.signed(sync=after_live())
    engine.clock.at(T, asks(engine, release))
    engine.go(T + 5 * MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]
    assert min(left(engine).values()) > T + MINUTE


def test_a_sender_whose_push_was_called_back_leaves_it_to_the_sender_that_has_it_now(engine: Engine) -> None:
    """The portal's machines disagree for some seconds: the page is gone, and there again, while the first sender waits."""
    engine.page.at(T - 5 * MINUTE).at(T - 14 * SECOND, ABSENT).at(T - 12 * SECOND)
    release = engine.signed(sync=after_live())
    engine.clock.at(T - 14 * SECOND, asks(engine, release))
    engine.clock.at(T - 11 * SECOND, asks(engine, release))
    engine.clock.at(T - 11 * SECOND, lambda: clock.tick(engine.clock.now()))
    engine.go(T + MINUTE)
    assert Batch.objects.count() == 2
    assert states(release) == [State.LIVE, State.LIVE]
    assert len(engine.platform.sent) == 2
    assert not Alarm.objects.filter(kind="held").exists()


@pytest.mark.parametrize("gone", [True, False])
def test_what_lost_its_signature_at_the_last_moment_is_held_whatever_became_of_its_page(
    engine: Engine, gone: bool
) -> None:
    """Nobody asks for the page of what is not signed: it would wait for that, staged, and no tick would end it."""
    engine.page.at(T - 5 * MINUTE)
    release = engine.signed(on=[engine.office.weibo], sync=after_live())
    if gone:
        engine.page.at(T - 2 * SECOND, ABSENT)
        engine.clock.at(T - SECOND, asks(engine, release))

    def void() -> None:
        voiding.void_signature(release.pk, reason="换了图", actor="editor", now=engine.clock.now())

    engine.clock.at(T - SECOND / 2, void)
    engine.go(T + SECOND)
    engine.clock.wait_until(T + 2 * MINUTE)  # by then the proof is old
    engine.go(T + 3 * MINUTE)
    assert engine.platform.sent == []
    assert gate(release).status is (GateState.SHUT if gone else GateState.OPEN)
    assert [(one.status, one.held_by) for one in release.publications.all()] == [(State.HELD, "machine")]
    assert "没有有效签发" in publication(release, engine.office.weibo).reason


@pytest.mark.parametrize("gone", [True, False])
def test_a_sender_that_begins_late_wants_the_page_seen_anew(engine: Engine, gone: bool) -> None:
    """The machine slept between the bell and the sender: its own intents do not say that something has left."""
    engine.page.at(T - 5 * MINUTE)
    if gone:
        engine.page.at(T + MINUTE, ABSENT)
    release = engine.signed(sync=after_live())
    engine.workers = False
    engine.go(T - 14 * SECOND)
    batch = Batch.objects.get(state="ready")
    engine.clock.wait_until(T + 3 * MINUTE)
    engine.perform(Job("send", batch.pk))
    assert left(engine) == {}
    assert states(release) == [State.STAGED, State.STAGED]
    engine.go(T + 5 * MINUTE)
    assert len(left(engine)) == (0 if gone else 2)
    assert gate(release).status is (GateState.ASKING if gone else GateState.OPEN)


# --- nothing has left yet -----------------------------------------------------------------------------------


def test_what_the_platform_refused_has_not_left_so_the_page_counts_again_for_the_next_try(engine: Engine) -> None:
    """Refused with "wait twenty minutes"; the page is taken down meanwhile."""
    engine.page.at(T - 5 * MINUTE).at(T + 30 * SECOND, ABSENT)
    wait = RefusedByPlatform("10023", Remedy.WAIT, "本小时调用次数已用完，", T + 20 * MINUTE)
    engine.platform.answers["lyhd"] = [wait]
    engine.platform.looks["lyhd"] = [Absent("时间线上没有")] * 3
    release = engine.signed(on=[engine.office.weibo], sync=after_live())
    engine.go(T + 29 * MINUTE)
    assert left(engine) == {"lyhd": T}
    assert gate(release).status is not GateState.OPEN


def test_two_people_send_again_only_while_the_page_is_live(engine: Engine) -> None:
    engine.page.at(T - 5 * MINUTE).at(T + 30 * SECOND, ABSENT)
    engine.platform.answers["lyhd"] = [RefusedByPlatform("20020", Remedy.PERSON, "含广告，没有发出。")]
    engine.platform.looks["lyhd"] = [Absent("时间线上没有")]
    release = engine.signed(on=[engine.office.weibo], sync=after_live())
    engine.go(T + 60 * MINUTE)
    push = publication(release, engine.office.weibo)
    second = engine.office.people["final"]
    settling.settle_again(push, person=engine.releaser, second=second, reason="后台没有", now=engine.clock.now())
    engine.go(T + 70 * MINUTE)
    assert [shot.at for shot in engine.platform.sent] == [T]
    push.refresh_from_db()
    assert push.status is State.HELD
    assert "门户网页" in push.reason


@pytest.mark.parametrize("then", [Then.ASK, Then.HOLD])
def test_what_the_gate_strikes_out_at_the_last_moment_is_told_to_people(engine: Engine, then: Then) -> None:
    """The page came live just before the wait ended, and was gone again while the intents stood."""
    wait = 2 * MINUTE
    engine.page.at(T + wait - 4 * SECOND)
    release = engine.signed(sync=after_live(wait=wait, then=then))

    def gone() -> None:
        engine.page.at(engine.clock.now(), ABSENT)
        PortalGate.objects.filter(release=release).update(next_at=engine.clock.now())
        gating.ask(gate(release).pk, now=engine.clock.now, look=engine.page)

    engine.go(T + wait - 6 * SECOND)
    while (effective := gate(release).effective) is None:
        engine.go(engine.clock.now() + SECOND)
    engine.clock.at(effective - SECOND, gone)
    engine.go(T + wait + 5 * MINUTE)
    assert not engine.platform.sent
    assert {(one.status, one.held_by) for one in release.publications.all()} == {(State.HELD, "machine")}
    assert Alarm.objects.filter(release=release, kind="held", closed_at__isnull=True).count() == 2
