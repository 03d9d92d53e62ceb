"""Rich text ends as the closed list of Article.body_html, whatever it was."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.intake.cleaning import Notes
from bot.intake.contract import Refusal
from bot.intake.markup import TAGS, clean_body

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
        ("占地3.2×10<sup>4</sup>平方米", "占地3.2×10<sup>4</sup>平方米"),
        ("<p>甲<sup> </sup></p>", "<p>甲</p>"),
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
