"""How these tests write files and read them back."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import openpyxl

from bot.intake import Rejected, Row, Taken, open_source

GOOD: dict[str, Any] = {
    "id": "HD-1",
    "title": "关于印发工作要点的通知",
    "kind": "disclosure",
    "source_url": "http://www.hedong.gov.cn/info/9000/2017001.htm",
}


def good(**changes: Any) -> dict[str, Any]:
    """A row that is taken, with changes."""
    return GOOD | changes


def csv_text(rows: Iterable[Mapping[str, Any]], delimiter: str = ",") -> str:
    rows = list(rows)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def read(path: Path, content: str | bytes, **options: Any) -> list[Row]:
    """Write `content` and read it as a source."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(open_source(path, **options))


def read_csv(folder: Path, *rows: Mapping[str, Any]) -> list[Row]:
    return read(folder / "items.csv", csv_text(rows))


def read_json(folder: Path, *rows: Any) -> list[Row]:
    return read(folder / "items.json", json.dumps(rows, ensure_ascii=True))


def read_xlsx(folder: Path, *rows: Iterable[Any]) -> list[Row]:
    """Rows of cells; the first is the heading."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    path = folder / "items.xlsx"
    book.save(path)
    return list(open_source(path))


def taken(row: Row) -> Taken:
    assert isinstance(row, Taken), row
    return row


def rejected(row: Row) -> Rejected:
    assert isinstance(row, Rejected), row
    assert row.reason.endswith("。"), "a reason is a Chinese sentence"
    assert row.remedy.endswith("。"), "a remedy is a Chinese sentence"
    return row


def notes(row: Row, field: str) -> str:
    """What was cleaned in a field, as one text."""
    return "；".join(note.what for note in taken(row).cleaned if note.field == field)
