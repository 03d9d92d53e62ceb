"""What survives in an article's HTML (wechat.md section 3.2): stripped silently, the call still succeeds.

Written anew over the standard parser, so that it shares no opinion with the cleaner of whoever sends.
"""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

DROPPED_WITH_CONTENT = {"script", "style", "noscript", "object", "title", "head"}
DROPPED_TAGS = {"link", "meta", "base", "html", "body", "embed", "form", "input", "button", "textarea", "select"}
VOID = {"img", "br", "hr", "wbr", "col", "source"}
PICTURE_HOSTS = ("mmbiz.qpic.cn", "mmecoa.qpic.cn", "mmecoa.com", "mmbiz.qlogo.cn")
FRAME_HOSTS = ("v.qq.com", "mp.weixin.qq.com")
BAD_CSS = re.compile(r"javascript:|expression\s*\(|behavior\s*:", re.IGNORECASE)
CSS_SPLIT = re.compile(r";(?![^(]*\))")  # not inside url(data:...;base64,...)
CSS_URL = re.compile(r"url\(\s*['\"]?([^'\")]*)", re.IGNORECASE)


def filtered(content: str, *, keep_links: bool = False, rewrite_div: bool = False) -> str:
    """The HTML as the platform stores it.

    `keep_links`: external `a href` stays (accounts with the privilege); `rewrite_div`: div becomes section.
    """
    parser = _Filter(keep_links, rewrite_div)
    parser.feed(content)
    parser.close()
    return "".join(parser.out)


def plain_text(content: str) -> str:
    """The text alone, white space folded: what a default digest is cut from."""
    parser = _Text()
    parser.feed(content)
    parser.close()
    return re.sub(r"\s+", " ", "".join(parser.out)).strip()


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []

    def handle_data(self, data: str) -> None:
        self.out.append(data)


class _Filter(HTMLParser):
    def __init__(self, keep_links: bool, rewrite_div: bool) -> None:
        super().__init__(convert_charrefs=False)
        self.out: list[str] = []
        self._keep_links, self._rewrite_div = keep_links, rewrite_div
        self._skipping = ""
        self._links: list[bool] = []  # for each open <a>, whether its tag was kept

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._start(tag, attrs, closed=False)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._start(tag, attrs, closed=True)

    def _start(self, tag: str, attrs: list[tuple[str, str | None]], *, closed: bool) -> None:
        if self._skipping or tag in DROPPED_TAGS:
            return
        if tag in DROPPED_WITH_CONTENT or (
            tag == "iframe" and not _hosted(_value(attrs, "src", "data-src"), FRAME_HOSTS)
        ):
            self._skipping = "" if closed else tag
            return
        if tag == "img" and not _hosted(_value(attrs, "src", "data-src"), PICTURE_HOSTS):
            return
        if tag == "a" and not self._link(attrs, closed=closed):
            return
        self.out.append(self._tag(tag, attrs, closed))

    def _link(self, attrs: list[tuple[str, str | None]], *, closed: bool) -> bool:
        href = _value(attrs, "href")
        kept = self._keep_links or not href or _hosted(href, ("mp.weixin.qq.com",))
        if not closed:
            self._links.append(kept)
        return kept

    def _tag(self, tag: str, attrs: list[tuple[str, str | None]], closed: bool) -> str:
        name = "section" if tag == "div" and self._rewrite_div else tag
        parts = [name]
        for key, value in attrs:
            kept = _attribute(tag, key, value)
            if kept is not None:
                parts.append(kept)
        end = "" if not closed else " /" if (self.get_starttag_text() or "").endswith(" />") else "/"
        return f"<{' '.join(parts)}{end}>"

    def handle_endtag(self, tag: str) -> None:
        if self._skipping:
            self._skipping = "" if tag == self._skipping else self._skipping
        elif tag == "a" and self._links and not self._links.pop():
            return
        elif tag not in DROPPED_TAGS | DROPPED_WITH_CONTENT | VOID and tag != "iframe":
            self.out.append("</section>" if tag == "div" and self._rewrite_div else f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self._text(data)

    def handle_entityref(self, name: str) -> None:
        self._text(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._text(f"&#{name};")

    def _text(self, text: str) -> None:
        if not self._skipping:
            self.out.append(text)


def _attribute(tag: str, key: str, value: str | None) -> str | None:
    if key.startswith("on") or key in ("class", "id", "srcset"):
        return None
    if tag == "img" and key == "src":
        key = "data-src"  # stored articles load pictures lazily
    if value is None:
        return key
    if re.sub(r"[\x00-\x20]", "", value).lower().startswith(("javascript:", "vbscript:", "data:text")):
        return None
    if key == "style":
        value = _style(value)
        if not value:
            return None
    return f'{key}="{html.escape(value, quote=True).replace("&#x27;", chr(39))}"'


def _style(value: str) -> str:
    kept = [part for part in CSS_SPLIT.split(value) if not BAD_CSS.search(part) and not _foreign_url(part)]
    return ";".join(kept)


def _foreign_url(part: str) -> bool:
    found = CSS_URL.search(part)
    return bool(found) and not _hosted(found.group(1) if found else "", PICTURE_HOSTS)


def _value(attrs: list[tuple[str, str | None]], *names: str) -> str:
    found = dict(reversed(attrs))
    return next((str(found[name]) for name in names if found.get(name)), "")


def _hosted(url: str, hosts: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return False
    host = (parts.hostname or "").lower()
    return parts.scheme in ("http", "https", "") and any(host == one or host.endswith("." + one) for one in hosts)
