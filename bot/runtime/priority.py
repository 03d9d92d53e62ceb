"""Who gives way to whom where processors are few: who prepares or shows, to who sends.

A release goes out while the next is staged and pages are looked at. A sender that waits for its instant on a processor that
it shares is put aside for some milliseconds at a time; a lower claim of the others makes that rare.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

PREPARES = 10
SHOWS = 5
AUTOGROUP = Path("/proc/self/autogroup")


def give_way(nice: int) -> None:
    """Lower this process's claim to that value, for good, and that of what it starts; where it cannot be, nothing changes.

    Linux weighs sessions before processes (sched_autogroup): a session of its own is lowered as a whole, a shared one never.
    """
    with suppress(OSError):
        os.nice(max(0, nice - os.nice(0)))
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            AUTOGROUP.write_text(str(nice), "ascii")
