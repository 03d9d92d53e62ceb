"""The state of the accounts at a glance: in use, last good call, how long the token holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.instants import show
from bot.models import Account, Unit
from bot.services.accounts import BRING_BACK, NO_PROGRAM, known, spec_of

QUIET = timedelta(days=1)
SOON = timedelta(days=7)
CLOCK_LIMIT_MS = 2000  # design.md section 7: clocks agree within 2 s
DATE_MS = 1000  # a platform tells its time in whole seconds: what is nearer says nothing
ENTERED = "用录入的凭据访问，系统不更换"


@dataclass(frozen=True, slots=True)
class Health:
    """One dot: tone, icon and sentences."""

    account: Account
    channel: str
    tone: str
    icon: str
    words: tuple[str, ...]
    by_hand: bool  # a person must authorise it in a browser


def of_unit(unit: Unit, *, now: datetime) -> list[Health]:
    """The accounts of a unit, in the order they were added."""
    found = unit.accounts.select_related("token").prefetch_related("clock_readings").order_by("pk")
    return [of_account(account, now=now) for account in found]


def of_account(account: Account, *, now: datetime) -> Health:
    """What is known of one account without asking the platform."""
    if not known(account):
        tone, icon = ("bad", "alert") if account.enabled else ("off", "cross")
        return Health(account, account.channel, tone, icon, (f"{NO_PROGRAM}，不能发布。{BRING_BACK}",), by_hand=False)
    spec = spec_of(account)
    by_hand = any(option.name == "access_token" for option in spec.credentials)
    if not account.enabled:
        return Health(account, spec.label, "off", "cross", (f"已停用：{account.disabled_reason}",), by_hand)
    if account.manual_only:
        return Health(account, spec.label, "wait", "hand", (f"只能手工发布：{account.manual_reason}",), by_hand=False)
    clock_tone, clock = _clock(account, now)
    token_tone, token = _token(account, now, by_hand=by_hand) if by_hand or spec.fetches_token else ("good", ENTERED)
    tone = max(clock_tone, token_tone, key=("good", "wait", "warn", "bad").index)
    icon = {"good": "check", "wait": "clock", "warn": "alert", "bad": "alert"}[tone]
    return Health(account, spec.label, tone, icon, (clock, token), by_hand)


def _clock(account: Account, now: datetime) -> tuple[str, str]:
    reading = max(account.clock_readings.all(), key=lambda one: one.at, default=None)
    if reading is None:
        return "wait", "还没有联系过平台"
    apart = f"相差 {reading.offset_ms / 1000:+.1f} 秒" if abs(reading.offset_ms) > DATE_MS else "相差不到 1 秒"
    words = f"{show(reading.at)} 联系正常，时钟{apart}"
    if abs(reading.offset_ms) > CLOCK_LIMIT_MS:
        return "bad", f"{words}，超过 2 秒，请校准本机时钟"
    return ("wait" if now - reading.at > QUIET else "good"), words


def _token(account: Account, now: datetime, *, by_hand: bool) -> tuple[str, str]:
    token = getattr(account, "token", None)
    expires = token.expires_at if token else None
    if not by_hand:
        return "good", "令牌自动更新" + (f"，现有令牌至 {show(expires, seconds=False)}" if expires else "")
    if expires is None:
        return "bad", "还没有授权，请系统管理员授权"
    if expires <= now:
        return "bad", f"授权已于 {show(expires, seconds=False)} 到期，请系统管理员重新授权"
    tone = "warn" if expires - now < SOON else "good"
    return tone, f"授权至 {show(expires, seconds=False)}（还有 {(expires - now).days} 天）"
