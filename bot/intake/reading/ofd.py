"""OFD, the national fixed layout (GB/T 33190-2016): a container of XML whose pages hold their text in `TextCode`."""

from __future__ import annotations

import zipfile
from pathlib import Path
from xml.etree.ElementTree import Element

from bot.domain.attached import Part, Reading

from ..archive import check
from .limits import MOST_PAGES, SCANNED
from .markup import MAX_XML, is_nobody, local, numbered, root

_PAGE = r".*Pages/Page_\d+/Content\.xml"


def read(path: Path) -> Reading:
    """Its pages, templates (letterheads, stamps) included, and the author in its properties."""
    check(path, "OFD.xml", "附件", max_xml=MAX_XML)
    with zipfile.ZipFile(path) as archive:
        pages = [
            Part(f"第{number}页", "行", _text(root(archive, name)))
            for number, name in enumerate(numbered(archive, _PAGE)[:MOST_PAGES], 1)
        ]
        head = root(archive, "OFD.xml")
        authors = [] if head is None else [one.text or "" for one in head.iter() if local(one) == "Author"]
    text = any(page.text.strip() for page in pages)
    return Reading(
        tuple(pages), (), "、".join(one.strip() for one in authors if not is_nobody(one)), "" if text else SCANNED
    )


def _text(page: Element | None) -> str:
    """A text object is a line: what layouts break into several is joined by nothing."""
    if page is None:
        return ""
    objects = [one for one in page.iter() if local(one) == "TextObject"]
    return "\n".join("".join(code.text or "" for code in one.iter() if local(code) == "TextCode") for one in objects)
