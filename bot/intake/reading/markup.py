"""What the XML formats share: parts of a container by name, paragraphs of an element, properties."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from xml.etree.ElementTree import Element, fromstring

MAX_XML = 40 << 20
_FALLBACK = "Fallback"  # the same text once more, for older programs
_PROPERTIES = frozenset({"pPr", "rPr", "tblPr", "trPr", "tcPr", "sectPr"})
_TEXT = frozenset({"t", "delText"})
_NUMBER = re.compile(r"\d+")
#: What programs put where a person's name belongs.
_NOBODY = re.compile(
    r"(?i)\s*(?:|administrator|admin|user|pc|lenovo|hp|dell|asus|win\w*|windows 用户|微软用户|微软中国|microsoft( office)?( user)?"
    r"|wps( office)?|openpyxl|python-docx|apache poi|unknown|未知|匿名)\s*"
)


def local(element: Element) -> str:
    """The name without its namespace: two generations of the format have two of them."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def root(archive: zipfile.ZipFile, name: str) -> Element | None:
    """A part of the container, None where it has none. (No part has a DTD: `archive.check`.)"""
    try:
        return fromstring(archive.read(name))  # noqa: S314 - no entities: archive.check refuses every DTD
    except KeyError:
        return None


def numbered(archive: zipfile.ZipFile, pattern: str) -> list[str]:
    """The parts whose names match, in the order of their numbers."""
    found = [name for name in archive.namelist() if re.fullmatch(pattern, name)]
    return sorted(found, key=lambda name: ([int(one) for one in _NUMBER.findall(name)], name))


def lines(element: Element) -> Iterator[str]:
    """Its paragraphs and rows of tables, in order; a row is one line, its cells tabs apart."""
    stack = [element]
    while stack:
        one = stack.pop()
        name = local(one)
        if name == "p":
            yield text_of(one)
        elif name == "tr":
            yield "\t".join(text_of(cell) for cell in one if local(cell) not in _PROPERTIES)
        elif name != _FALLBACK:
            stack.extend(reversed(one))


def text_of(element: Element) -> str:
    """All text in it, taken out again or hidden included; paragraphs inside it stand apart."""
    pieces: list[str] = []
    stack = [element]
    while stack:
        one = stack.pop()
        name = local(one)
        if name == _FALLBACK or name in _PROPERTIES:
            continue
        if name in _TEXT:
            pieces.append(one.text or "")
        elif name == "tab":
            pieces.append("\t")
        elif name in {"br", "cr", "p"} and pieces:
            pieces.append(" ")
        elif name == "noBreakHyphen":
            pieces.append("-")
        stack.extend(reversed(one))
    return "".join(pieces).replace("\n", " ")


def count(element: Element | None, *names: str) -> int:
    """How many elements of these names are in it."""
    return 0 if element is None else sum(local(one) in names for one in element.iter())


def author_of(archive: zipfile.ZipFile) -> str:
    """Whom the properties of an office file name, "" for nobody."""
    core = root(archive, "docProps/core.xml")
    named = [] if core is None else [one.text or "" for one in core if local(one) in {"creator", "lastModifiedBy"}]
    return "、".join(dict.fromkeys(one.strip() for one in named if not is_nobody(one)))


def is_nobody(name: str) -> bool:
    """Whether it is the name of a program or a machine, which tells nothing of a person."""
    return bool(_NOBODY.fullmatch(name))
