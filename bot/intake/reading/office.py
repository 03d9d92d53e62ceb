"""Word documents and slides."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from bot.domain.attached import Part, Reading

from ..archive import check
from .markup import MAX_XML, author_of, count, lines, local, numbered, root

_OFF = frozenset({"0", "false", "off"})


def read_document(path: Path) -> Reading:
    """A .docx: body, headers, notes, comments; revisions that nobody accepted and hidden text count as left in it."""
    check(path, "word/document.xml", "附件", max_xml=MAX_XML)
    with zipfile.ZipFile(path) as archive:
        body = root(archive, "word/document.xml")
        comments = root(archive, "word/comments.xml")
        parts = [_part("正文", body), *_around(archive), _part("批注", comments)]
        left = [
            (count(comments, "comment"), "条批注"),
            (count(body, "ins", "del", "moveFrom", "moveTo"), "处没有接受的修订"),
            (_hidden(body), "处隐藏文字"),
        ]
        return Reading(tuple(parts), tuple(f"{many} {what}" for many, what in left if many), author_of(archive))


def _around(archive: zipfile.ZipFile) -> Iterator[Part]:
    for what, pattern in (
        ("页眉", r"word/header\d*\.xml"),
        ("页脚", r"word/footer\d*\.xml"),
        ("脚注", r"word/(?:foot|end)notes\.xml"),
    ):
        texts = [_text(root(archive, name)) for name in numbered(archive, pattern)]
        yield Part(what, "段", "\n".join(texts))


def _part(where: str, element: Element | None) -> Part:
    return Part(where, "段", _text(element))


def _text(element: Element | None) -> str:
    return "" if element is None else "\n".join(lines(element))


def _hidden(body: Element | None) -> int:
    found = [] if body is None else [one for one in body.iter() if local(one) == "vanish"]
    return sum(_value(one) not in _OFF for one in found)


def _value(element: Element) -> str:
    return next((value for name, value in element.attrib.items() if name.rpartition("}")[2] == "val"), "")


def read_slides(path: Path) -> Reading:
    """A .pptx: slides, and what the speaker notes under them."""
    check(path, "ppt/presentation.xml", "附件", max_xml=MAX_XML)
    with zipfile.ZipFile(path) as archive:
        slides = [
            Part(f"第{number}页", "段", _text(root(archive, name)))
            for number, name in enumerate(numbered(archive, r"ppt/slides/slide\d+\.xml"), 1)
        ]
        notes = [
            Part(f"第{number}份演讲者备注", "段", _text(root(archive, name)))
            for number, name in enumerate(numbered(archive, r"ppt/notesSlides/notesSlide\d+\.xml"), 1)
        ]
        comments = sum(count(root(archive, name), "cm") for name in numbered(archive, r"ppt/comments/.*\.xml"))
        written = sum(any(not line.strip().isdigit() for line in part.text.split() if line) for part in notes)
        left = [(comments, "条批注"), (written, "页演讲者备注")]
        return Reading((*slides, *notes), tuple(f"{many} {what}" for many, what in left if many), author_of(archive))
