"""Keeps the processes of one home running: start in order, restart what dies, stop in reverse.

All starting happens in one thread that lives as long as the supervisor: on Linux a child is tied to the *thread*
that started it (PR_SET_PDEATHSIG), so a short-lived thread would take its children along.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import FrameType, TracebackType

from bot.runtime import alive, pids
from bot.runtime.locks import only_one
from bot.runtime.output import Drain, Echo, RotatingFile
from bot.runtime.paths import Home
from bot.runtime.processes import ROOT
from bot.runtime.program import Program

POLL = 0.1  # seconds, while something starts, and where the system cannot tell of a death
CALM = 0.5  # seconds between two looks while all is well: a death is told by the kernel, only the end is asked for
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
STANDS_STILL = 20.0  # seconds without a turn of a program that tells of them
HEALTHY_AFTER = 60.0
"""Seconds of running after which an earlier death is forgiven and the pause starts small again."""


class NotReadyError(RuntimeError):
    """A program did not come up in time, or died while starting."""

    def __init__(self, name: str, seconds: float, log: object) -> None:
        super().__init__(f"{name} 在 {seconds:.0f} 秒内没有启动成功，已全部停止。原因见日志：{log}")
        self.name = name


@dataclass(frozen=True, slots=True)
class ProgramState:
    """What is shown of one program. `pid` is None while it is down; `restarts` counts since the start."""

    name: str
    pid: int | None
    restarts: int


class Child:
    """One program, its present process and its history of dying."""

    def __init__(self, program: Program, home: Home, echo: Echo | None) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.restarts = 0
        self.due = 0.0
        self._pause, self._started = FIRST_PAUSE, 0.0
        self._home, self._echo = home, echo
        self._pid_file = home.run / f"{program.name}.pid"
        self._drain: Drain | None = None
        self.deathbell: int | None = None
        self._turn, self._turned = 0, 0.0

    def start(self, now: float, parent: int) -> None:
        """Start it, in a group of its own: Ctrl-C reaches the supervisor alone, which stops all in order."""
        self._turn = 0
        if self.program.turns is not None:
            self.program.turns.unlink(missing_ok=True)  # what an earlier one left says nothing of this one
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(ROOT / "bot" / "runtime" / "child.py"), str(parent), *self.program.argv],
            env=None if self.program.env is None else dict(self.program.env),
            cwd=self.program.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._started = now
        self.deathbell = _deathbell(self.process.pid)
        pids.write(self._pid_file, self.process.pid)
        if self.process.stdout is not None:
            log = RotatingFile(self._home.logs / f"{self.program.name}.log")
            self._drain = Drain(self.program.name, self.process.stdout, log, self._echo)

    def died(self, now: float) -> int | None:
        """The exit status if it has just died, and plan its restart; None while it runs or is already planned."""
        if self.process is None or (status := self.process.poll()) is None:
            return None
        self._forget()
        if now - self._started >= HEALTHY_AFTER:
            self._pause = FIRST_PAUSE
        self.due, self._pause = now + self._pause, min(self._pause * 2, LONGEST_PAUSE)
        self.restarts += 1
        return status

    def stands_still(self, now: float) -> bool:
        """Whether it has gone round, and does no more: it hangs, or somebody has stopped it."""
        if self.program.turns is None or self.process is None:
            return False
        try:
            turn = self.program.turns.stat().st_mtime_ns
        except OSError:
            turn = 0
        if turn != self._turn:
            self._turn, self._turned = turn, now
        return bool(turn) and now - self._turned > STANDS_STILL and self._could_tell()

    def _could_tell(self) -> bool:
        """In a home that cannot be written nobody can touch anything."""
        try:
            alive.touch(self._home, "up")
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """End it and what it has started at once. It is seen to have died."""
        if self.process is not None:
            pids.signal_group(self.process.pid, signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end. Returns at once."""
        if self.process is not None:
            pids.signal_group(self.process.pid, signal.SIGTERM)

    def finish(self) -> None:
        """Give it its grace, then SIGKILL to its whole group. Returns when it is gone."""
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(self.program.grace)
            self._forget()

    def _forget(self) -> None:
        if self.process is None:
            return
        pids.signal_group(self.process.pid, signal.SIGKILL)  # also what the program itself left in its group
        self.process.wait()
        if self._drain:
            self._drain.join(2.0)
        self._pid_file.unlink(missing_ok=True)
        if self.deathbell is not None:
            os.close(self.deathbell)
        self.process = self.deathbell = None


def _deathbell(pid: int) -> int | None:
    """A descriptor that is readable as soon as that process has ended; None where there is no such thing."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def ended_in_order(home: Home) -> bool:
    """Whether the last run of this home took its processes down itself. Ask before the next one starts."""
    return not any(home.run.glob("*.pid"))


class Supervisor:
    """Runs `programs` until it is stopped. `with Supervisor(...) as s:` returns from entering when all are ready.

    `echo(name, line)` is given every line that a child prints; `told(name, status)` every unplanned death.
    Both are called from threads. Entering raises AlreadyRunningError or NotReadyError.
    """

    def __init__(
        self,
        home: Home,
        programs: Sequence[Program],
        *,
        echo: Echo | None = None,
        told: Callable[[str, int], None] | None = None,
    ) -> None:
        home.make()
        self._home, self._told = home, told
        self._children = [Child(program, home, echo) for program in programs]
        self._stop, self._ready = threading.Event(), threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="supervisor")

    def __enter__(self) -> Supervisor:
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop everything in reverse order and wait for it."""
        self._stop.set()
        self._thread.join()

    def request_stop(self) -> None:
        """Ask for the end without waiting; safe in a signal handler."""
        self._stop.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until somebody asks for the end; False if `seconds` passed first."""
        return self._stop.wait(seconds)

    def states(self) -> list[ProgramState]:
        """What runs now, in the order of starting."""
        return [
            ProgramState(child.program.name, process.pid if (process := child.process) else None, child.restarts)
            for child in self._children
        ]

    def _run(self) -> None:
        try:
            with only_one(self._home.run / "up.lock", self._home.path):
                self._supervise()
        except BaseException as error:  # handed to the thread that waits in __enter__
            self._failure = error
            self._stop.set()
        finally:
            self._ready.set()

    def _supervise(self) -> None:
        # With the grace that a stop gives: a sender in mid-release would otherwise be killed between intent and answer.
        pids.end_leftovers(self._home.run, grace=max((c.program.grace for c in self._children), default=5.0))
        alive.forget(self._home)
        try:
            for wave in self._waves():
                self._start(wave)
            self._ready.set()
            while not self._stop.is_set():
                self._look_after(time.monotonic())
                self._pause()
        finally:
            for wave in reversed(self._waves()):
                for child in wave:
                    child.terminate()
                for child in wave:
                    child.finish()
            alive.forget(self._home)  # a sign that outlives its process would be taken for life

    def _waves(self) -> list[list[Child]]:
        """Neighbours of the same wave, in the order of starting."""
        keyed = groupby(enumerate(self._children), key=lambda pair: pair[1].program.wave or pair[0])
        return [[child for _, child in pairs] for _, pairs in keyed]

    def _start(self, wave: list[Child]) -> None:
        """Start all and wait until they are ready. Raises NotReadyError; returns early when the end is asked for."""
        started = time.monotonic()
        for child in wave:
            if not self._stop.is_set():
                child.start(started, os.getpid())
        for child in wave:
            self._await(child, started + child.program.ready_within)

    def _await(self, child: Child, deadline: float) -> None:
        program = child.program
        while not self._stop.is_set() and not program.ready():
            died = child.process is not None and child.process.poll() is not None
            if died or time.monotonic() > deadline:
                raise NotReadyError(program.name, program.ready_within, self._home.logs / f"{program.name}.log")
            self._stop.wait(POLL)

    def _pause(self) -> None:
        """Until one of them has died, or one that has is to be started again, or the next look is due."""
        bells = [child.deathbell for child in self._children if child.process is not None]
        known = [bell for bell in bells if bell is not None]
        if len(known) < len(bells):
            self._stop.wait(POLL)
            return
        due = [child.due - time.monotonic() for child in self._children if child.process is None]
        select.select(known, (), (), max(0.0, min([CALM, *due])))

    def _look_after(self, now: float) -> None:
        for child in self._children:
            if child.stands_still(now):
                child.kill()
            status = child.died(now)
            if status is not None and self._told:
                self._told(child.program.name, status)
            if child.process is None and now >= child.due:
                child.start(now, os.getpid())


@contextlib.contextmanager
def stopping_on_signals(supervisor: Supervisor) -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP ask `supervisor` for the end. Use it in the main thread."""

    def ask(_: int, __: FrameType | None) -> None:
        supervisor.request_stop()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [(number, signal.signal(number, ask)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
