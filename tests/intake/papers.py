"""Office files and fixed layouts with something in them, made on the spot."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import docx
import openpyxl
from PIL import Image

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
PDF = "application/pdf"
OFD = "application/ofd"
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def letter(*paragraphs: str, rows: Sequence[Sequence[str]] = (), author: str = "python-docx") -> bytes:
    """A Word document: paragraphs, then a table."""
    made = docx.Document()
    for text in paragraphs:
        made.add_paragraph(text)
    if rows:
        table = made.add_table(0, len(rows[0]))
        for row in rows:
            for cell, text in zip(table.add_row().cells, row, strict=True):
                cell.text = text
    made.core_properties.author = author
    out = BytesIO()
    made.save(out)
    return out.getvalue()


def word(body: str, **more: str) -> bytes:
    """A Word document of this very markup; `more`: further parts by name (`comments`, `header1`)."""
    parts = {"word/document.xml": f"<w:document {_W}><w:body>{body}</w:body></w:document>"}
    parts |= {f"word/{name}.xml": f"<w:x {_W}>{text}</w:x>" for name, text in more.items()}
    return zipped(parts)


def book(
    sheets: Mapping[str, Sequence[Sequence[Any]]], *, hidden: str = "", hidden_row: int = 0, note: str = ""
) -> bytes:
    """A workbook; one of its sheets and one row of the first may be hidden, its first cell may have a comment."""
    made = openpyxl.Workbook()
    made.remove(made.worksheets[0])
    for title, rows in sheets.items():
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
        if title == hidden:
            sheet.sheet_state = "hidden"
    if hidden_row:
        made.worksheets[0].row_dimensions[hidden_row].hidden = True
    if note:
        made.worksheets[0]["A1"].comment = openpyxl.comments.Comment(note, "openpyxl")
    out = BytesIO()
    made.save(out)
    return out.getvalue()


def slides(*texts: str, notes: str = "") -> bytes:
    """A presentation with a paragraph on each slide, notes under the first."""
    a = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    parts = {"ppt/presentation.xml": "<p/>"}
    for number, text in enumerate(texts, 1):
        parts[f"ppt/slides/slide{number}.xml"] = f"<s {a}><a:p><a:r><a:t>{text}</a:t></a:r></a:p></s>"
    if notes:
        parts["ppt/notesSlides/notesSlide1.xml"] = f"<s {a}><a:p><a:t>{notes}</a:t></a:p></s>"
    return zipped(parts)


def ofd(*pages: str, author: str = "") -> bytes:
    """A fixed layout with one line of text on each page."""
    named = f"<o:Author>{author}</o:Author>" if author else ""
    parts = {"OFD.xml": f'<o:OFD xmlns:o="http://www.ofdspec.org/2016">{named}</o:OFD>'}
    for number, text in enumerate(pages):
        line = f"<o:TextObject><o:TextCode>{text}</o:TextCode></o:TextObject>" if text else ""
        parts[f"Doc_0/Pages/Page_{number}/Content.xml"] = (
            f'<o:Page xmlns:o="http://www.ofdspec.org/2016">{line}</o:Page>'
        )
    return zipped(parts)


def pdf(*pages: str, author: str = "", remark: str = "") -> bytes:
    """A PDF with one line of Latin text on each page ("" for a page without), a remark on the first."""
    objects = ["<</Type/Catalog/Pages 2 0 R>>", "", "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    kids = []
    for text in pages:
        drawn = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET" if text else ""
        objects.append(f"<</Length {len(drawn)}>>stream\n{drawn}\nendstream")
        note = f"/Annots[<</Type/Annot/Subtype/Text/Rect[0 0 9 9]/Contents({remark})>>]" if remark and not kids else ""
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents {len(objects)} 0 R"
            f"/Resources<</Font<</F1 3 0 R>>>>{note}>>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<</Type/Pages/Kids[{' '.join(kids)}]/Count {len(kids)}>>"
    objects.append(f"<</Author({author})>>")
    out = b"%PDF-1.7\n"
    places = []
    for number, one in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{one}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"trailer<</Size {len(objects) + 1}/Root 1 0 R/Info {len(objects)} 0 R>>\nstartxref\n{len(out)}\n%%EOF\n"
    return out + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{end}".encode()


def scan() -> bytes:
    """A PDF that is a picture of paper."""
    out = BytesIO()
    Image.new("RGB", (60, 80), "white").save(out, "PDF")
    return out.getvalue()


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    """A container."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()
