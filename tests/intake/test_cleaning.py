"""What is cleaned in plain text, and that it is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.intake.cleaning import Notes, clean_text
from bot.intake.text import INVISIBLE, visible


def cleaned(text, *, multiline=False):
    notes = Notes()
    return clean_text("title", text, notes, multiline=multiline), "；".join(note.what for note in notes.all())


@pytest.mark.parametrize(
    ("dirty", "clean", "said"),
    [
        ("通\x00知\x07", "通知", "2 个不可见字符（U+0000、U+0007）"),
        ("通\u200b知\u202e\ufeff", "通知", "U+200B、U+202E、U+FEFF"),
        ("\ud800通知", "通知", "U+D800"),
        ("e\u0301cole", "école", "NFC"),
        ("\u3000\u3000通知\u3000", "通知", "首尾空白"),
        ("关于印发\n要点的\r\n通知", "关于印发要点的通知", "换行"),
        ("Tongfa\nbot", "Tongfa bot", "换行"),
        ("关于<b>要点</b>的通知", "关于要点的通知", "标签"),
        ("建设3.2×10<sup>4</sup>平方米", "建设3.2×10⁴平方米", "标签"),
        ("通知<script>alert('x')</script>", "通知", "脚本"),
        ("通知<SCRIPT SRC=//e.x>x</SCRIPT >", "通知", "脚本"),
        ("<scr<b>ipt>alert(1)</scr</b>ipt>通知", "通知", "标签"),
        ("<scr\u200bipt>通知", "通知", "标签"),
        ("&lt;img src=x onerror=alert(1)&gt;通知", "通知", "转义符"),
        ("甲&nbsp;乙&amp;丙", "甲 乙&丙", "转义符"),
        ("通知<!-- 内部 -->", "通知", "标签"),
        ("'001", "001", "文本标记"),
        ("'=1+1", "=1+1", "不作为公式"),
    ],
)
def test_dirt_is_removed_and_named(dirty, clean, said):
    text, what = cleaned(dirty)
    assert text == clean
    assert said in what


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1+1", "-5℃低温预警", "@SUM(A1)", "＝1"])
def test_what_looks_like_a_formula_stays_text_with_a_note(text):
    assert cleaned(text) == (text, f"以 {text[0]} 开头，按普通文字保留，不作为公式")


@pytest.mark.parametrize("text", ["{{ 7*7 }}", "{% for x in y %}", "${jndi:ldap://x}", "#{1}", "{{ ''.__class__ }}"])
def test_template_syntax_is_data_and_stays_as_it_is(text):
    assert cleaned(text) == (text, "")


@pytest.mark.parametrize(
    "text", ["3<5 且 7>6", "《通知》", "“双随机、一公开”", "GDP < 10", "'文明'城市", "A&B", "2017年6月13日"]
)
def test_ordinary_text_is_left_alone(text):
    assert cleaned(text) == (text, "")


def test_lines_are_kept_where_they_mean_something():
    assert cleaned("一、甲\r\n二、乙\u2028三、丙", multiline=True) == ("一、甲\n二、乙\n三、丙", "")


PIECES = [*"<>/&;#'=+-@ \t\n\r\u3000\u200b\x00{}%!", "script", "&lt;", "&amp;", "<b>", "<!--", "-->", "标题"]
NASTY = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=30).map("".join)


@given(NASTY, st.booleans())
def test_cleaning_any_text_twice_changes_nothing_more(text, multiline):
    once, _ = cleaned(text, multiline=multiline)
    assert cleaned(once, multiline=multiline)[0] == once


@given(NASTY)
def test_no_invisible_character_and_no_line_break_survives_in_a_line(text):
    once, _ = cleaned(text)
    assert not INVISIBLE.search(once)
    assert "\n" not in once
    assert once == once.strip()


@given(st.text(st.characters(exclude_categories=()), max_size=200))
def test_a_shown_value_is_short_and_printable(text):
    shown = visible(text)
    assert not INVISIBLE.search(shown)
    assert "\n" not in shown
    assert len(shown) <= 40
    shown.encode()  # nothing in it that cannot be written


def test_a_shown_value_is_cut_at_forty_characters_and_makes_controls_visible():
    assert visible("标" * 41) == "标" * 39 + "…"
    assert visible("甲\x00\n\u200b") == "甲␀␊‹U+200B›"
