"""How Weibo counts, recognises and addresses a text."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.weibo.text import (
    bare_hosts,
    base62_id,
    half_units,
    host_allowed,
    mentions,
    normalise,
    permalink,
    topics,
    urls,
    weibo_length,
)

LINK = "https://www.hedong.gov.cn/info/9000/2017001.htm?tf=k7m2"
chinese = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF))
ascii_words = st.text(string.ascii_letters + string.digits)


class TestLength:
    """Chinese characters of two half-width units, rounded up."""

    @pytest.mark.parametrize(
        ("text", "units"),
        [
            ("一二三四五六七八九十一二三", 26),  # the captured answer of 13 characters
            ("汉" * 89 + "http://t.cn/A6abcde", 197),  # 178 units and a 19-character t.cn link
            ("汉" * 21 + "😀😀", 50),  # emoji outside the BMP: 4 units each
            ("[微笑]", 6),
            ("a\r\nb", 3),
        ],
    )
    def test_units_of_captured_answers(self, text, units):
        assert half_units(text) == units

    def test_a_link_costs_ten_characters_whatever_its_length_up_to_140_bytes(self):
        short, long = "http://a.cn", "http://a.cn/" + "x" * 128
        assert len(long) == 140
        assert weibo_length(short) == weibo_length(long) == 10

    def test_bytes_beyond_140_are_charged_on_top(self):
        assert half_units("http://a.cn/" + "x" * 138) == 20 + 10

    @pytest.mark.parametrize("link", ["http://t.cn/A6abcdef", "http://weibo.com/u/1", "https://weibo.cn/" + "y" * 24])
    def test_weibos_own_short_links_count_as_they_are(self, link):
        assert half_units(link) == len(link)

    def test_a_longer_weibo_link_costs_twenty_units(self):
        assert half_units("http://weibo.com/" + "y" * 25) == 20

    def test_the_name_of_a_weibo_site_inside_another_host_is_no_weibo_link(self):
        assert half_units("http://notweibo.com/a") == 20

    def test_half_a_character_rounds_up(self):
        assert weibo_length("汉a") == 2
        assert weibo_length("") == 0

    def test_text_right_behind_a_link_is_counted_as_text(self):
        assert half_units(f"{LINK}全文") == 20 + 4

    @given(chinese)
    def test_chinese_counts_one_each(self, text):
        assert weibo_length(text) == len(text)

    @given(ascii_words)
    def test_ascii_counts_half(self, text):
        assert weibo_length(text) == (len(text) + 1) // 2

    @given(st.text(), st.characters(exclude_categories=["Cs"]))
    def test_a_blank_and_more_text_never_make_it_shorter(self, text, more):
        assert half_units(f"{text} {more}") >= half_units(text)


class TestNormalise:
    """What must be equal between the approved text and the one read back."""

    def test_a_published_text_reads_back_equal(self):
        sent = f"【标题】要点。\n全文：{LINK}"
        shown = "【标题】要点。\n全文：http://t.cn/A6abcdef \u200b"
        assert normalise(sent) == normalise(shown) == "【标题】要点。 全文："

    @given(st.text())
    def test_it_is_idempotent(self, text):
        assert normalise(normalise(text)) == normalise(text)

    @given(chinese, st.text(" \n\u200b", max_size=4))
    def test_trailing_blanks_and_zero_width_spaces_do_not_matter(self, text, tail):
        assert normalise(text + tail) == normalise(text)

    @given(chinese, chinese)
    def test_different_words_stay_different(self, one, other):
        assert (normalise(one) == normalise(other)) == (one == other)

    def test_a_changed_number_is_seen(self):
        assert normalise(f"共49项。 {LINK}") != normalise(f"共94项。 {LINK}")


class TestParts:
    """Links, topics and mentions."""

    def test_a_topic_needs_a_hash_on_both_sides(self):
        assert topics("#政务公开#今日发布") == [(0, 6)]
        assert topics("＃政务公开＃") == [(0, 6)]
        assert topics("第#号文件") == []
        assert topics("一#行\n二#行") == []

    def test_a_hash_inside_a_link_opens_no_topic(self):
        assert topics("见 https://a.cn/x#one 和 https://a.cn/y#two") == []

    def test_a_mention_is_not_a_mail_address(self):
        assert [("问@河东发布 吧")[a:b] for a, b in mentions("问@河东发布 吧")] == ["@河东发布"]
        assert mentions("邮箱 a@b.cn") == []

    def test_chinese_ends_a_link(self):
        assert urls(f"全文：{LINK}，请看") == [LINK]

    def test_an_address_without_scheme_is_not_a_link(self):
        assert urls("www.hedong.gov.cn") == []
        assert bare_hosts("见 www.hedong.gov.cn") == ["www.hedong.gov.cn"]
        assert bare_hosts(LINK) == []

    @pytest.mark.parametrize(
        ("url", "exact", "below"),
        [
            ("https://hedong.gov.cn/a", True, True),
            ("http://HEDONG.gov.cn:8080/a", True, True),
            ("https://www.hedong.gov.cn/a", False, True),
            ("https://evilhedong.gov.cn/a", False, False),
            ("https://hedong.gov.cn.evil.com/a", False, False),
            ("https://hedong.gov.cn@evil.com/a", False, False),
        ],
    )
    def test_the_safe_domain_is_the_host_itself_or_by_setting_what_is_below_it(self, url, exact, below):
        assert host_allowed(url, ["hedong.gov.cn"], subdomains=False) is exact
        assert host_allowed(url, ["hedong.gov.cn"], subdomains=True) is below


class TestPermalink:
    """Groups of seven digits in base 62."""

    @pytest.mark.parametrize(("idstr", "code"), [("3591268992667779", "zCik3bc0H"), ("4607741009594608", "K3fnuEfZK")])
    def test_published_pairs(self, idstr, code):
        assert base62_id(idstr) == code
        assert permalink("2607741009", idstr) == f"https://weibo.com/2607741009/{code}"

    @given(st.integers(min_value=1, max_value=10**18))
    def test_the_code_can_be_read_back(self, number):
        digits = string.digits + string.ascii_lowercase + string.ascii_uppercase
        code = base62_id(str(number))
        head = len(code) % 4
        groups = ([code[:head]] if head else []) + [code[i : i + 4] for i in range(head, len(code), 4)]
        values = [sum(digits.index(c) * 62**i for i, c in enumerate(reversed(group))) for group in groups]
        assert int(str(values[0]) + "".join(f"{value:07d}" for value in values[1:])) == number

    @pytest.mark.parametrize("wrong", ["", "5.3e15", "-1", "١٢٣"])
    def test_only_an_exact_decimal_string_has_one(self, wrong):
        with pytest.raises(ValueError):
            base62_id(wrong)
