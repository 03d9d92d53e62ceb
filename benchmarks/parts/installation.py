"""Tongfa as shipped: a home, the broker, the clock and the workers, each a process of its own."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from bot.runtime import alive
from bot.runtime.paths import Home as Paths
from tests.e2e.home import Home
from tests.e2e.processes import ROOT, Process, wait_for
from tests.support.broker import Broker, embedded_valkey
from tests.support.postgres import embedded_postgres

from .office import Order, ask
from .procfs import Usage, usage
from .stub import Stub

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

    `counted`: database queries of clock and workers are counted (see `counted.py`). `rest`: seconds without a bell after which
    workers rest; None: as shipped.
    """

    def __init__(
        self, *, db: str = "sqlite", publish: int = 2, work: int = 2, ca_file: Path | None = None, counted: bool = False,
        rest: int | None = None,
    ) -> None:  # fmt: skip
        self._db, self._publish, self._work, self._counted = db, publish, work, counted
        self._extra = {"TONGFA_CA_FILE": str(ca_file)} if ca_file else {}
        if rest is not None:
            self._extra["TONGFA_REST_AFTER"] = str(rest)
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

    def home_beside(self, name: str) -> Home:
        """A further home, made ready, with the same settings and nothing in common."""
        made = Home(self.home.path.parent / name, self._extra)
        made.tongfa("init", "--live")
        return made

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
            alive_since = partial(_lives, home, name, _started(process.pid))
            wait_for(alive_since, 120, f"{name} lives", alive=[process])

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
            f"SELECT reason, COUNT(*) AS many FROM bot_publication WHERE state IN ({marks}) GROUP BY reason"
            " ORDER BY many DESC LIMIT 5",
            *states,
        )
        return [f"{row['many']} × {row['reason']}" for row in found]

    def wait(self, numbers: range, states: Sequence[str], until: float, poll: float = 0.5) -> bool:
        """Until all of them are in one of `states`; False at `until` (epoch)."""
        return waited(lambda: set(self.states(numbers)) <= set(states), until, poll)

    def wait_for_all(self, stub: Stub, numbers: range, until: float) -> None:
        """Until each of them is recorded as sent, or stands before a person; at most until then (epoch)."""
        self.wait(numbers, SETTLED, until)
        waited(lambda: self.quiet(stub, numbers), min(until, time.time() + 10))

    def quiet(self, stub: Stub, numbers: range) -> bool:
        """Whether as many public calls came as the records say."""
        sent = sum(many for state, many in self.states(numbers).items() if state in DONE)
        return len({line.account for line in stub.public(numbers)}) >= sent


def waited(question: Callable[[], bool], until: float, poll: float = 0.2) -> bool:
    """Ask until it is so, or it is `until` (epoch)."""
    while not question():
        if time.time() > until:
            return False
        time.sleep(poll)
    return True


def _lives(home: Paths, name: str, since: float) -> bool:
    """Whether it has given a sign of life since then."""
    try:
        return alive.sign(home, name).stat().st_mtime >= since
    except FileNotFoundError:
        return False


def _started(pid: int) -> float:
    """When the process was started (epoch)."""
    return Path(f"/proc/{pid}").stat().st_ctime
