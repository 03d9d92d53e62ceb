"""Figures of the launcher and the two process-wide settings it touches: file limit and garbage collection."""

from __future__ import annotations

import gc
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

#: Descriptors left for databases, logs and the rest of the process.
SPARE_FILES = 256


@dataclass(frozen=True, slots=True)
class Limits:
    """All in seconds or bytes.

    `attempt`: TCP, proxy and TLS of one try (`first_attempt` where a name has further addresses to try).
    `opening`: tries at once per destination, so that 2,000 handshakes neither overrun a listen queue nor
    starve each other. `awake`: so long before T nobody sleeps any more, but sockets and other threads are still served;
    `spin`: the busy wait at the end.
    `refresh`: how long `refresh` waits for what it had to reopen. `body`, `head`: caps of an answer.
    """

    attempt: float = 3.0
    first_attempt: float = 1.2
    opening: int = 64
    backoff: float = 0.05
    backoff_max: float = 0.5
    settled: float = 1.0  # a connection that stood this long before it was closed is reopened at once
    awake: float = 0.03
    spin: float = 0.003
    refresh: float = 0.05
    body: int = 1 << 20
    head: int = 64 << 10


def make_room(sockets: int) -> None:
    """Raise the soft limit of open files as far as `sockets` needs and the hard limit lets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = sockets + SPARE_FILES
    if soft == resource.RLIM_INFINITY or soft >= need:
        return
    ceiling = need if hard == resource.RLIM_INFINITY else min(max(need, soft), hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (ceiling, hard))


@contextmanager
def calm() -> Iterator[None]:
    """No garbage collection, and quick hand-over of the interpreter lock, while it matters.

    Each send gives up the lock; with the default switch interval of 5 ms one busy thread beside us could cost
    5 ms per shot.
    """
    collecting, frozen, interval = gc.isenabled(), gc.get_freeze_count(), sys.getswitchinterval()
    gc.disable()
    gc.freeze()
    sys.setswitchinterval(0.0001)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        if not frozen:
            gc.unfreeze()
        if collecting:
            gc.enable()
