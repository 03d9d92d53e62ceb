"""Counting and naming, against the vectors of the fact sheet."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.rehearsal.weibo import text as weibo_text


def test_half_width_units_of_the_known_samples() -> None:
    assert weibo_text.half_widths("汉字一二三四五六七八九十三") == 26
    assert weibo_text.half_widths("a" * 178 + "http://t.cn/A6abcde") == 197
    assert weibo_text.half_widths("😀") == 4
    assert weibo_text.half_widths("[微笑]") == 6


def test_a_url_costs_twenty_units_up_to_140_bytes_and_its_excess_beyond() -> None:
    base = "https://www.hedong.gov.cn/"
    assert weibo_text.half_widths(base) == 20
    assert weibo_text.half_widths(base + "a" * (140 - len(base))) == 20
    assert weibo_text.half_widths(base + "a" * (150 - len(base))) == 30
    assert weibo_text.half_widths("https://weibo.com/1/a") == 21


def test_characters_round_up() -> None:
    assert [weibo_text.characters(text) for text in ("", "a", "aa", "aaa", "字a")] == [0, 1, 1, 2, 2]


def test_permalinks_of_the_known_ids() -> None:
    assert weibo_text.permalink_code("3591268992667779") == "zCik3bc0H"
    assert weibo_text.permalink_code("4607741009594608") == "K3fnuEfZK"


def test_a_url_ends_where_chinese_begins_and_before_sentence_punctuation() -> None:
    text = "见https://www.hedong.gov.cn/a?b=1。又见 http://t.cn/A6b."
    assert weibo_text.urls_of(text) == ["https://www.hedong.gov.cn/a?b=1", "http://t.cn/A6b"]


def test_created_at_is_english_and_plus_eight() -> None:
    assert weibo_text.created_at(1351093757) == "Wed Oct 24 23:49:17 +0800 2012"


def test_ids_have_the_present_size_and_grow() -> None:
    assert 5.2e15 < weibo_text.new_id(1_795_000_000, 1) < 5.5e15
    assert (
        weibo_text.new_id(1_795_000_000, 1) < weibo_text.new_id(1_795_000_000, 2) < weibo_text.new_id(1_795_000_001, 0)
    )


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60), st.text(alphabet="字ab ", max_size=20))
def test_length_adds_up_without_urls(left: str, right: str) -> None:
    if "http" not in left + right:
        total = weibo_text.half_widths(left) + weibo_text.half_widths(right)
        assert weibo_text.half_widths(left + right) == total


@given(st.text(max_size=60))
def test_shortening_a_text_without_urls_only_adds_the_tail(text: str) -> None:
    if not weibo_text.urls_of(text):
        assert weibo_text.shortened(text, lambda url: "x") == text + " \u200b"
