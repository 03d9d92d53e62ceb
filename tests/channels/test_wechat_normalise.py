"""The closed list of normalisations: what a read-back may change, and that nothing else may."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.wechat.normalise import address_key, canonical, difference, same_text, style_form

SHA = "ab" * 32
ADDRESS = "http://mmbiz.qpic.cn/mmbiz_jpg/x1/0?wx_fmt=jpeg"
IMAGES = {SHA: ADDRESS}
ASSET = f'<img src="asset:{SHA}">'

FORGIVEN = {
    "data-src for src": (ASSET, f'<img data-src="{ADDRESS}">'),
    "https and other display parameters": (
        ASSET,
        '<img src="https://mmbiz.qpic.cn/mmbiz_jpg/x1/0?tp=webp&amp;wxfrom=5">',
    ),
    "size hints": (ASSET, f'<img data-ratio="0.5" data-w="640" data-type="jpeg" data-src="{ADDRESS}">'),
    "order of attributes": ('<p title="a" lang="zh">x</p>', '<p lang="zh" title="a">x</p>'),
    "case of names": ('<p style="color:red">x</p>', '<P STYLE="color:red">x</P>'),
    "empty attribute": ('<img alt="" src="y">', '<img alt src="y">'),
    "quotes": ('<p title="a">x</p>', "<p title='a'>x</p>"),
    "entities": ("<p>&#39;&quot;&nbsp;&amp;</p>", "<p>'\"\u00a0&amp;</p>"),
    "self-closing": ("a<br>b<hr>", "a<br/>b<hr />"),
    "closed void": ("a<br>b", "a<br></br>b"),
    "space between blocks": ("<section><p>a</p><p>b</p></section>", "<section>\n  <p> a </p>\n<p>b</p> </section>\n"),
    "space around a break": ("<p>a<br>b</p>", "<p>a <br> b</p>"),
    "runs of space": ("<p>a b</p>", "<p>a \n\t b</p>"),
    "comments": ("<p>a</p>", "<p>a<!-- x --></p><!--y-->"),
    "style spacing": ('<p style="color:red;margin:0 1px">x</p>', '<p style=" color : red ;  margin: 0  1px; ">x</p>'),
    "empty style": ('<p style="">x</p>', "<p>x</p>"),
}

CAUGHT = {
    "a changed character": ("<p>49 项</p>", "<p>48 项</p>"),
    "a lost picture": (f"<p>x</p>{ASSET}", "<p>x</p>"),
    "another picture": (ASSET, '<img data-src="https://mmbiz.qpic.cn/mmbiz_jpg/x2/0">'),
    "a lost paragraph": ("<p>a</p><p>b</p>", "<p>a</p>"),
    "an added paragraph": ("<p>a</p>", "<p>a</p><p>b</p>"),
    "a lost link": ('<p><a href="https://mp.weixin.qq.com/s">a</a></p>', "<p>a</p>"),
    "a changed link": ('<a href="https://a.cn">a</a>', '<a href="https://b.cn">a</a>'),
    "a lost style": ('<p style="color:red">x</p>', "<p>x</p>"),
    "a changed style": ('<p style="color:red">x</p>', '<p style="color:blue">x</p>'),
    "a renamed element": ("<div>x</div>", "<section>x</section>"),
    "a lost space between words": ("<b>a</b> <b>b</b>", "<b>a</b><b>b</b>"),
    "a lost full-width space": ("<p>\u3000\u3000a</p>", "<p>a</p>"),
    "a lost no-break space": ("<p>a&nbsp;b</p>", "<p>a b</p>"),
    "an inserted zero-width space": ("<p>ab</p>", "<p>a\u200bb</p>"),
    "escapes kept literally": ("<p>中</p>", "<p>\\u4e2d</p>"),
    "escaping undone": ("<p>&lt;b&gt;</p>", "<p><b></p>"),
    "swapped order": ("<p>a</p><p>b</p>", "<p>b</p><p>a</p>"),
}


@pytest.mark.parametrize("name", FORGIVEN)
def test_the_platforms_own_spelling_is_forgiven(name):
    approved, read = FORGIVEN[name]
    assert difference(approved, read, IMAGES) == ""
    assert difference(read, approved, IMAGES) == ""


@pytest.mark.parametrize("name", CAUGHT)
def test_everything_else_is_a_difference(name):
    approved, read = CAUGHT[name]
    assert difference(approved, read, IMAGES) != ""
    assert difference(read, approved, IMAGES) != ""


def test_a_difference_shows_the_place_on_both_sides():
    found = difference("<p>" + "前" * 50 + "共49项</p>", "<p>" + "前" * 50 + "共48项</p>", {})
    assert "批准的是“前前前共49项”" in found
    assert "读回的是“前前前共48项”" in found


TEXT = st.text(st.characters(exclude_characters="<>&\r\x00", exclude_categories=("Cs", "Cc")), max_size=30)
TREES = st.recursive(
    TEXT.map(html.escape) | st.just("<br>") | st.just(ASSET),
    lambda inner: st.tuples(st.sampled_from(["p", "section", "strong", "h2"]), st.lists(inner, max_size=4)).map(
        lambda part: f'<{part[0]} style="color:#333">{"".join(part[1])}</{part[0]}>'
    ),
    max_leaves=10,
)


def as_stored(content: str) -> str:
    """The platform's spelling of our HTML."""
    stored = content.replace(f'src="asset:{SHA}"', f'data-w="1" data-src="{ADDRESS}"').replace("<br>", "<br/>")
    return re.sub(r"<p ", "\n<p ", stored).replace('style="color:#333"', 'style="color: #333;"')


@given(TREES)
def test_what_the_platform_stores_equals_what_was_sent(content):
    assert difference(content, as_stored(content), IMAGES) == ""


@given(TREES, st.text("甲乙丙", min_size=1, max_size=3))
def test_added_text_is_always_seen(content, added):
    assert difference(content, content + added, IMAGES) != ""


@given(TREES)
def test_canonical_form_has_no_empty_text_and_no_doubled_space(content):
    texts = [token[1] for token in canonical(content) if token[0] == "text"]
    assert all(text and "  " not in text for text in texts)


def test_addresses_are_compared_without_scheme_and_display_parameters():
    assert address_key("https://A.cn/x?wx_fmt=png&v=1") == address_key("http://a.cn/x?v=1")
    assert address_key("http://a.cn/x?v=1") != address_key("http://a.cn/x?v=2")
    assert address_key("http://[bad") == "http://[bad"


def test_styles_keep_their_order():
    assert style_form("color: red ; ; font-family: a , b;") == "color:red;font-family:a,b"
    assert style_form("a:1;b:2") != style_form("b:2;a:1")


def test_plain_fields_forgive_escaping_but_no_other_change():
    assert same_text('"甲" & 乙', "&quot;甲&quot; &amp; 乙")
    assert same_text("甲", " 甲 ")
    assert not same_text("甲", "乙")
    assert same_text("&amp;", "&amp;")
