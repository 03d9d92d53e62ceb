"""Markers: the short id in a post's link by which read-back recognises it."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

PARAMETER = "tf"
PATTERN = re.compile(r"[0-9a-z]{8}")
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


def marker_from(seed: bytes) -> str:
    """Eight base-36 digits from at least six random bytes (2.8e12 values; the database keeps them unique)."""
    value, digits = int.from_bytes(seed, "big"), []
    for _ in range(8):
        value, rest = divmod(value, 36)
        digits.append(_ALPHABET[rest])
    return "".join(digits)


def marker_in(url: str) -> str:
    """The marker that an address carries, or ""."""
    for name, value in parse_qsl(urlsplit(url).query):
        if name == PARAMETER and PATTERN.fullmatch(value):
            return value
    return ""
