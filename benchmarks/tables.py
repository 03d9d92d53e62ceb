"""Figures to Markdown, for the terminal and for the documentation.

    python -m benchmarks.tables docs/explanation/performance.md release=FILE province=FILE ...

Rewrites the blocks `<!-- bench: NAME -->` ... `<!-- /bench -->` of a page from the JSON files that `--json` left, so that
no figure is copied by hand. Without NAME=FILE nothing changes.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from .parts import machine
from .parts.figures import middle, number, percentile, table

Result = dict[str, Any]
Row = dict[str, Any]
WAYS = {
    "floor": "floor: raw sockets",
    "sessions": "warm `requests`, 64 threads",
    "tongfa": "**Tongfa**",
    "launcher": "the launcher alone",
}


def render(result: Result) -> str:
    """The tables of one run, with the command, the date and the machine."""
    body = RENDERERS[result["benchmark"]](result)
    stamped = result.get("stamped_by")
    by = f" Arrivals stamped by the server's {stamped}." if stamped else ""
    return f"`{result['command']}`, {machine.line(result['machine'])}{by}\n\n{body}"


# --- release and peers ----------------------------------------------------------------------------------


def _grouped(rows: Iterable[Row], *names: str) -> dict[tuple[Any, ...], list[Row]]:
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return groups


def _judged(rows: list[Row]) -> tuple[float, float, float]:
    """Median, p99, max. Of two requests at one T a p99 says nothing, so there all T's are taken together."""
    came = [row["late"] for row in rows if row["late"]]
    if rows[0]["n"] == 2:
        together = [late for one in came for late in one]
        if not together:
            return (float("nan"),) * 3
        return middle(together), percentile(together, 0.99), max(together)
    return (
        middle([middle(one) for one in came]),
        middle([percentile(one, 0.99) for one in came]),
        middle([max(one) for one in came]),
    )


def _skew(rows: list[Row]) -> float:
    spans = [max(row["late"]) - min(row["late"]) for row in rows if len(row["late"]) > 1]
    return percentile(spans, 0.99) if rows[0]["n"] == 2 and spans else middle(spans)


def _count(line: Sequence[object]) -> int:
    return int(str(line[0]))


def release(result: Result) -> str:
    """One line for each N and way; rounds are medians of their medians, p99s and maxima."""
    groups = _grouped(result["rows"], "n", "way")
    floors = {count: _judged(rows)[1] for (count, way), rows in groups.items() if way == "floor"}
    lines: list[list[object]] = []
    for (count, way), rows in groups.items():
        middle_one, p99, most = _judged(rows)
        times = p99 / floors[count] if floors.get(count) else float("nan")
        total = {name: sum(row[name] for row in rows) for name in ("early", "lost", "doubled")}
        lines.append(
            [
                count, WAYS.get(way, way), *map(number, (middle_one, p99, most, _skew(rows), times)), total["early"],
                f"{total['lost']} of {count * len(rows)}", total["doubled"], len(rows),
            ]
        )  # fmt: skip
    columns = ("N", "", "median, ms", "p99", "max", "skew", "p99 ÷ floor", "early", "lost", "twice", "T's")
    return table(columns, sorted(lines, key=_count))


# --- province, due, idle, calls -------------------------------------------------------------------------

PHASES = {
    "staging": "staging",
    "preparing": "T − 15 s to T",
    "recording": "T to recorded",
    "confirming": "to live",
}


def province(result: Result) -> str:
    """Lateness, and cost per publication by phase."""
    late, costs = [], []
    for row in result["rows"]:
        floor = middle([percentile(one["late"], 0.99) for one in row["floor"]])
        figures = [float("nan")] * 4
        if row["late"]:
            p99 = percentile(row["late"], 0.99)
            figures = [middle(row["late"]), p99, max(row["late"]), p99 / floor]
        late.append([f"{row['n']:,}", *map(number, figures), number(floor), row["early"], row["lost"], row["doubled"]])
        each = [row[name] for name in PHASES]
        costs.append(
            [
                f"{row['n']:,}",
                *(number(one["seconds"] * 1000 / row["n"]) for one in each),
                *(number(one["cpu_ms_each"]) for one in each),
                *(number(one["statements_each"]) for one in each),
            ]
        )
    first = table(("N", "median, ms", "p99", "max", "p99 ÷ floor", "floor p99", "early", "lost", "twice"), late)
    heads = [f"{what} {name}" for what in ("ms", "CPU ms", "SQL") for name in PHASES.values()]
    return f"{first}\n\nPer publication:\n\n{table(('N', *heads), costs)}"


def due(result: Result) -> str:
    """One line for each database."""
    lines = [
        [
            row["db"], f"{row['rows']:,}", number(row["due_next"]["median_ms"]), number(row["due_next"]["p99_ms"]),
            number(row["tick"]["median_ms"]), number(row["tick"]["p99_ms"]), row["tick"]["statements"],
        ]
        for row in result["rows"]
    ]  # fmt: skip
    return table(
        ("", "publications", "due next, median ms", "p99", "tick, median ms", "p99", "statements a tick"), lines
    )


def idle(result: Result) -> str:
    """One line for each process, and how soon each is back."""
    names = {
        "tongfa": "**Tongfa: clock + workers**", "tongfa, awake": "Tongfa, workers that never rest",
        "celery": "Celery worker + beat as they come", "launcher": "launcher (`tongfa up`)",
    }  # fmt: skip
    lines = [
        [
            names.get(row["name"], row["name"]), number(row["cpu_s_per_minute"]), number(row["wakeups_per_second"]),
            number(row.get("statements_per_second", float("nan"))), number(row.get("redis_per_second", float("nan"))),
            number(row["pss_mib"]), row["processes"],
        ]
        for row in result["rows"]
    ]  # fmt: skip
    columns = ("idle", "CPU s a minute", "wake-ups/s", "SQL/s", "Redis commands/s", "MiB (PSS)", "processes")
    back = _grouped(result["back"], "process")
    times = [[name, number(middle([one["seconds"] for one in rows])), number(max(one["seconds"] for one in rows)), len(rows)]
             for (name,), rows in back.items()]  # fmt: skip
    return f"{table(columns, lines)}\n\n{table(('back after kill -9', 'median, s', 'max', 'times'), times)}"


def calls(result: Result) -> str:
    """One line for each channel and mode."""

    def listed(found: dict[str, float]) -> str:
        return ", ".join(f"{call} × {number(many)}" if many != 1 else call for call, many in found.items()) or "—"

    lines = [
        [row["kind"], *(listed(row["phases"][name]) for name in ("before", "at T", "after"))] for row in result["rows"]
    ]
    tokens = ", ".join(map(str, result["token_calls"]))
    return f"{table(('', 'before T', 'at T', 'after'), lines)}\n\nToken fetches of 8 processes with an expired token: {tokens}."


def console(result: Result) -> str:
    """One line for each page and database."""
    columns = ("", "documents", "page", "median ms", "p99", "statements", "kB")
    lines = [
        [
            row["db"], f"{row['documents']:,}", row["page"], number(row["median_ms"]), number(row["p99_ms"]), row["statements"],
            row["kilobytes"],
        ]
        for row in result["rows"]
    ]  # fmt: skip
    return table(columns, lines)


RENDERERS: dict[str, Callable[[Result], str]] = {
    "release": release, "peers": release, "launcher": release, "province": province, "due": due, "idle": idle, "calls": calls,
    "console": console,
}  # fmt: skip


# --- the page -------------------------------------------------------------------------------------------

BLOCK = re.compile(r"(<!-- bench: (?P<name>[a-z0-9-]+) -->\n)(?P<body>.*?)(<!-- /bench -->)", re.DOTALL)


def rewritten(page: str, tables: dict[str, str]) -> str:
    """The page with these blocks replaced. KeyError for a block that the page does not have."""
    missing = set(tables) - {found["name"] for found in BLOCK.finditer(page)}
    if missing:
        raise KeyError(f"no block for {', '.join(sorted(missing))}")

    def body(found: re.Match[str]) -> str:
        text = tables.get(found["name"])
        return found[0] if text is None else f"{found[1]}\n{text}\n\n{found[4]}"

    return BLOCK.sub(body, page)


def main(arguments: list[str]) -> int:
    """Rewrite one page."""
    if len(arguments) < 2 or not all("=" in one for one in arguments[1:]):
        print("usage: python -m benchmarks.tables PAGE NAME=FILE ...", file=sys.stderr)
        return 2
    page = Path(arguments[0])
    files = (one.partition("=") for one in arguments[1:])
    tables = {name: render(json.loads(Path(file).read_text("utf-8"))) for name, _, file in files}
    page.write_text(rewritten(page.read_text("utf-8"), tables), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
