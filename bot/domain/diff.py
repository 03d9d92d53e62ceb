"""What changed between two texts, for people who answer for the new one.

Paragraphs are compared first, then the clauses of those that differ, then their words: a Chinese character is a word, a
number or a Latin word is one too, so that "14" never reads as "1" and a new "4". Reading what stayed and what is new gives
the new text, reading what stayed and what is gone the old one, exactly.

Texts of 100,000 characters take well under a second however they differ: the search for the shortest way has a budget, and
a stretch that would need more is shown as replaced.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

BUDGET = 1_500_000  # steps of the search, all stretches together
MOST_EDITS = 400  # of one stretch
SMALL = 400  # paragraphs or clauses of both sides up to which the shortest way is looked for at once
DEEPEST = 12  # how often a stretch is cut at what occurs once
LEAST_KEPT = 3  # one word in three must stay for two stretches to be shown as one that was edited
COINCIDENCE = 3  # characters that two changes side by side may share by chance
BREAK = "↵"  # shown where a line break itself is new or gone

_PARAGRAPH = re.compile(r"[^\n]*\n|[^\n]+")
_CLAUSE = re.compile(r"[^。！？；，：、\n]*[。！？；，：、\n]?")
_WORD = re.compile(r"\d+(?:[.,:/-]\d+)*|[A-Za-z]+|\n|[^\S\n]+|.", re.DOTALL)

Block = tuple[bool, Sequence[str], Sequence[str]]
"""Whether both sides agree, and their words."""


class Op(StrEnum):
    """What became of a piece of text."""

    SAME = "same"
    GONE = "gone"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of text that stayed, went or came."""

    op: Op
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the comparison, with what stayed, went and came in it."""

    pieces: tuple[Piece, ...]

    @property
    def changed(self) -> bool:
        """Whether anything in it is not as before."""
        return any(piece.op is not Op.SAME for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Fold:
    """So many lines, all as before, that are not shown."""

    count: int


def compare(old: str, new: str) -> list[Piece]:
    """What stayed, went and came, in order; neighbours differ in kind, and what is gone stands before what is new."""
    found = _compare(old, new, (_paragraphs, _clauses), _Budget(BUDGET))
    return _tidied(found)


def size(pieces: Sequence[Piece], op: Op) -> int:
    """Characters of one kind, blanks and breaks apart."""
    return sum(len("".join(piece.text.split())) for piece in pieces if piece.op is op)


def lines(pieces: Sequence[Piece]) -> list[Line]:
    """The pieces line by line. A break that is itself new or gone is shown as a sign."""
    found: list[Line] = []
    line: list[Piece] = []
    for piece in pieces:
        for place, text in enumerate(piece.text.split("\n")):
            if place:
                line += [] if piece.op is Op.SAME else [Piece(piece.op, BREAK)]
                found.append(Line(tuple(line)))
                line = []
            line += [Piece(piece.op, text)] if text else []
    return [*found, Line(tuple(line))]


def folded(found: Sequence[Line], *, around: int = 1) -> list[Line | Fold]:
    """Changed lines with `around` lines before and after; what lies between is counted."""
    near = {
        place + step for place, line in enumerate(found) if line.changed for step in range(-around, around + 1)
    }  # fmt: skip
    shown: list[Line | Fold] = []
    for place, line in enumerate(found):
        if place in near:
            shown.append(line)
        elif shown and isinstance(shown[-1], Fold):
            shown[-1] = Fold(shown[-1].count + 1)
        else:
            shown.append(Fold(1))
    return shown


# --- from coarse to fine -------------------------------------------------------------------------------------


def _paragraphs(text: str) -> list[str]:
    return _PARAGRAPH.findall(text)


def _clauses(text: str) -> list[str]:
    return [clause for clause in _CLAUSE.findall(text) if clause]


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


@dataclass(slots=True)
class _Budget:
    left: int

    def take(self, steps: int) -> bool:
        """Whether there were as many left."""
        self.left -= steps
        return self.left >= 0


def _compare(old: str, new: str, splits: Sequence[Callable[[str], list[str]]], budget: _Budget) -> Iterator[Piece]:
    if not splits:
        yield from _fine(old, new, budget)
        return
    for same, gone, came in _joined(_blocks(splits[0](old), splits[0](new), budget, 0)):
        before, after = "".join(gone), "".join(came)
        if same:
            yield Piece(Op.SAME, before)
        elif before and after:
            yield from _compare(before, after, splits[1:], budget)
        else:
            yield from _replaced(before, after)


def _fine(old: str, new: str, budget: _Budget) -> Iterator[Piece]:
    """Word by word, unless so little stays that the two would only be torn to shreds."""
    a, b = _words(old), _words(new)
    found = list(_joined(_shortest(a, b, budget) or [(False, a, b)]))
    kept = sum(len(words) for same, words, _ in found if same)
    if kept * LEAST_KEPT < max(len(a), len(b)):
        yield from _replaced(old, new)
        return
    for same, gone, came in found:
        yield from [Piece(Op.SAME, "".join(gone))] if same else _replaced("".join(gone), "".join(came))


def _joined(blocks: Iterable[Block]) -> Iterator[Block]:
    """Neighbours that differ as one, so that what went is compared with what came in its place."""
    gone: list[str] = []
    came: list[str] = []
    for same, left, right in blocks:
        if not same:
            gone += left
            came += right
        elif left:
            yield False, gone, came
            yield True, left, right
            gone, came = [], []
    yield False, gone, came


def _replaced(old: str, new: str) -> Iterator[Piece]:
    yield Piece(Op.GONE, old)
    yield Piece(Op.NEW, new)


def _blocks(a: Sequence[str], b: Sequence[str], budget: _Budget, depth: int) -> Iterator[Block]:
    """Stretches that agree and stretches that differ, in order."""
    least, start, end = min(len(a), len(b)), 0, 0
    while start < least and a[start] == b[start]:
        start += 1
    while end < least - start and a[-1 - end] == b[-1 - end]:
        end += 1
    yield True, a[:start], b[:start]
    yield from _differing(a[start : len(a) - end], b[start : len(b) - end], budget, depth)
    yield True, a[len(a) - end :], b[len(b) - end :]


def _differing(a: Sequence[str], b: Sequence[str], budget: _Budget, depth: int) -> Iterator[Block]:
    """The shortest way where that is cheap; else cut at what occurs once on both sides; else replaced whole."""
    if not a or not b:
        yield False, a, b
        return
    found = _shortest(a, b, budget) if len(a) + len(b) <= SMALL else None
    cuts = _cuts(a, b) if found is None and depth < DEEPEST else []
    if cuts:
        yield from _between(a, b, cuts, budget, depth)
        return
    if found is None and len(a) + len(b) > SMALL:
        found = _shortest(a, b, budget)
    yield from [(False, a, b)] if found is None else found


def _between(
    a: Sequence[str], b: Sequence[str], cuts: list[tuple[int, int]], budget: _Budget, depth: int
) -> Iterator[Block]:
    for (left, right), (x, y) in pairwise([(-1, -1), *cuts, (len(a), len(b))]):
        yield from _blocks(a[left + 1 : x], b[right + 1 : y], budget, depth + 1)
        yield True, a[x : x + 1], b[y : y + 1]


def _cuts(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]]:
    """Places of what occurs once in each, as many as stand in the same order in both (patience sorting)."""
    in_a, in_b = Counter(a), Counter(b)
    where = {word: place for place, word in enumerate(b) if in_b[word] == 1}
    pairs = [(place, where[word]) for place, word in enumerate(a) if in_a[word] == 1 and word in where]
    tops: list[int] = []  # smallest end of a run of each length
    ends: list[int] = []  # which pair that is
    before: list[int] = []
    for number, (_, y) in enumerate(pairs):
        length = bisect_left(tops, y)
        before.append(ends[length - 1] if length else -1)
        tops[length : length + 1], ends[length : length + 1] = [y], [number]
    found, number = [], ends[-1] if ends else -1
    while number >= 0:
        found.append(pairs[number])
        number = before[number]
    return found[::-1]


# --- the shortest way (Myers, "An O(ND) difference algorithm", 1986) ------------------------------------------


def _shortest(a: Sequence[str], b: Sequence[str], budget: _Budget) -> list[Block] | None:
    """The fewest words gone and new; None when more than MOST_EDITS or the budget is used up."""
    reach = {1: 0}  # diagonal -> how far in `a`
    trace: list[dict[int, int]] = []
    for edits in range(min(len(a) + len(b), MOST_EDITS) + 1):
        trace.append(dict(reach))
        for diagonal in range(-edits, edits + 1, 2):
            x = start = _step(reach, diagonal, edits)[0]
            y = x - diagonal
            while x < len(a) and y < len(b) and a[x] == b[y]:
                x, y = x + 1, y + 1
            reach[diagonal] = x
            if x == len(a) and y == len(b):
                return _told(a, b, trace)
            if not budget.take(x - start + 1):
                return None
    return None


def _step(reach: dict[int, int], diagonal: int, edits: int) -> tuple[int, int]:
    """How far one more edit leads on this diagonal, and from which one: down is a new word, right is one gone."""
    down = diagonal == -edits or (diagonal != edits and reach[diagonal - 1] < reach[diagonal + 1])
    return (reach[diagonal + 1], diagonal + 1) if down else (reach[diagonal - 1] + 1, diagonal - 1)


def _told(a: Sequence[str], b: Sequence[str], trace: list[dict[int, int]]) -> list[Block]:
    """The way back from the end, turned round."""
    found: list[Block] = []
    x, y = len(a), len(b)
    for edits in range(len(trace) - 1, 0, -1):
        start, origin = _step(trace[edits], x - y, edits)
        found.append((True, a[start:x], a[start:x]))
        y -= x - start
        x = trace[edits][origin]
        found.append((False, a[x:start], b[x - origin : y]))
        y = x - origin
    found.append((True, a[:x], b[:y]))
    return found[::-1]


# --- made readable ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Change:
    """What went and what came, and what stays behind it."""

    gone: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    longest: int = 0  # characters gone or new, whichever is more

    def take(self, op: Op, text: str) -> None:
        (self.same if op is Op.SAME else self.gone if op is Op.GONE else self.new).append(text)

    def measure(self) -> None:
        self.longest = max(sum(map(len, self.gone)), sum(map(len, self.new)))

    def swallow(self, other: _Change, between: str) -> None:
        """The other change and what stood between become part of this one."""
        self.gone += [between, *other.gone]
        self.new += [between, *other.new]
        self.same, self.longest = other.same, self.longest + len(between) + other.longest


def _tidied(pieces: Iterator[Piece]) -> list[Piece]:
    """Neighbours of a kind are joined, and what two changes share by chance ("的" in two rewritten halves) is part of them."""
    found: list[_Change] = []
    for change in _changes(pieces):
        if found and _by_chance(found[-1], change):
            found[-1].swallow(change, "".join(found[-1].same))
        else:
            found.append(change)
    shown = (
        Piece(op, "".join(parts))
        for change in found
        for op, parts in ((Op.GONE, change.gone), (Op.NEW, change.new), (Op.SAME, change.same))
    )
    return [piece for piece in shown if piece.text]


def _changes(pieces: Iterator[Piece]) -> Iterator[_Change]:
    change = _Change()
    for piece in pieces:
        if not piece.text:
            continue
        if piece.op is not Op.SAME and change.same:
            change.measure()
            yield change
            change = _Change()
        change.take(piece.op, piece.text)
    change.measure()
    yield change


def _by_chance(before: _Change, after: _Change) -> bool:
    shared = sum(map(len, before.same))
    if not before.longest or not after.longest or not 0 < shared <= COINCIDENCE:
        return False
    return shared <= min(before.longest, after.longest) and "\n" not in "".join(before.same)
