"""Signs of life: a process touches a file as it goes round; a health check looks how old it is.

A process that hangs still exists, and so does its container. Only a loop that goes round touches its file. The name
holds the host's, because containers share the home.
"""

from __future__ import annotations

import socket
import time
from pathlib import Path

from bot.runtime import pids
from bot.runtime.paths import Home

FRESH = 45.0
"""Seconds; workers and clock touch every 10 s, the clock only after a look that went well."""


TURNS = "clock-turns"
"""The name under which the clock says that it goes round, however its looks go: the launcher replaces one that stands still."""


def sign(home: Home, name: str) -> Path:
    """The file of the process `name` (clock, worker-publish, worker-work) on this host."""
    return home.run / f"{name}@{socket.gethostname()}.alive"


def touch(home: Home, name: str) -> None:
    """Give a sign of life. Raises OSError when the home cannot be written."""
    file = sign(home, name)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch()


def bell(home: Home, queue: str) -> Path:
    """The file that is touched when there is work in that queue: it wakes a worker that rests (bot/runtime/resting.py)."""
    return home.run / f"{queue}.bell"


def ring(home: Home, *queues: str) -> None:
    """Wake whoever works at these. Raises OSError when the home cannot be written."""
    for queue in queues:
        file = bell(home, queue)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            file.touch()
        except PermissionError:  # somebody else's: a clock that was once started by root
            file.unlink()
            file.touch()


def age(home: Home, name: str) -> float | None:
    """Seconds since the last sign, or None if there was none."""
    try:
        return max(0.0, time.time() - sign(home, name).stat().st_mtime)
    except OSError:  # none, or no folder where it could be: either way nobody gave one
        return None


def is_fresh(home: Home, name: str, within: float = FRESH) -> bool:
    """Whether the process gave a sign lately."""
    seconds = age(home, name)
    return seconds is not None and seconds <= within


def runs(home: Home, name: str) -> bool:
    """Whether the process runs here now: a sign stays fresh for a while after a death, the process's own id does not.

    Where no supervisor started it (a container each), the sign is all there is.
    """
    noted = home.run / f"{name}.pid"
    return is_fresh(home, name) and (not noted.exists() or pids.read(noted) is not None)


def forget(home: Home) -> None:
    """Remove every sign of this host: what an earlier run left must not count for the next. And the bells, whosever they are."""
    for file in home.run.glob(f"*@{socket.gethostname()}.alive"):
        file.unlink(missing_ok=True)
    for file in home.run.glob("*.bell"):
        file.unlink(missing_ok=True)
