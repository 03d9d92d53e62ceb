"""What the victim and the recovery do: the clock's ticks, and a worker that answers every bell, until nothing moves."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db import OperationalError
from django.db.models import Min, Q

from bot import channels
from bot.channels import http
from bot.channels.weibo import adapter as weibo
from bot.domain.delivery import FOR_A_PERSON, SETTLED, State
from bot.models import Batch, Publication
from bot.services import clock, clocksafety, ports
from bot.services.walltime import WallClock

from .clockwork import SharedClock

log = structlog.get_logger(__name__)
MOST_TICKS = 600
RESTING = SETTLED | FOR_A_PERSON | {State.HELD}
SOON = timedelta(seconds=10)


class NeverAtRest(Exception):
    """Something still moves after far too many ticks."""


def warm_up() -> None:
    """Load what every process of every run would otherwise load for itself."""
    channels.kinds()
    http.tls_context()


def wait_by(shared: SharedClock) -> None:
    """In this process, waiting moves the shared clock on instead of taking time; the boot clock moves along."""
    WallClock.wait_until = lambda _, instant: shared.advance_to(instant)  # type: ignore[method-assign]
    for made in (http.Http, weibo.WeiboChannel, ports.AccountPorts):
        made.__init__.__kwdefaults__["sleep"] = shared.advance  # type: ignore[misc]
    boot_seconds = ports.boot_seconds
    ports.boot_seconds = clocksafety.boot_seconds = lambda: boot_seconds() + shared.offset


def run(shared: SharedClock, *, until: datetime | None = None, ticks: int = MOST_TICKS) -> bool:
    """Tick and work, moving the clock to whatever comes next; True once nothing moves by machine.

    False when it is `until` or `ticks` are over first. What a job raises is logged, as a worker does, and the next bell
    is answered.
    """
    for _ in range(ticks):
        one_round()
        if at_rest():
            return True
        shared.advance_to(next_instant(shared.now()))
        if until is not None and shared.now() >= until:
            return False
    if until is None:
        raise NeverAtRest(str(list(Publication.objects.values_list("id", "state", "reason"))))
    return False


def one_round() -> None:
    """One tick, and workers that answer every bell at once. A database that is somebody else's (a process that was
    stopped in its transaction) is away for this tick, as for the clock process.
    """
    try:
        result = clock.tick(WallClock().now())
    except OperationalError as error:
        log.warning("crash.tick", error=type(error).__name__)
        return
    for job in [*result.rings, *result.children]:
        if job.kind == "measure":
            continue  # not part of a delivery
        try:
            clock.perform(job)
        except Exception as error:
            log.exception("crash.job", job=job.kind, error=type(error).__name__)


def at_rest() -> bool:
    """Nothing is left that the machine would do."""
    moving = Publication.objects.exclude(state__in=[str(state) for state in RESTING])
    return not moving.exists() and not Batch.objects.exclude(state="done").exists()


def next_instant(now: datetime) -> datetime:
    """When the clock would find the next thing to do: at the soonest, or soon where somebody should be at work."""
    moving = Publication.objects.exclude(state__in=[str(state) for state in RESTING])
    busy = moving.filter(Q(rung_at__isnull=False) | Q(lease_until__isnull=False)).exists()
    soonest = moving.filter(next_at__gt=now).aggregate(soonest=Min("next_at"))["soonest"]
    if busy or soonest is None or Batch.objects.exclude(state="done").exists():
        return min(now + SOON, soonest or now + SOON)
    return soonest
