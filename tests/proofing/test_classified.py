"""Nothing secret, nothing that is not for disclosure."""

import pytest

from bot.domain.findings import Level

from .samples import findings, rules


@pytest.mark.parametrize(
    "text",
    [
        "机密★1年",
        "绝密 ★",
        "秘密☆",
        "机　密★",
        "机\u200b密★",
        "密级：秘密",
        "第一行\n机密\n第三行",
        "（绝密）",
        "秘密*10年",
    ],
)
def test_a_mark_of_secrecy_blocks(text):
    finding = findings(summary=text)[0]
    assert (finding.rule, finding.level) == ("classified.mark", Level.BLOCK)
    assert "保密审查员" in finding.message


@pytest.mark.parametrize(
    "text", ["依法保守国家秘密和商业秘密。", "涉密文件管理", "机密性要求", "本部门没有绝密文件，按秘密级管理。"]
)
def test_talking_about_secrecy_is_no_mark(text):
    assert rules(summary=text) == []


def test_a_finding_shows_the_mark_and_nothing_of_the_text_around_it():
    [finding] = findings(summary="某某工程的秘密★计划")
    assert finding.found == "秘密★"
    assert "工程" not in finding.message


def test_words_of_internal_papers_are_a_warning():
    assert [(f.rule, f.level) for f in findings(summary="内部资料，注意保管")] == [("classified.internal", Level.WARN)]


def test_an_annotation_against_disclosure_blocks_but_the_words_alone_do_not():
    assert rules(summary="（此件依申请公开）") == ["classified.annotation"]
    assert rules(summary="报告主动公开、依申请公开等情况。（此件公开发布）") == []


@pytest.mark.parametrize("attribute", ["依申请公开", "不予公开", "", " "])
def test_only_what_is_marked_for_disclosure_passes(attribute):
    [finding] = findings(attribute=attribute)
    assert (finding.rule, finding.level) == ("classified.attribute", Level.BLOCK)


def test_blanks_around_the_attribute_do_not_matter():
    assert rules(attribute=" 主动公开 ") == []
