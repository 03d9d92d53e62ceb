"""Masking of personal numbers, in the forms offices use (domain.md 2.6)."""

from __future__ import annotations

import re

from .text import fold

# Eleven digits or more, however they are separated: no finding may repeat such a number in clear.
_LONG_NUMBER = re.compile(r"\d(?:[ .\-_()（）]{0,3}\d){9,}[ .\-_]{0,3}[\dXx]")


def masked(digits: str, head: int, tail: int) -> str:
    """`digits` with all but the first `head` and last `tail` characters as `*`: 138****8000."""
    return digits[:head] + "*" * (len(digits) - head - tail) + digits[len(digits) - tail :]


def mask_id(digits: str) -> str:
    """ID card: 35*************123."""
    return masked(digits, 2, 3)


def mask_mobile(digits: str) -> str:
    """Mobile number: 138****8000."""
    return masked(digits, 3, 4)


def mask_card(digits: str) -> str:
    """Bank card: the last four only."""
    return masked(digits, 0, 4)


def hide_long_numbers(text: str) -> str:
    """The text with every long number as `***`, so that a finding about words never carries one along."""
    folded = fold(text)
    pieces: list[str] = []
    position = 0
    for match in _LONG_NUMBER.finditer(folded.text):
        start, end = folded.span(*match.span())
        pieces += [text[position:start], "***"]
        position = end
    return "".join([*pieces, text[position:]])
