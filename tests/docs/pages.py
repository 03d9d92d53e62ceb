"""Reading the pages: their sections, tables, code blocks and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
ROW = re.compile(r"^\| (.*?) ?\|$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language and its text."""

    language: str
    text: str


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def blocks(text: str) -> list[Block]:
    return [Block(language, body) for language, body in FENCE.findall(text)]


def prose(text: str) -> str:
    """The page without its fenced blocks and code spans: where links are links."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))


def links(text: str) -> list[str]:
    return LINK.findall(prose(text))


def sections(text: str, level: int) -> Iterator[tuple[str, str]]:
    """(heading, text below it up to the next heading of this or a higher level)."""
    parts = re.split(
        rf"^(#{{1,{level}}}) (.+)$", FENCE.sub(lambda m: m[0].replace("\n#", "\n\0#"), text), flags=re.MULTILINE
    )
    for marks, heading, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        if len(marks) == level:
            yield heading.strip(), body.replace("\0", "")


def anchors(text: str) -> set[str]:
    """Ids of the headings, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in found}


def rows(text: str) -> list[list[str]]:
    """Cells of all table rows, headings included, rulers left out."""
    found = [re.split(r"(?<!\\) \| ", row) for row in ROW.findall(FENCE.sub("", text))]
    return [[cell.strip() for cell in row] for row in found if not set("".join(row)) <= set("-: |")]


def named(text: str) -> list[str]:
    """The code in the first cell of each table row, where the cell is nothing but code."""
    return [row[0].strip("`") for row in rows(text) if re.fullmatch(r"`[^`]+`", row[0])]
