"""Spreadsheets: every sheet, hidden ones too, one line a row as the program numbers them."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import openpyxl

from bot.domain.attached import Part, Reading

from ..archive import check
from .limits import MOST_LETTERS
from .markup import author_of, count, local, numbered, root

MAX_XML = 150 << 20  # streamed
_HIDDEN = re.compile(rb'<(?:\w+:)?(?:row|col)\b[^<>]*\shidden="(?:1|true)"')
_CHUNK = 1 << 20
_COMMENTS = ("comment", "threadedComment")


def read(path: Path) -> Reading:
    """A .xlsx. Of formulas the stored result counts: that is what a reader sees."""
    check(path, "xl/workbook.xml", "附件", max_xml=MAX_XML)
    with zipfile.ZipFile(path) as archive:
        notes = [root(archive, name) for name in numbered(archive, r"xl/(?:comments|threadedComments/).*\.xml")]
        remarks = sum(count(one, *_COMMENTS) for one in notes)
        hidden = any(_hides(archive, name) for name in numbered(archive, r"xl/worksheets/.*\.xml"))
        author = author_of(archive)
        said = "\n".join(line for one in notes if one is not None for line in _remarks(one))
    parts, sheets = _sheets(path)
    left = [
        *(f"隐藏的工作表“{name}”" for name in sheets),
        *(["隐藏的行或列"] if hidden else []),
        *([f"{remarks} 条批注"] if remarks else []),
    ]
    return Reading((*parts, Part("批注", "行", said)), tuple(left), author)


def _remarks(element: Element) -> list[str]:
    found = [one for one in element.iter() if local(one) in _COMMENTS]
    return [" ".join("".join(one.itertext()).split()) for one in found]


def _hides(archive: zipfile.ZipFile, name: str) -> bool:
    with archive.open(name) as stream:
        tail = b""
        while chunk := stream.read(_CHUNK):
            if _HIDDEN.search(tail + chunk):
                return True
            tail = chunk[-4096:]
    return False


def _sheets(path: Path) -> tuple[list[Part], list[str]]:
    with path.open("rb") as file:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        try:
            sheets = list(book.worksheets)
            parts = [Part(f"工作表“{sheet.title}”", "行", _text(sheet)) for sheet in sheets]
            return parts, [sheet.title for sheet in sheets if sheet.sheet_state != "visible"]
        finally:
            book.close()


def _text(sheet: Any) -> str:
    """Row by row; what comes after the most letters is not needed."""
    sheet.reset_dimensions()  # a sheet that says it has a million rows would be padded up to them
    rows: list[str] = []
    letters = 0
    for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
        line = "\t".join(_shown(value) for value in row if value is not None)
        if line.strip():
            rows += [""] * (number - 1 - len(rows))  # a number of a row is the program's own
            rows.append(line)
            letters += len(line)
        if letters > MOST_LETTERS:
            break
    return "\n".join(rows)


def _shown(value: Any) -> str:
    """As the sheet shows it: a telephone number kept as a number has no `.0`."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e21
    return str(int(value) if whole else value).replace("\n", " ")
