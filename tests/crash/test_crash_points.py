"""Every check: deaths at the decisive points and evenly over all others, on both databases; and the judge has teeth.

`python -m tests.crash --range 0:1400` is the long setting.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNS = 56  # on each database
WITHIN = 1800  # seconds; two cores with nothing else to do need less than one minute

pytestmark = pytest.mark.e2e


def crash(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m tests.crash`."""
    command = [sys.executable, "-m", "tests.crash", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=WITHIN, check=False)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_whoever_is_killed_at_whatever_point_every_promise_is_kept(database):
    done = crash("--database", database, "--short", str(RUNS))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    found = re.search(r"(\d+) runs, (\d+) kills that hit, 0 with violations", done.stdout)
    assert found, done.stdout
    assert int(found[1]) == RUNS
    # a point that one run had may be missing in another, where a look came later or the machine was busy
    assert int(found[2]) >= RUNS * 3 // 4


def test_an_engine_without_its_guards_is_convicted():
    """The intent after the bytes; a dead sender's attempt, or a lost answer, taken for unsent; locks that nobody asks."""
    taken_away = ("intent-after-the-bytes", "orphans-were-not-sent", "silence-is-failure", "nobody-holds-a-lock")
    done = crash("--gate", *taken_away)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert done.stdout.count("| run ") == len(taken_away), done.stdout
    assert "intent before effect" in done.stdout
    assert "never twice" in done.stdout
