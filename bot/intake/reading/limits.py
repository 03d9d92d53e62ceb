"""How much of a file is read, and what is said where there is nothing to read."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.attached import Part, Reading

MOST_LETTERS = 300_000  # two novels, or a list of six thousand people; the checks take a few seconds for them, once
MOST_PAGES = 1_000
NAME_LETTERS = 60
SCANNED = "没有文字，多半是扫描件，系统读不到里面的内容"


def shortened(reading: Reading) -> Reading:
    """The reading with at most so many letters, saying where it ends; lone surrogates, which no database takes, left out."""
    parts: list[Part] = []
    room = MOST_LETTERS
    for part in reading.parts:
        text = clean(part.text)
        if len(text) > room:
            parts.append(replace(part, text=text[:room]))
            rest = f"太长，系统只读到{part.where or '前'}为止的 {MOST_LETTERS // 10_000} 万字"
            return replace(_named(reading), parts=tuple(parts), unread=reading.unread or rest)
        room -= len(text)
        if text.strip():
            parts.append(Part(clean(part.where), part.unit, text))
    return replace(_named(reading), parts=tuple(parts))


def _named(reading: Reading) -> Reading:
    return replace(reading, author=clean(reading.author).strip()[:NAME_LETTERS], left=tuple(map(clean, reading.left)))


def clean(text: str) -> str:
    """Text that can be stored and shown."""
    return text.encode("utf-8", "ignore").decode().replace("\0", "")
