"""Real processes: started in a group of their own, watched, killed by id, and always ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
TONGFA = (sys.executable, "-m", "bot.cli.main")
POLL = 0.1
ENDS_WITHIN = 90.0  # seconds; a worker may take 40 to finish what it has begun, the programs after it some more
#: What the shell may have set and a test must not inherit.
OURS = ("TONGFA_", "DATABASE_URL", "BROKER_URL", "DJANGO_", "PYTHONPATH", "CELERY_", "HTTP_PROXY", "HTTPS_PROXY")


def environment(**extra: str) -> dict[str, str]:
    """This process's environment without any setting of ours, then `extra`."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(OURS)}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", **extra}


def free_port() -> int:
    """A port that nobody listened on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def patient(seconds: float) -> float:
    """A lead for an instant, longer on a machine that is busy with more than us: commands take their time there."""
    waiting = max(0.0, os.getloadavg()[0] - (os.cpu_count() or 1))
    return seconds + min(60.0, 5 * waiting)


def sleep_until(instant: float) -> None:
    """Until that epoch second; returns at once when it has passed."""
    while (left := instant - time.time()) > 0:
        time.sleep(min(left, 0.5) if left > 0.6 else left)


def wait_for(question: Callable[[], T], timeout: float, what: str, *, alive: Sequence[Process] = ()) -> T:
    """The first truthy answer. Fails with `what` after `timeout` seconds, or when a process of `alive` ends."""
    end = time.monotonic() + timeout
    while not (answer := question()):
        for process in alive:
            assert process.running, f"{what}: {process.name} ended early\n{process.output()[-3000:]}"
        if time.monotonic() > end:
            tails = "\n".join(f"--- {process.name}\n{process.output()[-3000:]}" for process in alive)
            raise AssertionError(f"did not happen within {timeout:.0f} s: {what}\n{tails}")
        time.sleep(POLL)
    return answer


def kill_group(pid: int) -> None:
    """SIGKILL to a process and all that it started in its group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


class Process:
    """One program in its own session, its output in a file. Use it as a context manager."""

    def __init__(self, name: str, argv: Sequence[str], env: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}-{time.monotonic_ns()}.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                list(argv), env=dict(env), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        self.pid = self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def output(self) -> str:
        """All it has printed so far."""
        return self.log.read_text("utf-8", "replace")

    def wait(self, timeout: float) -> int:
        """Its exit status."""
        return self._process.wait(timeout)

    def kill(self) -> None:
        """kill -9, this one process alone."""
        self._process.kill()
        self._process.wait(10)

    def kill_group(self) -> None:
        """kill -9 to it and its group."""
        kill_group(self.pid)
        self._process.wait(10)

    def end(self, grace: float = ENDS_WITHIN) -> int:
        """SIGTERM, then SIGKILL to the group; returns the exit status."""
        if self.running:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace)
        kill_group(self.pid)
        return self._process.wait(10)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
