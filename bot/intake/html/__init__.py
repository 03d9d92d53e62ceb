"""A saved web page: title, metadata (<meta>, the 索引号 table) and the body of the article."""

from __future__ import annotations

import re
from pathlib import Path

from ..archive import readable
from ..cleaning import Notes
from ..columns import field_of
from ..contract import Opened, SourceKind
from ..encoding import read_text
from ..page import labelled, pairs, record
from ..pictures import Album
from ..tree import Element, parse

MAX_BYTES = 10 << 20
WHAT = "网页文件"
#: Where usual site systems of local governments put the article, most telling first.
_CONTENT = ("vsb_content", "v_news_content", "ucap-content", "trs_editor", "zoom", "article-content", "content", "main")
_AROUND = ("nav", "header", "footer", "aside", "meta", "link", "title")
_SITE = re.compile(r"\s*[-_|–—]+\s*[^-_|–—]{0,30}$")


def _open(path: Path, name: str) -> Opened:
    text = read_text(path, MAX_BYTES)
    with readable(WHAT):
        notes = Notes()
        root = parse(text)
        values = _metadata(root)
        root.remove({id(element) for element in root.all(*_AROUND)})
        for line in _facts_outside(root, content := _content(root)):
            values.setdefault(*line)
        if not values.get("title"):
            _heading_outside(root, content, values)
        found = record(content, values, notes, Album())
    return Opened(lambda: iter((found,)), total=1)


def _metadata(root: Element) -> dict[str, str]:
    """What <meta>, <link rel=canonical> and <title> say."""
    values: dict[str, str] = {}
    for meta in root.all("meta"):
        name = field_of(meta.attrs.get("name") or meta.attrs.get("property") or "")
        if name and meta.attrs.get("content", "").strip() and name != "body_html":
            values.setdefault(name, meta.attrs["content"].strip())
    for link in root.all("link"):
        if "canonical" in link.attrs.get("rel", "").lower().split():
            values.setdefault("source_url", link.attrs.get("href", ""))
    if not values.get("title") and not root.all("h1"):
        title = next((element.text() for element in root.all("title")), "")
        values["title"] = _SITE.sub("", title) or title
    return values


def _content(root: Element) -> Element:
    """The element that holds the article; the whole page when none is marked."""
    for wanted in _CONTENT:
        for element in root.walk():
            names = f"{element.attrs.get('id', '')} {element.attrs.get('class', '')}".lower().split()
            if (wanted in names or element.tag == wanted) and element.text():
                return element
    return next((element for element in root.all("article", "main") if element.text()), root)


def _facts_outside(root: Element, content: Element) -> list[tuple[str, str]]:
    """Metadata around the article: the 索引号 table or its lines, which portals put above the text."""
    if content is root:
        return []
    found: list[tuple[str, str]] = []
    for element in _beside(root, content):
        if element.tag == "tr":
            found += pairs(cell.text() for cell in element.elements())
        elif element.tag in ("p", "li", "div", "span", "td"):
            found += [pair for line in element.text().split("\n") if (pair := labelled(line))]
    return found


def _beside(root: Element, content: Element) -> list[Element]:
    """Elements that neither lie within the article nor hold it."""
    inside = {id(element) for element in content.walk()}
    parents = {id(child): element for element in root.walk() for child in element.elements()}
    around: set[int] = set()
    holder: Element | None = content
    while holder is not None:
        around.add(id(holder))
        holder = parents.get(id(holder))
    return [element for element in root.walk() if id(element) not in inside | around]


def _heading_outside(root: Element, content: Element, values: dict[str, str]) -> None:
    heading = next((element.text() for element in root.all("h1") if element.text()), "")
    if heading and content is not root:
        values["title"] = heading.replace("\n", " ")


SOURCE = SourceKind("html", (".html", ".htm"), _open)
