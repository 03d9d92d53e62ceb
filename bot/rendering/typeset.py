"""Setting a Chinese title in balanced lines: kinsoku rules, no broken numbers, breaks where sense breaks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from .atoms import atoms
from .lexicon import PLACE, WORD
from .shorten import PAIRS

#: Never at the start of a line, never at its end (GB/T 15834 and common typesetting practice).
NOT_FIRST = frozenset("，。、；：！？…—～·%％‰℃,.;:!?" + "".join(PAIRS.values()))
NOT_LAST = frozenset(PAIRS) | frozenset("￥¥$№第")
_FORBIDDEN = 1e9
_IN_WORD, _IN_QUOTE, _PLAIN, _EDGE, _AFTER_DE, _SENSE = 6.0, 2.5, 1.0, 0.5, 0.2, 0.0
_RAGGED = 14.0  # how much an uneven line weighs against a break in a poor place
_QUOTED = re.compile(r"[“‘][^“”‘’]{1,10}[”’]")
_PERIOD = re.compile(r"\d{4}年(?:[上下]半年|第?[一二三四]季度)")
_SENSE_END = frozenset("，。、；：！？")


@dataclass(frozen=True, slots=True)
class Setting:
    """Lines, and how bad the worst of their ends is (up to 0.5: where sense breaks)."""

    lines: tuple[str, ...]
    poor: float


def set_lines(text: str, width: float, measure: Callable[[str], float], most: int) -> Setting | None:
    """Break `text` into at most `most` lines no wider than `width`, as even and as sensible as can be.

    Uses the fewest lines that hold it. None if it cannot be done.
    """
    pieces = _pieces(text)
    widths = [measure(piece) for piece in pieces]
    penalties = _penalties(text, pieces)
    for count in range(1, most + 1):
        if sum(widths) > width * count:
            continue
        ends = _best(widths, penalties, width, count)
        if ends is not None:
            starts = [0, *ends[:-1]]
            lines = tuple("".join(pieces[a:b]).strip() for a, b in zip(starts, ends, strict=True))
            return Setting(lines, max((penalties[end] for end in ends[:-1]), default=0.0))
    return None


def _best(widths: list[float], penalties: list[float], width: float, count: int) -> list[int] | None:
    """Ends of `count` lines with the least cost, by dynamic programming over (piece, lines left)."""
    total = len(widths)
    sums = [0.0]
    for piece in widths:
        sums.append(sums[-1] + piece)
    average = sums[-1] / count

    @cache
    def least(start: int, lines: int) -> tuple[float, tuple[int, ...]]:
        if lines == 0:
            return (0.0, ()) if start == total else (_FORBIDDEN, ())
        best: tuple[float, tuple[int, ...]] = (_FORBIDDEN, ())
        for end in range(start + 1, total + 1):
            size = sums[end] - sums[start]
            if size > width:
                break
            cost, rest = least(end, lines - 1)
            cost += _RAGGED * ((size - average) / average) ** 2 + (penalties[end] if end < total else 0.0)
            if cost < best[0]:
                best = (cost, (end, *rest))
        return best

    cost, ends = least(0, count)
    return list(ends) if cost < _FORBIDDEN else None


def _pieces(text: str) -> list[str]:
    """Atoms, with marks that may not stand alone at a line's edge tied to their neighbours.

    A blank belongs to what stands before it: lines are stripped, so it would not keep a mark off their edge.
    """
    pieces: list[str] = []
    for atom in atoms(text):
        if pieces and (atom.isspace() or atom[0] in NOT_FIRST or pieces[-1].rstrip()[-1:] in NOT_LAST):
            pieces[-1] += atom
        else:
            pieces.append(atom)
    return pieces


def _penalties(text: str, pieces: list[str]) -> list[float]:
    """Cost of a line break before each piece (index 0 is never used)."""
    inside, edges = _spans(text, WORD, PLACE, _PERIOD)
    quoted, _ = _spans(text, _QUOTED)
    costs, at = [0.0], 0
    for piece in pieces[:-1]:
        at += len(piece)
        costs.append(_penalty(text, at, inside, edges, quoted))
    return costs


def _penalty(text: str, at: int, inside: set[int], edges: set[int], quoted: set[int]) -> float:
    before, after = text[at - 1], text[at]
    if before in _SENSE_END:
        return _SENSE
    if at in inside:
        return _IN_WORD
    if at in quoted:
        return _IN_QUOTE
    if before in PAIRS.values() or after in PAIRS or before == "的":
        return _AFTER_DE
    return _EDGE if at in edges else _PLAIN


def _spans(text: str, *patterns: re.Pattern[str]) -> tuple[set[int], set[int]]:
    """Offsets inside of matches, and at their edges."""
    inside: set[int] = set()
    edges: set[int] = set()
    for pattern in patterns:
        for match in pattern.finditer(text):
            inside |= set(range(match.start() + 1, match.end()))
            edges |= {match.start(), match.end()}
    return inside, edges - inside
