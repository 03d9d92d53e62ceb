"""Form: what can be seen without knowing any word."""

import pytest

from bot.domain.findings import Level

from .samples import findings, rules


@pytest.mark.parametrize("title", ["", " ", "\u200b"])
def test_an_empty_title_blocks(title):
    assert ("texts.no_title", Level.BLOCK) in [(f.rule, f.level) for f in findings(title=title)]


def test_one_of_summary_and_body_is_needed():
    assert rules(summary="", body_html="<p> </p>") == ["texts.no_text"]
    assert rules(summary="", body_html="<p>正文</p>") == []
    assert rules(body_html="") == []


@pytest.mark.parametrize("end", ["。", "，", "；", "……", "."])
def test_a_title_does_not_end_in_punctuation(end):
    assert [(f.rule, f.level, f.found) for f in findings(title="关于培训的通知" + end)] == [
        ("texts.title_end", Level.WARN, end)
    ]


@pytest.mark.parametrize("title", ["惠农政策怎么领？", "《办法》", "通知（试行）", "“春风行动”"])
def test_closing_marks_and_questions_may_end_a_title(title):
    assert rules(title=title) == []


@pytest.mark.parametrize("mark", list("《》（）“”【】"))
def test_a_lonely_mark_blocks_in_a_title_and_warns_in_a_text(mark):
    for field, level in (("title", Level.BLOCK), ("summary", Level.WARN)):
        assert [(f.rule, f.level, f.found) for f in findings(**{field: f"关于{mark}通知"})] == [
            ("texts.unpaired", level, mark)
        ]


@pytest.mark.parametrize(
    "text",
    ["《关于〈办法〉的通知》（“试行”）", "(半角)与（全角)", "1）条件；2）标准", "（一）目标\n（二）任务", "It’s【新】"],
)
def test_paired_marks_and_list_numbers_are_in_order(text):
    assert rules(summary=text) == []


def test_crossed_marks_are_found():
    assert [f.found for f in findings(summary="《办法（试行》）")] == ["（", "）"]


def test_a_topic_in_the_title_blocks_because_weibo_refuses_it():
    [finding] = findings(title="#河东发布#培训通知")
    assert (finding.rule, finding.level, finding.found) == ("texts.topic", Level.BLOCK, "#河东发布#")
    assert rules(title="3#楼改造通知") == []


@pytest.mark.parametrize("char", ["\x00", "\x0b", "\u200b", "\u202e", "\ufffd", "\ue000"])
def test_invisible_and_broken_characters_are_reported_once_per_field(char):
    [finding] = findings(summary=f"公开{char}信息{char}")
    assert (finding.rule, finding.level, finding.start) == ("texts.left_over", Level.WARN, 2)
    assert "2处" in finding.message


def test_half_a_character_blocks():
    [finding] = findings(summary="公开\ud83d信息")
    assert (finding.rule, finding.level) == ("texts.left_over", Level.BLOCK)


def test_line_breaks_and_tabs_are_in_order():
    assert rules(summary="第一行\r\n第二行\t完") == []


def test_a_figure_of_the_title_is_to_stand_in_the_text():
    assert rules(title="49项事项清单公布", summary="共纳入48项事项") == ["texts.figures"]
    assert rules(title="49项事项清单公布", summary="共纳入49项事项，其中新增3项") == []
    assert rules(title="49项事项清单公布", summary="第一批21项，第二批28项") == []
    assert rules(title="49项事项清单公布", summary="清单全文见网站") == []
