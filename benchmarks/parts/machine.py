"""Where and when it was measured."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def facts() -> dict[str, Any]:
    """Size of the machine, versions, date, load: every figure belongs to them."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


class Stolen:
    """How much of the processors' time a virtual machine's host gave to others: what the kernel calls steal."""

    def __init__(self) -> None:
        self._before = _ticks()

    def percent(self) -> float | None:
        """Since it was made, of all processors' time. None where the kernel does not say."""
        before, after = self._before, _ticks()
        whole = sum(after) - sum(before)
        return round(100 * (after[STEAL] - before[STEAL]) / whole, 1) if len(after) > STEAL and whole > 0 else None


#: Place of steal among the figures of /proc/stat's first line (proc_stat(5)).
STEAL = 7


def _ticks() -> list[int]:
    try:
        first = Path("/proc/stat").read_text("ascii").partition("\n")[0]
    except OSError:
        return []
    return [int(part) for part in first.split()[1:9]]


def line(machine: dict[str, Any]) -> str:
    """One sentence for people."""
    stolen = machine.get("stolen_percent")
    taken = f"; the host took {stolen} % of the processors' time meanwhile" if stolen else ""
    return (
        f"{machine['date']}; {machine['cores']} cores ({machine['processor']}), {machine['memory_gib']} GiB, "
        f"{machine['system']}, Python {machine['python']}; load at the start {machine['load']}{taken}."
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine() or sys.platform
