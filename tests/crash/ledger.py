"""The ledger: a table in a page of docs/, one line for every range that was played to its end."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = ("database", "runs", "from", "to", "engine", "day", "kills that hit", "violations", "seconds", "CPU seconds")


@dataclass(frozen=True)
class Line:
    """A finished range."""

    database: str
    first: int
    after: int
    engine: str
    day: date
    hits: int
    violations: int
    seconds: float
    cpu: float

    def row(self) -> str:
        """As it stands in the table; `to` is the last run."""
        cells = (
            self.database, self.after - self.first, self.first, self.after - 1, self.engine, self.day.isoformat(),
            self.hits, self.violations, f"{self.seconds:.0f}", f"{self.cpu:.0f}",
        )  # fmt: skip
        return f"| {' | '.join(str(cell) for cell in cells)} |"


class Ledger:
    """Lines are added at the end of the page; its text above them is nobody's business here."""

    def __init__(self, page: Path) -> None:
        self._page = page

    def done(self, database: str, first: int, after: int, engine: str) -> bool:
        """Whether a line covers this range of this database, played on this engine, without violations."""
        text = self._page.read_text("utf-8") if self._page.exists() else ""
        for line in text.splitlines():
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if len(cells) != len(COLUMNS) or (cells[0], cells[4], cells[7]) != (database, engine, "0"):
                continue
            if int(cells[2]) <= first and after - 1 <= int(cells[3]):
                return True
        return False

    def add(self, line: Line) -> None:
        """Write one down."""
        text = self._page.read_text("utf-8") if self._page.exists() else "# Crash-point runs\n"
        if f"| {' | '.join(COLUMNS)} |" not in text:
            text = f"{text.rstrip()}\n\n| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}\n"
        self._page.parent.mkdir(parents=True, exist_ok=True)
        self._page.write_text(f"{text.rstrip()}\n{line.row()}\n", "utf-8")


def commit() -> str:
    """The last commit that touched engine, runs or judge; `+` where they have changes that are not committed."""
    parts = ["--", "bot", "config", "tests/crash", "tests/support"]
    last = subprocess.run(
        ["git", "log", "-1", "--format=%h", "--abbrev=8", *parts], cwd=ROOT, capture_output=True, text=True, check=False
    )
    changed = subprocess.run(["git", "diff", "--quiet", "HEAD", *parts], cwd=ROOT, check=False)
    return last.stdout.strip() + ("+" if changed.returncode else "")
