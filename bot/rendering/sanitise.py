"""The body of an article, cleaned to an allow-list and styled inline.

WeChat drops `style` elements, classes and ids, foreign pictures and most links, silently (its editors' tools
and the draft page agree on this), so nothing of that kind is sent: links become text, pictures that are not
assets become a note, and every element carries its own style.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

import nh3

from bot.domain.hashing import ASSET
from bot.domain.scripts import spelled_out

_TAGS = {
    "p", "div", "section", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "strong", "em", "b", "i", "u", "br",
    "blockquote", "pre", "table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption", "img", "a", "sub", "sup", "hr",
}  # fmt: skip
_DROPPED_WITH_CONTENT = {"script", "style", "template", "noscript", "iframe", "object", "svg", "math", "title"}
_RENAMED = {
    "div": "section",
    "h1": "h2",
    "h5": "h4",
    "h6": "h4",
    "b": "strong",
    "i": "em",
    "pre": "p",
    "tfoot": "tbody",
}
_ATTRIBUTES = {"img": {"src", "alt"}, "a": {"href"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}
_TIGHT = {"li", "blockquote", "td", "th", "caption"}
_VOID = {"br", "img", "hr"}
_INLINE = {"strong", "em", "u", "sub", "sup", "a", "br", "img"}
#: From this many columns on a table scrolls sideways, because cells of two characters cannot be read.
_WIDE_TABLE = 5


@dataclass(frozen=True, slots=True)
class Body:
    """A styled fragment; `lost_pictures` says how many pictures could not be kept."""

    html: str
    lost_pictures: int = 0


def plain_text(fragment: str) -> str:
    """The words of a fragment, blocks joined without a gap after a full stop, else with a space."""
    reader = _Words()
    reader.feed(spelled_out(_clean(fragment)))
    reader.close()
    return " ".join("".join(reader.words).split())


def styled_body(fragment: str, styles: Mapping[str, str]) -> Body:
    """Clean `fragment` and give each element the style of its name in `styles` (none listed: no style).

    `p+` is the style of paragraphs inside lists, quotations and cells, `table+` that of a wide table and
    `scroll` that of the box around it.
    """
    writer = _Writer(styles)
    writer.feed(_clean(fragment))
    writer.close()
    return Body("".join(writer.out), writer.lost)


def minify(markup: str) -> str:
    """One line without gaps between block tags: WeChat shows a newline there as an empty line."""
    return re.sub(r"[ \t]*[\r\n]+[ \t]*", "", markup).strip()


def _clean(fragment: str) -> str:
    return nh3.clean(
        fragment,
        tags=_TAGS,
        clean_content_tags=_DROPPED_WITH_CONTENT,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "asset"},
        link_rel=None,
        strip_comments=True,
    )


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _INLINE:
            self.words.append(" ")


@dataclass(slots=True)
class _Link:
    href: str
    text: list[str] = field(default_factory=list)


class _Writer(HTMLParser):
    """Writes nh3's output (well-formed by then) again with our styles."""

    def __init__(self, styles: Mapping[str, str]) -> None:
        super().__init__(convert_charrefs=True)
        self.styles = styles
        self.out: list[str] = []
        self.lost = 0
        self._link: _Link | None = None
        self._wide: list[bool] = []
        self._tight = 0
        self._source = ""

    def feed(self, data: str) -> None:
        self._source = data
        super().feed(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self._link = _Link(given.get("href", ""))
        elif tag == "img":
            self._picture(given)
        elif tag == "table":
            self._open_table()
        else:
            self._tight += tag in _TIGHT
            self._open(_RENAMED.get(tag, tag), {k: v for k, v in given.items() if k in ("colspan", "rowspan")})

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._close_link()
        elif tag not in _VOID:
            self._tight -= tag in _TIGHT
            self.out.append(f"</{_RENAMED.get(tag, tag)}>")
            if tag == "table" and self._wide.pop():
                self.out.append("</section>")

    def handle_data(self, data: str) -> None:
        text = _unwrapped(data)
        if self._link is not None:
            self._link.text.append(text)
        self.out.append(_written(text))

    def _open(self, tag: str, extra: Mapping[str, str]) -> None:
        inner = (tag == "p" and self._tight > 0) or (tag == "table" and self._wide[-1])
        style = self.styles.get(tag + "+" if inner else tag, "")
        attributes = {**({"style": style} if style else {}), **{k: v for k, v in extra.items() if v.isdigit()}}
        written = "".join(f' {name}="{html.escape(value)}"' for name, value in attributes.items())
        self.out.append(f"<{tag}{written}>")

    def _open_table(self) -> None:
        """A wide table gets a box of its own that scrolls."""
        line, column = self.getpos()
        rest = "\n".join(self._source.split("\n")[line - 1 :])[column:]
        first_row = rest.partition("</tr>")[0]
        wide = len(re.findall(r"<t[dh][ >]", first_row)) >= _WIDE_TABLE
        self._wide.append(wide)
        if wide:
            self.out.append(f'<section style="{html.escape(self.styles.get("scroll", ""))}">')
        self._open("table", {})

    def _picture(self, given: Mapping[str, str]) -> None:
        source, alt = given.get("src", ""), ASSET.sub(_unname, given.get("alt", "").strip())
        if ASSET.fullmatch(source):
            style = html.escape(self.styles.get("img", ""))
            self.out.append(f'<img src="{source}" alt="{html.escape(alt or "图片")}" style="{style}">')
            return
        self.lost += 1
        if alt:
            self.out.append(_written(f"〔图片：{alt}〕"))

    def _close_link(self) -> None:
        """Readers cannot follow the link on WeChat, so its address stands behind its words."""
        link, self._link = self._link, None
        if link is None or not link.href.startswith(("http://", "https://")):
            return
        if link.href not in "".join(link.text):
            self.out.append(_written(f"（{link.href}）"))


def _unwrapped(data: str) -> str:
    """Line breaks of the source are no gaps in Chinese; between Latin words they are a space."""

    def joint(match: re.Match[str]) -> str:
        before, after = data[: match.start()][-1:], data[match.end() :][:1]
        return " " if before.isascii() and after.isascii() and before and after else ""

    return re.sub(r"\s*\n\s*", joint, data)


def _written(text: str) -> str:
    return html.escape(ASSET.sub(_unname, text), quote=False)


def _unname(match: re.Match[str]) -> str:
    """A picture's name in running text is no reference to it."""
    return match[0].replace(":", "：")


__all__ = ["Body", "minify", "plain_text", "styled_body"]
