"""The watch: its part of a tick, and its jobs. Everything due is a row with `next_at`; idle it costs a few reads.

`look` raises and closes alarms and writes down who is to be told. `due` says which workers to ring: pre-flights,
notices, inspections. Calls to platforms and to people are made by workers only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog
from django.db import OperationalError
from django.db.models import Model, QuerySet

from bot.domain.alarms import Kind, Out
from bot.domain.channel import CheckResult
from bot.domain.delivery import STOPPABLE, State
from bot.domain.instants import require_aware
from bot.models import Account, AlarmNotice, Batch, Chore, Preflight, Publication, Release
from bot.models.watch import CHORES

from . import (
    alarming,
    atwork,
    audit,
    handdrafts,
    manualtasks,
    platformtime,
    prechecks,
    preflighting,
    standstills,
    takedowns,
    takedownwatch,
    telling,
    trailindex,
    urgentcare,
)
from .alarming import Call
from .clocksafety import doubt_of_this_boot
from .errors import Refused

log = structlog.get_logger(__name__)
MOST = 50  # bells of one kind that nobody has answered yet; the rest waits its turn
#: A bell unanswered for this long: the clock does it in a process of its own, one in a tick. Longer than for staging,
#: because a full queue is no reason to start processes shortly before an instant.
RING_AGAIN = timedelta(seconds=30)
#: Notices on their way at once: however many targets hang, workers are left for staging and looks.
MOST_NOTICES = 1
#: A backlog of the index of the trail is worked off in turns, this long apart.
GO_ON = timedelta(seconds=5)
#: Taking down, and drafts for people: besides, whenever a look or a call is due.
EVERY = {
    "sweep": timedelta(seconds=20),
    "machine": timedelta(minutes=5),
    "chain": timedelta(days=1),
    "takedowns": timedelta(minutes=5),
    "trail": timedelta(hours=1),
    "drafts": timedelta(minutes=5),
}
#: While no release is near, the sweep is made so many times more rarely: it finds what no change of state has marked, and
#: where nothing changes there is nothing that it could find but late (docs/explanation/performance.md, Idle).
RARELY = 3
BEFORE_A_RELEASE, AFTER_A_RELEASE = timedelta(minutes=2), timedelta(hours=1)
KINDS = ("preflight", "notify", "inspect")


@dataclass(slots=True)
class Bells:
    """(kind, subject): work to ring for, and work that nobody took. `near`: whether there will be more in a moment (`_near`);
    None: that was not asked this time."""

    rings: list[tuple[str, int]] = field(default_factory=list)
    children: list[tuple[str, int]] = field(default_factory=list)
    near: bool | None = None


def look(now: datetime, *, since: datetime | None = None) -> Bells:
    """The watch's part of a tick. A part that fails is logged and keeps nothing else from its turn.

    `since`: from when on this process has followed the time without a jump; None: that is not to be told.
    """
    require_aware(now)
    if since is not None:
        require_aware(since)
    bells = Bells()
    parts: tuple[Callable[[], object], ...] = (
        lambda: alarming.look_at_marked(now=now),
        lambda: _chores(now, bells, since),
        lambda: telling.arrange(now=now),
        lambda: _ring(Preflight, "preflight", now, bells, MOST),
        lambda: _ring(AlarmNotice, "notify", now, bells, MOST_NOTICES),
    )
    _each(parts)
    return bells


def _each(parts: Sequence[Callable[[], object]]) -> None:
    for number, part in enumerate(parts):
        try:
            part()
        except OperationalError:
            raise
        except Exception:
            log.exception("watch.part", part=number)


def _ring(model: type[Model], kind: str, now: datetime, bells: Bells, most: int) -> None:
    """Ring for what is due; what was rung for and not taken becomes a child's work.

    Pre-flights of a crowd wait behind its staging, for minutes: as long as that goes on, nobody is to be started for
    them. People are told of alarms all the same.
    """
    rows = model._default_manager.filter(next_at__lte=now)
    due = list(rows.order_by("next_at", "pk").values_list("pk", "rung_at")[:most])
    if due and kind == "notify" and AlarmNotice.objects.filter(state="sending", next_at__gt=now).exists():
        return
    unheard = [pk for pk, rung_at in due if rung_at is not None and rung_at <= now - RING_AGAIN]
    for_a_child = unheard[:1] if unheard and not bells.children and not _is_a_queue(kind, now) else []
    bells.rings += [(kind, pk) for pk, rung_at in due if rung_at is None]
    bells.children += [(kind, pk) for pk in for_a_child]
    told = [*(pk for pk, rung_at in due if rung_at is None), *for_a_child]
    if told:
        rows.filter(pk__in=told).update(rung_at=now)


def _is_a_queue(kind: str, now: datetime) -> bool:
    return kind == "preflight" and atwork.somebody_is(now)


# --- chores -----------------------------------------------------------------------------------------------------


def _chores(now: datetime, bells: Bells, since: datetime | None) -> None:
    chores = list(Chore.objects.filter(next_at__lte=now))
    bells.near = _near(now) if chores else None
    for chore in chores:
        mine = Chore.objects.filter(pk=chore.pk, next_at=chore.next_at)
        if chore.name == "sweep":
            if mine.update(next_at=now + EVERY["sweep"] * (1 if bells.near else RARELY), ran_at=now):
                _each(
                    (
                        partial(standstills.note, chore, since, now=now),
                        lambda: alarming.sweep(now=now),
                        lambda: manualtasks.remind(now=now),
                        lambda: handdrafts.remind(now=now),
                        lambda: takedownwatch.remind(now=now),
                        lambda: urgentcare.remind(now=now),
                    )
                )
        elif not bells.near and _is_a_moment(chore.name, now):
            inspect(CHORES.index(chore.name), now=lambda: now)
        elif chore.rung_at is None:
            if mine.update(rung_at=now):
                bells.rings.append(("inspect", CHORES.index(chore.name)))
        elif chore.rung_at <= now - RING_AGAIN and not bells.children and mine.update(rung_at=now):
            bells.children.append(("inspect", CHORES.index(chore.name)))


def _near(now: datetime) -> bool:
    """Whether a release is near, or something of an older one is to be done (sent again by people, resumed)."""
    near = Release.objects.filter(
        instant__gt=now - AFTER_A_RELEASE, instant__lte=now + BEFORE_A_RELEASE, signed_at__isnull=False
    )
    waiting = Publication.objects.filter(next_at__lte=now + BEFORE_A_RELEASE)
    return near.exists() or waiting.exists() or Batch.objects.filter(state__in=("ready", "claimed")).exists()


def _is_a_moment(name: str, now: datetime) -> bool:
    """Whether an inspection calls nobody and is done at once: the clock does it then, where nothing is near, and wakes no
    worker for it."""
    match name:
        case "machine":
            return doubt_of_this_boot(now=now) is not None or not _waiting().exists()
        case "takedowns":
            return not takedowns.due(now).exists()
        case "drafts":
            return not handdrafts.due(now).exists()
        case "trail":
            return trailindex.is_nearly_whole()
    return False


def inspect(number: int, *, now: Callable[[], datetime]) -> None:
    """One inspection, by a worker: what it finds is an alarm, or closes one."""
    require_aware(now())
    name, at = CHORES[number], now()
    taken = Chore.objects.filter(pk=name, next_at__lte=at).update(next_at=at + EVERY[name], rung_at=None, ran_at=at)
    if not taken:
        return
    if name == "machine":
        _tell(Kind.DISK, list(prechecks.disk()), now())
        _tell(Kind.RULES, list(prechecks.rules()), now())
        _tell(Kind.CLOCK, [_clock(now)], now())
    elif name == "chain":
        _tell(Kind.CHAIN, [_chain()], now())
    elif name == "takedowns":
        takedowns.work_all(now=now)
    elif name == "drafts":
        handdrafts.work_all(now=now)
    elif name == "trail" and trailindex.work(now=now):
        Chore.objects.filter(pk=name).update(next_at=now() + GO_ON)


def _clock(now: Callable[[], datetime]) -> CheckResult:
    """Has the machine's clock jumped since a platform last told us its time? Where none has since the boot, one is asked."""
    doubt = doubt_of_this_boot(now=now())
    if doubt is None:
        _ask_the_time()
        doubt = doubt_of_this_boot(now=now())
    fine = "本机时钟与平台时间一致。" if doubt is not None else "本次开机后还没有平台时间可比。"
    return CheckResult("时钟", not doubt, doubt or fine, code="clock")


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


def perform(kind: str, subject: int, *, now: Callable[[], datetime]) -> None:
    """Do one job of the watch; what a worker or a child process calls."""
    require_aware(now())
    match kind:
        case "preflight":
            preflighting.run(subject, now=now)
        case "notify":
            telling.send(subject, now=now)
        case "inspect":
            inspect(subject, now=now)
        case _:
            raise ValueError(f"no such job: {kind}")
