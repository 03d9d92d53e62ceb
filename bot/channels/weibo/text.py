"""Weibo's own view of a text: how long it is, which links and topics it holds, and how it reads back.

Sources: the counter of Weibo's web pages (as ported by its clients) and captured answers; see each function.
"""

from __future__ import annotations

import re
from math import ceil
from urllib.parse import urlsplit

#: What Weibo's own counter takes for a link: ASCII only, so Chinese glued to a link ends it.
_URL = re.compile(r"https?://[a-z0-9-]+(?:\.[a-z0-9-]+)*[-a-z0-9_$.+!*()/,:;@&=?~#%]*", re.IGNORECASE)
_URL_IN_SPACE = re.compile(rf"\s*{_URL.pattern}\s*", re.IGNORECASE)
_BARE_HOST = re.compile(r"(?<![a-z0-9./@-])www(?:\.[a-z0-9-]+)+", re.IGNORECASE)
_TOPIC = re.compile(r"[#＃][^#＃\n]+[#＃]")  # a full-width mark may count too: refuse both
_MENTION = re.compile(r"(?<![A-Za-z0-9])@[\w-]+")
_BLANKS = re.compile(r"\s+")
_ZERO_WIDTH_SPACE = "\u200b"

_SHORTENER = ("t.cn",)
_OWN_SITES = ("weibo.com", "weibo.cn")
_URL_UNITS = 20
_URL_BYTES = 140  # a link is charged 20 units up to this many bytes
_OWN_URL_BYTES = 41  # links to Weibo itself are charged as they are up to here

_BASE62 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def urls(text: str) -> list[str]:
    """All full links (http or https), in order."""
    return _URL.findall(text)


def bare_hosts(text: str) -> list[str]:
    """Addresses without a scheme (`www.…`), which readers may or may not be able to tap."""
    return _BARE_HOST.findall(_blank_urls(text))


def topics(text: str) -> list[tuple[int, int]]:
    """Start and end of every `#topic#` (a # inside a link is none), in characters of `text`."""
    return [match.span() for match in _TOPIC.finditer(_blank_urls(text))]


def mentions(text: str) -> list[tuple[int, int]]:
    """Start and end of every `@name`, which would notify that user."""
    return [match.span() for match in _MENTION.finditer(_blank_urls(text))]


def _blank_urls(text: str) -> str:
    """`text` with its links overwritten by blanks, so that offsets stay."""
    return _URL.sub(lambda match: " " * len(match[0]), text)


def _units(text: str) -> int:
    """Half-width units over UTF-16 code units: ASCII 1, all else 2; an emoji outside the BMP is two halves, so 4."""
    return sum(1 if ord(char) < 0x80 else 4 if ord(char) > 0xFFFF else 2 for char in text)


def _is_site(host: str, sites: tuple[str, ...]) -> bool:
    return any(host == site or host.endswith("." + site) for site in sites)


def _url_units(url: str) -> int:
    """What one link is charged: 20 units up to 140 bytes, the excess on top; Weibo's own short ones as they are."""
    length, host = len(url), (urlsplit(url).hostname or "")
    if _is_site(host, _SHORTENER) or (_is_site(host, _OWN_SITES) and length <= _OWN_URL_BYTES):
        return length
    return _URL_UNITS + max(0, length - _URL_BYTES)


def half_units(text: str) -> int:
    """Length in half-width units, the unit of the answer field `textLength`. Line ends count once."""
    text = text.replace("\r\n", "\n")
    return _units(_URL.sub("", text)) + sum(map(_url_units, urls(text)))


def weibo_length(text: str) -> int:
    """Length in Chinese characters (two half-width units, rounded up): what the limit of 140 is about.

    Source: the counter of weibo.com's own editor, checked against `textLength` of captured answers.
    """
    return ceil(half_units(text) / 2)


def normalise(text: str) -> str:
    """The part of a text that survives publishing, for comparing what was sent with what is read back.

    The closed list: every link goes (Weibo turns them into t.cn links), U+200B goes (Weibo appends one), any run
    of blanks reads as one, blanks at both ends go. Everything else must be equal.
    """
    bare = _URL_IN_SPACE.sub(" ", text.replace(_ZERO_WIDTH_SPACE, ""))
    return _BLANKS.sub(" ", bare).strip()


def host_allowed(url: str, domains: list[str], *, subdomains: bool) -> bool:
    """Whether the link's host is one of the safe domains, or below one where `subdomains` says so."""
    try:
        host = (urlsplit(url).hostname or "").lower()
    except ValueError:
        return False
    return any(host == domain or (subdomains and host.endswith("." + domain)) for domain in domains)


def _base62(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    return digits or "0"


def base62_id(idstr: str) -> str:
    """The id as it stands in a permalink: groups of 7 digits from the right, each in base 62, padded to 4.

    `idstr` is the exact decimal string (never a rounded number). ValueError when it is not one.
    """
    if not (idstr.isascii() and idstr.isdigit()):
        raise ValueError("a Weibo id is a string of decimal digits")
    head = len(idstr) % 7
    groups = ([idstr[:head]] if head else []) + [idstr[i : i + 7] for i in range(head, len(idstr), 7)]
    first, *rest = (_base62(int(group)) for group in groups)
    return first + "".join(group.rjust(4, "0") for group in rest)


def decimal_id(code: str) -> str:
    """`base62_id` undone: the exact decimal id of what stands in a permalink, "" where that stands for none."""
    if not code or set(code) - set(_BASE62):
        return ""
    head = len(code) % 4
    groups = ([code[:head]] if head else []) + [code[i : i + 4] for i in range(head, len(code), 4)]
    first, *rest = (_number(group) for group in groups)
    found = f"{first}" + "".join(f"{number:07}" for number in rest)
    return found if base62_id(found) == code else ""


def _number(digits: str) -> int:
    number = 0
    for digit in digits:
        number = number * 62 + _BASE62.index(digit)
    return number


def permalink(uid: str, idstr: str) -> str:
    """The address followers use, `https://weibo.com/{uid}/{base62}`."""
    return f"https://weibo.com/{uid}/{base62_id(idstr)}"
