"""How Weibo counts, links and names a text (weibo.md 2.3 and 3.1), counted here anew."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from urllib.parse import urlsplit

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
URL = re.compile(r"https?://[A-Za-z0-9$\-_.+!*'(),/?:@&=;#%~\[\]]+")
TOPIC = re.compile(r"[#＃][^#＃\s][^#＃\n]*[#＃]")
TAIL = " \u200b"  # appended to what is stored
EPOCH = 515_483_463
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def urls_of(text: str) -> list[str]:
    """Every full URL, in order. Sentence punctuation at the end is no part of one."""
    return [found.rstrip(".,;!?:)'") for found in URL.findall(text)]


def half_widths(text: str) -> int:
    """Length in half-width units: ASCII 1, other UTF-16 units 2, URLs 20 whatever their length up to 140 bytes."""
    rest, total = text, 0
    for url in urls_of(text):
        rest = rest.replace(url, "", 1)
        total += _url_units(url)
    data = rest.encode("utf-16-le")
    units = (int.from_bytes(data[at : at + 2], "little") for at in range(0, len(data), 2))
    return total + sum(1 if unit < 0x80 else 2 for unit in units)


def _url_units(url: str) -> int:
    host, size = (urlsplit(url).hostname or "").lower(), len(url.encode())
    if host == "t.cn" or (size <= 41 and re.search(r"(^|\.)weibo\.(com|cn)$", host)):
        return size
    return 20 + max(0, size - 140)


def characters(text: str) -> int:
    """Length in Chinese characters, rounded up: what the limit of 140 is about."""
    return (half_widths(text) + 1) // 2


def without_urls(text: str) -> str:
    """The text with URLs, trailing space and U+200B gone: for likeness."""
    for url in urls_of(text):
        text = text.replace(url, "", 1)
    return text.strip(" \u200b\n")


def shortened(text: str, shorten: Callable[[str], str]) -> str:
    """The text with every URL replaced by `shorten(url)`, and the platform's tail."""
    parts, rest = [], text
    for url in urls_of(text):
        before, rest = rest.split(url, 1)
        parts += [before, shorten(url)]
    return "".join(parts) + rest + TAIL


def base62(number: int) -> str:
    """A number in base 62."""
    out = ""
    while number:
        number, digit = divmod(number, 62)
        out = DIGITS[digit] + out
    return out or "0"


def permalink_code(mid: str) -> str:
    """The id as it stands in a permalink: groups of 7 decimal digits from the right, 4 base-62 digits each."""
    groups: list[str] = []
    while mid:
        mid, group = mid[:-7], mid[-7:]
        groups.insert(0, base62(int(group)))
    return groups[0] + "".join(group.rjust(4, "0") for group in groups[1:])


def new_id(now: float, sequence: int) -> int:
    """A status id of the present size (about 5.3e15 in 2026), growing with time."""
    return (int(now - EPOCH) << 22) + sequence % (1 << 22)


def created_at(epoch: float) -> str:
    """`Wed Oct 24 23:49:17 +0800 2012`, in English whatever the locale."""
    moment = time.gmtime(epoch + 8 * 3600)
    clock = f"{moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02}"
    return f"{DAYS[moment.tm_wday]} {MONTHS[moment.tm_mon - 1]} {moment.tm_mday:02} {clock} +0800 {moment.tm_year}"
