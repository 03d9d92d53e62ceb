"""What the checks read: the plain text of each field, and a folded form that hides nothing.

Offsets of findings count characters of the field's plain text. For every field but `body_html` that is the
field itself. For `body_html` it is `plain_text(body_html)`, and whoever highlights a finding must use that
same function.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from bot.domain.scripts import spelled_out

# Quoted values may hold ">"; their length is bounded so that broken markup cannot make the scan quadratic.
_TAG = re.compile(r"""<(/?)([A-Za-z][A-Za-z0-9]*)((?:"[^"]{0,2000}"|'[^']{0,2000}'|[^<>"'])*)>|<![^<>]*>""")
_ALT = re.compile(r"""\b(?:alt|title)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_INLINE = frozenset(
    ["a", "abbr", "b", "code", "em", "i", "mark", "s", "small", "span", "strong", "sub", "sup", "u", "font"]
)
_CELLS = frozenset({"td", "th"})

_FILLERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_LIKE_X = dict.fromkeys("×хХΧχⅩⅹＸｘ", "X")  # letters that staff or a keyboard put for the X of an ID card
# A power or the mark of a footnote ends the number before it; a whole number that is raised hides nothing by that.
_LONG_SCRIPT = re.compile(r"[⁰¹²³⁴-⁹₀-₉]{3,}")
_KEEP_CONTROLS = frozenset("\n\t\r")


def plain_text(fragment: str) -> str:
    """The text of an HTML fragment as a reader sees it, one line per block.

    Inline tags vanish (so `138<strong>0013</strong>8000` is one number), a table cell ends in a tab, every
    other tag is a line break, entities are decoded, and `alt`/`title` texts stand on a line of their own.
    """
    fragment = spelled_out(fragment)
    pieces: list[str] = []
    position = 0
    for tag in _TAG.finditer(fragment):
        pieces += [html.unescape(fragment[position : tag.start()]), _instead_of(tag)]
        position = tag.end()
    pieces.append(html.unescape(fragment[position:]))
    return "".join(pieces)


def _instead_of(tag: re.Match[str]) -> str:
    name = (tag[2] or "").lower()
    if not name:  # a comment or declaration is not seen
        return ""
    spoken = "".join(f"\n{html.unescape(one or two)}\n" for one, two in _ALT.findall(tag[3]))
    if spoken or name in _INLINE:
        return spoken
    return "\t" if name in _CELLS else "\n"


def is_invisible(char: str) -> bool:
    """Whether a character takes no room on screen: format, combining, filler and control characters, lone surrogates."""
    return char in _FILLERS or (
        unicodedata.category(char) in {"Cf", "Mn", "Me", "Cc", "Cs"} and char not in _KEEP_CONTROLS
    )


@dataclass(frozen=True, slots=True)
class Folded:
    """Text made comparable, with the way back: `origin[i]` is the offset of `text[i]` in the original."""

    text: str
    origin: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Offsets in the original of the non-empty folded range `start:end`."""
        return self.origin[start], self.origin[end - 1] + 1


@lru_cache(maxsize=16)
def fold(text: str) -> Folded:
    """Drop invisible characters; decimal digits of every script, spaces and dashes become ASCII."""
    pairs = list(_folded(_LONG_SCRIPT.sub(lambda run: unicodedata.normalize("NFKC", run[0]), text)))
    return Folded("".join(char for char, _ in pairs), tuple(index for _, index in pairs))


@lru_cache(maxsize=16)
def visible(text: str) -> Folded:
    """Drop invisible characters only: what the word rules read, so that a hidden character splits no word."""
    kept = [
        index for index, char in enumerate(text) if (char.isascii() and char.isprintable()) or not is_invisible(char)
    ]
    return Folded("".join(text[index] for index in kept), tuple(kept))


def _folded(text: str) -> Iterator[tuple[str, int]]:
    for index, char in enumerate(text):
        if char.isascii() and char.isprintable():
            yield char, index
        elif not is_invisible(char):
            yield _plain(char), index


def _plain(char: str) -> str:
    digit = unicodedata.decimal(char, None)
    if digit is not None:
        return str(digit)
    if char in _LIKE_X:
        return "X"
    category = unicodedata.category(char)
    if category == "Zs":
        return " "
    return "-" if category == "Pd" or char in "−·•．" else char
