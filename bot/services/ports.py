"""The product's side of an adapter: pictures, the shared token, call counters, clock readings, evidence."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.db.models import F, Q

from bot.channels.http import time_left
from bot.domain import agreement, quota
from bot.domain.channel import OWN_QUOTA, OWN_RESERVE, ChannelFault, Grant, Remedy
from bot.domain.delivery import State
from bot.domain.instants import milliseconds, require_aware, show
from bot.domain.post import Asset
from bot.domain.secret import Secret
from bot.models import Account, AssetRecord, ClockReading, Counter, Reservation, Token

from . import vault

log = structlog.get_logger(__name__)
REFRESH_LEASE = timedelta(seconds=30)
REFRESH_POLL = 0.1
SAME_READING = timedelta(seconds=60)
SAME_OFFSET = 50  # ms
NO_MATTER = 1000  # ms; two readings within this say the same: that we agree
READINGS_KEPT = timedelta(days=2)  # those of boots that are long over
OFFSET_LIMIT = 2_000_000_000  # ms; what the column holds
_UNDER_WAY = sorted(str(state) for state in (State.SENDING, State.UNKNOWN, State.CONFIRMING))
#: a token must have this much life left, so that it does not end on the way to the platform
TOKEN_MARGIN = timedelta(seconds=60)


def boot_id() -> str:
    """Names this boot of this machine: boot-time clocks compare only within one."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text("ascii").strip() if path.exists() else "unknown"


def boot_seconds() -> float:
    """Seconds since boot, suspended time included, unmoved by steps of the wall clock."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def store_token(account: Account, grant: Grant, *, now: datetime) -> bool:
    """Keep a token for all processes, encrypted. False, with nothing kept, where the account leads elsewhere by now.

    A token may be on its way while somebody changes the account's address: the new host must not get it.
    """
    require_aware(now)
    with transaction.atomic():
        standing = Account.objects.select_for_update(no_key=True).values_list("endpoints", "proxy").get(pk=account.pk)
        if standing != (account.endpoints, account.proxy):
            return False
        Token.objects.update_or_create(
            account=account,
            defaults={
                "ciphertext": vault.encrypt(grant.token, f"token:{account.pk}"),
                "key_id": vault.key_id(),
                "issued_at": now,
                "expires_at": grant.expires_at,
                "refresher": "",
                "refreshing_until": None,
            },
        )
    return True


@lru_cache(maxsize=16)
def _asset(sha256: str) -> Asset:
    """One picture goes to many accounts; its name is the hash of its bytes, so what is remembered stays true."""
    try:
        row = AssetRecord.objects.get(sha256=sha256)
    except AssetRecord.DoesNotExist:
        raise KeyError(sha256) from None
    data = bytes(row.data)
    if hashlib.sha256(data).hexdigest() != sha256:  # a hand in the database: these are not the bytes that were approved
        log.error("asset.altered", sha256=sha256)
        raise KeyError(sha256)
    return Asset(data, row.media_type, row.name)


def _says_the_same(last: ClockReading, now: datetime, offset_ms: int) -> bool:
    recent = last.boot_id == boot_id() and abs(now - last.at) < SAME_READING
    agree = max(abs(offset_ms), abs(last.offset_ms)) <= NO_MATTER
    return recent and (agree or abs(offset_ms - last.offset_ms) < SAME_OFFSET)


_LOADED = "loaded_token"


def load_tokens(accounts: Sequence[Account]) -> None:
    """Read the tokens of many accounts in one question, for the ports that are made of them next."""
    rows = {row.account_id: row for row in Token.objects.filter(account__in=accounts)}
    for account in accounts:
        vars(account)[_LOADED] = rows.get(account.pk)


class AccountPorts:
    """Implements `bot.domain.channel.Ports` over the records.

    Lives as long as one piece of work. For so long it remembers the token while that has life left and nobody refuses
    it, and does not write down again that the platform's clock still says the same.
    """

    def __init__(self, account: Account, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._account = account
        self._sleep = sleep
        self._grant: Grant | None = None
        self._noted: ClockReading | None = None

    def now(self) -> datetime:
        """The present instant."""
        return datetime.now(UTC)

    def asset(self, sha256: str) -> Asset:
        """The picture's bytes. KeyError if unknown."""
        return _asset(sha256)

    # --- token -----------------------------------------------------------------------------------------

    def token(self, fetch: Callable[[bool], Grant] | None, *, refused: Secret | None = None) -> Grant:
        """The shared token; at most one process fetches at a time, the others wait for its result."""
        deadline = time.monotonic() + min(REFRESH_LEASE.total_seconds() + 5, time_left())
        while True:
            held = self._usable(refused)
            if held:
                return held
            if fetch is None:
                raise ChannelFault(
                    Remedy.OPERATOR,
                    f"账号“{self._account.name}”没有有效的授权，未发出任何内容。请系统管理员重新授权该账号。",
                    code="no_token",
                )
            owner = self._become_refresher()
            if owner:
                return self._refresh(fetch, refused, owner)
            if time.monotonic() > deadline:
                raise ChannelFault(Remedy.UNKNOWN, "等待其他进程更新令牌超时，稍后自动重试。", code="token_wait")
            self._sleep(REFRESH_POLL)

    def _usable(self, refused: Secret | None) -> Grant | None:
        if not self._good(self._grant, refused):
            self._grant = self._held()
        return self._grant if self._good(self._grant, refused) else None

    def _good(self, held: Grant | None, refused: Secret | None) -> bool:
        return held is not None and held.token != refused and held.expires_at > self.now() + TOKEN_MARGIN

    def _held(self) -> Grant | None:
        """The stored token: as loaded for many accounts a moment ago, once, else asked for."""
        row = vars(self._account).pop(_LOADED, None) or Token.objects.filter(account=self._account).first()
        if row is None or row.expires_at is None or row.ciphertext is None:
            return None
        return Grant(vault.decrypt(row.ciphertext, f"token:{self._account.pk}"), row.expires_at)

    def _become_refresher(self) -> str:
        owner, now = secrets.token_hex(8), self.now()
        Token.objects.get_or_create(account=self._account)
        taken = Token.objects.filter(
            Q(refreshing_until__isnull=True) | Q(refreshing_until__lt=now), account=self._account
        ).update(refresher=owner, refreshing_until=now + REFRESH_LEASE)
        return owner if taken else ""

    def _refresh(self, fetch: Callable[[bool], Grant], refused: Secret | None, owner: str) -> Grant:
        try:
            # another refresher may have finished between our look and our turn: one fetch is enough
            if held := self._usable(refused):
                return held
            grant = fetch(False)
            if refused is not None and grant.token == refused:
                grant = fetch(True)
            store_token(self._account, grant, now=self.now())
            self._grant = grant
            return grant
        finally:
            Token.objects.filter(account=self._account, refresher=owner).update(refresher="", refreshing_until=None)

    # --- counters, clock, evidence ---------------------------------------------------------------------

    def spend(self, bucket: str, *, limit: int, period: str, reserve: int = 0, each: int = 0) -> None:
        """Count one call; ChannelFault(WAIT) instead of going over the limit, or into what is kept for sending."""
        now = self.now()
        window = quota.window(period, now)
        row = {"account": self._account, "bucket": bucket, "window": window}
        most = limit - max(reserve, each * self._to_send(window) if each else 0)
        for _ in range(2):
            if Counter.objects.filter(**row, count__lt=most).update(count=F("count") + 1):
                return
            if Counter.objects.filter(**row).exists():
                break
            try:
                with transaction.atomic():
                    Counter.objects.create(**row, count=0)
            except IntegrityError:
                continue
        raise self._spent(limit, period, now, kept=Counter.objects.filter(**row, count__lt=limit).exists())

    def _spent(self, limit: int, period: str, now: datetime, *, kept: bool) -> ChannelFault:
        """It says when calls are free again, and not what becomes of a push: that is for whoever waits, or does not."""
        end = quota.window_end(period, now)
        whose = f"账号“{self._account.name}”本{'小时' if period == 'hour' else '日'}的接口调用额度（{limit} 次）"
        words = "余下的要留给已签发的推送，查询不再占用" if kept else "已用完，未发出请求"
        code = OWN_RESERVE if kept else OWN_QUOTA
        return ChannelFault(Remedy.WAIT, f"{whose}{words}；{show(end)} 恢复。", code=code, wait_until=end)

    def _to_send(self, window: str) -> int:
        """Pushes of a window that are signed and not through yet: those to be sent, and those that are still looked for."""
        held = Reservation.objects.filter(account=self._account, window=window, released_at__isnull=True)
        not_through = Q(publication__sent_at__isnull=True) | Q(publication__state__in=_UNDER_WAY)
        return held.filter(not_through, publication__isnull=False).count()

    def platform_date(self, value: str, took: float = 0.0, sent: datetime | None = None) -> None:
        """Note how far the platform's clock is from ours: `bot.domain.agreement`. `sent`: our clock before the call."""
        now, booted = self.now(), boot_seconds()  # one after the other: `distrust` compares the two
        span = timedelta(seconds=max(0.0, took))
        try:
            found = agreement.ahead(parsedate_to_datetime(value), sent=sent or now - span, received=now, took=span)
        except (TypeError, ValueError, OverflowError):
            return
        if found is not None:
            offset = round(milliseconds(found))
            self._note(now, booted, max(-OFFSET_LIMIT, min(OFFSET_LIMIT, offset)))

    def _note(self, now: datetime, booted: float, offset_ms: int) -> None:
        """Keep a reading. One that says the same as a moment ago is not written again: a write costs the disk."""
        mine: dict[str, Any] = {"account": self._account, "boot_id": boot_id()}
        self._noted = self._noted or ClockReading.objects.filter(**mine).first()
        if self._noted is not None and _says_the_same(self._noted, now, offset_ms):
            return
        row = {"at": now, "offset_ms": offset_ms, "boot_seconds": booted}
        self._noted, new = ClockReading.objects.update_or_create(**mine, defaults=row)
        if new:
            ClockReading.objects.filter(account=self._account, at__lt=now - READINGS_KEPT).delete()

    def record(self, call: str, outcome: str, detail: str = "") -> None:
        """Note one platform answer in the log; answers to public calls are kept with their attempt."""
        log.info("platform.answer", account=self._account.slug, call=call, outcome=outcome, detail=detail[:300])
