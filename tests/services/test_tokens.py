"""The shared token: one refresher, whoever asks; a refused token is replaced once; own counters stay within limits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from django.db import connection

from bot.domain.channel import ChannelFault, Grant, Remedy
from bot.domain.quota import window, window_end
from bot.domain.secret import Secret
from bot.models import ClockReading, Counter, Token
from bot.services import ports
from bot.services.ports import REFRESH_LEASE, TOKEN_MARGIN, AccountPorts, store_token

from .factories import NOW, Office

T = TypeVar("T")
THREADS = 8
PATIENCE = 30  # seconds until a test gives up on its threads


def fresh(name: str = "new", life: timedelta = timedelta(hours=2)) -> Grant:
    return Grant(Secret(f"token-{name}"), datetime.now(UTC) + life)


def expire(office: Office, left: timedelta = timedelta(seconds=-1)) -> None:
    store_token(office.wechat, fresh("old", left), now=NOW)


def in_threads(work: Callable[[], T], count: int = THREADS) -> list[T]:
    """Run it in `count` threads, each with a database connection of its own that is closed at the end."""

    def run() -> T:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return [future.result(PATIENCE) for future in [pool.submit(run) for _ in range(count)]]


class Platform:
    """Hands out tokens and notes how often it was asked and with what."""

    def __init__(self, *grants: Grant, wait: Callable[[], Any] = lambda: None) -> None:
        self._grants, self._wait, self._lock = list(grants), wait, threading.Lock()
        self.asked: list[bool] = []
        self.at_once = self.most_at_once = 0

    def fetch(self, force: bool) -> Grant:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self.asked.append(force)
            grant = self._grants[min(len(self.asked), len(self._grants)) - 1]
        self._wait()
        with self._lock:
            self.at_once -= 1
        return grant


# --- one refresher --------------------------------------------------------------------------------------


def test_a_token_with_life_left_is_shared_without_asking_the_platform(office: Office) -> None:
    platform = Platform(fresh())
    store_token(office.wechat, fresh("held"), now=NOW)
    assert AccountPorts(office.wechat).token(platform.fetch).token == Secret("token-held")
    assert platform.asked == []


@pytest.mark.parametrize("left", [timedelta(seconds=-1), TOKEN_MARGIN - timedelta(seconds=5)])
def test_a_token_that_would_end_on_its_way_is_fetched_anew_and_kept(office: Office, left: timedelta) -> None:
    platform = Platform(fresh("new"))
    expire(office, left)
    for _ in range(2):
        assert AccountPorts(office.wechat).token(platform.fetch).token == Secret("token-new")
    assert platform.asked == [False]


def test_eight_threads_with_an_expired_token_ask_the_platform_once(committed_office: Office) -> None:
    """The platform answers only after every other thread has come and found the refresher at work."""
    waiting = threading.Semaphore(0)
    answered = threading.Event()

    def until_all_wait() -> None:
        for _ in range(THREADS - 1):
            assert waiting.acquire(timeout=PATIENCE)

    seen = threading.local()

    def sleep(seconds: float) -> None:
        if not getattr(seen, "once", False):
            seen.once = True
            waiting.release()
        answered.wait(seconds / 10)

    platform = Platform(fresh("new"), wait=until_all_wait)
    expire(committed_office)
    grants = in_threads(lambda: AccountPorts(committed_office.wechat, sleep=sleep).token(platform.fetch))
    assert {grant.token for grant in grants} == {Secret("token-new")}
    assert platform.asked == [False]
    row = Token.objects.get(account=committed_office.wechat)
    assert (row.refresher, row.refreshing_until) == ("", None)


def test_eight_threads_at_an_account_without_a_token_row_also_ask_once(committed_office: Office) -> None:
    Token.objects.all().delete()
    platform = Platform(fresh("new"))
    gate = threading.Barrier(THREADS)

    def work() -> Grant:
        gate.wait(PATIENCE)
        return AccountPorts(committed_office.wechat).token(platform.fetch)

    assert {grant.token for grant in in_threads(work)} == {Secret("token-new")}
    assert (platform.asked, platform.most_at_once) == ([False], 1)


def test_who_becomes_refresher_after_another_has_just_finished_takes_its_result(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the store and the turn to refresh, another process may store a new token."""
    expire(office)
    platform = Platform(fresh("second"))
    take_turn = AccountPorts._become_refresher

    def late(self: AccountPorts) -> str:
        store_token(office.wechat, fresh("first"), now=NOW)
        return take_turn(self)

    monkeypatch.setattr(AccountPorts, "_become_refresher", late)
    assert AccountPorts(office.wechat).token(platform.fetch).token == Secret("token-first")
    assert platform.asked == []
    assert Token.objects.get(account=office.wechat).refresher == ""


def test_a_refresher_that_died_is_replaced_when_its_lease_is_over(office: Office) -> None:
    expire(office)
    gone = datetime.now(UTC) - timedelta(seconds=1)
    Token.objects.filter(account=office.wechat).update(refresher="dead", refreshing_until=gone)
    assert AccountPorts(office.wechat).token(Platform(fresh("new")).fetch).token == Secret("token-new")


def test_who_waits_longer_than_a_lease_gives_up_with_a_reason(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    expire(office)
    Token.objects.filter(account=office.wechat).update(
        refresher="slow", refreshing_until=datetime.now(UTC) + timedelta(hours=1)
    )
    ticks = iter([0.0, 1.0, REFRESH_LEASE.total_seconds() + 6])
    monkeypatch.setattr(ports, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    with pytest.raises(ChannelFault, match="等待其他进程更新令牌超时") as fault:
        AccountPorts(office.wechat, sleep=lambda _: None).token(Platform(fresh()).fetch)
    assert fault.value.remedy is Remedy.UNKNOWN


def test_a_failed_refresh_leaves_the_way_free_for_the_next(office: Office) -> None:
    expire(office)

    def fails(force: bool) -> Grant:
        raise ChannelFault(Remedy.OPERATOR, "密钥不对。")

    with pytest.raises(ChannelFault, match="密钥不对"):
        AccountPorts(office.wechat).token(fails)
    assert Token.objects.get(account=office.wechat).refreshing_until is None
    assert AccountPorts(office.wechat).token(Platform(fresh("new")).fetch).token == Secret("token-new")


# --- a refused token ------------------------------------------------------------------------------------


def test_a_refused_token_is_replaced_though_it_still_had_life(office: Office) -> None:
    store_token(office.wechat, fresh("refused"), now=NOW)
    platform = Platform(fresh("new"))
    assert AccountPorts(office.wechat).token(platform.fetch, refused=Secret("token-refused")).token == Secret(
        "token-new"
    )
    assert platform.asked == [False]


def test_when_the_platform_hands_out_the_refused_token_again_it_is_forced_to_make_a_new_one(office: Office) -> None:
    store_token(office.wechat, fresh("refused"), now=NOW)
    platform = Platform(fresh("refused"), fresh("forced"))
    assert AccountPorts(office.wechat).token(platform.fetch, refused=Secret("token-refused")).token == Secret(
        "token-forced"
    )
    assert platform.asked == [False, True]


def test_a_token_that_another_process_has_replaced_meanwhile_is_taken_without_a_fetch(office: Office) -> None:
    store_token(office.wechat, fresh("newer"), now=NOW)
    platform = Platform(fresh("newest"))
    assert AccountPorts(office.wechat).token(platform.fetch, refused=Secret("token-refused")).token == Secret(
        "token-newer"
    )
    assert platform.asked == []


def test_eight_threads_whose_token_was_refused_ask_once(committed_office: Office) -> None:
    store_token(committed_office.wechat, fresh("refused"), now=NOW)
    platform = Platform(fresh("new"))
    gate = threading.Barrier(THREADS)

    def work() -> Grant:
        gate.wait(PATIENCE)
        return AccountPorts(committed_office.wechat).token(platform.fetch, refused=Secret("token-refused"))

    assert {grant.token for grant in in_threads(work)} == {Secret("token-new")}
    assert (platform.asked, platform.most_at_once) == ([False], 1)


def test_a_token_that_no_machine_can_renew_asks_for_an_administrator(office: Office) -> None:
    store_token(office.weibo, fresh("old", timedelta(seconds=-1)), now=NOW)
    with pytest.raises(ChannelFault, match="“临沂河东”没有有效的授权，未发出任何内容。请系统管理员重新授权") as fault:
        AccountPorts(office.weibo).token(None)
    assert (fault.value.remedy, fault.value.code) == (Remedy.OPERATOR, "no_token")


# --- own counters ---------------------------------------------------------------------------------------


def test_a_call_within_the_limit_is_counted_and_the_next_one_waits_for_the_period_to_end(office: Office) -> None:
    mine = AccountPorts(office.weibo)
    for _ in range(3):
        mine.spend("read", limit=3, period="day")
    with pytest.raises(ChannelFault, match=r"额度（3 次）已用完，未发出请求") as fault:
        mine.spend("read", limit=3, period="day")
    assert fault.value.remedy is Remedy.WAIT
    assert fault.value.wait_until == window_end("day", mine.now())
    assert Counter.objects.get().count == 3


def test_buckets_periods_and_accounts_are_counted_apart(office: Office) -> None:
    for account in office.accounts:
        for bucket in ("read", "share"):
            for period in ("hour", "day"):
                AccountPorts(account).spend(bucket, limit=1, period=period)
    assert list(Counter.objects.values_list("count", flat=True)) == [1] * 8


def test_a_new_window_begins_at_nought(office: Office) -> None:
    Counter.objects.create(account=office.weibo, bucket="read", window=window("day", NOW - timedelta(days=1)), count=9)
    AccountPorts(office.weibo).spend("read", limit=1, period="day")
    assert Counter.objects.count() == 2


def test_threads_together_never_go_over_the_limit(committed_office: Office) -> None:
    gate = threading.Barrier(THREADS)

    def work() -> int:
        gate.wait(PATIENCE)
        done = 0
        for _ in range(4):
            with suppress(ChannelFault):
                AccountPorts(committed_office.weibo).spend("share", limit=20, period="day")
                done += 1
        return done

    assert sum(in_threads(work)) == 20
    assert Counter.objects.get().count == 20


# --- pictures and clocks --------------------------------------------------------------------------------


def test_a_picture_is_handed_out_by_its_hash(office: Office) -> None:
    post = office.submitted().current.posts.get(account=office.wechat)
    sha = post.payload["cover"].removeprefix("asset:")
    asset = AccountPorts(office.wechat).asset(sha)
    assert (asset.sha256, asset.media_type) == (sha, "image/png")
    with pytest.raises(KeyError):
        AccountPorts(office.wechat).asset("0" * 64)


@pytest.mark.parametrize("ahead", [5, -5])
def test_the_platform_s_date_shows_how_far_the_clocks_are_apart(office: Office, ahead: int) -> None:
    then = datetime.now(UTC) + timedelta(seconds=ahead)
    AccountPorts(office.wechat).platform_date(then.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    assert abs(ClockReading.objects.get().offset_ms - ahead * 1000) <= 1100


@pytest.mark.parametrize("value", ["", "yesterday", "Mon, 23 Nov 2026 01:00:00 -0000 trailing", "Mon, 99 Nov 2026"])
def test_a_date_that_cannot_be_read_is_passed_over(office: Office, value: str) -> None:
    AccountPorts(office.wechat).platform_date(value)
    assert not ClockReading.objects.exists()
