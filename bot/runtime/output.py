"""What child processes print: kept in rotated files, and shown on the console where that is wanted."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

MAX_BYTES = 5 * 1024 * 1024
KEEP = 5

Echo = Callable[[str, str], None]
"""Called with (program name, line without its end)."""


class RotatingFile:
    """Appends lines to NAME.log; at MAX_BYTES it becomes NAME.log.1 and so on, KEEP old ones at most."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, keep: int = KEEP) -> None:
        self._path, self._max, self._keep = path, max_bytes, keep
        self._file = path.open("ab")

    def write(self, line: bytes) -> None:
        """Append one line. Raises OSError when the disk is full."""
        if self._file.tell() + len(line) > self._max and self._file.tell():
            self._rotate()
        self._file.write(line)
        self._file.flush()

    def _rotate(self) -> None:
        self._file.close()
        for number in range(self._keep - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                self._numbered(number).replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))
        self._file = self._path.open("ab")

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def close(self) -> None:
        """Close the file; a failing last flush loses log lines, not more."""
        with contextlib.suppress(OSError):
            self._file.close()


class Drain:
    """Reads a child's output in a thread until it ends.

    It goes on reading even when the disk is full: a child that blocks on a full pipe at the promised second
    would cost a release, a lost log line costs nothing.
    """

    def __init__(self, name: str, stream: IO[bytes], file: RotatingFile, echo: Echo | None = None) -> None:
        self.lost = 0
        self._name, self._stream, self._file, self._echo = name, stream, file, echo
        self._thread = threading.Thread(target=self._run, name=f"output-{name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with self._stream:
            for line in iter(lambda: self._stream.readline(65_536), b""):
                self._keep(line)
        self._file.close()

    def _keep(self, line: bytes) -> None:
        try:
            self._file.write(line if line.endswith(b"\n") else line + b"\n")
        except (OSError, ValueError):
            self.lost += 1
        if self._echo:
            self._echo(self._name, line.decode("utf-8", "replace").rstrip("\r\n"))

    def join(self, seconds: float) -> None:
        """Wait for the last lines."""
        self._thread.join(seconds)
