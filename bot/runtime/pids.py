"""Process ids on disk, safe against reuse: a pid alone may by now belong to somebody else's process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path


def birth(pid: int) -> str:
    """A text that no other process with this pid will have, or "" if there is none (a zombie counts as none)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except FileNotFoundError:
        return "" if Path("/proc/self/stat").exists() else _birth_by_ps(pid)
    except ProcessLookupError:
        return ""
    fields = stat.rpartition(")")[2].split()  # the name in brackets may hold spaces and brackets
    return "" if fields[0] in {"Z", "X"} else fields[19]


def _birth_by_ps(pid: int) -> str:
    answer = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False, timeout=5
    )
    text = answer.stdout.strip()
    return "" if text.startswith("Z") else text.partition(" ")[2]


def write(file: Path, pid: int) -> None:
    """Note a process that has just been started."""
    file.write_text(f"{pid} {birth(pid)}\n", "ascii")


def read(file: Path) -> int | None:
    """The pid in `file` if that very process still lives, else None."""
    try:
        pid, _, born = file.read_text("ascii").strip().partition(" ")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    return int(pid) if pid.isdigit() and born and birth(int(pid)) == born else None


def end_leftovers(folder: Path, *, grace: float = 5.0) -> list[int]:
    """End what a killed supervisor left behind in `folder`/*.pid: SIGTERM, then SIGKILL to the whole group.

    Returns the pids that were still alive. Files are removed. Call it only while holding the home's lock.
    """
    files = list(folder.glob("*.pid"))
    alive = [pid for pid in map(read, files) if pid]
    for pid in alive:
        signal_group(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while any(birth(pid) for pid in alive) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in alive:
        signal_group(pid, signal.SIGKILL)
    for file in files:
        file.unlink(missing_ok=True)
    return alive


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signal a child: SIGTERM to itself, SIGKILL to its whole group, so that pool processes go with it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if number is signal.SIGKILL:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
