"""From arrivals to figures: what counts as early, lost and twice, and which value a percentile is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import pages, tables
from benchmarks.__main__ import command, parser
from benchmarks.parts.figures import lateness, number, percentile, table
from benchmarks.parts.stub import Arrival

T = 1_800_000_000.0


def arrival(account: int, late_ms: float, call: str = "send") -> Arrival:
    return Arrival(int((T * 1000 + late_ms) * 1_000_000), account, call, 100)


def test_a_percentile_is_the_nearest_rank():
    values = list(range(1, 101))
    assert [percentile(values, share) for share in (0.01, 0.5, 0.99, 1.0)] == [1, 50, 99, 100]
    assert percentile([7.0], 0.99) == 7.0
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0.01, 1.0))
def test_a_percentile_is_a_value_that_its_share_does_not_exceed(values, share):
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9


def test_lateness_tells_early_lost_and_twice():
    arrivals = [arrival(1, 0.5), arrival(2, -0.25), arrival(3, 2.0), arrival(3, 1.0), arrival(9, 1.0)]
    found = lateness(arrivals, [1, 2, 3, 4], T)
    assert found.late == pytest.approx((0.5, -0.25, 1.0), abs=1e-3)
    assert (found.early, found.lost, found.doubled) == (1, 1, 1)
    assert found.skew == pytest.approx(1.25, abs=1e-3)


def test_numbers_have_three_significant_digits_and_what_is_not_known_is_a_dash():
    assert [number(value) for value in (1234.5, 123.4, 12.34, 1.234, 0.0123, float("nan"))] == [
        "1,234", "123", "12.3", "1.23", "0.012", "—",
    ]  # fmt: skip


def test_a_table_is_markdown():
    assert table(("N", "p99"), [(2, "0.2")]) == "| N | p99 |\n| --- | --- |\n| 2 | 0.2 |"


def row(way: str, *late: float, n: int = 2) -> dict[str, object]:
    return {"n": n, "way": way, "late": list(late), "early": 0, "lost": 0, "doubled": 0}


def test_releases_on_two_accounts_are_judged_together_and_the_others_by_their_medians():
    rows = [row("floor", 0.1, 0.2), row("tongfa", 0.2, 0.4), row("tongfa", 0.3, 0.9)]
    rows += [row("floor", 1.0, 2.0, 3.0, n=3), row("tongfa", 2.0, 4.0, 6.0, n=3), row("tongfa", 1.0, 2.0, 3.0, n=3)]
    cells = [line.strip("| ").split(" | ") for line in tables.release({"rows": rows}).splitlines()[2:]]
    pair = next(line for line in cells if line[:2] == ["2", "**Tongfa**"])
    assert pair[2:7] == ["0.35", "0.90", "0.90", "0.60", "4.50"]
    three = next(line for line in cells if line[:2] == ["3", "**Tongfa**"])
    assert three[2:7] == ["3.00", "4.50", "4.50", "3.00", "1.50"]


def test_a_page_gets_its_blocks_and_keeps_the_rest():
    page = "# P\n<!-- bench: one -->\nold\n<!-- /bench -->\ntext\n<!-- bench: two -->\nkept\n<!-- /bench -->\n"
    new = tables.rewritten(page, {"one": "| a |"})
    assert (
        new
        == "# P\n<!-- bench: one -->\n\n| a |\n\n<!-- /bench -->\ntext\n<!-- bench: two -->\nkept\n<!-- /bench -->\n"
    )
    with pytest.raises(KeyError, match="three"):
        tables.rewritten(page, {"three": ""})


def test_every_run_of_the_page_has_a_block_there_and_every_block_a_run():
    page = pages.PAGE.read_text("utf-8")
    blocks = [found["name"] for found in tables.BLOCK.finditer(page)]
    assert sorted(blocks) == sorted(pages.RUNS)


@pytest.mark.parametrize("name", pages.RUNS)
def test_every_run_of_the_page_is_a_benchmark_with_such_options(name):
    known = parser()
    chosen = known.parse_args(pages.RUNS[name].split())
    assert chosen.name in tables.RENDERERS


def test_the_command_that_is_printed_can_be_typed_again():
    typed = ["release", "--long", "--json", "figures.json", "--ns", "2"]
    assert command(typed) == "python -m benchmarks release --long --ns 2"
