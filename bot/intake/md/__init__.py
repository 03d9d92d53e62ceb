"""Markdown: optional front matter (`键: 值` lines between two `---`, or at the very top), then the text."""

from __future__ import annotations

from pathlib import Path

from markdown_it import MarkdownIt

from ..archive import readable
from ..cleaning import Notes
from ..contract import Opened, SourceKind
from ..encoding import read_text
from ..page import labelled, record
from ..pictures import Album
from ..tree import parse

MAX_BYTES = 10 << 20
WHAT = "Markdown 文件"
#: Raw HTML is let through here because everything is sanitised after; refused, it would appear as visible code.
_PARSER = MarkdownIt("commonmark", {"html": True, "maxNesting": 40}).enable("table")


def _open(path: Path, name: str) -> Opened:
    text = read_text(path, MAX_BYTES).replace("\r\n", "\n").replace("\r", "\n")
    with readable(WHAT):
        values, body = front_matter(text)
        found = record(parse(_PARSER.render(body)), values, Notes(), Album())
    return Opened(lambda: iter((found,)), total=1)


def front_matter(text: str) -> tuple[dict[str, str], str]:
    """(Article fields, the rest). Unknown keys between `---` are ignored; without `---` the first other line ends it."""
    lines = text.lstrip("\n").split("\n")
    fenced = lines[0].strip() == "---" and "---" in (line.strip() for line in lines[1:])
    values: dict[str, str] = {}
    for number, line in enumerate(lines[1:] if fenced else lines, 1 if fenced else 0):
        if fenced and line.strip() == "---":
            return values, "\n".join(lines[number + 1 :])
        pair = labelled(line)
        if pair:
            values.setdefault(pair[0], pair[1].strip("\"'"))
        elif not fenced:
            return values, "\n".join(lines[number:])
    return values, ""


SOURCE = SourceKind("md", (".md", ".markdown"), _open)
