"""`make bench-docs`: the long runs of docs/explanation/performance.md, one after the other, and the page's tables from them.

    python -m benchmarks.pages [--only NAME,NAME] [--folder artifacts/bench]

About two hours on a quiet machine. Each run leaves its raw figures in the folder; one that is there already is not run again, so
the list can be done in pieces. A block of the page is written as soon as its run is done.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "explanation" / "performance.md"
#: Block of the page -> the arguments of `python -m benchmarks`.
RUNS: dict[str, str] = {
    "release": "release --long --rounds 3 --gap 4 --publish 5",
    "release-postgresql": "release --ns 2,50,500 --releases 30 --gap 4 --rounds 2 --publish 5 --db postgresql",
    "release-100ms": "release --ns 2,50,500 --releases 20 --rounds 2 --delay-ms 100 --delay-all-ms 100",
    "release-100ms-public": "release --ns 2,50,500,2000 --releases 200 --gap 4 --rounds 1 --publish 5 --delay-ms 100",
    "release-tls": "release --ns 2,50,500,2000 --releases 200 --gap 4 --rounds 1 --publish 5 --tls",
    "launcher": "launcher --long",
    "province": "province --long",
    "province-postgresql": "province --ns 100,300,1000 --db postgresql",
    "due": "due --long",
    "idle": "idle --long",
    "calls": "calls --long",
    "console": "console --long --db sqlite",
    "console-postgresql": "console --long --db postgresql",
    "peers": "peers --ns 2,50,500,2000 --rounds 1",
    "peers-100ms": "peers --ns 50,500,2000 --rounds 1 --delay-ms 100",
}


def main() -> int:
    """Run what is missing, write the page. Returns the worst exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help=f"some of: {', '.join(RUNS)}")
    parser.add_argument("--folder", type=Path, default=ROOT / "artifacts" / "bench")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    names = chosen.only.split(",") if chosen.only else list(RUNS)
    return max((one(name, chosen.folder / f"{name}.json") for name in names), default=0)


def one(name: str, file: Path) -> int:
    """One run and its block."""
    print(f"· {name}", flush=True)
    if not file.exists():
        argv = [sys.executable, "-m", "benchmarks", *RUNS[name].split(), "--json", str(file)]
        status = subprocess.run(argv, cwd=ROOT, check=False).returncode
        if status:
            return status
    write = [sys.executable, "-m", "benchmarks.tables", str(PAGE), f"{name}={file}"]
    return subprocess.run(write, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
