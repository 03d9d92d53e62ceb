"""A million publications in the table: how long the clock takes to see that nothing is due.

    python -m benchmarks due [--short | --long] [--rows 1000000] [--db sqlite,postgresql]

"What is due next" and a whole tick with nothing due: median and p99 over 200 looks, and the statements of each.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.e2e.home import Home
from tests.e2e.processes import ROOT

from .parts.installation import database


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=0, help="publications in the table; nine of ten are of the past")
    parser.add_argument("--db", default="", help="sqlite, postgresql or both with a comma")


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    """Each database in a home of its own."""
    count = chosen.rows or (1_000_000 if chosen.long else 100_000)
    rows = []
    for kind in (chosen.db or "sqlite,postgresql").split(","):
        row = {"db": kind, **one(kind, count)}
        rows.append(row)
        print(f"{kind:11} {row['rows']:,} rows: due next {row['due_next']}  tick {row['tick']}", flush=True)
    return {"benchmark": "due", "settings": {"rows": count}, "rows": rows}


def one(kind: str, count: int) -> dict[str, Any]:
    """Fill and measure in a process of its own."""
    with TemporaryDirectory(prefix="tongfa-bench-") as folder, database(kind) as extra:
        home = Home(Path(folder) / "home", extra)
        home.tongfa("init", "--live")
        argv = [sys.executable, "-m", "benchmarks.parts.million", str(count * 9 // 10), str(count // 10)]
        done = subprocess.run(argv, env=home.env, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
        figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return figures
