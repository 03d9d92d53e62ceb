"""CSV: UTF-8 (with or without BOM), UTF-16 with BOM, GB18030; comma, semicolon or tab; columns in any order."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from ..columns import Header, read_header, require
from ..contract import Opened, Record, Rejected, SourceError, SourceKind
from ..encoding import count_lines, detect, limited
from ..text import visible
from .lines import LineReader, Overrun

MAX_BYTES = 100 << 20
DELIMITERS = ",;\t"
#: Above any field that intake accepts. The standard reader's own limit (131,072) would refuse a long body.
csv.field_size_limit(2_000_000)

_QUOTES = "请检查这一行的双引号是否成对；单元格里的双引号要写成两个"


def _open(path: Path, name: str) -> Opened:
    limited(path, MAX_BYTES)
    codec = detect(path)
    with LineReader(path, codec) as lines:
        delimiter, header = _heading(lines)
    return Opened(
        records=lambda: _records(path, codec, delimiter, header),
        total=max(count_lines(path) - 1, 0),
        ignored_columns=header.ignored,
    )


def _heading(lines: LineReader) -> tuple[str, Header]:
    """The delimiter under which the first line means most, and what it means then."""
    first = _skip_to_heading(lines)
    best = max(DELIMITERS, key=lambda delimiter: (_score(first, delimiter), first.count(delimiter)))
    return best, require(read_header(_split(first, best)))


def _skip_to_heading(lines: LineReader) -> str:
    """The first line that is neither blank nor Excel's `sep=;`."""
    for line in lines:
        text = line.strip("\r\n\0 ")
        if text and not text.lower().startswith("sep="):
            return line
    raise SourceError("文件里没有表头，没有导入任何内容。请检查是否选错文件。")


def _score(line: str, delimiter: str) -> int:
    try:
        return len(read_header(_split(line, delimiter)).fields)
    except SourceError:  # the same field twice: it is a header under this delimiter, and will be refused as one
        return len(line)


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _records(path: Path, codec: str, delimiter: str, header: Header) -> Iterator[Record | Rejected]:
    with LineReader(path, codec) as lines:
        _skip_to_heading(lines)
        number = 1
        while True:
            number += 1
            lines.mark()
            try:
                cells = next(csv.reader(lines, delimiter=delimiter, strict=True))
            except StopIteration:
                return
            except (csv.Error, Overrun):
                yield _broken(number, lines.rewind())
                continue
            if lines.taken > 1 and len(cells) != header.width:
                # A lone quote has swallowed following rows: give them back and blame the first line only.
                yield _broken(number, lines.rewind())
            elif any(cell.strip() for cell in cells):
                yield _record(number, cells, header)


def _broken(number: int, line: str) -> Rejected:
    return Rejected(
        number, "", "", visible(line.rstrip("\r\n")), "这一行无法按列拆开，双引号不成对或内容过长。", _QUOTES + "。"
    )


def _record(number: int, cells: list[str], header: Header) -> Record | Rejected:
    values = {name: cells[position] for position, name in header.fields.items() if position < len(cells)}
    extra = [cell for cell in cells[header.width :] if cell.strip()]
    if extra:
        reason = f"这一行有 {len(cells)} 列，多于表头的 {header.width} 列。"
        remedy = "含有分隔符的内容请用双引号括起来。"
    elif len(cells) < header.width:
        reason = f"这一行只有 {len(cells)} 列，少于表头的 {header.width} 列。"
        remedy = "请补齐缺少的列（没有内容也要保留分隔符）。"
    else:
        return Record(number, values)
    return Rejected(number, visible(values.get("external_id")), "", visible((extra or cells)[-1]), reason, remedy)


SOURCE = SourceKind("csv", (".csv", ".tsv", ".txt"), _open)
