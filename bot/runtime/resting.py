"""`python -I -S resting.py SECONDS SIGN QUEUES FOLDER PROGRAM ARGS...`: keep a worker only while there is work.

A worker with nothing to do holds tens of megabytes and asks its broker all the same. So PROGRAM runs while the clock
rings; SECONDS after it began to work and was last rung for, it is asked to end, and this small process waits in its
place until the next bell.

SIGN: the worker's sign of life, touched here while it rests. FOLDER: the home's `run`, with a file for each of QUEUES
("publish,work") that the clock touches when it rings (`alive.ring`), and the clock's own sign. Without a clock that
gives signs there nobody would wake the worker (it may run on another host, with another folder), so the worker stays.

Files, and no signal or socket: they work from container to container. Whether one has changed is asked, never how old it is:
the machine's clock may be set. It costs a wake-up every other second. Only the standard library, and little of it: this
is what is left of a worker in memory (docs/adr/0038).
"""

from __future__ import annotations

import math
import os
import signal
import sys
import time

LOOK = 2.0  # seconds between two looks at the bells: no more rarely than a clock that has nothing at hand looks itself
SIGN_EVERY = 10.0
SILENT = 60.0  # a clock whose sign has not changed for so long wakes nobody
ENDS_WITHIN = 360.0  # more than any task may take: who has not ended by then hangs
STOPS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
BY_A_PROCESS = 0  # and less; more is the terminal's
ENDED = frozenset({0, 128 + signal.SIGTERM})  # how a worker ends that is asked to, the second before it listens


class Files:
    """Since when some files have been as they are."""

    def __init__(self, *paths: str) -> None:
        self._paths = paths
        self._known = self._marks()
        self._since = time.monotonic()
        self.first = math.inf

    def paths(self) -> tuple[str, ...]:
        """Which they are."""
        return self._paths

    def changed(self) -> bool:
        """Whether somebody has touched one since they were last looked at."""
        if (now := self._marks()) == self._known:
            return False
        at = time.monotonic()
        if any(mark and mark not in self._known for mark in now):  # one that was taken away is no sign
            self.first = min(self.first, at)
        self._known, self._since = now, at
        return True

    def since_first(self) -> float:
        """Seconds since somebody touched one for the first time; 0.0: nobody has."""
        self.changed()
        return max(0.0, time.monotonic() - self.first)

    def quiet(self) -> float:
        """Seconds for which nobody has touched any."""
        self.changed()
        return time.monotonic() - self._since

    def _marks(self) -> list[int]:
        return [_mark(path) for path in self.paths()]


class Signs(Files):
    """Those of the clock: on which host it runs, or which of two that take turns, is all the same."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        super().__init__()

    def lives(self) -> bool:
        """Whether one has given a sign since this process began, and lately."""
        return self.quiet() < SILENT and self.first < math.inf

    def paths(self) -> tuple[str, ...]:
        """Whatever clocks there are."""
        try:
            names = os.listdir(self._folder)
        except OSError:
            return ()
        return tuple(
            os.path.join(self._folder, name)
            for name in sorted(names)
            if name.startswith("clock@") and name.endswith(".alive")
        )


def _mark(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


class Worker:
    """PROGRAM, while it runs."""

    def __init__(self, program: list[str]) -> None:
        child = os.path.join(os.path.dirname(os.path.abspath(__file__)), "child.py")
        argv = [sys.executable, "-I", "-S", child, str(os.getpid()), *program]  # it ends when this process does
        self._pid = os.fork()  # one thread, so this is safe; and the environment goes along unread
        if not self._pid:
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            os.execv(sys.executable, argv)  # noqa: S606 - no shell is wanted

    def ended(self) -> int | None:
        """Its exit status (128 and more: the signal that ended it), or None while it runs."""
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if not pid:
            return None
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code

    def send(self, number: signal.Signals) -> None:
        """A signal, to it alone."""
        os.kill(self._pid, number)  # not waited for yet, so the number is still its own


def keep(program: list[str], sign: str, bells: Files, clock: Signs, rest: float) -> int | None:
    """Run it. None: it ended because nobody rang, with nothing left to do. Otherwise how it ended."""
    works = Files(sign)
    worker, asked, mine = Worker(program), 0.0, False
    while True:
        told = signal.sigtimedwait({*STOPS, signal.SIGCHLD}, LOOK if asked else _pause(bells, rest))
        stop = told if told is not None and told.si_signo in STOPS else None
        if (status := worker.ended()) is not None:
            if not (asked and status in ENDED):
                return status
            return None if mine and not stop else 0
        if stop:
            if not _got_it_itself(stop):
                worker.send(signal.SIGTERM)  # again, if need be: it does no harm
            mine, asked = False, asked or time.monotonic()
        elif asked:
            _touch(sign)  # it ends what it has begun; nobody is to take that for death
            if time.monotonic() - asked >= ENDS_WITHIN:
                worker.send(signal.SIGKILL)
        elif _may_rest(works, bells, clock, rest):
            mine, asked = True, time.monotonic()
            worker.send(signal.SIGTERM)


def _got_it_itself(told: signal.struct_siginfo) -> bool:
    """Ctrl-C reaches all of a terminal's group, and a second one would cut short what the worker ends. A terminal that is
    closed tells the first process alone."""
    return told.si_signo == signal.SIGINT and told.si_code > BY_A_PROCESS


def _may_rest(works: Files, bells: Files, clock: Signs, rest: float) -> bool:
    """It has given a sign of life, nobody has rung since or before for so long, and there is a clock that will."""
    working = works.since_first()
    return clock.lives() and min(working, bells.quiet()) >= rest


def _pause(bells: Files, rest: float) -> float:
    """Until it may be time to rest; signs are looked at meanwhile, or they would seem to have come a moment ago."""
    return min(max(LOOK, rest - bells.quiet()), SIGN_EVERY)


def wait(sign: str, bells: Files, clock: Signs) -> bool:
    """Rest until the bell rings, or nobody is there to ring it (True), or the end is asked for (False).

    A bell that rang while the worker was ending counts: it has not been looked at since.
    """
    signed = float("-inf")
    while not (bells.changed() or clock.quiet() >= SILENT):
        if time.monotonic() - signed >= SIGN_EVERY:
            signed = time.monotonic()
            _touch(sign)
        if signal.sigtimedwait(STOPS, LOOK) is not None:
            return False
    return True


def _touch(sign: str) -> None:
    try:
        os.close(os.open(sign, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        os.utime(sign)
    except OSError:  # a full disk, a folder that was taken away: the health check says so
        return


def _say(event: str) -> None:
    """In the form of the other lines of a log."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    os.write(
        2, f'{{"event": "{event}", "logger": "bot.runtime.resting", "level": "info", "timestamp": "{at}"}}\n'.encode()
    )


def main(arguments: list[str]) -> int:
    """Until the end is asked for, or the worker ends by itself: its status is ours."""
    rest, sign, queues, folder, *program = arguments
    signal.pthread_sigmask(signal.SIG_BLOCK, {*STOPS, signal.SIGCHLD})
    bells, clock = Files(*(os.path.join(folder, f"{queue}.bell") for queue in queues.split(","))), Signs(folder)
    while True:
        status = keep(program, sign, bells, clock, float(rest))
        if status is not None:
            return status
        _say("worker.rests")
        if not wait(sign, bells, clock):
            return 0
        _say("worker.wakes")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
