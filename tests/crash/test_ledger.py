"""The ledger: what is finished on this engine is not played again."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.crash.ledger import COLUMNS, Ledger, Line

PAGE = Path(__file__).resolve().parents[2] / "docs" / "proof" / "crash-points.md"


def line(first: int, after: int, *, violations: int = 0, engine: str = "abcdef12") -> Line:
    return Line("sqlite", first, after, engine, date(2026, 11, 25), after - first, violations, 61.4, 58.9)


def test_a_finished_range_is_done_on_this_database_and_this_engine_only(tmp_path):
    ledger = Ledger(tmp_path / "page.md")
    ledger.add(line(0, 100))
    assert ledger.done("sqlite", 0, 100, "abcdef12")
    assert ledger.done("sqlite", 50, 100, "abcdef12")
    assert not ledger.done("sqlite", 50, 101, "abcdef12")
    assert not ledger.done("postgresql", 0, 100, "abcdef12")
    assert not ledger.done("sqlite", 0, 100, "abcdef34")


def test_a_range_with_violations_is_played_again(tmp_path):
    ledger = Ledger(tmp_path / "page.md")
    ledger.add(line(0, 100, violations=1))
    assert not ledger.done("sqlite", 0, 100, "abcdef12")


def test_lines_go_into_one_table_at_the_end_of_the_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text("utf-8"), "utf-8")
    before = page.read_text("utf-8").rstrip()
    for first in (0, 100):
        Ledger(page).add(line(first, first + 100))
    assert page.read_text("utf-8") == f"{before}\n{line(0, 100).row()}\n{line(100, 200).row()}\n"
    assert before.count(" | ".join(COLUMNS)) == 1
