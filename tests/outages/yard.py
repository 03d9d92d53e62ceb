"""One home made ready by commands, and copies of it: every outage is played on its own copy, with its own accounts."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.district import make_ready, plan_and_sign
from tests.e2e.home import Home
from tests.e2e.platform import Pair, Platform, epoch
from tests.e2e.processes import Process, wait_for

ITEMS = ("E2E-001", "E2E-002")
READY_WITHIN = 240.0


class Yard:
    """`count` pairs of accounts on one home; `copy` gives the next copy and its pair."""

    def __init__(self, folder: Path, platform: Platform, names: Sequence[str], *, first: int) -> None:
        self._folder, self.platform = folder, platform
        self.pairs = {name: platform.make_pair(first + number) for number, name in enumerate(names)}
        self._original = Home(folder / "original")
        make_ready(self._original, platform, {f"-{name}": pair for name, pair in self.pairs.items()}, items=len(ITEMS))

    def copy(self, name: str, **extra: str) -> Home:
        """A home of its own with the same people, accounts and approvals."""
        home = Home(self._folder / name, extra)
        shutil.copytree(self._original.path, home.path)
        return home


@dataclass(frozen=True)
class Outcome:
    """What is left to judge."""

    home: Home
    pair: Pair
    release: int
    begun: float = 0.0  # epoch seconds: when the outage began and ended
    ended: float = 0.0


def release_on(home: Home, name: str, *, lead: float, items: Sequence[str] = ITEMS, weibo_only: bool = False) -> int:
    """Planned and signed on the pair's accounts; the release's number."""
    return plan_and_sign(
        home, lead=lead, items=items, accounts=[*([] if weibo_only else [f"gzh-{name}"]), f"wb-{name}"]
    )


def instant_of(home: Home, release: int) -> float:
    """T, in epoch seconds."""
    return epoch(home.publications(release)[0]["instant"])


def workers(home: Home, stack: ExitStack, *, publish: int = 1, work: int = 1) -> list[Process]:
    """That many senders and other workers, each with one slot, all ready."""
    names = [("publish", number) for number in range(publish)] + [("work", number) for number in range(work)]
    started = [
        stack.enter_context(home.start(f"{queue}-{number}", "run", "worker", "--queue", queue, "--concurrency", "1"))
        for queue, number in names
    ]
    for one in started:
        wait_for(lambda one=one: "ready." in one.output(), READY_WITHIN, "the worker is ready", alive=[one])  # type: ignore[misc]
    return started


def cases(every: Iterable[str], *, always: Sequence[str]) -> list[Any]:
    """Names as parameters: those in `always` on every check, the rest with --long."""
    return [name if name in always else pytest.param(name, marks=pytest.mark.long) for name in every]


def wanted(request: pytest.FixtureRequest, every: Iterable[str], *, always: Sequence[str]) -> list[str]:
    """The names that this run asks for."""
    return list(every) if request.config.getoption("--long") else [name for name in every if name in always]


def side_by_side(plays: dict[str, Callable[[], Outcome]], at_once: int = 2) -> dict[str, Outcome]:
    """Play them, a few at once: they mostly wait, but each has a clock and workers to start."""
    with ThreadPoolExecutor(at_once) as pool:
        running: dict[str, Future[Outcome]] = {name: pool.submit(play) for name, play in plays.items()}
        return {name: future.result() for name, future in running.items()}


def group_of(process: Process) -> list[int]:
    """The ids of a process and of all that it started in its group."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.getpgid(int(entry.name)) == process.pid:
                    found.append(int(entry.name))
            except ProcessLookupError:
                continue
    return found


def stop(processes: Iterable[Process]) -> None:
    """SIGSTOP to each and to its children: they neither run nor die."""
    for process in processes:
        os.killpg(process.pid, signal.SIGSTOP)


def resume(processes: Iterable[Process]) -> None:
    """SIGCONT."""
    for process in processes:
        os.killpg(process.pid, signal.SIGCONT)
