"""A program that the supervisor keeps running."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


def always_ready() -> bool:
    """For programs that nothing waits for."""
    return True


@dataclass(frozen=True, slots=True)
class Program:
    """What to run and how to stop it.

    `argv[0]` is a path or a name on the PATH. `env` is the whole environment (None: the parent's). `grace` is
    how many seconds it gets between SIGTERM and SIGKILL. `ready` is asked after the start: programs listed later
    wait for it, `ready_within` seconds at most. `turns`: a file that it touches as long as it goes round; one that has begun to and
    stops is taken to stand still. Neighbours of one `wave` start together, are waited for together and
    stop together; "" stands alone.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] | None = field(default=None, repr=False)
    cwd: Path | None = None
    grace: float = 10.0
    ready: Callable[[], bool] = always_ready
    ready_within: float = 60.0
    turns: Path | None = None
    wave: str = ""
