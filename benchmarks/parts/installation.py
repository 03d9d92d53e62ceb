"""Tongfa as shipped: a home, the broker, the clock and the workers, each a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bot.runtime import alive
from bot.runtime.paths import Home as Paths
from tests.e2e.home import Home
from tests.e2e.processes import ROOT, Process, wait_for
from tests.support.broker import Broker, embedded_valkey
from tests.support.postgres import embedded_postgres

from .office import Order, ask
from .procfs import Usage, usage

DONE = ("confirming", "live")
SETTLED = (*DONE, "needs_person", "unknown", "missed", "held", "cancelled", "gone", "withdrawn")


@contextlib.contextmanager
def database(kind: str) -> Iterator[dict[str, str]]:
    """Environment for "sqlite" (the default) or "postgresql" (one of its own, from a wheel, durable)."""
    if kind == "sqlite":
        yield {}
        return
    with embedded_postgres(durable=True) as url:
        yield {"DATABASE_URL": url}


class Installation:
    """A home in a temporary folder. `publish`: processes that send; `work`: processes that stage and look.

    `counted`: database queries of clock and workers are counted (see `counted.py`).
    """

    def __init__(
        self, *, db: str = "sqlite", publish: int = 2, work: int = 2, ca_file: Path | None = None, counted: bool = False
    ) -> None:
        self._db, self._publish, self._work, self._counted = db, publish, work, counted
        self._extra = {"TONGFA_CA_FILE": str(ca_file)} if ca_file else {}
        self.processes: dict[str, Process] = {}

    def __enter__(self) -> Installation:
        self._stack = contextlib.ExitStack()
        try:
            folder = Path(tempfile.mkdtemp(prefix="tongfa-bench-"))
            self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
            extra = {**self._stack.enter_context(database(self._db)), **self._extra}
            self.counts = folder / "counts"
            self.counts.mkdir()
            self.home = Home(folder / "home", {**extra, "TONGFA_BENCH_COUNTS": str(self.counts)})
            self.home.tongfa("init", "--live")
            self.broker: Broker = self._stack.enter_context(embedded_valkey(self.home.path))
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.end()
        self._stack.close()

    # --- processes -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Clock and workers; returns when all have given a sign of life."""
        for name in ("worker-publish", "worker-work", "clock"):
            self.start_one(name)
        self.await_life("worker-publish", "worker-work", "clock")

    def start_one(self, name: str) -> None:
        """One process, with the command line of `tongfa run`."""
        arguments = {
            "clock": ("run", "clock"),
            "worker-publish": ("run", "worker", "--queue", "publish", "--concurrency", str(self._publish)),
            "worker-work": ("run", "worker", "--queue", "work", "--concurrency", str(self._work)),
        }[name]
        if self._counted:
            argv = [sys.executable, "-m", "benchmarks.parts.counted", *arguments]
            self.processes[name] = Process(name, argv, self.home.env, self.home.logs)
        else:
            self.processes[name] = self.home.start(name, *arguments)

    def await_life(self, *names: str) -> None:
        """Until each of them has given a sign of life since it was started."""
        home = Paths(self.home.path)
        for name in names:
            process = self.processes[name]
            born = _started(process.pid)
            wait_for(lambda name=name, born=born: _sign(home, name) >= born, 120, f"{name} lives", alive=[process])

    def usage(self) -> dict[str, Usage]:
        """CPU, wake-ups and memory by process, children included."""
        return {name: usage(process.pid) for name, process in self.processes.items()}

    def cpu(self) -> float:
        """CPU seconds of clock and workers so far."""
        return sum(one.cpu for one in self.usage().values())

    def statements(self) -> dict[str, int]:
        """Database statements so far by verb; only when counted."""
        from .counted import read_counts

        return read_counts(self.counts)

    # --- records ---------------------------------------------------------------------------------------------

    def fill(self, order: Order) -> list[float]:
        """Make the order's records; its instants (epoch)."""
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.parts.office"], input=ask(order), env=self.home.env, cwd=ROOT,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"the records could not be made\n{done.stderr[-4000:]}")
        return [float(at) for at in json.loads(done.stdout.splitlines()[-1])["instants"]]

    def states(self, numbers: range) -> dict[str, int]:
        """How many publications of these accounts are in which state."""
        slugs = [f"a{numbers.start}", f"a{numbers.stop - 1}"]
        first, last = (self.home.rows("SELECT id FROM bot_account WHERE slug = ?", slug)[0]["id"] for slug in slugs)
        found = self.home.rows(
            "SELECT state, COUNT(*) AS many FROM bot_publication WHERE account_id >= ? AND account_id <= ? GROUP BY state",
            first, last,
        )  # fmt: skip
        return {row["state"]: row["many"] for row in found}

    def reasons(self, *states: str) -> list[str]:
        """Why publications stand there: a few different ones."""
        marks = ", ".join("?" for _ in states)
        found = self.home.rows(
            f"SELECT reason, COUNT(*) AS many FROM bot_publication WHERE state IN ({marks}) GROUP BY reason"  # noqa: S608
            " ORDER BY many DESC LIMIT 5",
            *states,
        )
        return [f"{row['many']} × {row['reason']}" for row in found]

    def wait(self, numbers: range, states: Sequence[str], until: float, poll: float = 0.5) -> bool:
        """Until all of them are in one of `states`; False at `until` (epoch)."""
        return waited(lambda: set(self.states(numbers)) <= set(states), until, poll)

    def staging_times(self, numbers: range) -> list[Any]:
        """`staged_at` and `accepted_at` of every publication, as the product recorded them."""
        return self.home.rows("SELECT staged_at, accepted_at, live_at FROM bot_publication ORDER BY id")[
            numbers.start - 1 : numbers.stop - 1
        ]


def waited(question: Callable[[], bool], until: float, poll: float = 0.2) -> bool:
    """Ask until it is so, or it is `until` (epoch)."""
    while not question():
        if time.time() > until:
            return False
        time.sleep(poll)
    return True


def _sign(home: Paths, name: str) -> float:
    try:
        return alive.sign(home, name).stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _started(pid: int) -> float:
    """When the process was started (epoch)."""
    return os.stat(f"/proc/{pid}").st_ctime
