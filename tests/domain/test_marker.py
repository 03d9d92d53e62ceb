"""Markers: short, url-safe, found again in any address that carries one."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.marker import PARAMETER, PATTERN, marker_from, marker_in

from .strategies import MARKERS, QUICK, TEXT


@QUICK
@given(seed=st.binary(min_size=6, max_size=16))
def test_every_seed_gives_eight_digits_of_base_36(seed):
    assert PATTERN.fullmatch(marker_from(seed))
    assert marker_from(seed) == marker_from(seed)


@QUICK
@given(one=st.integers(0, 36**8 - 1), other=st.integers(0, 36**8 - 1))
def test_no_two_numbers_below_the_range_share_a_marker(one, other):
    same = marker_from(one.to_bytes(6, "big")) == marker_from(other.to_bytes(6, "big"))
    assert same == (one == other)


@QUICK
@given(marker=MARKERS, before=st.dictionaries(TEXT.filter(lambda name: name != PARAMETER), TEXT, max_size=3))
def test_a_marker_is_found_among_other_parameters(marker, before):
    query = urlencode({**before, PARAMETER: marker})
    assert marker_in(f"https://www.hedong.gov.cn/info/1.html?{query}#top") == marker


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://www.hedong.gov.cn/info/1.html",
        "https://www.hedong.gov.cn/info/1.html?tf=",
        "https://www.hedong.gov.cn/info/1.html?tf=short",
        "https://www.hedong.gov.cn/info/1.html?tf=UPPER123",
        "https://www.hedong.gov.cn/info/1.html?tf=123456789",
        "https://www.hedong.gov.cn/info/1.html?other=abcd1234",
        "https://www.hedong.gov.cn/tf=abcd1234",
        "not a url at all",
    ],
)
def test_an_address_without_a_proper_marker_has_none(url):
    assert marker_in(url) == ""
