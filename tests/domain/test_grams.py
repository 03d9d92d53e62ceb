"""Full text by pairs of characters: whatever stands in a text is found by it, words of two characters first of all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.grams import MOST, phrase, tokens

HAN = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x4E80), min_size=1, max_size=12)
WORD = st.text("abcxyz0123456789", min_size=1, max_size=6)
GAP = st.sampled_from(["", " ", "，", "〔", "〕", "-", "\n"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    return "".join(draw(st.one_of(HAN, WORD)) + draw(GAP) for _ in range(draw(st.integers(1, 8))))


def found(word: str, text: str) -> bool:
    """As both databases look: the phrase's tokens one after the other, the last one perhaps only begun."""
    wanted, begun = phrase(word)
    stored = tokens(text)
    for at in range(len(stored) - len(wanted) + 1):
        here = stored[at : at + len(wanted)]
        if here[:-1] == wanted[:-1] and (here[-1].startswith(wanted[-1]) if begun else here[-1] == wanted[-1]):
            return True
    return False


def test_a_document_number_becomes_pairs_and_figures() -> None:
    assert tokens("临东政办字〔2017〕41号") == ["临东", "东政", "政办", "办字", "字", "2017", "41", "号"]


@pytest.mark.parametrize(
    ("word", "text", "yes"),
    [
        ("低保", "关于提高城乡低保标准的通知", True),
        ("低保", "降低保险费率", True),
        ("保低", "低保", False),
        ("低", "城乡低保", True),
        ("策", "惠民政策", True),
        ("临东政办字〔2017〕41号", "临东政办字〔2017〕41号文", True),
        ("临东政办字2017 41", "临东政办字〔2017〕41号", True),
        ("政办字", "临东政办字〔2017〕41号", True),
        ("2017", "临东政办字〔２０１７〕41号", True),
        ("hedong", "HeDongQu", True),
        ("医疗救助", "医疗、救助", False),
    ],
)
def test_what_is_found_where(word: str, text: str, yes: bool) -> None:
    assert found(word, text) is yes


@given(texts(), st.data())
def test_every_piece_of_chinese_is_found_in_its_text(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    piece = text[start : data.draw(st.integers(start + 1, len(text)))]
    if not phrase(piece)[0] or (start and text[start - 1].isascii() and text[start].isascii()):
        return  # it begins in the midst of a word of letters or digits, which is looked for from its start
    assert found(piece, text)


@given(texts())
def test_tokens_are_plain_so_that_no_query_language_sees_anything_else(text: str) -> None:
    assert all(token.isalnum() for token in tokens(text))


def test_a_book_is_indexed_up_to_a_limit() -> None:
    assert len(tokens("河东" * MOST)) == MOST
