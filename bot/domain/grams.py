"""Full text of Chinese: stored pairs of characters, so that a word of two characters is found without a dictionary.

A run of Chinese characters becomes its overlapping pairs and, at its end, the last character alone; a run of letters or
digits is one token. So 临东政办字〔2017〕41号 is 临东 东政 政办 办字 字 2017 41 号, and what is asked for becomes a phrase of such
tokens. Both databases index tokens; neither needs to know any Chinese.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

#: So many tokens of a text are indexed: PostgreSQL keeps no positions beyond 16383.
MOST = 16_000
_RUN = re.compile(r"([\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3005\u3007\U00020000-\U000323af]+)|([^\W_]+)")
_HAN_INSIDE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3005\u3007\U00020000-\U000323af]")


def tokens(text: str) -> list[str]:
    """What is stored for a text, in order; at most `MOST`."""
    found: list[str] = []
    for run, chinese in _runs(text):
        found += [*_pairs(run), run[-1]] if chinese else [run]
        if len(found) >= MOST:
            break
    return found[:MOST]


def phrase(word: str) -> tuple[list[str], bool]:
    """What to look for, as tokens that follow one another; True: the last is only how a token begins.

    The last run may go on in the text: of Chinese only its pairs are certain, one character alone begins a pair, and a word
    of letters or digits may be half typed.
    """
    runs = list(_runs(word))
    found: list[str] = []
    for place, (run, chinese) in enumerate(runs):
        last = place == len(runs) - 1
        if not chinese:
            found.append(run)
        elif last and len(run) > 1:
            found += _pairs(run)
        else:
            found += [*_pairs(run), run[-1]]
    open_ended = bool(runs) and (not runs[-1][1] or len(runs[-1][0]) == 1)
    return found, open_ended


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)]


def _runs(text: str) -> Iterator[tuple[str, bool]]:
    """Runs of Chinese and of letters or digits, in a normal form (full-width figures and capitals are as good as others)."""
    for match in _RUN.finditer(unicodedata.normalize("NFKC", text).lower()):
        if match[1]:
            yield match[1], True
        else:
            yield from _parts(match[2])


def _parts(run: str) -> Iterator[tuple[str, bool]]:
    """A run of letters may have Chinese in its midst (41号): it ends there."""
    at = 0
    for piece in re.finditer(f"{_HAN_INSIDE.pattern}+", run):
        if piece.start() > at:
            yield run[at : piece.start()], False
        yield piece[0], True
        at = piece.end()
    if at < len(run):
        yield run[at:], False
