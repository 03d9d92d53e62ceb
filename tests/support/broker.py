"""An embedded Valkey for tests, on a unix socket in a folder of its own."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.runtime import valkey
from bot.runtime.paths import Home
from config.broker import broker_address


@dataclass(frozen=True)
class Broker:
    """A running server: its socket, and its address as BROKER_URL."""

    socket: Path
    url: str
    pid: int


@contextlib.contextmanager
def embedded_valkey(folder: Path) -> Iterator[Broker]:
    """Start the server that `tongfa up` starts, in the home `folder`; stop it at the end."""
    program = valkey.program(Home(folder))
    path = Home(folder).broker_socket()
    with subprocess.Popen(program.argv, cwd=program.cwd, stdout=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + program.ready_within
            while not valkey.answers(path):
                assert server.poll() is None, "the embedded Valkey ended while starting"
                assert time.monotonic() < deadline, "the embedded Valkey did not answer in time"
                time.sleep(0.02)
            yield Broker(path, broker_address("", path), server.pid)
        finally:
            server.terminate()
