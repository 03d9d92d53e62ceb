"""Pages over an archive of many years: how long each takes to answer, and with how many statements.

    python -m benchmarks console [--short | --long] [--db sqlite,postgresql] [--documents N] [--releases 5000]

PostgreSQL holds 1,000,000 documents (--short: 100,000), SQLite 100,000 (20,000); median and p99 over 50 requests to each page
within one process, as the web process would answer them: middleware, queries, template.
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

SIZES = {"sqlite": (20_000, 100_000), "postgresql": (100_000, 1_000_000)}  # short, long


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--documents", type=int, default=0, help="documents in the archive")
    parser.add_argument("--releases", type=int, default=5000, help="releases, most of them of the past")
    parser.add_argument("--db", default="", help="sqlite, postgresql or both with a comma")


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    """Each database in a home of its own."""
    rows: list[dict[str, Any]] = []
    for kind in (chosen.db or "sqlite,postgresql").split(","):
        count = chosen.documents or SIZES[kind][bool(chosen.long)]
        for row in one(kind, count, chosen.releases):
            rows.append({"db": kind, "documents": count, "releases": chosen.releases, **row})
            print(f"{kind:11} {row['page']:40} {row['median_ms']:8.1f} ms  {row['statements']} statements", flush=True)
    return {"benchmark": "console", "settings": {"releases": chosen.releases}, "rows": rows}


def one(kind: str, documents: int, releases: int) -> list[dict[str, Any]]:
    """Fill and measure in a process of its own."""
    with TemporaryDirectory(prefix="tongfa-bench-") as folder, database(kind) as extra:
        home = Home(Path(folder) / "home", extra)
        home.tongfa("init")
        argv = [sys.executable, "-m", "benchmarks.parts.visits", str(documents), str(releases)]
        done = subprocess.run(argv, env=home.env, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
        figures: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
        return figures
