"""One installation under test: its commands, its processes, and its database opened from outside."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from bot.runtime import pids

from .processes import ROOT, TONGFA, Process, environment, free_port, wait_for

COMMAND_WITHIN = 180.0  # seconds; a command takes about two on an idle machine
UP_WITHIN = 180.0
Row = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """The one JSON document on standard output."""
        document: dict[str, Any] = json.loads(self.out)
        return document


class Home:
    """A TONGFA_HOME in `path`; `extra` are further environment variables."""

    def __init__(self, path: Path, extra: Mapping[str, str] | None = None) -> None:
        self.path = path
        self.logs = path.parent / f"{path.name}-output"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.env = environment(TONGFA_HOME=str(path), TONGFA_MIN_LEAD="20", **(extra or {}))

    # --- commands ------------------------------------------------------------------------------------------

    def try_tongfa(self, *arguments: str, json_form: bool = True) -> Answer:
        """One command in a process of its own, whatever it answers."""
        done = subprocess.run(
            [*TONGFA, *arguments, *(["--json"] if json_form else [])], env=self.env, cwd=ROOT, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=COMMAND_WITHIN, check=False,
        )  # fmt: skip
        return Answer(done.returncode, done.stdout, done.stderr)

    def tongfa(self, *arguments: str) -> dict[str, Any]:
        """One command that must end with 0; its JSON document."""
        answer = self.try_tongfa(*arguments)
        assert answer.code == 0, f"tongfa {' '.join(arguments)}: {answer.code}\n{answer.out}\n{answer.err}"
        return answer.data

    def many(self, *commands: Sequence[str]) -> list[dict[str, Any]]:
        """Several commands that must all end with 0, in one process; their JSON documents."""
        return [json.loads(line) for line in self._in_one_process(commands) if line.startswith("{")]

    def try_many(self, *commands: Sequence[str]) -> list[Answer]:
        """Several commands in one process, whatever they answer."""
        return [Answer(**json.loads(line)) for line in self._in_one_process(commands, "--each")]

    def _in_one_process(self, commands: Sequence[Sequence[str]], *how: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-m", "tests.e2e.many", *how], env=self.env, cwd=ROOT,
            input=json.dumps([list(c) for c in commands]), capture_output=True, text=True, timeout=4 * COMMAND_WITHIN,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout.splitlines()

    # --- processes -----------------------------------------------------------------------------------------

    def start(self, name: str, *arguments: str) -> Process:
        """A long-running command, e.g. `start("clock", "run", "clock")`."""
        return Process(name, [*TONGFA, *arguments], self.env, self.logs)

    def up(self) -> Process:
        """`tongfa up`, ready."""
        started = self.start("up", "up", "--port", str(free_port()))
        try:
            wait_for(lambda: "已启动" in started.output(), UP_WITHIN, "tongfa up is ready", alive=[started])
        except BaseException:
            started.end()
            raise
        return started

    def pid(self, name: str) -> int:
        """The process id of one of `tongfa up`'s programs: valkey, worker-publish, worker, clock, web."""
        found = pids.read(self.path / "run" / f"{name}.pid")
        assert found, f"{name} is not running"
        return found

    def pids(self) -> list[int]:
        """All programs of `tongfa up` that live."""
        return [pid for file in (self.path / "run").glob("*.pid") if (pid := pids.read(file))]

    def end_leftovers(self) -> None:
        """End whatever a killed supervisor left: only processes that this home itself wrote down."""
        pids.end_leftovers(self.path / "run", grace=1.0)

    # --- records -------------------------------------------------------------------------------------------

    def rows(self, sql: str, *values: Any) -> list[Row]:
        """Rows of the database, read by a connection that is none of the product's."""
        url = self.env.get("DATABASE_URL", "")
        return _from_postgresql(url, sql, values) if url else _from_sqlite(self.path / "tongfa.sqlite3", sql, values)

    def publications(self, release: int) -> list[Row]:
        """State, reason, instant and account of a release's publications, in order."""
        return self.rows(
            "SELECT p.*, a.slug, a.channel, a.options FROM bot_publication p JOIN bot_account a ON a.id = p.account_id"
            " WHERE p.release_id = ? ORDER BY a.id, p.lane",
            release,
        )

    def markers(self, publication: int) -> list[str]:
        """The approved markers of a publication's posts, in the signed order."""
        rows = self.rows(
            "SELECT e.marker FROM bot_item i JOIN bot_edition e ON e.id = i.edition_id"
            " WHERE i.publication_id = ? ORDER BY i.position",
            publication,
        )
        return [row["marker"] for row in rows]

    def wait_states(self, release: int, states: set[str], timeout: float, *alive: Process) -> list[Row]:
        """Until every publication of a release is in one of `states`."""

        def reached() -> list[Row] | None:
            rows = self.publications(release)
            return rows if {row["state"] for row in rows} <= states else None

        try:
            return wait_for(reached, timeout, f"all in {sorted(states)}", alive=alive) or []
        except AssertionError as error:
            now = [(row["slug"], row["lane"], row["state"], row["reason"]) for row in self.publications(release)]
            raise AssertionError(f"{error}\n{now} at {time.time():.0f}") from None


def _from_postgresql(url: str, sql: str, values: Sequence[Any]) -> list[Row]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return list(connection.execute(sql.replace("?", "%s").encode(), values))


def _from_sqlite(file: Path, sql: str, values: Sequence[Any]) -> list[Row]:
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=20)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute(sql, values)]
    finally:
        connection.close()
