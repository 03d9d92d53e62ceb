"""Word documents (.docx): structure and text by mammoth, pictures re-encoded; fonts, macros and fields stay behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mammoth

from ..archive import check, readable
from ..cleaning import Notes
from ..contract import Opened, Record, SourceKind
from ..page import record
from ..pictures import Album
from ..tree import parse

WHAT = "Word 文件"
#: mammoth holds the whole document as a tree; 20 MB of markup are some thousand pages.
MAX_XML = 20 << 20
_STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='标题'] => h1:fresh
p[style-name='Subtitle'] => h2:fresh
p[style-name='副标题'] => h2:fresh
"""


def _open(path: Path, name: str) -> Opened:
    check(path, "word/document.xml", WHAT, max_xml=MAX_XML)
    with readable(WHAT):
        found = _record(path)
    return Opened(lambda: iter((found,)), total=1)


def _record(path: Path) -> Record:
    album = Album()

    def picture(image: Any) -> dict[str, str]:
        with image.open() as stream:
            return {"src": album.add(stream.read())}

    with path.open("rb") as file:
        # A style map inside the document could rename anything; pictures outside it are never followed.
        result = mammoth.convert_to_html(
            file,
            style_map=_STYLES,
            convert_image=mammoth.images.img_element(picture),
            include_embedded_style_map=False,
            external_file_access=False,
        )
    return record(parse(result.value), {}, Notes(), album)


SOURCE = SourceKind("docx", (".docx",), _open)
