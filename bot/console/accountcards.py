"""账号: what a card and a page of one account show, read without asking the platform."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Prefetch, QuerySet

from bot.domain import quota
from bot.domain.channel import ChannelSpec
from bot.domain.custody import Duty
from bot.domain.instants import beijing_date, show
from bot.models import Account, AccountCheck, Credential, Custody, Unit
from bot.services.accounts import known, renewed_by_hand, spec_of
from bot.services.quotas import Book, quotas_of

from . import health

PERIODS = {"day": "今日", "month": "本月", "hour": "本小时"}
TYPES = {"subscription": "订阅号", "service": "服务号"}
VERIFIED_SOON = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Used:
    """One quota in the window of now. `calls`: counted in calls of the interface, not in posts."""

    label: str
    used: int
    count: int
    calls: bool

    @property
    def full(self) -> bool:
        """Nothing is left."""
        return self.used >= self.count


@dataclass(frozen=True, slots=True)
class Saved:
    """One credential: whether there is one and since when. What it is nobody is told, its last digits neither."""

    name: str
    label: str
    required: bool
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Words:
    """A value with its tone: never by colour alone."""

    tone: str
    icon: str
    text: str


@dataclass(frozen=True, slots=True)
class Card:
    """One account. `rights` and `ip` are what the newest examination found, None where none has asked."""

    account: Account
    spec: ChannelSpec
    kind: str
    identity: str
    mode: str
    health: health.Health
    token: Words
    verified: Words
    quotas: Sequence[Used]
    saved: Sequence[Saved]
    custody: Sequence[tuple[Duty, Custody | None]]
    check: AccountCheck | None

    @property
    def identity_label(self) -> str:
        """What the platform calls the setting by which it knows the account."""
        return next((one.label for one in self.spec.options if one.name == self.spec.identity), "")

    def line(self, code: str) -> dict[str, Any] | None:
        """The newest examination's line of that code."""
        return next((line for line in self.check.lines if line["code"] == code), None) if self.check else None


def cards(unit: Unit, *, now: datetime) -> tuple[list[Card], list[Account]]:
    """The accounts of a unit, in the order they were added; as many questions for one as for many.

    Beside the cards: the accounts whose channel has no program here, of which nothing more is known.
    """
    rows = _rows(unit.accounts.all())
    here = [account for account in rows if known(account)]
    book = Book(here, now, now)
    return [_card(account, book, now) for account in here], [account for account in rows if not known(account)]


def card(account: Account, *, now: datetime) -> Card:
    """One of them. Refused where its channel has no program here."""
    [row] = _rows(account.unit.accounts.filter(pk=account.pk))
    spec_of(row)
    return _card(row, Book([row], now, now), now)


def _rows(chosen: QuerySet[Account]) -> list[Account]:
    found = chosen.select_related("token", "last_check__person").prefetch_related(
        "clock_readings",
        Prefetch("credentials", Credential.objects.defer("ciphertext")),
        Prefetch("custody", Custody.objects.filter(until__isnull=True), to_attr="in_charge"),
    )
    return list(found.order_by("pk"))


def _card(account: Account, book: Book, now: datetime) -> Card:
    spec = spec_of(account)
    kind = account.options.get("account_type", "")
    return Card(
        account, spec, TYPES.get(kind, kind), str(account.options.get(spec.identity, "")), spec.mode(account.mode).label,
        health.of_account(account, now=now), _token(account, spec, now), _verified(account, now),
        [_used(account, book, rule, now) for rule in quotas_of(account, account.mode)], _saved(account, spec),
        _custody(account, spec), getattr(account, "last_check", None),
    )  # fmt: skip


def _used(account: Account, book: Book, rule: Any, now: datetime) -> Used:
    window = quota.window(rule.period, now)
    taken = book.spent(account, rule, window) if rule.bucket else book.taken(account, account.mode, window)
    return Used(PERIODS[rule.period], taken, rule.count, bool(rule.bucket))


def _token(account: Account, spec: ChannelSpec, now: datetime) -> Words:
    token = getattr(account, "token", None)
    if token is None or token.expires_at is None:
        return _no_token(account, spec)
    age = f"{show(token.issued_at, seconds=False)} 取得，" if token.issued_at else ""
    left = token.expires_at - now
    until = f"{age}至 {show(token.expires_at, seconds=False)}"
    if left <= timedelta(0):
        return Words("bad", "alert", f"{until}，已到期") if renewed_by_hand(spec) else Words("wait", "turn", until)
    if renewed_by_hand(spec) and left < health.SOON:
        return Words("warn", "alert", f"{until}，还有 {left.days} 天，请重新授权")
    return Words("good", "check", until)


def _no_token(account: Account, spec: ChannelSpec) -> Words:
    if renewed_by_hand(spec):
        return Words("wait", "clock", "还没有令牌")
    if spec.fetches_token:
        return Words("wait", "clock", "用到时自动换取")
    if any(one.required and one.at is None for one in _saved(account, spec)):
        return Words("bad", "alert", "还没有录入凭据")
    return Words("good", "check", health.ENTERED)


def _verified(account: Account, now: datetime) -> Words:
    until = account.verified_until
    if until is None:
        return Words("wait", "question", "未登记")
    left = until - beijing_date(now)
    if left < timedelta(0):
        return Words("bad", "alert", f"{until} 已到期，请办理年审")
    if left <= VERIFIED_SOON:
        return Words("warn", "alert", f"至 {until}，还有 {left.days} 天，请办理年审")
    return Words("good", "check", f"至 {until}")


def _saved(account: Account, spec: ChannelSpec) -> list[Saved]:
    at = {row.name: row.updated_at for row in account.credentials.all()}
    return [Saved(one.name, one.label, one.required, at.get(one.name)) for one in spec.credentials]


def duties(spec: ChannelSpec) -> list[Duty]:
    """What somebody answers for on such an account."""
    return [duty for duty in Duty if duty is not Duty.ADMIN or spec.has_admin]


def _custody(account: Account, spec: ChannelSpec) -> list[tuple[Duty, Custody | None]]:
    """Whoever is written down for more is told, too."""
    rows: Sequence[Custody] = getattr(account, "in_charge", ())
    held = {row.duty: row for row in rows}
    asked = duties(spec)
    return [(duty, held.get(str(duty))) for duty in Duty if duty in asked or str(duty) in held]
