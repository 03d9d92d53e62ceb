"""A worker rests: it ends after a while without a bell, and a small process waits in its place until the next.

The decisions are played with a time of their own; the last part runs the real process with a program that stands for
a worker.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.runtime import alive, pids, processes, resting
from bot.runtime.paths import Home

REST = 120.0
TERM = SimpleNamespace(si_signo=signal.SIGTERM, si_code=0)
CTRL_C = SimpleNamespace(si_signo=signal.SIGINT, si_code=128)
HANGUP = SimpleNamespace(si_signo=signal.SIGHUP, si_code=128)


class World:
    """A time, what happens at which second of it, a clock that gives signs (or not), and the worker that is started."""

    def __init__(self, folder: Path) -> None:
        self.now, self.clock_lives, self.worker_works = 0.0, True, True
        self.events: dict[float, Callable[[], Any]] = {}
        self.home = Home(folder)
        self.home.run.mkdir()
        self.workers: list[Worker] = []
        alive.touch(self.home, "clock")  # of an earlier run, perhaps
        self.sign = alive.sign(self.home, "worker-publish")
        self.bells = resting.Files(str(alive.bell(self.home, "publish")))
        self.clock = resting.Signs(str(self.home.run))

    def wait(self, signals: set[int], seconds: float) -> Any:
        """Time passes, until something happens."""
        due = sorted(at for at in self.events if at <= self.now + seconds)
        self.now = due[0] if due else self.now + seconds
        if self.clock_lives:
            self._touch(self.home.run / "clock@here.alive")
        if self.worker_works and self.workers and self.workers[-1].status is None:
            self._touch(self.sign)
        return self.events.pop(due[0])() if due else None

    def ring(self, queue: str = "publish") -> None:
        self._touch(alive.bell(self.home, queue))

    def _touch(self, file: Path) -> None:
        file.touch()
        os.utime(file, ns=(0, 1 + round(self.now * 1e9)))

    def keep(self) -> int | None:
        return resting.keep(["worker"], str(self.sign), self.bells, self.clock, REST)

    def rest(self) -> bool:
        return resting.wait(str(self.sign), self.bells, self.clock)


class Worker:
    """Ends when it is asked to, or when its time has come."""

    obeys = True

    def __init__(self, world: World) -> None:
        self.heard: list[signal.Signals] = []
        self.status: int | None = None
        world.workers.append(self)

    def ended(self) -> int | None:
        return self.status

    def send(self, number: signal.Signals) -> None:
        self.heard.append(number)
        if number is signal.SIGKILL:
            self.status = 137
        elif self.obeys:
            self.status = 0


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made: list[World] = []
    monkeypatch.setattr(resting, "time", SimpleNamespace(monotonic=lambda: made[0].now if made else 0.0))
    made.append(World(tmp_path))
    monkeypatch.setattr(resting.signal, "sigtimedwait", made[0].wait, raising=False)
    monkeypatch.setattr(resting, "Worker", lambda program: Worker(made[0]))
    return made[0]


# --- while it works -------------------------------------------------------------------------------------------------


def test_after_a_while_without_a_bell_it_is_asked_to_end(world: World) -> None:
    assert world.keep() is None
    assert world.workers[0].heard == [signal.SIGTERM]
    assert REST <= world.now <= REST + 2 * resting.SIGN_EVERY


def test_each_bell_puts_that_off(world: World) -> None:
    world.events = {100.0: world.ring, 200.0: world.ring}
    world.keep()
    assert 200.0 + REST <= world.now <= 200.0 + REST + 2 * resting.SIGN_EVERY


def test_the_bell_of_another_queue_is_not_its_own(world: World) -> None:
    world.events = {100.0: lambda: world.ring("work")}
    world.keep()
    assert world.now <= REST + 2 * resting.SIGN_EVERY


def test_where_no_clock_gives_a_sign_it_does_not_rest(world: World) -> None:
    """Nobody would wake it: the clock is dead, or runs on another host with a folder of its own."""
    world.clock_lives = False
    world.events = {10 * REST: lambda: TERM}
    assert world.keep() == 0
    assert world.now >= 10 * REST


def test_whoever_asks_it_to_end_ends_the_worker_and_gets_its_status(world: World) -> None:
    world.events = {5.0: lambda: TERM}
    assert world.keep() == 0
    assert world.workers[0].heard == [signal.SIGTERM]


def test_what_the_terminal_sends_is_not_sent_a_second_time(world: World) -> None:
    """Ctrl-C reaches the worker itself; two of them would cut its work short."""

    def interrupted() -> Any:
        world.workers[0].status = 0
        return CTRL_C

    world.events = {5.0: interrupted}
    assert world.keep() == 0
    assert world.workers[0].heard == []


def test_a_terminal_that_is_closed_ends_the_worker(world: World) -> None:
    """The kernel tells the first process of the session alone, which may be this one."""
    world.events = {5.0: lambda: HANGUP}
    assert world.keep() == 0
    assert world.workers[0].heard == [signal.SIGTERM]


def test_who_asks_again_is_heard_again(world: World) -> None:
    world.events = {5.0: lambda: TERM, 6.0: lambda: TERM, 7.0: lambda: setattr(world.workers[0], "status", 0)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Worker, "obeys", False)
        assert world.keep() == 0
    assert world.workers[0].heard == [signal.SIGTERM] * 2


def test_one_that_has_not_begun_to_work_is_not_asked_to_end(world: World) -> None:
    """It waits for the database, or starts on a busy machine: its time to rest counts from its first sign of life."""
    world.worker_works = False
    world.events = {5 * REST: lambda: setattr(world, "worker_works", True)}
    assert world.keep() is None
    assert 6 * REST <= world.now <= 6 * REST + 2 * resting.SIGN_EVERY


def test_one_that_the_request_ends_before_it_listens_has_gone_to_rest_too(world: World) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Worker, "send", lambda worker, number: setattr(worker, "status", 128 + number))
        assert world.keep() is None


def test_a_request_to_end_that_comes_as_it_goes_to_rest_is_not_lost(world: World) -> None:
    def ends_meanwhile(worker: Worker, number: signal.Signals) -> None:
        worker.status = 0
        world.events[world.now] = lambda: TERM

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Worker, "send", ends_meanwhile)
        assert world.keep() == 0


def test_an_old_sign_of_a_clock_is_none(world: World) -> None:
    world.clock_lives = False
    world.events = {1.0: (world.home.run / alive.sign(world.home, "clock").name).unlink, 10 * REST: lambda: TERM}
    assert world.keep() == 0


def test_while_it_ends_what_it_has_begun_it_is_not_taken_for_dead(world: World) -> None:
    touched: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Worker, "obeys", False)
        patch.setattr(resting, "_touch", lambda path: touched.append(world.now))
        world.worker_works = True
        world.keep()
    assert max(b - a for a, b in pairwise([REST, *touched])) < alive.FRESH


def test_a_worker_that_ends_by_itself_is_not_replaced_in_silence(world: World) -> None:
    """Its status is ours: the supervisor, or the container's, starts it again and says so."""
    world.events = {5.0: lambda: setattr(world.workers[0], "status", 137)}
    assert world.keep() == 137


def test_one_that_falls_while_it_is_asked_to_rest_has_not_gone_to_rest(world: World) -> None:
    def falls(worker: Worker, number: signal.Signals) -> None:
        worker.heard.append(number)
        worker.status = 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Worker, "send", falls)
        assert world.keep() == 1


def test_one_that_hangs_when_it_is_asked_to_rest_is_ended(world: World) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Worker, "obeys", False)
        assert world.keep() == 137
    assert world.workers[0].heard == [signal.SIGTERM, signal.SIGKILL]
    assert world.now <= REST + resting.ENDS_WITHIN + 3 * resting.SIGN_EVERY


# --- while it rests -------------------------------------------------------------------------------------------------


def test_the_next_bell_wakes_it_within_two_seconds(world: World) -> None:
    world.events = {1000.2: world.ring}
    assert world.rest()
    assert world.now <= 1000.2 + resting.LOOK


def test_a_bell_that_rang_while_it_was_ending_wakes_it_too(world: World) -> None:
    """Its worker took no more work by then."""
    stop, ringing = Worker.send, world.ring

    def rings_meanwhile(worker: Worker, number: signal.Signals) -> None:
        ringing()
        stop(worker, number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Worker, "send", rings_meanwhile)
        assert world.keep() is None
    began = world.now
    assert world.rest()
    assert world.now == began


def test_a_clock_that_falls_silent_wakes_it(world: World) -> None:
    world.events = {30.0: lambda: setattr(world, "clock_lives", False)}
    assert world.rest()
    assert 30.0 + resting.SILENT <= world.now <= 30.0 + resting.SILENT + 2 * resting.LOOK


def test_a_home_that_is_taken_away_wakes_it(world: World) -> None:
    world.clock_lives = False
    (sign,) = world.home.run.glob("clock@*")
    world.events = {30.0: sign.unlink}
    assert world.rest()


def test_it_gives_the_workers_sign_of_life_meanwhile(world: World) -> None:
    """A health check that called it dead would have it restarted for ever."""
    world.events = {1000.0: lambda: TERM}
    sign = alive.sign(world.home, "worker-publish")
    touched: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resting, "_touch", lambda path: touched.append(world.now) or resting.os.utime)
        assert not world.rest()
    assert max(b - a for a, b in pairwise(touched)) < alive.FRESH
    resting._touch(str(sign))
    assert alive.is_fresh(world.home, "worker-publish")


def test_a_sign_that_cannot_be_written_stops_nothing(world: World) -> None:
    resting._touch(str(world.home.path / "no such folder" / "x.alive"))


# --- the process itself ---------------------------------------------------------------------------------------------

STANDS_FOR_A_WORKER = """
import pathlib, signal, sys, time
print("works", flush=True)
pathlib.Path(sys.argv[2]).touch()
signal.signal(signal.SIGTERM, lambda *_: (print("ends", flush=True), sys.exit(int(sys.argv[1]))))
while True:
    time.sleep(60)
"""


class Kept:
    """The real process, in a folder of its own; it rests after two seconds."""

    def __init__(self, folder: Path, *, status: int = 0) -> None:
        self.home = Home(folder / "a:home")  # a folder may be called so
        self.home.make()
        alive.touch(self.home, "clock")
        script = folder / "worker.py"
        script.write_text(STANDS_FOR_A_WORKER)
        argv = processes.resting_argv(self.home, 2.0, "publish")
        program = argv.index(processes.worker_argv("publish")[0], 1)
        sign = alive.sign(self.home, "worker-publish")
        argv = (*argv[:program], sys.executable, str(script), str(status), str(sign))
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)

    def said(self) -> list[str]:
        words = self.log.read_text().split()
        return [word for word in ("works", "ends") for _ in range(words.count(word))]

    def until(self, question: Callable[[], bool]) -> None:
        end = time.monotonic() + 30
        while not question():
            alive.touch(self.home, "clock")
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)

    def until_said(self, *words: str) -> None:
        self.until(lambda: self.said() == list(words))


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Callable[..., Kept]]:
    made: list[Kept] = []

    def make(**how: Any) -> Kept:
        made.append(Kept(tmp_path, **how))
        made[0].until_said("works")
        return made[0]

    yield make
    for one in made:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(one.process.pid, signal.SIGKILL)
        one.process.wait(10)


def test_it_works_rests_and_works_again_when_the_bell_rings(kept: Callable[..., Kept]) -> None:
    one = kept()
    one.until_said("works", "ends")
    one.until(lambda: alive.is_fresh(one.home, "worker-publish"))
    alive.ring(one.home, "publish")
    one.until_said("works", "works", "ends")
    one.until_said("works", "works", "ends", "ends")
    one.process.terminate()
    assert one.process.wait(10) == 0


def test_its_end_is_the_workers_end(kept: Callable[..., Kept]) -> None:
    one = kept(status=3)
    one.process.terminate()
    assert one.process.wait(10) == 3
    assert one.said() == ["works", "ends"]


def test_kill_9_takes_the_worker_along(kept: Callable[..., Kept]) -> None:
    one = kept()
    one.process.kill()
    one.process.wait(10)
    one.until_said("works", "ends")


def test_what_is_left_of_a_worker_is_small(kept: Callable[..., Kept]) -> None:
    one = kept()
    one.until_said("works", "ends")
    assert pids.birth(one.process.pid)
    modules = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "importtime", str(processes.ROOT / "bot" / "runtime" / "resting.py"), "1"],
        capture_output=True, text=True, check=False,
    ).stderr  # fmt: skip
    loaded = {line.rpartition("|")[2].strip() for line in modules.splitlines() if "|" in line}
    assert not loaded & {"django", "celery", "redis", "pathlib", "subprocess", "socket", "typing", "re"}


# --- who is started so ------------------------------------------------------------------------------------------------


def test_workers_rest_by_default_and_where_0_is_set_they_do_not(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert processes.resting_argv(home, 0.0, "work") == processes.worker_argv("work")
    resting_one = processes.resting_argv(home, 120.0, "work", concurrency=3)
    assert resting_one[-len(processes.worker_argv("work")) :] == processes.worker_argv("work", concurrency=3)
    assert str(alive.sign(home, "worker-work")) in resting_one


def test_the_bells_are_those_that_the_clock_rings(tmp_path: Path) -> None:
    home = Home(tmp_path)
    argv = processes.resting_argv(home, 120.0)
    folder, queues = argv[argv.index(str(home.run))], argv[argv.index(str(home.run)) - 1].split(",")
    assert [Path(folder) / f"{queue}.bell" for queue in queues] == [alive.bell(home, one) for one in processes.QUEUES]
