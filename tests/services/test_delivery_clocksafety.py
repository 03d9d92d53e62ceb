"""May we trust the local clock? It agrees with the platform's Date within 2 s and has not jumped since."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings

from bot.domain.delivery import State
from bot.models import Account, Alarm, Chore, ClockReading
from bot.services import clock, clocksafety, sending
from bot.services.ports import AccountPorts, boot_id, boot_seconds

from .delivery_support import SECOND, Engine, T, states
from .factories import Office


def read(account: Account, *, offset: float = 0.0, ago: float = 60.0, jump: float = 0.0, boot: str = "") -> datetime:
    """A reading some seconds ago, `offset` s apart; since then the wall clock jumped. Returns the wall's now."""
    now = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    ClockReading.objects.update_or_create(
        account=account,
        boot_id=boot or boot_id(),
        defaults={
            "at": now - timedelta(seconds=ago + jump),
            "offset_ms": round(offset * 1000),
            "boot_seconds": boot_seconds() - ago,
        },
    )
    return now


@pytest.mark.parametrize("offset", [0.0, 1.9, -1.9])
def test_agreement_within_two_seconds_is_trusted(office: Office, offset: float) -> None:
    now = read(office.weibo, offset=offset)
    assert clocksafety.distrust(office.weibo, now=now) == ""


@pytest.mark.parametrize("offset", [2.1, -2.1, 3600.0, -3600.0])
def test_more_is_not_and_says_by_how_much(office: Office, offset: float) -> None:
    now = read(office.weibo, offset=offset)
    assert f"{offset:+.1f} 秒" in clocksafety.distrust(office.weibo, now=now)


@pytest.mark.parametrize("ago", [4600.0, 72_000.0, 2_600_000.0])
def test_an_agreement_of_long_ago_says_nothing_of_today(office: Office, ago: float) -> None:
    """Wall and steady clock are one crystal: both may have drifted together by seconds since, and show no jump."""
    now = read(office.weibo, ago=ago)
    assert "没有平台的时间" in clocksafety.distrust(office.weibo, now=now)
    assert "已超过一小时" in clocksafety.distrust(office.weibo, now=now)
    assert not clocksafety.is_heard(office.weibo)
    assert clocksafety.distrusted([office.weibo], now=now) == {office.weibo.pk}
    assert clocksafety.doubt_of_this_boot(now=now) == "", "a machine that had nothing to send is not in doubt"


def test_without_the_need_for_a_platforms_date_only_a_contradiction_counts(office: Office) -> None:
    with override_settings(TONGFA=dataclasses.replace(settings.TONGFA, require_platform_date=False)):
        assert clocksafety.distrust(office.weibo, now=read(office.weibo, ago=72_000.0)) == ""
        assert "+3.0 秒" in clocksafety.distrust(office.weibo, now=read(office.weibo, offset=3.0, ago=72_000.0))


@pytest.mark.parametrize("jump", [0.5, -0.5, 3600.0, -3600.0])
def test_a_wall_clock_that_jumped_since_the_reading_is_not_trusted(office: Office, jump: float) -> None:
    now = read(office.weibo, jump=jump)
    assert "跳变" in clocksafety.distrust(office.weibo, now=now)


@pytest.mark.parametrize(("jump", "trusted"), [(0.19, True), (-0.19, True), (0.21, False), (-0.21, False)])
def test_a_fifth_of_a_second_is_the_most_that_it_may_have_jumped(
    office: Office, monkeypatch: pytest.MonkeyPatch, jump: float, trusted: bool
) -> None:
    """Nothing passes by the steady clock but the minute since the reading."""
    reading, steady = datetime(2026, 11, 23, 1, 0, tzinfo=UTC), 5000.0
    ClockReading.objects.create(account=office.weibo, boot_id=boot_id(), at=reading, offset_ms=0, boot_seconds=steady)
    monkeypatch.setattr(clocksafety, "boot_seconds", lambda: steady + 60)
    now = reading + timedelta(seconds=60 + jump)
    assert (clocksafety.distrust(office.weibo, now=now) == "") is trusted
    assert (clocksafety.distrusted([office.weibo], now=now) == set()) is trusted


def test_no_reading_is_no_trust_unless_the_installation_says_so(office: Office) -> None:
    now = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    assert "无法核对" in clocksafety.distrust(office.weibo, now=now)
    with override_settings(TONGFA=dataclasses.replace(settings.TONGFA, require_platform_date=False)):
        assert clocksafety.distrust(office.weibo, now=now) == ""


@pytest.mark.parametrize("took", [0.4, 5.0])
def test_a_tick_of_the_clock_that_takes_its_time_is_no_jump(
    office: Office, monkeypatch: pytest.MonkeyPatch, took: float
) -> None:
    """Its instant is of its beginning, and so is the steady time that is compared with it."""
    now, steady = datetime.now(UTC), boot_seconds()
    ClockReading.objects.create(account=office.weibo, boot_id=boot_id(), at=now, offset_ms=0, boot_seconds=steady)
    Chore.objects.exclude(name="machine").update(next_at=now + timedelta(days=1))
    Chore.objects.filter(name="machine").update(next_at=now)
    monkeypatch.setattr(clocksafety, "boot_seconds", lambda: steady + took)
    clock.tick(now, thorough=True, watched=clock.Watched(now, 0.0, steady))
    assert Chore.objects.get(name="machine").ran_at == now
    assert not Alarm.objects.filter(kind="clock").exists()
    assert clocksafety.doubt_of_this_boot(now=now), "who asks for its own time gets it"


@pytest.mark.parametrize(("up", "far"), [(599.0, True), (600.0, False)])
def test_a_machine_just_started_knows_nothing_until_a_platform_tells_its_time(
    office: Office, monkeypatch: pytest.MonkeyPatch, up: float, far: bool
) -> None:
    now = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    monkeypatch.setattr(clocksafety, "PATIENCE", 600.0)
    monkeypatch.setattr(clocksafety, "boot_seconds", lambda: up)
    assert clocksafety.far_off(now=now) is far
    with override_settings(TONGFA=dataclasses.replace(settings.TONGFA, require_platform_date=False)):
        assert not clocksafety.far_off(now=now)


def test_many_accounts_are_judged_at_once(office: Office, django_assert_num_queries: Any) -> None:
    now = read(office.weibo, jump=0.5)
    read(office.wechat)
    with django_assert_num_queries(1):
        assert clocksafety.distrusted([office.weibo, office.wechat], now=now) == {office.weibo.pk}


def test_what_was_loaded_before_is_not_read_again_but_what_is_newer_is(
    office: Office, django_assert_num_queries: Any
) -> None:
    """A crowd's last look has no time to read all readings once more."""
    now = read(office.weibo)
    read(office.wechat)
    accounts = [office.weibo, office.wechat]
    assert clocksafety.distrusted(accounts, now=now) == set()
    now = read(office.wechat, offset=5.0, ago=1.0)
    with django_assert_num_queries(1):
        assert clocksafety.distrusted(accounts, now=now) == {office.wechat.pk}


def test_a_reading_of_another_boot_or_an_hour_old_has_to_be_taken_again(office: Office) -> None:
    now = read(office.weibo)
    assert clocksafety.has_reading(office.weibo, now=now)
    assert not clocksafety.has_reading(office.weibo, now=read(office.weibo, ago=3601))
    ClockReading.objects.all().delete()
    assert not clocksafety.has_reading(office.weibo, now=read(office.weibo, boot="another"))
    assert "无法核对" in clocksafety.distrust(office.weibo, now=now)


@pytest.mark.parametrize(("shift", "expected"), [(0, 0), (3600, 3600), (-3600, -3600), (10, 10)])
def test_every_answer_of_the_platform_is_a_reading(office: Office, shift: int, expected: int) -> None:
    """`Date` has whole seconds: up to one second of it is rounding."""
    stamp = datetime.now(UTC) + timedelta(seconds=shift)
    AccountPorts(office.weibo).platform_date(format_datetime(stamp, usegmt=True))
    reading = ClockReading.objects.get(account=office.weibo)
    assert abs(reading.offset_ms / 1000 - expected) <= 1


@pytest.mark.parametrize("value", ["", "yesterday", "Mon, 23 Nov 2026 01:00:00", "\x00"])
def test_an_unreadable_date_is_no_reading(office: Office, value: str) -> None:
    AccountPorts(office.weibo).platform_date(value)
    assert not ClockReading.objects.filter(account=office.weibo).exists()


@pytest.mark.parametrize("doubted_at", [-14, -3], ids=["when claimed", "once connected"])
def test_a_doubted_clock_holds_that_account_and_sends_nothing_for_it(
    office: Office, monkeypatch: pytest.MonkeyPatch, doubted_at: int
) -> None:
    engine = Engine(office, monkeypatch)
    release = engine.signed()

    def distrust(account: Account, *, now: datetime) -> str:
        return "本机时钟与平台时间相差 +3600.0 秒，未发出。" if account.slug == "zghd" and now >= when else ""

    when = T + doubted_at * SECOND - 2 * SECOND
    monkeypatch.setattr(sending, "distrust", distrust)
    engine.go(T + 60 * SECOND)
    assert states(release) == [State.HELD, State.LIVE]
    assert [shot.slug for shot in engine.platform.sent] == ["lyhd"]
    assert "3600" in engine.wechat(release).reason


@pytest.mark.parametrize("at", [4, 1], ids=["before the intents", "after the intents"])
def test_a_clock_set_forward_after_it_was_checked_sends_nothing_early(
    office: Office, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Between the check at T - 5 s and T a step makes every wait end at once: the last look asks again."""
    engine = Engine(office, monkeypatch)
    release = engine.signed()
    stepped: list[bool] = []

    def step() -> None:
        stepped.append(True)
        engine.clock.present += 30 * SECOND

    monkeypatch.setattr(sending, "distrust", lambda *_, **__: "本机时钟在核对之后跳变了。" if stepped else "")
    monkeypatch.setattr(sending, "distrusted", lambda accounts, **_: {a.pk for a in accounts} if stepped else set())
    engine.clock.at(T - at * SECOND, step)
    engine.go(T + 90 * SECOND)
    assert engine.platform.sent == []
    assert states(release) == [State.HELD, State.HELD]
    assert "跳变" in engine.wechat(release).reason


def test_a_database_that_keeps_us_waiting_is_no_jump_of_the_clock(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second passes while the reading is fetched, or written: both clocks were read before that."""
    waited = [0.0]

    def slowly(execute: Callable[..., object], *given: object) -> object:
        waited[0] += 1.0
        return execute(*given)

    monkeypatch.setattr(clocksafety, "boot_seconds", lambda: boot_seconds() + waited[0])
    monkeypatch.setattr("bot.services.ports.boot_seconds", lambda: boot_seconds() + waited[0])
    now = read(office.weibo)
    with connection.execute_wrapper(slowly):
        assert clocksafety.distrust(office.weibo, now=now) == ""
        ports = AccountPorts(office.weibo)
        before = waited[0]
        ports.platform_date(format_datetime(ports.now(), usegmt=True))
    kept = ClockReading.objects.get(account=office.weibo)
    assert abs(kept.boot_seconds - before - boot_seconds()) < 0.9


def test_an_answer_that_took_too_long_is_no_reading_and_the_reason_says_so(office: Office) -> None:
    ports = AccountPorts(office.weibo)
    ports.platform_date(format_datetime(ports.now(), usegmt=True), 6.0)
    assert not ClockReading.objects.filter(account=office.weibo).exists()
    assert "慢于 5 秒" in clocksafety.distrust(office.weibo, now=ports.now())


def test_a_platform_that_is_slow_but_right_is_trusted(office: Office) -> None:
    ports = AccountPorts(office.weibo)
    ports.platform_date(format_datetime(ports.now(), usegmt=True), 1.3)
    assert clocksafety.distrust(office.weibo, now=ports.now()) == ""


def test_a_clock_that_was_set_during_the_call_gives_no_reading(office: Office) -> None:
    """It would hide in the time that the answer took."""
    ports = AccountPorts(office.weibo)
    ports.platform_date(format_datetime(ports.now(), usegmt=True), 1.0, sent=ports.now() - 4 * SECOND)
    assert not ClockReading.objects.filter(account=office.weibo).exists()


def test_another_hosts_reading_takes_nothing_from_ours(office: Office) -> None:
    """Two machines send for one account: what the other's clock says, or did, is the other's affair."""
    now = read(office.weibo)
    read(office.weibo, offset=-30.0, ago=1.0, boot="another-host")
    assert clocksafety.distrust(office.weibo, now=now) == ""
    assert clocksafety.has_reading(office.weibo, now=now)


def test_one_platforms_wrong_clock_keeps_no_other_accounts_push_open(office: Office) -> None:
    now = read(office.wechat)
    assert not clocksafety.far_off(now=now, account=office.wechat)
    read(office.weibo, offset=600.0, ago=5.0)
    assert clocksafety.far_off(now=now), "of the machine as a whole nobody can say"
    assert clocksafety.far_off(now=now, account=office.weibo)
    assert not clocksafety.far_off(now=now, account=office.wechat)
    read(office.wechat, ago=90_000.0)
    assert clocksafety.far_off(now=now, account=office.wechat), "what it said a day ago is no answer"
