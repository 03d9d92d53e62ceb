"""The installation looks at itself: disk, database rules and clock, the chain of the trail, its index; and what has to be done
now and then besides. What is found is an alarm, or closes one.

A worker makes an inspection when the clock rings. What calls nobody and is done at once the clock makes itself while no
release is near: it comes every few minutes, mostly finds nothing, and would wake a worker that rests.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.db.models import QuerySet

from bot.domain.alarms import Kind, Out
from bot.domain.channel import CheckResult
from bot.domain.delivery import STOPPABLE, State
from bot.domain.instants import require_aware
from bot.models import Account, Chore, Publication
from bot.models.watch import CHORES

from . import alarming, audit, handdrafts, platformtime, prechecks, takedowns, trailindex
from .alarming import Call
from .clocksafety import doubt_of_this_boot
from .errors import Refused

log = structlog.get_logger(__name__)
#: Taking down, and drafts for people: besides, whenever a look or a call is due.
EVERY = {
    "sweep": timedelta(seconds=20),
    "machine": timedelta(minutes=5),
    "chain": timedelta(days=1),
    "takedowns": timedelta(minutes=5),
    "trail": timedelta(hours=1),
    "drafts": timedelta(minutes=5),
}
#: A backlog of the index of the trail is worked off in turns, this long apart.
GO_ON = timedelta(seconds=5)


# --- by a worker ------------------------------------------------------------------------------------------------


def inspect(number: int, *, now: Callable[[], datetime]) -> None:
    """One inspection, by a worker."""
    at = require_aware(now())
    name = CHORES[number]
    if not _take(name, at):
        return
    if name == "machine":
        _look_at_the_machine(now())
        _tell_of_the_clock(_doubt(now), now())
    elif name == "chain":
        _tell(Kind.CHAIN, [_chain()], now())
    elif name == "takedowns":
        takedowns.work_all(now=now)
    elif name == "drafts":
        handdrafts.work_all(now=now)
    elif name == "trail" and trailindex.work(now=now):
        Chore.objects.filter(pk=name).update(next_at=now() + GO_ON)


def _take(name: str, at: datetime) -> bool:
    """Whether it is due and ours; the next one is arranged for."""
    due = Chore.objects.filter(pk=name, next_at__lte=at)
    return bool(due.update(next_at=at + EVERY[name], rung_at=None, ran_at=at))


# --- by the clock -----------------------------------------------------------------------------------------------


def made_at_once(name: str, *, now: datetime, steady: float | None = None) -> bool:
    """Whether it calls nobody now and takes a moment; then it has been made. One that fails is left to a worker, so that
    it keeps nothing else from its turn. `steady`: see `clocksafety.doubt_of_this_boot`."""
    require_aware(now)
    try:
        if name == "machine":
            return _machine_at_once(now, steady)
        return name in _AT_ONCE and _AT_ONCE[name](now)
    except Exception:
        log.exception("inspection.at_once", chore=name)
        return False


def _machine_at_once(now: datetime, steady: float | None) -> bool:
    doubt = doubt_of_this_boot(now=now, steady=steady)
    if doubt is None and _waiting().exists():
        return False  # a platform is to be asked for the time
    if _take("machine", now):
        _look_at_the_machine(now)
        _tell_of_the_clock(doubt, now)
    return True


def _put_off(name: str, now: datetime, come_back: Callable[[], None], *, due: bool) -> bool:
    """With nothing due there is only the next look to arrange; what became due meanwhile is rung for at the next tick."""
    if not due and _take(name, now):
        come_back()
    return not due


def _trail_at_once(now: datetime) -> bool:
    if not trailindex.is_nearly_whole():
        return False
    if _take("trail", now) and trailindex.catch_up(trailindex.TOGETHER):
        Chore.objects.filter(pk="trail").update(next_at=now + GO_ON)
    return True


_AT_ONCE: dict[str, Callable[[datetime], bool]] = {
    "takedowns": lambda now: _put_off("takedowns", now, takedowns.come_back, due=takedowns.due(now).exists()),
    "drafts": lambda now: _put_off("drafts", now, handdrafts.come_back, due=handdrafts.due(now).exists()),
    "trail": _trail_at_once,
}


# --- what is looked at ------------------------------------------------------------------------------------------


def _look_at_the_machine(now: datetime) -> None:
    _tell(Kind.DISK, list(prechecks.disk()), now)
    _tell(Kind.RULES, list(prechecks.rules()), now)


def _tell_of_the_clock(doubt: str | None, now: datetime) -> None:
    """Has the machine's clock jumped since a platform last told us its time?"""
    fine = "本机时钟与平台时间一致。" if doubt is not None else "本次开机后还没有平台时间可比。"
    _tell(Kind.CLOCK, [CheckResult("时钟", not doubt, doubt or fine, code="clock")], now)


def _doubt(now: Callable[[], datetime]) -> str | None:
    """Where no platform has told its time since the boot, one is asked."""
    doubt = doubt_of_this_boot(now=now())
    if doubt is None:
        _ask_the_time()
        doubt = doubt_of_this_boot(now=now())
    return doubt


def _ask_the_time() -> None:
    """Of a platform on which something waits to go out: its answer carries a Date, and the adapter notes it."""
    accounts = Account.objects.filter(pk__in=_waiting().values("account"), disabled_reason="").order_by("pk")
    platformtime.ask_one_of(accounts)


def _waiting() -> QuerySet[Publication]:
    return Publication.objects.filter(state__in=[str(state) for state in STOPPABLE | {State.HELD}])


def _chain() -> CheckResult:
    try:
        count, _, broken = audit.verify_chain()
    except Refused as refusal:
        return CheckResult("留痕", False, refusal.message, code="chain")
    return CheckResult("留痕", broken is None, broken.message if broken else f"{count} 条完整", code="chain")


def _tell(kind: Kind, found: list[CheckResult], now: datetime) -> None:
    bad = [result.message for result in found if not result.ok]
    if bad:
        alarming.raise_all([Call(kind, "home", Out.NONE, "；".join(bad))], now=now)
    else:
        alarming.close(kind, ["home"], why="检查已恢复正常", now=now)
