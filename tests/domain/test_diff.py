"""The comparison that reviewers read: exact for any two texts, readable in Chinese, and never slow."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.diff import BREAK, Fold, Line, Op, Piece, compare, folded, lines, size

from .strategies import QUICK

WORDS = st.sampled_from(["的", "河东", "，", "。", "\n", "2017", "14", " ", "a", "b", "\r", "\u2028", "公交车"])
TEXTS = st.lists(WORDS, max_size=60).map("".join) | st.text(max_size=40)


def old_of(pieces: list[Piece]) -> str:
    """What a reader has who leaves out what is new."""
    return "".join(piece.text for piece in pieces if piece.op is not Op.NEW)


def new_of(pieces: list[Piece]) -> str:
    """What a reader has who leaves out what is gone."""
    return "".join(piece.text for piece in pieces if piece.op is not Op.GONE)


def told(old: str, new: str) -> str:
    """`[-gone-]` and `{+new+}` among what stayed."""
    signs = {Op.SAME: "{}", Op.GONE: "[-{}-]", Op.NEW: "{{+{}+}}"}
    return "".join(signs[piece.op].format(piece.text) for piece in compare(old, new))


@QUICK
@given(old=TEXTS, new=TEXTS)
def test_it_leads_from_the_old_text_to_the_new_one_exactly(old, new):
    pieces = compare(old, new)
    assert old_of(pieces) == old
    assert new_of(pieces) == new


@QUICK
@given(text=TEXTS, cut=st.integers(0, 40), other=TEXTS)
def test_an_edit_in_the_middle_is_told_exactly_too(text, cut, other):
    new = text[:cut] + other + text[cut + 3 :]
    pieces = compare(text, new)
    assert (old_of(pieces), new_of(pieces)) == (text, new)


@QUICK
@given(old=TEXTS, new=TEXTS)
def test_no_piece_is_empty_and_neighbours_differ_in_kind(old, new):
    pieces = compare(old, new)
    assert all(piece.text for piece in pieces)
    assert all(one.op is not other.op for one, other in pairwise(pieces))


@QUICK
@given(text=TEXTS)
def test_what_did_not_change_is_one_piece_that_stayed(text):
    assert compare(text, text) == ([Piece(Op.SAME, text)] if text else [])


@QUICK
@given(old=TEXTS, new=TEXTS)
def test_no_line_of_it_is_lost(old, new):
    """Every break is a line of the comparison, and folding counts what it hides."""
    pieces = compare(old, new)
    found = lines(pieces)
    assert len(found) == "".join(piece.text for piece in pieces).count("\n") + 1
    assert sum(one.count if isinstance(one, Fold) else 1 for one in folded(found)) == len(found)
    assert [one for one in folded(found) if isinstance(one, Line) and one.changed] == [
        one for one in found if one.changed
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("自12月1日起调整。", "自12月2日起调整。", "自12月[-1-]{+2+}日起调整。"),
        ("共14件", "共41件", "共[-14-]{+41+}件"),
        ("河东区公安分局办理。", "河东区公安局办理。", "河东区公安[-分-]局办理。"),
        ("第一段。\n第二段。", "第一段。\n新的一段。\n第二段。", "第一段。\n{+新的一段。\n+}第二段。"),
        ("关于调整公交线路的通知", "关于调整公交线路的通知（更正）", "关于调整公交线路的通知{+（更正）+}"),
        ("", "新的。", "{+新的。+}"),
        ("旧的。", "", "[-旧的。-]"),
        ("2017-05-02", "2017-05-03", "[-2017-05-02-]{+2017-05-03+}"),
    ],
)
def test_a_change_reads_as_a_person_would_tell_it(old, new, expected):
    assert told(old, new) == expected


def test_another_sentence_is_replaced_whole_and_not_torn_to_shreds():
    old, new = "请带好身份证和户口簿到窗口办理，", "网上申报的，由区教育和体育局统一核验，"
    assert told(old, new) == f"[-{old}-]{{+{new}+}}"


def test_two_paragraphs_that_changed_places_keep_the_words_of_the_longer_run():
    body = [f"第{number}条　内容各不相同之{number}。" for number in range(9)]
    moved = [*body[1:], body[0]]
    pieces = compare("\n".join(body), "\n".join(moved))
    assert size(pieces, Op.NEW) == size(pieces, Op.GONE) == len("".join(body[0].split()))


def test_a_break_that_is_new_is_shown_as_a_sign():
    found = lines(compare("一段，两件事。", "一段，\n两件事。"))
    assert found[0].pieces[-1] == Piece(Op.NEW, BREAK)
    assert [one.changed for one in found] == [True, False]


def test_only_changed_paragraphs_and_their_neighbours_are_shown():
    old = "\n".join(f"第{number}段。" for number in range(100))
    shown = folded(lines(compare(old, old.replace("第50段", "第50节"))))
    assert [one.count if isinstance(one, Fold) else one.changed for one in shown] == [49, False, True, False, 48]


def chinese(seed: int, length: int, letters: int = 3000, every: int = 120) -> str:
    pick = random.Random(seed)
    text = "".join(chr(0x4E00 + pick.randrange(letters)) for _ in range(length))
    return "。\n".join(text[start : start + every] for start in range(0, length, every))


HARD = {
    "a few words": (chinese(1, 100_000), chinese(1, 100_000).replace(chinese(1, 100_000)[5000:5004], "改过的字")),
    "another text": (chinese(1, 100_000), chinese(2, 100_000)),
    "few letters": (chinese(1, 100_000, letters=2), chinese(2, 100_000, letters=2)),
    "one paragraph": (chinese(1, 100_000, every=100_000), chinese(2, 100_000, every=100_000)),
    "one letter": ("一" * 100_000, "一" * 50_000 + "二" + "一" * 49_000),
    "blank lines": ("\n" * 100_000, "\n一" * 50_000),
    "many short paragraphs": (chinese(1, 100_000, every=3), chinese(1, 100_000, every=3)[::-1]),
}


@pytest.mark.parametrize("name", HARD)
def test_a_hundred_thousand_characters_are_compared_at_once(name):
    """A budget of work, not luck. Generous here, for a busy machine: they take a second or less."""
    old, new = HARD[name]
    begun = time.process_time()
    pieces = compare(old, new)
    assert time.process_time() - begun < 5
    assert (old_of(pieces), new_of(pieces)) == (old, new)
