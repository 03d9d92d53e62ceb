"""May we trust the local clock? It must agree with the platform's `Date`, and not have jumped since.

Design.md section 7: agreement within 2 s, no drift over 0.2 s since the reading; else hold and alarm.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings

from bot.domain import agreement, timeline
from bot.domain.instants import milliseconds, require_aware, show
from bot.models import Account, ClockReading

from .bulk import ASKED, chunks
from .ports import boot_id, boot_seconds

_LOADED = "loaded_reading"
FRESH = timedelta(hours=1)
STALE = 4500.0
"""Seconds by the steady clock after which a reading says nothing more of today's clock: wall and steady clock may have drifted
together. A little more than `FRESH`, so that what is fresh when a batch gets ready still is at its last look."""
FAR_OFF = timedelta(minutes=1)
PATIENCE = 600.0  # seconds that no platform has told its time, after which our own is believed


def load_readings(accounts: Sequence[Account]) -> None:
    """Read the clock readings of many accounts anew, in one question; `has_reading` and `distrust` then ask nothing."""
    for some in chunks(accounts, ASKED):
        rows = {row.account_id: row for row in ClockReading.objects.filter(account__in=some, boot_id=boot_id())}
        for account in some:
            vars(account)[_LOADED] = rows.get(account.pk)


def _reading(account: Account) -> ClockReading | None:
    if _LOADED in vars(account):
        return vars(account)[_LOADED]  # type: ignore[no-any-return]
    return ClockReading.objects.filter(account=account, boot_id=boot_id()).first()


def has_reading(account: Account, *, now: datetime) -> bool:
    """True when a reading of this boot and of the last hour exists."""
    require_aware(now)
    reading = _reading(account)
    return reading is not None and abs(now - reading.at) < FRESH


def distrust(account: Account, *, now: datetime) -> str:
    """ "" when the clock may be trusted for this account, else why not, in Chinese."""
    require_aware(now)
    steady = boot_seconds()  # with `now`, before the database may keep us waiting: that is no jump of the clock
    return _judge(_reading(account), now, steady)


def is_heard(account: Account) -> bool:
    """Whether the platform has told its time for this account of late: without, it is not our clock that needs mending."""
    reading = _reading(account)
    return reading is not None and boot_seconds() - reading.boot_seconds <= STALE


def doubt_of_this_boot(*, now: datetime, steady: float | None = None) -> str | None:
    """What the newest reading of this boot says of our clock: "" that it agrees, else why not; None: no platform has told.

    Steady seconds of another boot (or host) say nothing of this one. `steady`: those at `now`, where that was a while ago (a tick
    of the clock that takes its time would look like a jump); None: it is now.
    """
    require_aware(now)
    steady = boot_seconds() if steady is None else steady
    reading = _newest()
    return None if reading is None else _contradiction(reading, now, steady)


def _newest() -> ClockReading | None:
    return ClockReading.objects.filter(boot_id=boot_id()).order_by("-at").first()


def _drift(reading: ClockReading, now: datetime, steady: float) -> timedelta:
    """How far the wall clock has run ahead of the steady one since the reading."""
    return (now - reading.at) - timedelta(seconds=steady - reading.boot_seconds)


def far_off(*, now: datetime, account: Account | None = None) -> bool:
    """Whether what the clock says may be wrong by more than a minute: then nothing is over only because it says so.

    `account`: whose platform is asked first, where it has told its time of late: another one whose clock is wrong must not
    keep this account's push open for ever.

    A smaller error forbids sending, but the end of half an hour is not in doubt because of it. In the first ten
    minutes after a boot, before any platform has told its time, nothing is known.
    """
    require_aware(now)
    steady = boot_seconds()
    own = _reading(account) if account else None
    reading = own if own and steady - own.boot_seconds <= STALE else _newest()
    if reading is None:
        return steady < PATIENCE and settings.TONGFA.require_platform_date
    offset = timedelta(milliseconds=reading.offset_ms)
    return abs(offset) > FAR_OFF or abs(_drift(reading, now, steady)) > FAR_OFF


def unheard() -> bool:
    """Whether no platform has told this machine its time since it was started, although one must: nobody can say then how
    far off its clock is, however long it runs."""
    return settings.TONGFA.require_platform_date and _newest() is None


def distrusted(accounts: Sequence[Account], *, now: datetime) -> set[int]:
    """Those accounts, by id, for which the clock may not be trusted; readings taken since they were loaded count."""
    require_aware(now)
    steady = boot_seconds()
    _load_newer(accounts)
    return {account.pk for account in accounts if _judge(_reading(account), now, steady)}


def _load_newer(accounts: Sequence[Account]) -> None:
    """Read what is newer than what was loaded: a crowd's last look has no time to read all of it once more.

    What was loaded before a clock was set back may look newer than what was read after: but then it contradicts the
    steady clock, and its account is not trusted anyway.
    """
    loaded = [reading.at for account in accounts if (reading := vars(account).get(_LOADED))]
    if not loaded or any(_LOADED not in vars(account) for account in accounts):
        load_readings(accounts)
        return
    known = {account.pk: account for account in accounts}
    for row in ClockReading.objects.filter(boot_id=boot_id(), at__gte=max(loaded)):
        if row.account_id in known:
            vars(known[row.account_id])[_LOADED] = row


def _judge(reading: ClockReading | None, now: datetime, steady: float) -> str:
    if doubt := reading and _contradiction(reading, now, steady):
        return doubt
    if not settings.TONGFA.require_platform_date or (reading and steady - reading.boot_seconds <= STALE):
        return ""
    lacking = f"应答里没有时间，或应答慢于 {agreement.SLOWEST.seconds} 秒"
    heard = f"；上一次有时间是 {show(reading.at)}，已超过一小时" if reading else ""
    return f"没有平台的时间，无法核对本机时钟（{lacking}{heard}）。请检查网络与平台地址；核对无误后恢复发布。"


def _contradiction(reading: ClockReading, now: datetime, steady: float) -> str:
    """What speaks against our clock, however old the reading is."""
    offset = timedelta(milliseconds=reading.offset_ms)
    if abs(offset) > timeline.CLOCK_AGREEMENT:
        return f"本机时钟与平台时间相差 {offset.total_seconds():+.1f} 秒。请校准本机时钟（NTP）后恢复发布。"
    drift = _drift(reading, now, steady)
    if abs(drift) > timeline.CLOCK_DRIFT:
        return f"本机时钟在核对之后跳变了 {milliseconds(drift):+.0f} 毫秒。请校准本机时钟（NTP）后恢复发布。"
    return ""
