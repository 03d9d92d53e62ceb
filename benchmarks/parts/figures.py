"""From arrivals to figures: percentiles, spreads, Markdown."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .stub import Arrival


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all do not exceed (nearest rank). ValueError when there are none."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    rank = -(-len(ordered) * share // 1)  # ceiling
    return ordered[min(len(ordered), max(1, int(rank))) - 1]


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late N requests of one T arrived, in milliseconds; `lost` never came, `doubled` came more than once."""

    late: tuple[float, ...]
    early: int
    lost: int
    doubled: int

    @property
    def median(self) -> float:
        """Half are not later."""
        return statistics.median(self.late)

    @property
    def p99(self) -> float:
        """99 of 100 are not later."""
        return percentile(self.late, 0.99)

    @property
    def most(self) -> float:
        """The last one."""
        return max(self.late)

    @property
    def skew(self) -> float:
        """Last minus first."""
        return max(self.late) - min(self.late)

    def raw(self) -> dict[str, Any]:
        """For a JSON file."""
        return asdict(self)


def lateness(arrivals: Iterable[Arrival], accounts: Iterable[int], at: float) -> Lateness:
    """Judge one T. An account that was called more than once counts with its first call."""
    first: dict[int, float] = {}
    calls: Counter[int] = Counter()
    for arrival in arrivals:
        first[arrival.account] = min(first.get(arrival.account, arrival.at), arrival.at)
        calls[arrival.account] += 1
    wanted = list(accounts)
    late = tuple(round((first[account] - at) * 1000, 4) for account in wanted if account in first)
    return Lateness(
        late,
        sum(value < 0 for value in late),
        len(wanted) - len(late),
        sum(calls[account] > 1 for account in wanted),
    )


def middle(values: Sequence[float]) -> float:
    """Median over rounds; nan when there are none."""
    return statistics.median(values) if values else float("nan")


def number(value: float) -> str:
    """Three significant digits, as people write them."""
    if value != value:  # nan
        return "—"
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    return f"{value:,.{digits}f}"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [list(columns), ["---"] * len(columns), *([str(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def tally(values: Iterable[str]) -> Mapping[str, int]:
    """How often each occurs, most first."""
    return dict(Counter(values).most_common())
