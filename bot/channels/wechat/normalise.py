"""The one closed list of differences that a read-back may show and still be the approved text.

The platform stores a draft's HTML its own way. `canonical` brings both sides to one form; nothing outside
this list is forgiven:

1.  an image's address under `data-src` instead of `src` (the platform stores images so);
2.  order of attributes, case of tag and attribute names, quoting, `alt` against `alt=""`;
3.  entity forms (`&amp;#39;` against `'`), by decoding them;
4.  self-closing forms (`<br>`, `<br/>`, `<br></br>`);
5.  ASCII white space: runs count as one, none counts next to a block's edge or a line break;
6.  comments;
7.  spacing and the last semicolon in `style`, and an empty `style`;
8.  size hints that the platform writes on images (`data-w`, `data-ratio`, ...);
9.  an image's address: mapped back to `asset:<sha256>` through the staging table, whatever its scheme and
    the platform's own display parameters (`wx_fmt`, ...).
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urlsplit

VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])
BLOCK = frozenset(
    [
        "section",
        "p",
        "div",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "li",
        "blockquote",
        "table",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "td",
        "th",
        "caption",
        "figure",
        "figcaption",
        "hr",
        "br",
        "header",
        "footer",
        "article",
        "pre",
    ]
)
IMAGE_HINTS = frozenset(["data-w", "data-ratio", "data-type", "data-s", "data-imgfileid", "data-backw", "data-backh"])
DISPLAY_PARAMETERS = frozenset(["wx_fmt", "wxfrom", "from", "tp", "wx_lazy", "wx_co"])
EXCERPT = 30  # characters shown of each side of a difference

#: (kind, text or tag, attributes): kind is "open", "close" or "text"; only "open" has attributes
Token = tuple[str, str, tuple[tuple[str, str], ...]]

_SPACE = re.compile(r"[ \t\r\n\f]+")


def address_key(url: str) -> str:
    """An image address without scheme and the platform's display parameters."""
    try:
        parts = urlsplit(html.unescape(url.strip()))
    except ValueError:
        return url
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in DISPLAY_PARAMETERS]
    query = f"?{urlencode(kept)}" if kept else ""
    return f"{parts.netloc.lower()}{parts.path}{query}"


def style_form(style: str) -> str:
    """Declarations in their order, with one spelling of spaces and no last semicolon."""
    declarations = []
    for part in style.split(";"):
        name, colon, value = part.partition(":")
        if part.strip():
            value = re.sub(r"\s*,\s*", ",", _SPACE.sub(" ", value.strip()))
            declarations.append(f"{name.strip().lower()}{colon}{value}")
    return ";".join(declarations)


class _Tokens(HTMLParser):
    """HTML to tokens, with rules 1-4 and 6-9 applied."""

    def __init__(self, assets: Mapping[str, str]) -> None:
        super().__init__(convert_charrefs=True)
        self._assets = assets
        self.tokens: list[Token] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in reversed(attrs)}  # the first of doubled attributes counts
        if tag == "img":
            values = self._image(values)
        style = style_form(values.pop("style", ""))
        values |= {"style": style} if style else {}
        self.tokens.append(("open", tag, tuple(sorted(values.items()))))

    def _image(self, values: dict[str, str]) -> dict[str, str]:
        source = values.pop("data-src", "") or values.get("src", "")
        kept = {name: value for name, value in values.items() if name not in IMAGE_HINTS}
        return kept | {"src": self._assets.get(address_key(source), source)}

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            self.tokens.append(("close", tag, ()))

    def handle_data(self, data: str) -> None:
        if self.tokens and self.tokens[-1][0] == "text":
            self.tokens[-1] = ("text", self.tokens[-1][1] + data, ())
        else:
            self.tokens.append(("text", data, ()))


def _is_edge(tokens: list[Token], index: int) -> bool:
    """Whether white space at that neighbour is invisible: a block's tag, a line break, or the very end."""
    return not 0 <= index < len(tokens) or (tokens[index][0] != "text" and tokens[index][1] in BLOCK)


def _without_space(tokens: list[Token]) -> list[Token]:
    """Rule 5."""
    result: list[Token] = []
    for index, token in enumerate(tokens):
        if token[0] != "text":
            result.append(token)
            continue
        text = _SPACE.sub(" ", token[1])
        text = text.removeprefix(" ") if _is_edge(tokens, index - 1) else text
        text = text.removesuffix(" ") if _is_edge(tokens, index + 1) else text
        if text:
            result.append(("text", text, ()))
    return result


def canonical(content: str, images: Mapping[str, str] | None = None) -> list[Token]:
    """The comparable form of article HTML. `images` is the staging table {sha256: platform address}."""
    assets = {address_key(url): f"asset:{sha}" for sha, url in (images or {}).items()}
    parser = _Tokens(assets)
    parser.feed(content)
    parser.close()
    return _without_space(parser.tokens)


def same_text(approved: str, read: str) -> bool:
    """Whether a plain field came back as approved: outer white space and HTML escaping are forgiven."""
    return approved.strip() in {read.strip(), html.unescape(read).strip()}


def _shown(token: Token | None) -> str:
    if token is None:
        return "（没有了）"
    if token[0] == "text":
        text = token[1]
        return f"“{text[:EXCERPT]}{'…' if len(text) > EXCERPT else ''}”"
    if token[0] == "close":
        return f"</{token[1]}>"
    text = f"<{token[1]}{''.join(f' {name}={value}' for name, value in token[2])}>"
    return f"{text[:60]}{'…' if len(text) > 60 else ''}"


def difference(approved: str, read: str, images: Mapping[str, str]) -> str:
    """The first difference between approved and read-back content, in Chinese; "" when there is none."""
    left, right = canonical(approved, images), canonical(read, images)
    if left == right:
        return ""
    size = max(len(left), len(right))
    for index in range(size):
        one = left[index] if index < len(left) else None
        other = right[index] if index < len(right) else None
        if one != other:
            return _describe(one, other)
    return ""


def _describe(one: Token | None, other: Token | None) -> str:
    if one and other and one[0] == other[0] == "text":
        start = _first_difference(one[1], other[1])
        one, other = ("text", one[1][start:], ()), ("text", other[1][start:], ())
    return f"批准的是{_shown(one)}，读回的是{_shown(other)}"


def _first_difference(one: str, other: str) -> int:
    """Where two texts part, a few characters earlier, so that the place can be found."""
    length = min(len(one), len(other))
    found = next((index for index in range(length) if one[index] != other[index]), length)
    return max(0, found - 5)
