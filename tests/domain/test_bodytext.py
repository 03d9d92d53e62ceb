"""The body of an article as lines of text: nothing that a follower would read is left out of a comparison."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.bodytext import body_text

from .strategies import QUICK

SHA = "ab" * 32


def test_each_block_is_a_line_and_inline_marks_vanish():
    assert body_text("<h2>标题</h2><p>自<strong>12月</strong>1日起。</p><ul><li>一</li><li>二</li></ul>") == (
        "标题\n自12月1日起。\n一\n二"
    )


def test_cells_of_a_row_stand_side_by_side():
    assert body_text("<table><tr><th>线路</th><td>3路</td></tr><tr><td>8路</td></tr></table>") == (
        "｜ 线路 ｜ 3路\n｜ 8路"
    )


def test_another_picture_under_the_same_words_is_another_line():
    one, other = (body_text(f'<p><img src="asset:{sha}" alt="站牌"></p>') for sha in (SHA, "cd" * 32))
    assert one == "［图片：站牌，尾号 abababab］"
    assert one != other
    assert body_text('<img src="x.png">') == "［图片：没有说明文字，x.png］"


def test_entities_are_the_characters_that_they_stand_for():
    assert body_text("<p>5 &lt; 6&nbsp;吨</p>") == "5 < 6 吨"


@QUICK
@given(words=st.lists(st.text("河东区公交线路调整", min_size=1, max_size=12), max_size=12))
def test_every_paragraph_comes_back_in_order(words):
    assert body_text("".join(f"<p>{word}</p>" for word in words)) == "\n".join(words)


def test_a_power_is_not_the_digits_beside_the_number():
    assert body_text("<p>10<sup>4</sup>吨，CO<sub>2</sub>，见注<sup>甲</sup></p>") == "10⁴吨，CO₂，见注^(甲)"
