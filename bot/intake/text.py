"""Characters: what is invisible, and how to show it to a person."""

from __future__ import annotations

import re
import unicodedata

#: C0/C1 controls but tab and newlines, soft hyphen, zero-width and bidi controls (all of category Cf), lone surrogates
#: and noncharacters. None of them belongs in an official text; several of them hide or reorder what is read.
INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e007f"
    "\U0001fffe\U0001ffff\U0010fffe\U0010ffff]"
)
NEWLINES = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
SHOWN = 40


def strip_invisible(text: str) -> str:
    """The text without characters that nobody can see."""
    return INVISIBLE.sub("", text)


def _shown(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if char == "\x7f":
        return "␡"
    if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Cn", "Zl", "Zp", "Co"):
        return f"‹U+{code:04X}›"
    return char


def visible(value: object, limit: int = SHOWN) -> str:
    """A value as a report shows it: at most `limit` characters, control characters as visible signs (␀, ‹U+200B›)."""
    text = value if isinstance(value, str) else ("" if value is None else _brief(value))
    shown = "".join(map(_shown, text[: limit + 1]))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _brief(value: object) -> str:
    """A short text for any value, without building the text of a huge one."""
    if isinstance(value, list | tuple | dict | set):
        return f"{type(value).__name__}({len(value)})"
    if isinstance(value, int) and value.bit_length() > 256:
        return f"int({value.bit_length()} bits)"
    return str(value)
