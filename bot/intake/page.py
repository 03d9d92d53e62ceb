"""One document in one file (docx, html, md): its title, its metadata lines and its body, as a Record."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from .cleaning import Notes
from .columns import LABELS, field_of
from .contract import Record
from .pictures import Album
from .tree import Element

#: Metadata stands at the top; this far down nothing is taken for it any more.
TOP_BLOCKS = 20
_BLOCKS = ("p", "table", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote")
_HEADINGS = ("h1", "h2", "h3")
_LINE = re.compile(r"\s*(?P<label>[^:：\s][^:：]{0,15}?)\s*[:：]\s*(?P<value>\S.*?)\s*")
_NUMBER = re.compile(r"[\u4e00-\u9fff]{2,12}[〔﹝\[［](?:19|20)\d{2}[〕﹞\]］]\s*[1-9]\d{0,3}\s*号")
_CITED = re.compile(r"(根据|按照|依据|关于|印发|转发|贯彻|落实|执行|废止|《|（|\(|[“])[^。；\n]*$")
_CITING = re.compile(r"^(根据|按照|依据|经|以)")


def record(root: Element, values: Mapping[str, str], notes: Notes, album: Album) -> Record:
    """The document in `root` as a record. `values` is what the file's own metadata says; it wins over the text.

    Taken out of the body: the title heading, and lines or tables at the top that are metadata (索引号：…).
    """
    known = dict(values)
    gone = _take_metadata(root, known)
    gone |= _take_title(root, known)
    root.remove(gone)
    _find_number(root, known, notes)
    if not known.get("external_id") and known.get("index_number"):
        known["external_id"] = known["index_number"]
        notes.add("external_id", "文件里没有编号，以索引号作为编号")
    _take_pictures(root, album)
    for reason, count in album.refused.items():
        notes.add("body_html", f"去掉 {count} 张图片：{reason}")
    known["body_html"] = root.inner()
    return Record(1, known, notes.all(), album.all())


def labelled(line: str) -> tuple[str, str] | None:
    """(field, value) of a line like `索引号：hedong/2017-1` when its label is a known one, else None."""
    match = _LINE.fullmatch(line)
    name = field_of(match["label"]) if match else None
    return (name, match["value"]) if match and name and name != "body_html" else None


def pairs(cells: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(field, value) from table cells in which labels and values alternate; unknown labels take their value along."""
    row = list(cells)
    for label, value in zip(row[::2], row[1::2], strict=False):
        name = field_of(label)
        if name and value and name != "body_html":
            yield name, value


def _top(root: Element) -> list[Element]:
    """The first blocks in document order, those within a table or list not counted on their own."""
    found: list[Element] = []
    inside: set[int] = set()
    for element in root.walk():
        if id(element) in inside or element.tag not in _BLOCKS:
            continue
        found.append(element)
        inside.update(id(below) for below in element.walk())
        if len(found) >= TOP_BLOCKS:
            break
    return found


def _take_metadata(root: Element, known: dict[str, str]) -> set[int]:
    gone: set[int] = set()
    for block in _top(root):
        found = _table_pairs(block) if block.tag == "table" else _line_pairs(block)
        for name, value in found:
            known.setdefault(name, value)
        if found:
            gone.add(id(block))
    return gone


def _table_pairs(table: Element) -> list[tuple[str, str]]:
    """A table is metadata when at least two of its labels are known and its first cell is a label, not a heading row."""
    rows = [[cell.text() for cell in row.elements() if cell.tag in ("td", "th")] for row in table.all("tr")]
    found = [pair for row in rows for pair in pairs(row)]
    values_are_labels = any(field_of(value) for _, value in found)
    return found if len(found) >= 2 and not values_are_labels else []


def _line_pairs(block: Element) -> list[tuple[str, str]]:
    """A paragraph is metadata when every line of it is."""
    if block.tag != "p":
        return []
    found = [labelled(line) for line in block.text().split("\n")]
    return [pair for pair in found if pair] if all(found) else []


def _take_title(root: Element, known: dict[str, str]) -> set[int]:
    """The highest first heading; it leaves the body when it is the title."""
    headings = [element for element in root.all(*_HEADINGS) if element.text()]
    if not headings:
        return set()
    first = min(headings, key=lambda element: element.tag)
    text = " ".join(first.text().split("\n")) if not known.get("title") else known["title"]
    same = re.sub(r"\s", "", first.text()) == re.sub(r"\s", "", text)
    known["title"] = text
    return {id(first)} if same else set()


def _find_number(root: Element, known: dict[str, str], notes: Notes) -> None:
    """The 发文字号: a line of its own near the top, else the first one that is not a citation of another document."""
    if known.get("document_number"):
        return
    text = root.text()
    alone = next((line for line in text.split("\n")[:15] if _NUMBER.fullmatch(line) and not _CITING.match(line)), None)
    found = alone or next((m[0] for m in _NUMBER.finditer(text[:600]) if _own(text, m)), None)
    if found:
        known["document_number"] = found
        notes.add("document_number", f"{LABELS['document_number']}取自正文：{found}")


def _own(text: str, match: re.Match[str]) -> bool:
    return not _CITED.search(text[: match.start()]) and not _CITING.match(match[0])


def _take_pictures(root: Element, album: Album) -> None:
    for image in root.all("img"):
        if image.attrs.get("src", "").startswith("data:"):
            image.attrs["src"] = album.add_data_url(image.attrs["src"])
