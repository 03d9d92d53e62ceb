"""The marker is one more query parameter of the document's own address."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rendering.links import UnusableLinkError, marked_url


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("http://a.gov.cn/1.htm", "http://a.gov.cn/1.htm?tf=m1"),
        ("http://a.gov.cn", "http://a.gov.cn/?tf=m1"),
        ("http://a.gov.cn/?id=1&b=%2F+x", "http://a.gov.cn/?id=1&b=%2F+x&tf=m1"),
        ("http://a.gov.cn/1.htm?", "http://a.gov.cn/1.htm?tf=m1"),
        ("https://a.gov.cn:8443/x?id=1#part-2", "https://a.gov.cn:8443/x?id=1&tf=m1#part-2"),
        ("http://a.gov.cn/1.htm?tf=old&id=1", "http://a.gov.cn/1.htm?id=1&tf=m1"),
        ("http://a.gov.cn/文件 1.htm", "http://a.gov.cn/%E6%96%87%E4%BB%B6%201.htm?tf=m1"),
        ("http://[::1]:8000/x", "http://[::1]:8000/x?tf=m1"),
        ("http://政务.cn/", "http://xn--zfr164b.cn/?tf=m1"),
    ],
)
def test_query_and_fragment_stay_what_they_were(source: str, expected: str) -> None:
    assert marked_url(source, "m1") == expected


@pytest.mark.parametrize(
    "source", ["", "javascript:alert(1)", "/info/1.htm", "ftp://a/", "http://", "http://u:p@a/", "http://a:x/"]
)
def test_only_absolute_web_addresses_are_marked(source: str) -> None:
    with pytest.raises(UnusableLinkError):
        marked_url(source, "m1")


@pytest.mark.parametrize("marker", ["", "a b", "a&b=1", "x" * 33, "汉"])
def test_a_marker_that_would_change_the_address_is_refused(marker: str) -> None:
    with pytest.raises(ValueError, match="marker"):
        marked_url("http://a.gov.cn/", marker)


PARTS = st.text(alphabet="abz09%+.-_=文 '\"", max_size=12)


@given(
    path=PARTS, query=st.lists(st.tuples(st.sampled_from("abc"), PARTS.map(lambda p: p.replace("=", ""))), max_size=4)
)
def test_marking_adds_exactly_one_parameter_in_ascii(path: str, query: list[tuple[str, str]]) -> None:
    source = f"http://a.gov.cn/{path}?" + "&".join(f"{k}={v}" for k, v in query)
    marked = marked_url(source, "m1")
    pairs = parse_qsl(urlsplit(marked).query, keep_blank_values=True)
    assert marked.isascii()
    assert " " not in marked
    assert pairs[-1] == ("tf", "m1")
    assert [name for name, _ in pairs[:-1]] == [name for name, _ in query]
    assert marked_url(marked, "m1") == marked
