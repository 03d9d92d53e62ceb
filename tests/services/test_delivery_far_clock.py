"""A clock that is hours ahead when the machine starts decides nothing (docs/adr/0020)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bot.domain import sync
from bot.domain.channel import Absent, Pending
from bot.domain.delivery import State
from bot.domain.sync import GateState
from bot.models import PortalGate
from bot.services import clock, gating, setback
from bot.services.clock import Watched

from .delivery_support import ABSENT, MINUTE, NO_ANSWER, SECOND, SIGNED_AT, Engine, T, states
from .factories import Office, after_live

HOUR = timedelta(hours=1)
EIGHT_HOURS = timedelta(hours=8)


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


@pytest.fixture
def just_booted(monkeypatch: pytest.MonkeyPatch) -> None:
    """No platform has told its time yet."""
    boots(monkeypatch)


def boots(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine has been up for half a minute."""
    monkeypatch.setattr("bot.services.clocksafety.PATIENCE", 600.0)
    monkeypatch.setattr("bot.services.clocksafety.boot_seconds", lambda: 30.0)


def ticks(engine: Engine, began_at: timedelta, *kinds: str) -> None:
    """Twenty seconds of a clock that is eight hours ahead, with workers for these kinds of work."""
    ahead = T + began_at + EIGHT_HOURS
    for number in range(20):
        engine.clock.present = now = ahead + number * SECOND
        found = clock.tick(now, thorough=number == 0, watched=Watched(ahead, float(number)))
        for job in [*found.rings, *found.children]:
            if job.kind in kinds:
                engine.perform(job)


def set_right(engine: Engine, at: timedelta) -> None:
    engine.clock.present = T + at
    setback.pull_back(now=engine.clock.now())


def test_what_stands_ready_is_not_declared_missed(engine: Engine) -> None:
    release = engine.signed()
    engine.go(T - 8 * MINUTE)
    assert states(release) == [State.STAGED, State.STAGED]
    ticks(engine, -7 * MINUTE)
    assert states(release) == [State.STAGED, State.STAGED]
    set_right(engine, -6 * MINUTE)
    engine.go(T + 5 * MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]


def test_nor_is_what_is_staged_meanwhile(engine: Engine) -> None:
    release = engine.signed()
    ticks(engine, -17 * MINUTE, "stage", "send", "look")
    assert State.MISSED not in states(release)
    set_right(engine, -16 * MINUTE)
    engine.go(T + 5 * MINUTE)
    assert states(release) == [State.LIVE, State.LIVE]


@pytest.mark.usefixtures("just_booted")
def test_a_page_that_is_live_opens_no_gate_at_an_hour_that_is_wrong(engine: Engine) -> None:
    engine.page.at(SIGNED_AT)
    release = engine.signed(sync=after_live())
    engine.clock.present = SIGNED_AT + 5 * MINUTE + EIGHT_HOURS
    gate = PortalGate.objects.get(release=release)
    gating.ask(gate.pk, now=engine.clock.now, look=engine.page)
    gate.refresh_from_db()
    assert (gate.status, gate.effective) == (GateState.SHUT, None)


def test_a_proof_of_the_future_proves_nothing(engine: Engine) -> None:
    """The gate opened by a clock that was ahead; set right, the page is asked for again before anything leaves."""
    engine.page.at(SIGNED_AT)
    release = engine.signed(sync=after_live())
    engine.go(T - 5 * MINUTE)
    PortalGate.objects.filter(release=release).update(live_at=T + MINUTE, asked_at=T + MINUTE, next_at=T + 2 * MINUTE)
    engine.page.at(T - 5 * MINUTE, ABSENT)
    setback.pull_back(now=engine.clock.now())
    engine.go(T + 30 * SECOND)
    assert not engine.platform.sent
    assert PortalGate.objects.get(release=release).status is GateState.SHUT


@pytest.mark.parametrize(
    "left_behind",
    [{}, {"lease_until": T + 2 * MINUTE}, {"next_at": T - MINUTE, "rung_at": T + 2 * MINUTE}],
    ids=["put off", "leased", "rung"],
)
def test_a_proof_of_the_future_does_not_become_fresh_when_its_time_has_come(
    engine: Engine, left_behind: dict[str, object]
) -> None:
    """Another host's clock was ahead, and ours was right all the while: nobody here pulls anything back."""
    engine.page.at(SIGNED_AT)
    release = engine.signed(sync=after_live())
    engine.go(T - 5 * MINUTE)
    future = {"live_at": T + MINUTE, "asked_at": T + MINUTE, "next_at": T + 2 * MINUTE, **left_behind}
    PortalGate.objects.filter(release=release).update(**future)
    engine.page.at(T - 5 * MINUTE, ABSENT)
    engine.go(T + 90 * SECOND)
    assert not engine.platform.sent
    assert PortalGate.objects.get(release=release).status is GateState.SHUT


def test_a_proof_of_the_future_is_none_also_where_nobody_gets_to_look_anew_before_its_time_has_come(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One asker after the other is killed; by then the proof would bear the last minute before T."""
    engine.page.at(SIGNED_AT)
    release = engine.signed(sync=after_live())
    engine.go(T - 5 * MINUTE)
    ahead = {"live_at": T - 10 * SECOND, "asked_at": T - 10 * SECOND, "next_at": T - 7 * SECOND}
    PortalGate.objects.filter(release=release).update(**ahead)
    monkeypatch.setattr(gating, "ask", lambda pk, **how: None)
    setback.pull_back(now=engine.clock.now())
    engine.go(T + 30 * SECOND)
    assert not engine.platform.sent


@pytest.mark.parametrize("next_at", [T - 6 * MINUTE, T - 4 * MINUTE], ids=["due already", "not yet due"])
def test_it_is_none_from_the_moment_that_is_seen_whenever_the_next_look_is(engine: Engine, next_at: datetime) -> None:
    engine.page.at(SIGNED_AT)
    release = engine.signed(sync=after_live())
    engine.go(T - 5 * MINUTE)
    gates, now = PortalGate.objects.filter(release=release), T - 5 * MINUTE
    gates.update(live_at=T, asked_at=now, next_at=next_at)
    assert setback.look_anew(now=now) == 1
    found = gates.get()
    assert found.live_at is not None
    assert not sync.is_proved(found.live_at, now)
    assert (found.status, found.next_at) == (GateState.OPEN, now)


def test_a_look_that_another_hosts_clock_put_off_is_made_at_the_next_thorough_tick(engine: Engine) -> None:
    """Long before anything is to leave: at T the proof of that hour would be fresh."""
    engine.page.at(SIGNED_AT)
    release = engine.signed(sync=after_live())
    engine.go(SIGNED_AT + 5 * MINUTE)
    gates = PortalGate.objects.filter(release=release)
    ahead = engine.clock.now() + HOUR
    gates.update(live_at=ahead, asked_at=ahead, next_at=ahead, rung_at=ahead, lease_until=ahead)
    clock.tick(engine.clock.now(), thorough=False)
    assert gates.get().next_at == ahead
    found = clock.tick(engine.clock.now(), thorough=True)
    assert [job.kind for job in found.rings] == ["gate"]
    assert (gates.get().next_at, gates.get().lease_until) == (engine.clock.now(), None)


@pytest.mark.parametrize("behind", [2 * SECOND, 0 * SECOND], ids=["two seconds apart", "alike"])
def test_hosts_whose_clocks_agree_ask_the_portal_no_more_often_for_it(engine: Engine, behind: timedelta) -> None:
    engine.page.at(SIGNED_AT)
    release = engine.signed(sync=after_live())
    engine.go(SIGNED_AT + 5 * MINUTE)
    before = PortalGate.objects.filter(release=release).values().get()
    now = before["asked_at"] - behind
    with CaptureQueriesContext(connection) as asked:
        assert setback.look_anew(now=now) == 0
    assert [one["sql"].split()[0] for one in asked] == ["SELECT"], "who writes for nothing waits for every other writer"
    assert PortalGate.objects.filter(release=release).values().get() == before


def test_no_time_is_up_for_what_is_being_looked_for(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The power failed just after the act."""
    engine.by_publish()
    release = engine.signed()
    engine.platform.looks["zghd"] = [Pending({"publish_id": "1"}, "微信正在发布。")] * 3
    engine.platform.answers["lyhd"] = [NO_ANSWER]
    engine.platform.looks["lyhd"] = [Absent()]
    engine.go(T + 10 * SECOND)
    boots(monkeypatch)
    monkeypatch.setattr("bot.services.clocksafety.boot_id", lambda: "another boot")
    ticks(engine, 30 * SECOND, "look")
    assert State.NEEDS_PERSON not in states(release)
