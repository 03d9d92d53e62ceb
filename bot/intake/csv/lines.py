"""Physical lines of a text file that can be given back, so that one stray quote costs one row and not the file."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

#: No row of ours is longer: a body of 200,000 characters with every quote doubled, and everything else, fits.
MAX_CHARS = 1_000_000
MAX_LINES = 20_000


class Overrun(Exception):
    """A row goes on beyond any sensible length: its quote was never closed."""


class LineReader:
    """Iterates over lines with their line ends. After `mark()`, `rewind()` gives back all lines but the first."""

    def __init__(self, path: Path, codec: str) -> None:
        self._file = path.open(encoding=codec, newline="")
        self._back: deque[str] = deque()
        self._row: list[str] = []
        self._chars = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        if self._chars > MAX_CHARS or len(self._row) > MAX_LINES:
            raise Overrun
        line = self._back.popleft() if self._back else self._file.readline(MAX_CHARS)
        if not line:
            raise StopIteration
        self._row.append(line)
        self._chars += len(line)
        if len(line) >= MAX_CHARS:
            self._drain()
            raise Overrun
        return line

    @property
    def taken(self) -> int:
        """Lines since the mark."""
        return len(self._row)

    def mark(self) -> None:
        """A new row begins here."""
        self._row, self._chars = [], 0

    def rewind(self) -> str:
        """Put the lines since the mark back, but for the first, which is returned."""
        first, *rest = self._row or [""]
        self._back.extendleft(reversed(rest))
        self.mark()
        return first

    def _drain(self) -> None:
        """Read on to the end of an endless line, keeping nothing of it."""
        while (rest := self._file.readline(MAX_CHARS)) and not rest.endswith(("\n", "\r")):
            pass
