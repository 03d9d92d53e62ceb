"""Raised and lowered characters keep their meaning where there is no markup."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.scripts import spelled_out, written

from .strategies import QUICK


@pytest.mark.parametrize(
    ("tag", "text", "plain"),
    [
        ("sup", "4", "⁴"),
        ("sup", "-12", "⁻¹²"),
        ("sup", "n+1", "ⁿ⁺¹"),
        ("sub", "2", "₂"),
        ("sup", "注", "^(注)"),
        ("sub", "max", "_(max)"),
        ("sup", " ", ""),
    ],
)
def test_there_is_a_character_or_a_mark_in_brackets(tag: str, text: str, plain: str) -> None:
    assert written(tag, text) == plain


@pytest.mark.parametrize(
    ("fragment", "plain"),
    [
        ("<p>3.2×10<sup>4</sup>平方米</p>", "<p>3.2×10⁴平方米</p>"),
        ("H<SUB class='x'>2</SUB>O", "H₂O"),
        ("10<sup><strong>4</strong></sup>", "10⁴"),
        ("2<sup>2<sup>n</sup></sup>", "2^(2ⁿ)"),
        ("a<sup>&lt;b</sup>", "a^(&lt;b)"),
        ("<p>甲<sup>乙</p>", "<p>甲<sup>乙</p>"),
    ],
)
def test_a_fragment_loses_these_elements_and_nothing_else(fragment: str, plain: str) -> None:
    assert spelled_out(fragment) == plain


@QUICK
@given(
    st.lists(st.sampled_from(["<p>", "</p>", "<strong>", "</strong>", "10", "m²", "&lt;", "甲", "<br>"])).map("".join)
)
def test_a_fragment_without_them_stays_as_it_is(fragment: str) -> None:
    assert spelled_out(fragment) == fragment


@QUICK
@given(st.integers(-999, 999), st.integers(0, 99))
def test_different_powers_are_different_texts(one: int, other: int) -> None:
    same = written("sup", str(one)) == written("sup", str(other))
    assert same == (one == other)
    assert written("sup", str(one)) != str(one)
