"""Rich text ends as the closed list of Article.body_html, whatever it was."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.intake.cleaning import Notes
from bot.intake.contract import Refusal
from bot.intake.markup import TAGS, clean_body
from bot.intake.tree import parse

REF = "asset:" + "a" * 64


def body(text, assets=()):
    notes = Notes()
    return clean_body(text, notes, assets), "；".join(note.what for note in notes.all())


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("第一段\n\n第二段 3<5", "<p>第一段</p><p>第二段 3&lt;5</p>"),
        ("<p onclick='x()' style='color:red'>甲</p>", "<p>甲</p>"),
        ("<p>甲<script>alert(1)</script></p>", "<p>甲</p>"),
        ("<p>甲</p><iframe src='//e.x'>里</iframe><svg><script>x</script></svg>", "<p>甲</p>"),
        ("<h1>一</h1><h5>二</h5><div>三</div>", "<h2>一</h2><h4>二</h4><p>三</p>"),
        ("<p><b>重</b><i>斜</i><a href='javascript:x'>文</a></p>", "<p><strong>重</strong><em>斜</em>文</p>"),
        ("<table><tr><td colspan=2 rowspan='x'>甲</td></tr></table>", None),
        ("<p>&nbsp;</p><p></p><p>乙</p>", "<p>乙</p>"),
        ("<p>{{ 7*7 }}{% x %}</p>", "<p>{{ 7*7 }}{% x %}</p>"),
        ("<p>甲&#8203;乙&#x202e;</p>", "<p>甲乙</p>"),
        ("<p>3.2×10<sup>4</sup>平方米，H<sub class=x>2</sub>O</p>", "<p>3.2×10<sup>4</sup>平方米，H<sub>2</sub>O</p>"),
        ("占地3.2×10<sup>4</sup>平方米", "<p>占地3.2×10<sup>4</sup>平方米</p>"),
        ("第一段\n第二段x<sup>2</sup>，3<5", "<p>第一段</p><p>第二段x<sup>2</sup>，3&lt;5</p>"),
        ("<p>甲<sup> </sup></p>", "<p>甲</p>"),
        (
            "<table><caption>表1</caption><tr><td>甲</td></tr></table>",
            "<table><caption>表1</caption><tbody><tr><td>甲</td></tr></tbody></table>",
        ),
        ("<p>甲</p><pre>\n一行\n二<b>行</b>\n三行\n</pre>", "<p>甲</p><p>一行<br>二<strong>行</strong><br>三行</p>"),
        ("甲<b>乙</b><br>丙<p>丁</p>戊", "<p>甲<strong>乙</strong><br>丙</p><p>丁</p><p>戊</p>"),
        ("<div>甲<p>乙</p>丙</div>", "<p>甲</p><p>乙</p><p>丙</p>"),
        ("<strong>甲<p>乙</p></strong>", "<p><strong>甲</strong></p><p><strong>乙</strong></p>"),
        ("<ul>甲<li>乙</li></ul>", "<ul><li>甲</li><li>乙</li></ul>"),
        (
            "<p>甲&nbsp;<em>乙</em></p>\n<ul><li>丙<p>丁</p></li></ul>",
            "<p>甲&nbsp;<em>乙</em></p>\n<ul><li>丙<p>丁</p></li></ul>",
        ),
    ],
)
def test_only_the_allowed_fragment_is_left(dirty, clean):
    result, _ = body(dirty)
    if clean is None:
        clean = '<table><tbody><tr><td colspan="2">甲</td></tr></tbody></table>'
    assert result == clean


def test_what_is_dropped_is_said():
    _, said = body("<p onclick=x()>甲<a href=x>乙</a><script>x</script><img src='http://e.x/p.png'></p>")
    for word in ("script", "链接", "事件代码", "1 张"):
        assert word in said


def test_a_caption_without_a_table_is_said_and_its_words_stay():
    result, said = body("<div>表格</div><caption>表1</caption>")
    assert result == "<p>表格</p><p>表1</p>"
    assert "caption" in said
    assert "caption" not in body("<table><caption>表1</caption><tr><td>甲</td></tr></table>")[1]


def test_only_pictures_that_travel_with_the_row_stay():
    kept, _ = body(f"<p>甲<img src='{REF}' alt='图<b>' onerror=x></p>", {REF})
    assert kept == f'<p>甲<img src="{REF}" alt="图b"></p>'
    for source in (REF, "http://e.x/a.png", "data:image/png;base64,AAAA", "asset:../../etc", "//e.x", "javascript:x"):
        assert "<img" not in body(f"<p>甲<img src='{source}'></p>")[0]


def test_absurd_nesting_is_refused():
    with pytest.raises(Refusal, match="嵌套"):
        body("<div>" * 39_000)


def test_deep_but_bearable_nesting_keeps_the_text_and_flattens_the_rest():
    result, _ = body("<blockquote>" * 90 + "甲" + "</blockquote>" * 90)
    assert "甲" in result
    assert result.count("<blockquote>") <= 30


MARKUP = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "<p>",
                "</p>",
                "<b>",
                "</b>",
                "<table>",
                "<td>",
                "<svg>",
                "<math>",
                "<style>",
                "</style>",
                "<script>",
                "</script>",
                "<!--",
                "-->",
                "<![CDATA[",
                "]]>",
                "<img src=",
                "onerror=x",
                ">",
                "'",
                '"',
                "<a href='javascript:x'>",
                "̸",
                "&lt;",
                "<noscript>",
                "<title>",
                "<textarea>",
                "<template>",
                "<mglyph>",
                "<div>",
                "</div>",
                "<li>",
                "<h1>",
                "\x00",
            ]
        ),
        st.text(max_size=8),
    ),
    max_size=40,
).map("".join)


@given(MARKUP)
def test_no_input_brings_another_tag_or_attribute_through(text):
    result, _ = body(text)
    for tag, attributes in re.findall(r"<([a-z0-9]+)([^>]*)>", result):
        assert tag in TAGS
        assert re.fullmatch(r'( (colspan|rowspan)="[0-9]{1,2}")*', attributes)
    assert "<script" not in result
    assert not re.search(r"<(?!/?(?:{})[ >])".format("|".join(TAGS)), result)


NESTED = st.recursive(
    st.sampled_from(["甲", "乙 ", "<br>", " ", "丙\n丁"]),
    lambda inner: st.builds(
        "<{0}>{1}</{0}>".format,
        st.sampled_from(
            [
                "p",
                "div",
                "pre",
                "ul",
                "ol",
                "li",
                "table",
                "caption",
                "tr",
                "td",
                "blockquote",
                "h1",
                "h3",
                "strong",
                "em",
                "sup",
                "sub",
                "span",
                "center",
            ]
        ),
        st.lists(inner, max_size=4).map("".join),
    ),
    max_leaves=20,
)
BLOCKS = ("p", "h2", "h3", "h4", "li", "blockquote", "caption", "td", "th")


def naked(element):
    """Words below the element that stand in no block."""
    for child in element.children:
        if isinstance(child, str):
            yield child.strip()
        elif child.tag not in BLOCKS:
            yield from naked(child)


@given(st.lists(st.one_of(NESTED, MARKUP), max_size=5).map("".join))
def test_no_word_stands_outside_a_block(text):
    result, _ = body("<p>始</p>" + text)
    assert "".join(naked(parse(result))) == ""


@given(st.lists(NESTED, max_size=5).map("".join))
def test_no_word_is_lost_or_moved_by_its_block_and_cleaning_twice_changes_nothing_more(text):
    result, _ = body("<p>始</p>" + text)
    words = re.compile("[甲乙丙丁]")
    assert sorted(words.findall(result)) == sorted(words.findall(text))
    assert body(result)[0] == result
