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
from django.db.models import Model

from bot.domain.instants import require_aware
from bot.models import AlarmNotice, Chore, Preflight
from bot.models.watch import CHORES

from . import (
    agenda,
    alarming,
    atwork,
    handdrafts,
    inspections,
    manualtasks,
    preflighting,
    standstills,
    takedownwatch,
    telling,
    urgentcare,
)
from .inspections import EVERY

log = structlog.get_logger(__name__)
MOST = 50  # bells of one kind that nobody has answered yet; the rest waits its turn
#: A bell unanswered for this long: the clock does it in a process of its own, one in a tick. Longer than for staging,
#: because a full queue is no reason to start processes shortly before an instant.
RING_AGAIN = timedelta(seconds=30)
#: Notices on their way at once: however many targets hang, workers are left for staging and looks.
MOST_NOTICES = 1
#: While no release is near, the sweep is made so many times more rarely: it finds what no change of state has marked, and
#: where nothing changes there is nothing that it could find but late (docs/explanation/performance.md, Idle).
RARELY = 3
KINDS = ("preflight", "notify", "inspect")


@dataclass(slots=True)
class Bells:
    """(kind, subject): work to ring for, and work that nobody took."""

    rings: list[tuple[str, int]] = field(default_factory=list)
    children: list[tuple[str, int]] = field(default_factory=list)


def look(now: datetime, *, since: datetime | None = None, steady: float | None = None) -> Bells:
    """The watch's part of a tick. A part that fails is logged and keeps nothing else from its turn.

    `since`: from when on this process has followed the time without a jump; None: that is not to be told. `steady`: see
    `clocksafety.doubt_of_this_boot`.
    """
    require_aware(now)
    if since is not None:
        require_aware(since)
    bells = Bells()
    parts: tuple[Callable[[], object], ...] = (
        lambda: alarming.look_at_marked(now=now),
        lambda: _chores(now, bells, since, steady),
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


def _chores(now: datetime, bells: Bells, since: datetime | None, steady: float | None) -> None:
    chores = list(Chore.objects.filter(next_at__lte=now))
    soon = bool(chores) and agenda.is_near(now)
    for chore in chores:
        mine = Chore.objects.filter(pk=chore.pk, next_at=chore.next_at)
        if chore.name == "sweep":
            if mine.update(next_at=now + EVERY["sweep"] * (1 if soon else RARELY), ran_at=now):
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
        elif not soon and inspections.made_at_once(chore.name, now=now, steady=steady):
            continue
        elif chore.rung_at is None:
            if mine.update(rung_at=now):
                bells.rings.append(("inspect", CHORES.index(chore.name)))
        elif chore.rung_at <= now - RING_AGAIN and not bells.children and mine.update(rung_at=now):
            bells.children.append(("inspect", CHORES.index(chore.name)))


def perform(kind: str, subject: int, *, now: Callable[[], datetime]) -> None:
    """Do one job of the watch; what a worker or a child process calls."""
    require_aware(now())
    match kind:
        case "preflight":
            preflighting.run(subject, now=now)
        case "notify":
            telling.send(subject, now=now)
        case "inspect":
            inspections.inspect(subject, now=now)
        case _:
            raise ValueError(f"no such job: {kind}")
