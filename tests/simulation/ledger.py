"""What was run: a line for each range of seeds, and the first seed that misses each guard."""

from __future__ import annotations

import csv
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from .checker import NAMES, check
from .guards import Guard
from .running import Figures, play

COLUMNS = (
    "first", "last", "commit", "date", "runs", "publications", "requests", "public", "kills", "pauses", "unknown",
    "to_person_percent", "violations", "jobs", "seconds",
)  # fmt: skip
GUARD_COLUMNS = ("guard", "what", "removed_with_it", "first_seed", "invariant")
Found = tuple[int, str]


def last(path: Path) -> int:
    """The last seed of the ledger, -1 where there is none."""
    if not path.exists():
        return -1
    with path.open(encoding="utf-8", newline="") as file:
        return max((int(row["last"]) for row in csv.DictReader(file)), default=-1)


def write(path: Path, seeds: range, figures: Figures, seconds: float, jobs: int) -> None:
    """One line for one range."""
    new = not path.exists()
    broken = " ".join(f"{NAMES[invariant]}:{count}" for invariant, count in sorted(figures.violations.items()))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(COLUMNS)
        writer.writerow(
            [
                seeds.start, seeds.stop - 1, commit(), datetime.now(UTC).date().isoformat(), figures.runs,
                figures.publications, figures.requests, figures.items, figures.kills, figures.pauses, figures.unknown,
                f"{figures.person_percent:.1f}", broken or "0", jobs, round(seconds),
            ]
        )  # fmt: skip


def commit() -> str:
    """The commit that was run; with a + where something was changed."""
    head = subprocess.run(["git", "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True, check=False)
    dirty = subprocess.run(
        ["git", "status", "--porcelain", "--", "bot", "tests/simulation"], capture_output=True, text=True, check=False
    )
    return head.stdout.strip() + ("+" if dirty.stdout.strip() else "")


def first_seed(guard: Guard, most: int) -> Found | None:
    """The first seed that notices that the guard is gone (and not only its shadows), and what it saw violated."""
    for first in range(0, most, 500):
        with guard.removed() as without:
            found = [(seed, bad[0][0]) for seed in range(first, first + 500) if (bad := check(play(seed, without)))]
        with guard.unshadowed() as without:
            for seed, invariant in found:
                if not check(play(seed, without)):
                    return seed, NAMES[invariant]
    return None


def write_guards(path: Path, rows: list[tuple[Guard, Found | None]]) -> None:
    """The table of guards."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(GUARD_COLUMNS)
        for guard, found in rows:
            seed, invariant = found or ("", "not noticed")
            writer.writerow([guard.name, guard.what, guard.shadow, seed, invariant])


def read_guards(path: Path) -> dict[str, Found]:
    """The first seed of each guard, and the invariant."""
    with path.open(encoding="utf-8", newline="") as file:
        return {
            row["guard"]: (int(row["first_seed"]), row["invariant"])
            for row in csv.DictReader(file)
            if row["first_seed"]
        }
