"""The body of an article as text, one line per paragraph: what a reviewer compares."""

from __future__ import annotations

from html.parser import HTMLParser

from .hashing import ASSET
from .scripts import spelled_out

TAIL = 8  # digits of a picture's hash, as everywhere
_INLINE = frozenset({"strong", "em", "b", "i", "u", "s", "a", "span", "sub", "sup", "code", "small", "mark", "font"})
_CELLS = frozenset({"td", "th"})


def body_text(fragment: str) -> str:
    """The words of an HTML fragment. A picture is a line with its words and its hash, so that another picture under the same
    words is seen; cells of a table stand side by side. Blank lines and the blanks around a line are no words."""
    reader = _Reader()
    reader.feed(spelled_out(fragment))
    reader.close()
    found = (" ".join(line.split()) for line in "".join(reader.out).split("\n"))
    return "\n".join(line for line in found if line)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.out.append(f"\n{_picture(dict(attrs))}\n")
        elif tag in _CELLS:
            self.out.append(" ｜ ")
        elif tag not in _INLINE:
            self.out.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag not in _INLINE and tag not in _CELLS:
            self.out.append("\n")

    def handle_data(self, data: str) -> None:
        self.out.append(" ".join(data.split("\n")))


def _picture(attributes: dict[str, str | None]) -> str:
    source = attributes.get("src") or ""
    found = ASSET.fullmatch(source)
    return f"［图片：{attributes.get('alt') or '没有说明文字'}，{f'尾号 {found[1][-TAIL:]}' if found else source}］"
