"""What processes cost, from /proc: CPU, wake-ups, memory; a process and all that it started in its session."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
_CPUCLOCK_SCHED = 2  # clock_getcpuclockid(3): (~pid << 3) | 2 is the processor clock of a process


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu`: seconds so far, ended children included. `wakeups`: voluntary switches so far. `pss`: MiB now."""

    cpu: float
    wakeups: int
    pss: float
    processes: int

    def __sub__(self, earlier: Usage) -> Usage:
        return Usage(self.cpu - earlier.cpu, self.wakeups - earlier.wakeups, self.pss, self.processes)

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.cpu + other.cpu, self.wakeups + other.wakeups, self.pss + other.pss, self.processes + other.processes
        )


NOTHING = Usage(0.0, 0, 0.0, 0)


def alone(pid: int) -> Usage:
    """Of one process. OSError when it has ended."""
    return Usage(_cpu(pid), _wakeups(pid), _pss(pid), 1)


def usage(leader: int) -> Usage:
    """Of the session that `leader` leads."""
    total = NOTHING
    for pid in session(leader):
        try:
            total += alone(pid)
        except OSError:
            continue  # it ended meanwhile; its parent has its time
    return total


def session(leader: int) -> list[int]:
    """All living processes of a session."""
    found = []
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                if int(_stat(int(entry.name))[3]) == leader:
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def _stat(pid: int) -> list[str]:
    """The fields behind the name: state, ppid, pgrp, session, ..."""
    return (PROC / str(pid) / "stat").read_text("ascii", "replace").rpartition(")")[2].split()


def _cpu(pid: int) -> float:
    """Its threads to the nanosecond, those that have ended too; ended children to the tick.

    The sum of `task/*/schedstat` leaves out what an ended thread took until the whole process ends: then all of it comes
    at once, in whatever is being measured by that time.
    """
    fields = _stat(pid)
    own = time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)
    return own + (int(fields[13]) + int(fields[14])) / TICKS


def _wakeups(pid: int) -> int:
    return sum(_voluntary(task) for task in (PROC / str(pid) / "task").iterdir())


def _voluntary(task: Path) -> int:
    for line in (task / "status").read_text("utf-8", "replace").splitlines():
        if line.startswith("voluntary_ctxt_switches:"):
            return int(line.split()[1])
    return 0


def _pss(pid: int) -> float:
    """Shared pages split among their users."""
    for line in (PROC / str(pid) / "smaps_rollup").read_text("ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
