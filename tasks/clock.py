"""The clock process: a Celery beat Scheduler of ours that asks the database, and rings.

It overrides `tick` alone and never touches `Scheduler.producer`, which blocks when Redis is down. Bells are
rung from a thread with one-second time-outs; work that nobody took is done in child processes, so a dead
broker or dead workers cost seconds, never an outcome.
"""

from __future__ import annotations

import math
import os
import queue
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from celery import Celery
from celery.beat import Scheduler
from django.conf import settings
from django.db import connection

from bot.domain import timeline
from bot.runtime import alive
from bot.runtime.processes import QUEUES
from bot.services import clock, setback
from bot.services.ports import boot_seconds
from tasks import starting  # noqa: F401 - compares the database's rules when beat starts

log = structlog.get_logger(__name__)
LONGEST_SLEEP = 1.0
QUIET_SLEEP = (
    2.0  # while nothing is under way: what is due next is known, only what people write meanwhile waits for it
)
SWEEP = 60.0  # seconds; at least so often a thorough tick is made, whether anything seems due or not
SIGN_EVERY = 10.0  # seconds; a health check calls the clock dead after 45 (bot/runtime/alive.py)
TURN_EVERY = 4.0  # seconds; the launcher waits for twenty (bot/runtime/supervisor.py)
JUMP = 5.0  # seconds between wall clock and steady clock; a time service slews less
BURST = 100
MOST_CHILDREN = 4
MOST_SENDERS = 16  # more would not send sooner, but keep the machine from everything else
CHILD_LIMIT = 150.0  # seconds; a send takes at most 20 from its instant on, staging with pictures a minute or two
TASKS = {
    "send": "tasks.publish.send",
    "stage": "tasks.work.stage",
    "look": "tasks.work.look",
    "measure": "tasks.work.measure",
    "gate": "tasks.work.gate",
    "preflight": "tasks.work.preflight",
    "notify": "tasks.work.notify",
    "inspect": "tasks.work.inspect",
}
_IMPATIENT = {"socket_timeout": 1, "socket_connect_timeout": 1, "max_retries": 0}


class Bell(threading.Thread):
    """Rings workers through the broker; forgets a bell that cannot be rung (the clock will see to the work)."""

    def __init__(self, app: Celery) -> None:
        super().__init__(name="bell", daemon=True)
        self._app = app
        self._jobs: queue.Queue[clock.Job] = queue.Queue(maxsize=10_000)

    def ring(self, job: clock.Job) -> None:
        """Never blocks."""
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            log.warning("bell.full", job=job.kind, subject=job.subject)

    def run(self) -> None:
        """Send one message after the other, each on its own chance; one connection for what waits together."""
        while True:
            waiting = [self._jobs.get()]
            with suppress(queue.Empty):
                while len(waiting) < BURST:
                    waiting.append(self._jobs.get_nowait())
            try:
                self._send(*waiting)
            except Exception as error:  # a broker fails in many ways, none of which may stop the clock
                first = waiting[0]
                log.warning(
                    "bell.broken", job=first.kind, subject=first.subject, error=type(error).__name__, of=len(waiting)
                )

    def _send(self, *jobs: clock.Job) -> None:
        options = {**self._app.conf.broker_transport_options, **_IMPATIENT}
        with self._app.connection_for_write(connect_timeout=1, transport_options=options) as connection:
            for job in jobs:
                args = [job.subject, list(job.also)] if job.also else [job.subject]
                self._app.send_task(TASKS[job.kind], args=args, connection=connection, retry=False, **self._limits(job))

    def _limits(self, job: clock.Job) -> dict[str, float]:
        """A crowd's sender is called minutes before its instant: what it waits is no sign that it hangs."""
        if not job.waits:
            return {}
        conf = self._app.conf
        return {
            "soft_time_limit": conf.task_soft_time_limit + job.waits,
            "time_limit": conf.task_time_limit + job.waits,
        }


class Children:
    """Work done next to the clock when no worker took it, a few at a time."""

    def __init__(self) -> None:
        self._running: dict[clock.Job, subprocess.Popen[bytes]] = {}
        self._until: dict[clock.Job, float] = {}
        self._waiting: list[clock.Job] = []

    def start(self, jobs: list[clock.Job]) -> None:
        """Queue jobs, sends first, and start as many as may run."""
        self._end_hung()
        self._running = {job: child for job, child in self._running.items() if child.poll() is None}
        self._waiting += [job for job in jobs if job not in self._waiting and job not in self._running]
        self._waiting.sort(key=lambda job: job.kind != "send")
        for job in list(self._waiting):
            if self._has_room(job):
                self._waiting.remove(job)
                self._begin(job)

    def _begin(self, job: clock.Job) -> None:
        log.warning("clock.child", job=job.kind, subject=job.subject)
        argv = [sys.executable, "-m", "bot.cli.main", "run", "once", job.kind, *map(str, job.subjects)]
        self._running[job] = subprocess.Popen(argv, env=settings.TONGFA.for_child(), stdin=subprocess.DEVNULL)
        self._until[job] = time.monotonic() + CHILD_LIMIT + job.waits

    def _has_room(self, job: clock.Job) -> bool:
        """Each kind of work waits for its own alone: a few that send do not keep others from preparing, nor the other way round."""
        sends = job.kind == "send"
        alike = sum((other.kind == "send") is sends for other in self._running)
        return alike < (MOST_SENDERS if sends else MOST_CHILDREN)

    def _end_hung(self) -> None:
        """A child that hangs holds its lock, and with it the publication: end it, so that others may look."""
        for job, child in self._running.items():
            if child.poll() is None and time.monotonic() > self._until[job]:
                log.error("clock.child_hung", job=job.kind, subject=job.subject)
                child.kill()


class ClockScheduler(Scheduler):  # type: ignore[misc]
    """Beat's scheduler, reduced to asking `services.clock.tick`, and that only when something is at hand."""

    def __init__(self, app: Celery, *args: Any, **kwargs: Any) -> None:
        self._bell = Bell(app)
        self._children = Children()
        self._owner = 0
        self._gave_sign = self._turned = -math.inf
        self._next_at: datetime | None = None
        self._instants: list[datetime] = []
        self._swept = -math.inf
        self._busy = True
        self._near, self._steady = False, 0.0
        self._to_wake: set[str] = set()
        self._since: tuple[datetime, float] | None = None
        super().__init__(app, *args, **kwargs)

    def setup_schedule(self) -> None:
        """There is no schedule in memory: it is the database."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """One look; returns the seconds until the next: at most one or two, a little more to keep out of a release's way."""
        if self._owner != os.getpid():  # beat may have forked since __init__
            self._owner = os.getpid()
            self._bell = Bell(self.app)
            self._bell.start()
        self._tell_of_the_turn()
        now, self._steady = datetime.now(UTC), boot_seconds()
        try:
            self._follow(now)
            sweep = time.monotonic() - self._swept >= SWEEP
            if sweep or self._is_time(now):
                self._whole_tick(now, thorough=sweep)
            if self._wake():
                self._give_sign_of_life()
        except Exception as error:  # database away, disk full, no process to be had: the clock itself goes on
            self._next_at, self._swept = None, -math.inf
            connection.close()
            log.error("clock.tick", error=type(error).__name__)
            return LONGEST_SLEEP
        now = datetime.now(UTC)
        longest = now + timedelta(seconds=LONGEST_SLEEP if self._busy else QUIET_SLEEP)
        wake = timeline.out_of_the_way(min(self._next_at or longest, longest), self._instants)
        return max(0.02, (wake - now).total_seconds())

    def _follow(self, now: datetime) -> None:
        """From when on has the wall clock run steadily? After a jump that begins anew, as at the start."""
        steady = time.monotonic()
        if self._since is not None:
            since, at = self._since
            if abs((now - since).total_seconds() - (steady - at)) < JUMP:
                return
            log.warning("clock.jumped", seconds=round((now - since).total_seconds() - (steady - at), 1))
        setback.pull_back(now=now)
        setback.ask_the_time(now=now)
        self._since, self._next_at = (now, steady), None

    def _tell_of_the_turn(self) -> None:
        """However the look goes: the launcher replaces a clock that stands still."""
        if time.monotonic() - self._turned >= TURN_EVERY:
            self._turned = time.monotonic()
            with suppress(OSError):
                alive.touch(settings.TONGFA.home, alive.TURNS)

    def _give_sign_of_life(self) -> None:
        """After a look that went well: a clock that only fails is as good as none."""
        if time.monotonic() - self._gave_sign >= SIGN_EVERY:
            alive.touch(settings.TONGFA.home, "clock")
            self._gave_sign = time.monotonic()

    def _wake(self) -> bool:
        """Touch the bells of workers that rest (bot/runtime/resting.py): who has been rung for, and, while a release is near,
        all of them at each look. Where they cannot be written, no sign of life is given either: then nobody rests."""
        queues = self._to_wake | (set(QUEUES) if self._near else set())
        try:
            alive.ring(settings.TONGFA.home, *sorted(queues))
        except OSError as error:
            log.error("bell.not_written", queues=sorted(queues), error=type(error).__name__)
            self._to_wake = queues
            return False
        self._to_wake = set()
        return True

    def _watched(self) -> clock.Watched | None:
        if self._since is None:
            return None
        since, at = self._since
        return clock.Watched(since, time.monotonic() - at, self._steady)

    def _is_time(self, now: datetime) -> bool:
        """The last tick named the next instant; besides, somebody may have written something that is due."""
        self._busy = clock.at_hand(now)
        return self._busy or self._next_at is None or now >= self._next_at

    def _whole_tick(self, now: datetime, *, thorough: bool) -> None:
        result = clock.tick(now, thorough=thorough, watched=self._watched())
        if thorough:
            self._swept = time.monotonic()
        self._next_at, self._instants = result.next_at, result.instants
        self._near = result.near
        self._to_wake |= {"publish" if job.kind == "send" else "work" for job in result.rings}
        for job in result.rings:
            self._bell.ring(job)
        self._children.start(result.children)
