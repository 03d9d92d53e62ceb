"""Who prepares or shows gives way to who sends: in real processes, because a claim that was lowered cannot be raised again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.runtime.priority import PREPARES, SHOWS

CODE = """
import os, pathlib, sys
from bot.runtime import priority
priority.AUTOGROUP = pathlib.Path(sys.argv[1])
for value in sys.argv[2:]:
    priority.give_way(int(value))
print(os.nice(0))
"""


def lowered(session: Path, *values: int, own: bool = True) -> int:
    """The claim of a process that gave way; `session` is written where it lowers that of its whole session."""
    argv = [sys.executable, "-c", CODE, str(session), *map(str, values)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, start_new_session=own)
    return int(done.stdout)


@pytest.fixture
def session(tmp_path: Path) -> Path:
    return tmp_path / "autogroup"


def test_it_lowers_its_claim_and_that_of_its_session(session: Path) -> None:
    assert lowered(session, PREPARES) == max(PREPARES, os.nice(0))
    assert session.read_text() == str(PREPARES)


def test_a_session_that_others_share_is_left_alone(session: Path) -> None:
    assert lowered(session, PREPARES, own=False) == max(PREPARES, os.nice(0))
    assert not session.exists()


def test_a_page_gives_way_less_than_what_is_staged(session: Path) -> None:
    assert 0 < SHOWS < PREPARES


def test_it_never_raises_a_claim(session: Path) -> None:
    assert lowered(session, PREPARES, SHOWS) == max(PREPARES, os.nice(0))


def test_where_it_cannot_be_lowered_nothing_happens(tmp_path: Path) -> None:
    assert lowered(tmp_path / "no" / "such" / "file", SHOWS) == max(SHOWS, os.nice(0))
