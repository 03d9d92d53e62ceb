"""Shortening of Chinese text: whole sentences if possible, else whole clauses, never half a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .atoms import atoms
from .lexicon import inside_words

ELLIPSIS = "……"
PAIRS = {
    "《": "》",
    "〈": "〉",
    "（": "）",
    "(": ")",
    "“": "”",
    "‘": "’",
    "【": "】",
    "「": "」",
    "『": "』",
    "〔": "〕",
    "﹝": "﹞",
    "［": "］",
    "[": "]",
    "{": "}",
    "｛": "｝",
    "＜": "＞",
    "〖": "〗",
}
_CLOSERS = frozenset(PAIRS.values())
_SENTENCE_ENDS = "。！？!?"
_CLAUSE_ENDS = "，；：、,;:"
_LOOSE = _CLAUSE_ENDS + "…—· \t\n\r\u3000"  # never stands before the dots
_DEEPEST = 6  # nobody nests brackets deeper in earnest
#: A cut keeps whole sentences if they hold this share of what would fit, whole clauses with the next share,
#: and stays outside of brackets with the last.
_SENTENCE_SHARE, _CLAUSE_SHARE, _OPEN_SHARE = 0.4, 0.6, 0.7


@dataclass(frozen=True, slots=True)
class _Cut:
    """One place to cut: how much of the text remains, and the closing marks that are then owed."""

    source: str
    end: int
    rank: int  # 0 sentence end, 1 clause end, 2 outside of brackets, 3 inside, 4 inside a known word
    owed: str = ""

    @property
    def text(self) -> str:
        """What the reader would see."""
        head = self.source[: self.end]
        return head.rstrip() if self.rank == 0 else head.rstrip(_LOOSE) + ELLIPSIS + self.owed


def shorten(text: str, fits: Callable[[str], bool]) -> str:
    """The longest sensible beginning of `text` for which `fits` holds; "" if there is none.

    `fits` should hold for shorter texts when it holds for longer ones; if it does not, the result still
    fits. The result is `text` itself, or a prefix that ends a sentence, or a prefix with `……` and the
    closing marks of whatever is still open. Numbers with their units, dates, document numbers, addresses,
    Latin words and emoji are never cut in two.
    """
    if fits(text):
        return text
    cuts = list(_cuts(text))
    room = _longest(cuts, fits)
    for cut in _by_preference(cuts[: room + 1]):
        if fits(cut.text):
            return cut.text
    return ""


def _longest(cuts: list[_Cut], fits: Callable[[str], bool]) -> int:
    """Index of the last cut that fits, by bisection; -1 if none does."""
    low, high = -1, len(cuts) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if fits(cuts[middle].text):
            low = middle
        else:
            high = middle - 1
    return low


def _by_preference(cuts: list[_Cut]) -> Iterator[_Cut]:
    """Sentence ends, then clause ends, then places outside of brackets, while they keep enough; then any."""
    if not cuts:
        return
    room = cuts[-1].end
    for rank, share in ((0, _SENTENCE_SHARE), (1, _CLAUSE_SHARE), (2, _OPEN_SHARE), (3, _OPEN_SHARE)):
        yield from (cut for cut in reversed(cuts) if cut.rank <= rank and cut.end >= share * room)
    yield from reversed(cuts)


def _cuts(text: str) -> Iterator[_Cut]:
    """All places where `text` may be cut, from the front, without its end."""
    pieces = atoms(text)
    words = inside_words(text)
    stack: list[str] = []
    end = 0
    for piece in pieces[:-1]:
        end += len(piece)
        _track(stack, piece)
        if len(stack) <= _DEEPEST and _may_end(piece):
            yield _cut(text, end, stack, end in words)


def _cut(text: str, end: int, stack: list[str], in_word: bool) -> _Cut:
    following = text[end]
    if stack:
        return _Cut(text, end, 4 if in_word else 3, "".join(reversed(stack)))
    if _ends_sentence(text, end) and following not in _CLOSERS:
        return _Cut(text, end, 0)
    if in_word:
        return _Cut(text, end, 4)
    return _Cut(text, end, 1 if text[end - 1] in _CLAUSE_ENDS or following in _CLAUSE_ENDS else 2)


def _track(stack: list[str], piece: str) -> None:
    """Keep the closing marks that are still owed."""
    for char in piece:
        if char in PAIRS:
            stack.append(PAIRS[char])
        elif stack and char == stack[-1]:
            stack.pop()


def _may_end(piece: str) -> bool:
    """Nothing ends on an opening mark or on blanks."""
    return piece[-1] not in PAIRS and not piece.isspace()


def _ends_sentence(text: str, end: int) -> bool:
    """Whether the text up to `end` is whole: a full stop, or one inside closing quotes."""
    while end > 0 and text[end - 1] in _CLOSERS:
        end -= 1
    return end > 0 and text[end - 1] in _SENTENCE_ENDS
