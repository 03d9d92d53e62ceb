"""The link to the original, the document number, and the proposal of policies."""

import pytest

from bot.domain.article import Kind
from bot.domain.findings import Level
from bot.proofing import Pair, check, propose_policy

from .samples import TODAY, article, findings, rules


@pytest.mark.parametrize(
    "url", ["https://www.hedong.gov.cn/a.htm", "http://HEDONG.gov.cn:80/a", "http://www.hedong.gov.cn./a"]
)
def test_a_link_to_the_portal_is_in_order(url):
    assert rules(source_url=url) == []


@pytest.mark.parametrize("url", ["", "  "])
def test_a_missing_link_blocks(url):
    assert [(f.rule, f.level) for f in findings(source_url=url)] == [("source.missing", Level.BLOCK)]


@pytest.mark.parametrize(
    "url",
    [
        "www.hedong.gov.cn/a",
        "ftp://www.hedong.gov.cn/a",
        "javascript:alert(1)",
        "http://",
        "http://[",
        "http://www.hedong.gov.cn:99999/",
        "http://www.hedong.gov.cn@evil.example/",
        "http://www.hedong.gov.cn/a b",
        "http://www.hedong.gov.cn/\n",
    ],
)
def test_what_is_no_plain_web_address_blocks(url):
    assert [(f.rule, f.level) for f in findings(source_url=url)] == [("source.malformed", Level.BLOCK)]


@pytest.mark.parametrize("url", ["http://example.com/a", "http://www.hedong.gov.cn.example.com/"])
def test_another_site_is_a_warning(url):
    assert [(f.rule, f.level) for f in findings(source_url=url)] == [("source.other_site", Level.WARN)]


def test_the_portal_is_a_setting():
    item = article(source_url="http://portal.example/1")
    assert check(item, pair=Pair(), today=TODAY, portal_hosts=frozenset({"portal.example"})) == []


@pytest.mark.parametrize("number", ["", "临东政办字〔2017〕41号", "鲁办发〔2017〕32号"])
def test_a_proper_or_absent_document_number_is_in_order(number):
    assert rules(document_number=number) == []


@pytest.mark.parametrize(
    ("number", "level"),
    [
        ("临东政办字[2017]41号", Level.BLOCK),
        ("临东政办字（2017）41号", Level.BLOCK),
        ("临东政办字﹝2017﹞41号", Level.WARN),  # also seen on official pages
        ("临东政办字〔17〕41号", Level.BLOCK),
        ("临东政办字〔2017〕第41号", Level.BLOCK),
        ("临东政办字〔2017〕041号", Level.BLOCK),
        ("临东政办字 〔2017〕 41号", Level.WARN),
    ],
)
def test_a_malformed_document_number_comes_with_the_proper_one(number, level):
    [finding] = findings(document_number=number)
    assert (finding.rule, finding.level, finding.suggestion) == (
        "source.document_number",
        level,
        "临东政办字〔2017〕41号",
    )


def test_what_cannot_be_read_as_a_number_is_to_be_looked_at():
    [finding] = findings(document_number="无")
    assert (finding.level, finding.suggestion) == (Level.WARN, "")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"title": "关于加快推进新旧动能转换的实施意见"}, True),
        ({"title": "河东区2017年化解过剩产能工作方案（试行）"}, True),
        ({"title": "废止的区政府规范性文件目录"}, False),
        ({"title": "关于全区政府信息公开工作情况的通报"}, False),
        ({"title": "关于张某等同志任免职的通知"}, False),
        ({"kind": Kind.NOTICE}, False),
        ({"kind": Kind.INTERPRETATION}, False),
        ({"document_number": ""}, False),
        ({"document_number": "临东卫函〔2017〕4号"}, False),
    ],
)
def test_a_policy_is_proposed_from_kind_number_and_title(changes, expected):
    sound = {"kind": Kind.DISCLOSURE, "title": "关于加强管理的办法", "document_number": "临东政办发〔2017〕4号"}
    assert propose_policy(article(**sound | changes)) is expected
