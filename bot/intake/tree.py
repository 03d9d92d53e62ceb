"""A small element tree over HTML that nh3 has already made well formed and inert.

What no body may have is carried in it by name, without anything that could act: the last cleaning, of the article alone,
drops it and says so, whereas of the page around the article nothing need be said.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

import nh3

from bot.domain.scripts import SCRIPTS, written

from .contract import SourceError
from .markup import DROPPED_WITH_CONTENT, MAX_DEPTH, RENAMED, TAGS, depth, tags_in
from .text import strip_invisible

_VOID = frozenset(
    "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr".split()  # noqa: SIM905
)
_PAGE_TAGS = TAGS | set(RENAMED) | {"title", "meta", "link", "main", "nav", "header", "footer", "aside", "span"}
_ATTRIBUTES = {
    "*": {"id", "class"},
    "a": {"href"},
    "img": {"src", "alt"},
    "meta": {"name", "property", "content"},
    "link": {"rel", "href"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}
#: Text within these is not read as markup; carried on, it would be taken for it.
_RAW = frozenset({"xmp", "noembed", "noframes", "plaintext"})
_WITH_CONTENT = DROPPED_WITH_CONTENT - {"title", "head"}
_MARK = "dropped-here"
_MARKS = re.compile(rf"<{_MARK} class=[a-z]+></{_MARK}>")
_GOES = re.compile(rf"<(?=({'|'.join(sorted(_WITH_CONTENT | _RAW))})(?![a-zA-Z0-9:-]))", re.IGNORECASE)
_BLOCKS = {
    "p",
    "div",
    "section",
    "article",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "li",
    "tr",
    "table",
    "ul",
    "ol",
    "blockquote",
    "br",
    "title",
    "td",
    "th",
}


@dataclass(slots=True)
class Element:
    """One element; `children` are elements and texts in order."""

    tag: str
    attrs: dict[str, str] = field(default_factory=dict)
    children: list[Element | str] = field(default_factory=list)

    def elements(self) -> list[Element]:
        """Child elements."""
        return [child for child in self.children if isinstance(child, Element)]

    def walk(self) -> Iterator[Element]:
        """This element and all below it, in document order (without recursion)."""
        stack = [self]
        while stack:
            element = stack.pop()
            yield element
            stack.extend(reversed(element.elements()))

    def all(self, *tags: str) -> list[Element]:
        """All elements below with one of these tags, in document order."""
        return [element for element in self.walk() if element.tag in tags and element is not self]

    def text(self) -> str:
        """The text inside, lines at block ends, spaces tidied."""
        parts: list[str] = []
        stack: list[Element | str] = [self]
        while stack:
            item = stack.pop()
            if isinstance(item, str):
                parts.append(item)
                continue
            if item.tag in SCRIPTS:
                parts.append(written(item.tag, "".join(item._words())))
                continue
            stack.append("\n" if item.tag in _BLOCKS else "")
            stack.extend(reversed(item.children))
        lines = (" ".join(line.replace("\u3000", " ").split()) for line in strip_invisible("".join(parts)).split("\n"))
        return "\n".join(line for line in lines if line)

    def _words(self) -> Iterator[str]:
        """Every text inside, in order."""
        stack: list[Element | str] = [self]
        while stack:
            item = stack.pop()
            if isinstance(item, str):
                yield item
            else:
                stack.extend(reversed(item.children))

    def inner(self) -> str:
        """The HTML inside (without recursion)."""
        out: list[str] = []
        stack: list[Element | str | tuple[str]] = list(reversed(self.children))
        while stack:
            item = stack.pop()
            if isinstance(item, str):
                out.append(html.escape(item, quote=False))
            elif isinstance(item, tuple):
                out.append(f"</{item[0]}>")
            else:
                out.append(item._start())
                if item.tag not in _VOID:
                    stack.append((item.tag,))
                    stack.extend(reversed(item.children))
        return "".join(out)

    def remove(self, gone: Collection[int]) -> None:
        """Take out every element below whose id() is in `gone`."""
        for element in list(self.walk()):
            element.children = [c for c in element.children if isinstance(c, str) or id(c) not in gone]

    def _start(self) -> str:
        attrs = "".join(f' {name}="{html.escape(value)}"' for name, value in self.attrs.items())
        return f"<{self.tag}{attrs}>"


def parse(text: str) -> Element:
    """The tree of a page or fragment: scripts are gone but for their name, metadata and structure are there.

    Raises SourceError when the markup is nested beyond reason.
    """
    if depth(text) > MAX_DEPTH:
        raise SourceError("网页代码嵌套层数过多，无法可靠读取，没有导入任何内容。请改用 Word 文件，或只保存正文部分。")
    clean = nh3.clean(
        _GOES.sub(lambda found: f"<{_MARK} class={found[1].lower()}></{_MARK}><", text),
        tags=(_PAGE_TAGS | tags_in(text) | {_MARK}) - _WITH_CONTENT - _RAW,
        clean_content_tags=_WITH_CONTENT,
        attributes={**_ATTRIBUTES, _MARK: {"class"}},
        generic_attribute_prefixes={"on"},
        attribute_filter=lambda _, name, value: "" if name.startswith("on") else value,
        url_schemes={"http", "https", "mailto", "tel", "data", "asset"},
        link_rel=None,
    )
    builder = _Builder()
    builder.feed(clean)
    builder.close()
    return builder.root


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("root")
        self._path = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Append the element; open it unless it is void."""
        element = Element(tag, {name: _MARKS.sub("", value or "") for name, value in attrs})
        if tag == _MARK and (gone := element.attrs.get("class")) in _WITH_CONTENT | _RAW:
            element = Element(str(gone))
        self._path[-1].children.append(element)
        if tag not in _VOID:
            self._path.append(element)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element; nh3 balances its output."""
        if len(self._path) > 1:
            self._path.pop()

    def handle_data(self, data: str) -> None:
        """Append text."""
        self._path[-1].children.append(_MARKS.sub("", data))
