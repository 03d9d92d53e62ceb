"""Excel workbooks (.xlsx): read row by row; formulas are never evaluated.

A formula in a column that matters refuses its row. Its stored result is not taken either: any program may have
written it, and nobody has seen it as text.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openpyxl

from ..archive import check, readable
from ..columns import Header, read_header, require
from ..contract import Formula, Opened, Record, Rejected, SourceError, SourceKind
from ..text import visible

WHAT = "Excel 文件"
#: Banner lines above the heading ("2017年信息公开目录") are usual.
HEADING_ROWS = 10
FIRST_ROWS = 100
MAX_COLUMNS = 200
#: Sheets are streamed, so a large one is bearable.
MAX_XML = 150 << 20


def _open(path: Path, name: str) -> Opened:
    check(path, "xl/workbook.xml", WHAT, max_xml=MAX_XML)
    with readable(WHAT), _workbook(path) as book:
        sheet, number, header = _heading(book)
        rows = sheet.max_row
        unread = tuple(one.title for one in book.worksheets if one.title != sheet.title and _holds_something(one))
    return Opened(
        records=lambda: _records(path, sheet.title, number, header),
        total=max(rows - number, 0) if rows else None,
        ignored_columns=header.ignored,
        unread=unread,
    )


@contextmanager
def _workbook(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        book = openpyxl.load_workbook(file, read_only=True, data_only=False, keep_links=False)
        try:
            yield book
        finally:
            book.close()


def _heading(book: Any) -> tuple[Any, int, Header]:
    """The first visible sheet with a complete heading among its first rows; its number and meaning."""
    best: Header | None = None
    for sheet in book.worksheets:
        if sheet.sheet_state != "visible":
            continue
        for number, cells in enumerate(_cells(sheet, 1, HEADING_ROWS), 1):
            header = read_header(_trimmed([cell.value for cell in cells]))
            if header.fields and not header.missing():
                return sheet, number, header
            if best is None or len(header.fields) > len(best.fields):
                best = header
    require(best or read_header([]))
    raise SourceError("工作表里没有表头。")  # require always raises here: an incomplete heading misses something


def _holds_something(sheet: Any) -> bool:
    """Whether a visible sheet has anything among its first rows; one that cannot be read does: nobody knows."""
    if sheet.sheet_state != "visible":
        return False
    try:
        with readable(WHAT):
            return any(cell.value not in (None, "") for row in _cells(sheet, 1, FIRST_ROWS) for cell in row)
    except SourceError:
        return True


def _trimmed(values: list[Any]) -> list[Any]:
    """Without the empty cells at the end, which openpyxl pads up to the column asked for."""
    while values and values[-1] is None:
        values.pop()
    return values


def _cells(sheet: Any, first: int, last: int | None = None, width: int = MAX_COLUMNS) -> Iterator[tuple[Any, ...]]:
    rows: Iterator[tuple[Any, ...]] = sheet.iter_rows(min_row=first, max_row=last, max_col=width)
    return rows


def _records(path: Path, title: str, heading: int, header: Header) -> Iterator[Record | Rejected]:
    with readable(WHAT), _workbook(path) as book:
        for number, cells in enumerate(_cells(book[title], heading + 1, width=header.width), heading + 1):
            values = [_value(cell) for cell in cells]
            if any(value not in (None, "") for value in values):
                yield _record(number, cells, values, header)


def _value(cell: Any) -> Any:
    """The cell's value; a formula as its text, an error as what the sheet shows."""
    if cell.data_type == "f":
        return Formula(str(getattr(cell.value, "text", cell.value)))
    return cell.value


def _record(number: int, cells: tuple[Any, ...], values: list[Any], header: Header) -> Record | Rejected:
    named = {name: values[position] for position, name in header.fields.items() if position < len(values)}
    for position, name in header.fields.items():
        if position < len(cells) and cells[position].data_type == "e":
            reason, remedy = "单元格是错误值。", "请在表格软件中改正这个单元格后重新导入。"
            return Rejected(number, visible(named.get("external_id")), name, visible(values[position]), reason, remedy)
    return Record(number, named)


SOURCE = SourceKind("xlsx", (".xlsx",), _open)
