"""Cleaning of rich text: whatever HTML comes in, an Article's `body_html` fragment comes out."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Collection
from html.parser import HTMLParser

import nh3

from .cleaning import Notes, drop_invisible
from .contract import Refusal
from .text import NEWLINES, strip_invisible

FIELD = "body_html"
#: The closed list of Article.body_html.
TAGS = {
    "p",
    "h2",
    "h3",
    "h4",
    "ul",
    "ol",
    "li",
    "strong",
    "em",
    "br",
    "blockquote",
    "table",
    "caption",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "img",
    "sup",
    "sub",
}
ATTRIBUTES = {"img": {"src", "alt"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}
#: Tags that only stand for an allowed one.
RENAMED = {
    "h1": "h2",
    "h5": "h4",
    "h6": "h4",
    "b": "strong",
    "i": "em",
    "div": "p",
    "section": "p",
    "article": "p",
    "pre": "p",
}
DROPPED_WITH_CONTENT = {
    "script",
    "style",
    "iframe",
    "object",
    "embed",
    "noscript",
    "template",
    "svg",
    "math",
    "textarea",
    "select",
    "title",
    "head",
    "audio",
    "video",
    "canvas",
    "applet",
    "frameset",
}
#: Deeper than any article; a parser's work grows with the square of the depth.
MAX_DEPTH = 100
KEPT_DEPTH = 30

_ANY_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]*)")
_ASSET = re.compile(r"asset:[0-9a-f]{64}")
_LINK = re.compile(r"<a\s[^<>]*\bhref\b", re.IGNORECASE)  # without, it is the name of a place in the text
_HANDLER = re.compile(r"<[^<>]*\son[a-z]+\s*=", re.IGNORECASE)
_LOOKS_RICH = re.compile(
    r"</?(p|div|pre|br|h[1-6]|table|tr|td|ul|ol|li|span|strong|em|b|i|u|img|a|font|blockquote|section|article|script|style"
    r"|iframe|svg|body|html|center|hr|object|embed|form|input|meta|link|base|video|math|marquee|details)\b[^<>]*>",
    re.IGNORECASE,
)
#: Plain text may hold these: that alone does not make its lines one paragraph.
_SCRIPT = re.compile(r"<su[bp]\b[^<>]*>", re.IGNORECASE)
_INLINE = {"strong", "em", "sup", "sub"}
_VOID = {"br", "img"}
#: Blocks in which text may stand; what stands straight in another one, or in none, gets one of its own.
_HOLDERS = TAGS - _INLINE - _VOID - {"ul", "ol", "table", "thead", "tbody", "tr"}
_PIECE = re.compile(r"<(/?)([a-z0-9]+)[^>]*>|[^<]+")
_EMPTY = re.compile(r"<(p|strong|em|sup|sub|caption|blockquote|h[2-4]|li|ul|ol)>(?:\s|&nbsp;)*</\1>")
_QUIET = {
    "span",
    "font",
    "a",
    "center",
    "u",
    "o:p",
    "html",
    "body",
    "head",
    "tfoot",
    "colgroup",
    "col",
    "hr",
}
_UNNESTED = {
    "p",
    "li",
    "td",
    "th",
    "tr",
    "br",
    "img",
    "hr",
    "meta",
    "link",
    "input",
    "col",
    "area",
    "base",
    "wbr",
    "source",
}


def clean_body(text: str, notes: Notes, assets: Collection[str] = ()) -> str:
    """The sanitised fragment for a body given as HTML or as plain text (one paragraph per line).

    `assets` are the references (`asset:<sha256>`) that travel with the row; any other picture is dropped and noted.
    Raises Refusal when the markup is nested beyond reason.
    """
    text = drop_invisible(FIELD, NEWLINES.sub("\n", text), notes).strip()
    if not _LOOKS_RICH.search(text):
        if not _SCRIPT.search(text):
            return paragraphs(text)
        text = "".join(f"<p>{line}</p>" for line in text.split("\n"))
    if depth(text) > MAX_DEPTH:
        raise Refusal(FIELD, text, "正文的 HTML 嵌套层数过多，无法可靠清理", "请把正文粘贴为纯文本或重新排版后再导入")
    note_dropped(text, notes)
    result = sanitise(text, notes, assets)
    if "<caption" in text.lower() and "<caption>" not in result:
        notes.add(FIELD, "去掉不在表格里的表格标题标签（caption），保留文字")
    return result


def paragraphs(text: str) -> str:
    """Plain text as escaped paragraphs, one per line."""
    lines = (unicodedata.normalize("NFC", line.strip()) for line in text.split("\n"))
    return "".join(f"<p>{html.escape(line, quote=False)}</p>" for line in lines if line)


def depth(text: str) -> int:
    """How deep container tags are nested, at most, when read naively (unclosed ones count)."""
    deepest = level = 0
    for closing, tag in _ANY_TAG.findall(text):
        if tag.lower() in _UNNESTED:
            continue
        level += -1 if closing else 1
        level = max(level, 0)
        deepest = max(deepest, level)
    return deepest


def tags_in(text: str) -> set[str]:
    """The names of all tags, read naively."""
    return {tag.lower() for _, tag in _ANY_TAG.findall(text)}


def sanitise(text: str, notes: Notes, assets: Collection[str] = ()) -> str:
    """Allow-list pass, renaming pass, and a strict allow-list pass over the result, which is what counts."""
    broad = nh3.clean(
        text,
        tags=TAGS | set(RENAMED),
        clean_content_tags=DROPPED_WITH_CONTENT,
        attributes=ATTRIBUTES,
        url_schemes={"asset"},
        strip_comments=True,
        link_rel=None,
    )
    rewriter = _Rewriter(set(assets))
    rewriter.feed(broad)
    rewriter.close()
    if rewriter.lost_pictures:
        notes.add(FIELD, f"去掉 {rewriter.lost_pictures} 张不在文件内的图片")
    strict = nh3.clean(
        "".join(rewriter.out),
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes={"asset"},
        attribute_filter=_attribute,
        link_rel=None,
    )
    return _without_empty(in_blocks(strict))


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name in ("colspan", "rowspan"):
        return value if re.fullmatch(r"[1-9][0-9]?", value) else None
    if name == "src":
        return value if _ASSET.fullmatch(value) else None
    return value


def in_blocks(fragment: str) -> str:
    """A well-formed fragment in which every word stands in a block: naked text would go out without size or margin."""
    blocks = _Blocks()
    for piece in _PIECE.finditer(fragment):
        blocks.take(piece[0], piece[2] or "", closing=bool(piece[1]))
    return blocks.finish()


class _Blocks:
    """Writes pieces of a fragment again. Inline elements are opened only where something stands in them, so that a block
    within one is never within it when it is written."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._blocks: list[str] = []
        self._own = ""  # the block that was added around naked text
        self._inline: list[str] = []
        self._written = 0  # of the inline elements, how many are open in what is written

    def take(self, piece: str, tag: str, *, closing: bool) -> None:
        """One tag or text."""
        if tag in _INLINE:
            self._leave() if closing else self._inline.append(tag)
        elif tag and tag not in _VOID:
            self._end_own()
            self._blocks.pop() if closing else self._blocks.append(tag)
            self._out.append(piece)
        else:
            self._content(piece, bare=not tag and bool(piece.replace("&nbsp;", " ").strip()))

    def finish(self) -> str:
        """All of it."""
        self._end_own()
        return "".join(self._out)

    def _content(self, piece: str, *, bare: bool) -> None:
        inside = self._own or not _HOLDERS.isdisjoint(self._blocks)
        if bare and not inside:
            self._own = "li" if self._blocks and self._blocks[-1] in ("ul", "ol") else "p"
            self._out.append(f"<{self._own}>")
        if bare or inside:
            self._out += [f"<{tag}>" for tag in self._inline[self._written :]]
            self._written = len(self._inline)
        self._out.append(piece)

    def _leave(self) -> None:
        tag = self._inline.pop()
        if self._written > len(self._inline):
            self._written -= 1
            self._out.append(f"</{tag}>")

    def _end_own(self) -> None:
        """Before a block begins or ends: close what is inline, and the block that was added."""
        self._out += [f"</{tag}>" for tag in reversed(self._inline[: self._written])]
        self._written = 0
        if self._own:
            self._out.append(f"</{self._own}>")
            self._own = ""


def _without_empty(text: str) -> str:
    """Without elements that hold nothing; what was around them may be empty then, too."""
    for _ in range(KEPT_DEPTH):
        text, count = _EMPTY.subn("", text)
        if not count:
            break
    return text.strip()


def note_dropped(text: str, notes: Notes) -> None:
    """Record which tags, links and event handlers of the given markup will not survive."""
    names = tags_in(text)
    odd = sorted(names - TAGS - set(RENAMED) - _QUIET)
    if odd:
        shown = "、".join(name[:20] for name in odd[:6])
        notes.add(FIELD, f"去掉不允许的 HTML 标签：{shown}{'等' if len(odd) > 6 else ''}")
    if _LINK.search(text):
        notes.add(FIELD, "正文中的链接只保留文字")
    if _HANDLER.search(text):
        notes.add(FIELD, "去掉 HTML 事件代码")


class _Rewriter(HTMLParser):
    """Renames tags and filters pictures. Its input is nh3's output, which is well formed and free of comments."""

    def __init__(self, assets: set[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self.lost_pictures = 0
        self._assets = assets
        self._open: list[bool] = []
        self._verbatim: list[bool] = []  # for each open element, whether it is a pre

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Write the tag under its allowed name, unless it lies too deep."""
        if tag == "br":
            self.out.append("<br>")
        elif tag == "img":
            self._picture(dict(attrs))
        else:
            kept = sum(self._open) < KEPT_DEPTH
            self._open.append(kept)
            self._verbatim.append(tag == "pre")
            spans = "".join(f' {name}="{html.escape(value or "")}"' for name, value in attrs)
            self.out.append(f"<{RENAMED.get(tag, tag)}{spans}>" if kept else "")

    def handle_endtag(self, tag: str) -> None:
        """Close what was opened; nh3 balances its output."""
        if self._verbatim and self._verbatim.pop():
            self.out[-1] = self.out[-1].removesuffix("<br>")
        if self._open and self._open.pop():
            self.out.append(f"</{RENAMED.get(tag, tag)}>")

    def handle_data(self, data: str) -> None:
        """Text, without what entities smuggled in."""
        text = html.escape(unicodedata.normalize("NFC", strip_invisible(data)), quote=False)
        self.out.append(text.replace("\n", "<br>") if any(self._verbatim) else text)

    def _picture(self, attrs: dict[str, str | None]) -> None:
        source = attrs.get("src") or ""
        if source not in self._assets:
            self.lost_pictures += 1
            return
        alt = re.sub(r"[<>]", "", strip_invisible(attrs.get("alt") or ""))[:200]
        self.out.append(f'<img src="{source}" alt="{html.escape(alt)}">')
