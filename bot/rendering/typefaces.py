"""The packaged fonts, and what to do about characters they lack."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from importlib import resources

from PIL import ImageFont

SERIF, SANS = "NotoSerifCJKsc-Bold.subset.otf", "NotoSansCJKsc-Regular.subset.otf"
#: The geta mark: what Chinese printers set where a character is missing.
MISSING = "〓"
_NOWHERE = "\U0010fffd"


@lru_cache(maxsize=64)
def typeface(name: str, size: int) -> ImageFont.FreeTypeFont:
    """A packaged font at a size in pixels. Basic layout: the same bytes with and without Raqm installed."""
    path = resources.files("bot.rendering") / "fonts" / name
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def printable(text: str, name: str) -> str:
    """`text` in characters that the font has: emoji and joiners go, other strangers become a geta mark."""
    shown = (_shown(char, name) for char in unicodedata.normalize("NFC", text))
    return "".join(shown)


def strangers(text: str, name: str) -> list[str]:
    """The characters in whose place a geta mark is drawn."""
    normal = unicodedata.normalize("NFC", text)
    return [char for char in dict.fromkeys(normal) if char != MISSING and _shown(char, name) == MISSING]


def _shown(char: str, name: str) -> str:
    if char.isspace():
        return " "
    if has_glyph(char, name):
        return char
    decorative = unicodedata.category(char) in ("So", "Sk", "Mn", "Me", "Cf", "Cc", "Cs", "Cn", "Co")
    return "" if decorative else MISSING


@lru_cache(maxsize=16_384)
def has_glyph(char: str, name: str) -> bool:
    """Whether the font draws this character itself, not its empty box."""
    font = typeface(name, 24)
    drawn = font.getmask(char)
    return (drawn.size, bytes(drawn)) != _box(name)


@lru_cache(maxsize=4)
def _box(name: str) -> tuple[tuple[int, int], bytes]:
    drawn = typeface(name, 24).getmask(_NOWHERE)
    return drawn.size, bytes(drawn)
