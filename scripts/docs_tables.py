"""Markdown tables and words for delays, for `generate_docs`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; bars and line breaks in cells are made harmless."""
    lines = [header, ["---"] * len(header), *rows]
    cells = (" | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) for line in lines)
    return "".join(f"| {line} |\n" for line in cells)


def span(delay: timedelta) -> str:
    """A delay as people say it: 100 ms, 15 s, 10 min, 1 d."""
    seconds = delay.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size * (2 if unit == "min" else 1) and seconds % size == 0:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:g} s"


def spans(delays: Iterable[timedelta]) -> str:
    """Several delays."""
    return ", ".join(span(delay) for delay in delays)


def code(text: str) -> str:
    """As code, or nothing."""
    return f"`{text}`" if text else ""
