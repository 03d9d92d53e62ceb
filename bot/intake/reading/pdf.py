"""PDF: the text layer, page by page, by PDFium. A number under a black box stands in it, and anybody can copy it."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pypdfium2.raw as raw

from bot.domain.attached import Part, Reading

from .limits import MOST_PAGES, SCANNED
from .markup import is_nobody

LOCKED = "设了打开密码，系统打不开"
_REMARKS = frozenset(
    {
        raw.FPDF_ANNOT_TEXT,
        raw.FPDF_ANNOT_FREETEXT,
        raw.FPDF_ANNOT_HIGHLIGHT,
        raw.FPDF_ANNOT_STRIKEOUT,
        raw.FPDF_ANNOT_INK,
    }
)
_NAMED_PAGES = 8


def read(path: Path) -> Reading:
    """Its pages. Pages without text are named: they are pictures of paper."""
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if raw.FPDF_GetLastError() == raw.FPDF_ERR_PASSWORD or "password" in str(error).lower():
            return Reading(unread=LOCKED)
        raise
    pages, remarks = [], 0
    count = min(len(document), MOST_PAGES)
    for number in range(count):
        page = document[number]
        pages.append(Part(f"第{number + 1}页", "行", _text(page)))
        remarks += _remarks(page)
        page.close()
    author = document.get_metadata_value("Author") or ""
    left = (f"{remarks} 处批注",) if remarks else ()
    return Reading(tuple(pages), left, "" if is_nobody(author) else author, _unread(pages, len(document)))


def _text(page: pypdfium2.PdfPage) -> str:
    layer = page.get_textpage()
    try:
        return str(layer.get_text_range()).replace("\r\n", "\n").replace("\r", "\n")
    finally:
        layer.close()


def _remarks(page: pypdfium2.PdfPage) -> int:
    """Comments and marks; links and form fields are part of the page."""
    found = 0
    for index in range(raw.FPDFPage_GetAnnotCount(page)):
        note = raw.FPDFPage_GetAnnot(page, index)
        if note:
            found += raw.FPDFAnnot_GetSubtype(note) in _REMARKS
            raw.FPDFPage_CloseAnnot(note)
    return found


def _unread(pages: list[Part], count: int) -> str:
    bare = [page.where for page in pages if not page.text.strip()]
    if len(bare) == len(pages):
        return SCANNED
    if bare:
        more = f"等 {len(bare)} 页" if len(bare) > _NAMED_PAGES else ""
        return f"的{'、'.join(bare[:_NAMED_PAGES])}{more}没有文字，多半是扫描的，系统读不到"
    return f"有 {count} 页，系统只读了前 {MOST_PAGES} 页" if count > MOST_PAGES else ""
