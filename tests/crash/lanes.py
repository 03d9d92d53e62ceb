"""Runs side by side: lanes are forked, each with a clock of its own, and each plays its share one run after the other."""

from __future__ import annotations

import json
import os
import tempfile
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from .clockwork import SharedClock
from .databases import Databases
from .plans import Plan
from .play import Mutation, Outcome, Player


def apart(body: Callable[[], None]) -> None:
    """Do it in a forked process, so that no connection and no thread is left here. RuntimeError when it fails."""
    _wait(_fork(body))


def side_by_side(
    plans: Iterable[Plan],
    databases: Databases,
    folder: Path,
    *,
    lanes: int,
    mutation: Mutation | None = None,
    export: Path | None = None,
) -> list[Outcome]:
    """Play them all, in `lanes` at once; their outcomes by number."""
    wanted = list(plans)
    shares = [wanted[lane::lanes] for lane in range(lanes)]
    with tempfile.TemporaryDirectory(dir=folder) as notes:
        files = [Path(notes) / str(lane) for lane in range(lanes)]

        def lane(share: Sequence[Plan], file: Path) -> Callable[[], None]:
            def body() -> None:
                clock = SharedClock()
                clock.install()
                player = Player(databases, folder, clock, mutation=mutation, export=export)
                with file.open("w", encoding="utf-8") as out:
                    for plan in share:
                        out.write(player.play(plan).to_json() + "\n")
                        out.flush()

            return body

        for pid in [_fork(lane(share, file)) for share, file in zip(shares, files, strict=True) if share]:
            _wait(pid)
        lines = [line for file in files if file.exists() for line in file.read_text("utf-8").splitlines()]
    return sorted((_outcome(line) for line in lines), key=lambda outcome: outcome.number)


def _outcome(line: str) -> Outcome:
    return Outcome(**{name: tuple(v) if isinstance(v, list) else v for name, v in json.loads(line).items()})


def _fork(body: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        body()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _wait(pid: int) -> None:
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        raise RuntimeError(f"a forked process ended with {status}")
