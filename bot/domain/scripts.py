"""Raised and lowered characters (`10<sup>4</sup>`, `H<sub>2</sub>O`) in text that has no markup.

Left out, the marks would turn 3.2×10⁴ into 3.2×104: where Unicode has the character it is used, else `^(…)` and `_(…)`.
"""

from __future__ import annotations

import re

SCRIPTS = frozenset({"sup", "sub"})
_PLAIN = "0123456789+-=()"
_FORMS = {
    "sup": {**dict(zip(_PLAIN, "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾", strict=True)), "−": "⁻", "–": "⁻", "n": "ⁿ", "i": "ⁱ"},
    "sub": {**dict(zip(_PLAIN, "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎", strict=True)), "−": "₋", "–": "₋"},
}
_MARKS = {"sup": "^", "sub": "_"}
#: The characters themselves, as a class of a regular expression: they mean nothing without what stands before them.
RAISED = "⁰¹²³⁴-⁹⁺⁻⁼⁽⁾ⁿⁱ"
LOWERED = "₀-₎"
_DEEPEST = 6  # nobody raises higher in earnest
_ELEMENT = re.compile(r"<(su[bp])\b[^<>]*>((?:(?!</?su[bp]\b).)*)</\1\s*>", re.IGNORECASE | re.DOTALL)
_INLINE = re.compile(r"</?(?:strong|em|b|i|u|s|a|span|font|small|mark|code)\b[^<>]*>", re.IGNORECASE)


def written(tag: str, text: str) -> str:
    """What stands in plain text for `text` in a `sup` or `sub` element."""
    words = " ".join(text.split())
    forms = _FORMS[tag]
    if all(char in forms for char in words):
        return "".join(forms[char] for char in words)
    return f"{_MARKS[tag]}({words})"


def spelled_out(fragment: str) -> str:
    """The HTML fragment with its `sup` and `sub` elements written out, for whoever then takes the markup away."""
    if "<su" not in fragment.lower():
        return fragment
    for _ in range(_DEEPEST):
        fragment, count = _ELEMENT.subn(lambda found: written(found[1].lower(), _INLINE.sub("", found[2])), fragment)
        if not count:
            break
    return fragment
