"""One run from the first byte to the verdict: platform, victim, recovery and judge, each a process forked for it."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import shutil
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from bot.rehearsal import RehearsalServer, faults
from tests.e2e.platform import Platform
from tests.support import judge

from . import engine, scenery
from .clockwork import SharedClock
from .databases import Databases
from .plans import Plan, in_transaction
from .points import Points

WITHIN = 180.0  # seconds of real time for one process; it needs about half of one
SLEEP = timedelta(minutes=15)
Mutation = Callable[[], None]  # what it takes away: `mutations.Mutation.apply`


@dataclass(frozen=True)
class Outcome:
    """What came of a run. `hits` are the points at which processes were struck."""

    number: int
    scene: str
    kind: str
    hits: tuple[str, ...]
    violations: tuple[str, ...]
    states: tuple[str, ...]
    points: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self), ensure_ascii=False)


class Player:
    """Plays runs one after the other, in copies of the templates in `folder`, where `scenery.prepare` made them."""

    def __init__(
        self,
        databases: Databases,
        folder: Path,
        clock: SharedClock,
        *,
        mutation: Mutation | None = None,
        export: Path | None = None,
    ) -> None:
        """`mutation` breaks the product's processes; `export` is a folder that takes the evidence of each scene's last sitting, pickled."""
        self.databases, self.folder, self.clock, self.mutation, self.export = databases, folder, clock, mutation, export

    def play(self, plan: Plan) -> Outcome:
        """One run."""
        return _Run(self, plan).play()


class _Run:
    def __init__(self, player: Player, plan: Plan) -> None:
        self._databases, self._clock, self._mutation = player.databases, player.clock, player.mutation
        self._templates, self._export, self._plan = player.folder, player.export, plan
        self._folder = player.folder / f"run-{os.getpid()}-{plan.number}"
        self._database = f"run_{os.getpid()}_{plan.number}"
        self._log, self._notes = self._folder / "log", self._folder / "points"
        self._wrong: list[str] = []
        self._told: list[str] = []
        self._reasons: list[str] = []
        self._base = ""

    def play(self) -> Outcome:
        self._clock.set(scenery.BEGIN)
        scenery.copy_home(self._templates, self._folder)
        self._databases.copy(f"template_{self._plan.scene}", self._database)
        try:
            with self._platforms():
                self._drama()
                states = self._judge(at_rest=True)
        finally:
            self._databases.drop(self._database)
            if not self._wrong:
                shutil.rmtree(self._folder, ignore_errors=True)
        struck = self._plan.point is not None
        return Outcome(
            self._plan.number, self._plan.scene, self._plan.kind, tuple(self._told) if struck else (),
            tuple(dict.fromkeys(self._wrong)), tuple(states), () if struck else tuple(self._told), tuple(self._reasons),
        )  # fmt: skip

    # --- acts ------------------------------------------------------------------------------------------------

    def _drama(self) -> None:
        plan = self._plan
        if plan.kind in {"rival", "sleep"}:
            self._stopped_and_resumed()
        elif self._run(self._engine(plan.point, first=True)) == -signal.SIGKILL:
            self._judge(at_rest=False)
            if plan.second is not None and self._run(self._engine(plan.second)) == -signal.SIGKILL:
                self._judge(at_rest=False)
        if plan.point is not None:
            self._run(self._engine(None, notes=False))
        self._told = self._notes.read_text("utf-8").splitlines() if self._notes.exists() else []

    def _stopped_and_resumed(self) -> None:
        """The victim stands still while another clock and worker have a turn; then it goes on.

        On a busy machine its points may come in another order than in the unharmed run; where it stands in a transaction after
        all, which would keep the database's lock as no death does, it dies.
        """
        plan = self._plan
        victim = self._fork(self._engine(plan.point, first=True, how=signal.SIGSTOP))
        if self._wait(victim) != signal.SIGSTOP:
            return
        if in_transaction(self._notes.read_text("utf-8").splitlines()[-1]):
            os.kill(victim, signal.SIGKILL)
            self._wait(victim)
            self._judge(at_rest=False)
            return
        self._run(self._rival(None if plan.kind == "rival" else SLEEP))
        self._judge(at_rest=False)
        os.kill(victim, signal.SIGCONT)
        self._wait(victim)
        self._judge(at_rest=False)

    def _engine(
        self, at: int | None, *, first: bool = False, how: signal.Signals = signal.SIGKILL, notes: bool = True
    ) -> Callable[[], None]:
        def body() -> None:
            self._enter(first=first)
            Points(at, how=how, notes=self._notes if notes else None).watch()
            engine.run(self._clock)

        return body

    def _rival(self, span: timedelta | None) -> Callable[[], None]:
        """Two rounds at this very moment, or all that can be done within `span`."""

        def body() -> None:
            self._enter(first=False)
            if span is None:
                engine.one_round()
                engine.one_round()
            else:
                until = self._clock.now() + span
                engine.run(self._clock, until=until)
                self._clock.advance_to(until)

        return body

    def _enter(self, *, first: bool) -> None:
        """A process of the product in this run's home and database."""
        scenery.use_home(self._folder / "home")
        self._databases.use(self._database)
        engine.wait_by(self._clock)
        if first:
            scenery.point_at(self._base)
        if self._mutation:
            self._mutation()

    # --- the judge -------------------------------------------------------------------------------------------

    def _judge(self, *, at_rest: bool) -> list[str]:
        verdict = self._folder / "verdict"

        def body() -> None:
            case = self._case()
            found = judge.at_rest(case) if at_rest else judge.while_running(case)
            states = [row["state"] for row in case.records.publication]
            reasons = [row["reason"] for row in case.records.publication]
            verdict.write_text(json.dumps([found, states, reasons]), "utf-8")
            if self._export:
                (self._export / self._plan.scene).write_bytes(pickle.dumps(case))

        self._run(body)
        told = json.loads(verdict.read_text("utf-8")) if verdict.exists() else (["no verdict"], [], [])
        found, states, self._reasons = told
        self._wrong += found
        return list(states)

    def _case(self) -> judge.Case:
        """Evidence: what the platforms wrote down, and the database opened anew."""
        platform, home = Platform(self._base), self._folder / "home"
        steps = self._notes.read_text("utf-8") if self._notes.exists() else ""
        return judge.Case(
            platform.journal(), platform.effects(), judge.read_records(self._databases.url(self._database)),
            judge.read_audit_key(home), self._log.read_text("utf-8") if self._log.exists() else "",
            (*scenery.SECRETS, *scenery.issued_tokens(self._folder / "platforms")), scenery.WORDS,
            tuple(f"no transaction during a call: {line}" for line in steps.splitlines() if line.startswith("IN A")),
        )  # fmt: skip

    # --- processes -------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _platforms(self) -> Iterator[None]:
        """A rehearsal server that lives as long as this run, whoever else is killed."""
        told, tell = os.pipe()
        hold, let_go = os.pipe()

        def body() -> None:
            os.close(let_go)
            server = RehearsalServer(self._folder / "platforms", defaults=False)
            for spec in self._plan.faults:
                faults.arm(server.world.store, spec)
            server.start()
            os.write(tell, server.base_url.encode())
            os.read(hold, 1)

        server = self._fork(body)
        os.close(tell)
        os.close(hold)
        try:
            self._base = os.read(told, 200).decode()
            yield
        finally:
            os.close(told)
            os.close(let_go)
            self._wait(server)

    def _run(self, body: Callable[[], None]) -> int:
        status = self._wait(self._fork(body))
        if status not in {0, -signal.SIGKILL}:
            self._wrong.append(f"a process ended with {status}, see its log")
        return status

    def _fork(self, body: Callable[[], None]) -> int:
        pid = os.fork()
        if pid:
            return pid
        status = 1
        try:
            log = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(log, 1)
            os.dup2(log, 2)
            body()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)

    def _wait(self, pid: int) -> int:
        """0 or more: exit status; negative: the signal that killed it; SIGSTOP: it stands still."""
        end = time.monotonic() + WITHIN
        while True:
            done, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
            if done:
                return signal.SIGSTOP if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)
            if time.monotonic() > end:
                self._wrong.append(f"a process hung for {WITHIN:.0f} s")
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                return 1
            time.sleep(0.002)
