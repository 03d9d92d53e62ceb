"""Wrong words are found, right words that contain them are not."""

from datetime import date

import pytest

from bot.domain.findings import Level
from bot.proofing import rules as term_rules
from bot.proofing.rules import BadRule, load, packaged

from .samples import findings, rules

HEAD = "wrong,right,kind,note\n"

LITERALS = [rule for rule in packaged().rules if rule.match == "literal" and rule.pattern is None]


@pytest.mark.parametrize("rule", LITERALS, ids=lambda rule: rule.wrong)
def test_each_literal_rule_finds_its_word_and_is_silent_about_the_right_one(rule):
    wrong = findings(summary=f"一{rule.wrong}一") if rule.kind != "classified_marker" else []
    own = [f for f in wrong if (f.start, f.end) == (1, 1 + len(rule.wrong)) and f.rule == f"terms.{rule.kind}"]
    if rule.kind != "classified_marker":
        assert [f.level for f in own] == [rule.level]
        assert own[0].suggestion == ("" if rule.advice else rule.right)
        assert f"用语表第{rule.line}行" in own[0].source
    assert not any(m.rule is rule for m in packaged().find(f"一{rule.right}一"))


@pytest.mark.parametrize(
    "text",
    [
        "交通迅速恢复",
        "交通通迅速恢复",
        "予以公布署名文章",
        "建立农村长效机制",
        "供给测算",
        "指定阅读",
        "毕竟争取到了",
        "不良反应情况",
        "向区政府报告",
        "办公分区",
        "按装机容量计算",
        "讲座落幕",
        "重申议程",
        "平台语音提示",
        "返回教室",
        "渡过难关",
        "过渡假设",
        "全国第一批试点",
        "患者权利清单",
        "国家级旅游度假区",
        "最佳志愿服务项目奖",
        "全市市委书记会议",
        "数据中台建设",
        "大学生村官",
        "附2016年1月至2017年12月数据",
    ],
)
def test_right_words_that_contain_a_wrong_one_are_let_pass(text):
    assert rules(summary=text) == []


@pytest.mark.parametrize(
    ("text", "found", "suggestion", "level"),
    [
        ("鲁办发[2017]32号", "[2017]", "〔2017〕", Level.BLOCK),
        ("鲁办发﹝2017﹞32号", "﹝2017﹞", "〔2017〕", Level.WARN),
        ("鲁办发〔2017〕第32号", "〔2017〕第32号", "〔2017〕32号", Level.BLOCK),
        ("截止2017年底", "截止", "截至", Level.WARN),
        ("统一布署工作", "布署", "部署", Level.BLOCK),
        ("通迅设备", "通迅", "通讯", Level.BLOCK),
        ("现任村长", "村长", "村委会主任", Level.WARN),
        ("一,总体要求", "一,", "一、", Level.WARN),
        ("完成。。", "。。", "。", Level.WARN),
        ("增长5-8%", "5-8%", "5%～8%", Level.HINT),
        ("6月1号前", "6月1号", "6月1日", Level.HINT),
    ],
)
def test_expressions_find_and_suggest(text, found, suggestion, level):
    [finding] = [f for f in findings(summary=text) if f.found == found]
    assert (finding.suggestion, finding.level) == (suggestion, level)
    assert text[finding.start : finding.end] == found


def test_advice_has_no_replacement():
    [finding] = findings(summary="史上最强")
    assert (finding.suggestion, "处理办法：删" in finding.message) == ("", True)


def test_of_two_rules_on_one_place_the_longer_speaks():
    assert [(f.found, f.level) for f in findings(summary="行政权利清单")] == [("行政权利清单", Level.BLOCK)]
    assert [(f.found, f.level) for f in findings(summary="疗效最佳")] == [("疗效最佳", Level.WARN)]


def test_context_rules_only_hint():
    assert {rule.level for rule in packaged().rules if rule.match == "context"} == {Level.HINT}


def test_hidden_characters_split_no_word():
    [finding] = [f for f in findings(summary="攻\u200b府工作") if f.rule.startswith("terms.")]
    assert (finding.found, finding.start, finding.end) == ("攻府", 0, 3)


def test_characters_beyond_the_basic_plane_do_not_shift_offsets():
    text = "\U00020000峻工"
    [finding] = findings(summary=text)
    assert text[finding.start : finding.end] == "峻工"


@pytest.mark.parametrize(
    ("text", "year", "found"),
    [
        ("环境保护局", 2017, []),
        ("环境保护局", 2020, ["环境保护局"]),
        ("《环境保护局公告》", 2020, []),
        ("依据《合同法》", 2017, []),
        ("依据《合同法》", 2022, ["《合同法》"]),
        ("《新农合缴费通知》", 2020, []),
        ("新农合缴费", 2020, ["新农合"]),
    ],
)
def test_names_of_their_time_are_right_in_texts_of_that_time_and_in_quoted_titles(text, year, found):
    day = date(year, 6, 1)
    assert [f.found for f in findings(summary=text, formed_on=day, published_on=day)] == found


def test_other_rules_apply_in_quoted_titles_too():
    assert rules(summary="《峻工通知》") == ["terms.typo"]


def test_the_city_is_missed_once_per_article_and_never_in_the_unit():
    named = {"title": "河东区人民政府公布清单", "summary": "河东区人民政府印发", "unit": "河东区人民政府"}
    assert [f.field for f in findings(**named)] == ["title"]
    assert rules(summary="临沂市河东区人民政府印发") == []


def test_document_numbers_are_left_to_their_own_check():
    assert rules(document_number="临东政办字[2017]41号") == ["source.document_number"]


def test_a_match_across_the_windows_of_a_long_text_is_found_once():
    for lead in (995, 998, 999, 1000, 1001):
        text = "啊" * lead + "统一布署"
        assert [(m.start, m.text) for m in packaged().find(text)] == [(lead + 2, "布署")]


def test_all_rules_of_the_file_are_loaded():
    assert len(packaged().rules) == 228


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("re:(a+)+b,x,typo,sev=warn; match=re", "嵌套重复"),
        ("re:(a,x,typo,sev=warn; match=re", "写法有误"),
        (r"re:a,\1,typo,sev=warn; match=re", "写法有误"),
        ("a,b,typo,match=literal", "级别"),
        ("a,b,typo,sev=fatal", "级别"),
        (",b,typo,sev=warn", "空的"),
    ],
)
def test_an_unusable_row_is_refused_with_its_line(tmp_path, row, reason):
    file = tmp_path / "terms.csv"
    file.write_text(HEAD + "甲,乙,typo,sev=warn; match=literal\n" + row + "\n", encoding="utf-8")
    with pytest.raises(BadRule, match=f"第3行.*{reason}"):
        load(file)


def test_an_office_may_bring_rules_of_its_own(tmp_path):
    file = tmp_path / "terms.csv"
    file.write_text("\ufeff" + HEAD + "甲区,乙区,unit_name,sev=block; match=literal; src=办公室\n", encoding="utf-8")
    [match] = term_rules.load(file).find("在甲区")
    assert (match.start, match.right, match.rule.level) == (1, "乙区", Level.BLOCK)
