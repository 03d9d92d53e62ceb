"""Personal numbers are found however they are written, and shown only masked."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.cn import ric

from bot.domain.findings import Level
from bot.proofing import Pair, check

from .samples import TODAY, article, findings, rules

ID18, ID15, MOBILE, CARD = "11010519491231002X", "110105491231002", "13800138000", "4111111111111111"
FULL = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")


def _personal(text, field="summary"):
    return [f for f in findings(**{field: text}) if f.rule.startswith("pii.")]


@pytest.mark.parametrize(
    "text",
    [
        f"身份证号{ID18}。",
        f"张三{ID18.lower()}李四",
        f"ID{ID18}",
        ID18.translate(FULL),
        "110105 19491231 002X",
        "110105-1949-1231-002X",
        "\u200b".join(ID18),
        "11010519491231\u00ad002X",
        "11010519491231002×",
        f"2017 {ID18}",
        f"{ID18}{MOBILE}",
        f"http://x.cn/{ID18}.htm",
        ID15,
        ID15.translate(FULL),
    ],
)
def test_an_id_card_is_blocked_and_masked(text):
    number = _personal(text)[0]
    assert (number.rule, number.level) == ("pii.id_card", Level.BLOCK)
    assert number.found.startswith("11****")
    assert ID18 not in number.message + number.found


def test_a_number_whose_region_is_younger_than_the_person_is_still_found():
    """People born in 1960 carry 371312, a code given out in 1995: a county list by year would miss them."""
    stem = "37131219600101001"
    assert _personal(stem + ric.calc_check_digit(stem + "0"))[0].rule == "pii.id_card"


@pytest.mark.parametrize(
    "text",
    [
        "110105194912310021234",  # inside a longer run
        "99010519491231002X",  # no such region
        "110105194913310028",  # no such month
        "110105209912310025",  # not born yet
        "11**************2X",
        "35*************123",
        "统一社会信用代码91110000802100433B",
        "统一社会信用代码：91371312MA3C4B1M2N",
    ],
)
def test_what_is_no_id_card_is_let_pass(text):
    assert _personal(text) == []


def test_a_wrong_check_digit_is_doubtful_but_next_to_the_word_it_is_an_id_card():
    wrong = "110105194912310020"
    assert [f.rule for f in _personal(f"编号{wrong}")] == ["pii.id_card_suspect"]
    assert [f.rule for f in _personal(f"身份证号：{wrong}")] == ["pii.id_card"]


def test_fifteen_digits_after_a_project_word_are_doubtful_only():
    assert [(f.rule, f.level) for f in _personal("项目编号371312170601001")] == [("pii.id_card_suspect", Level.WARN)]


@pytest.mark.parametrize(
    "text",
    [
        MOBILE,
        f"电话{MOBILE}转",
        "138-0013-8000",
        "138 0013 8000",
        "138\u30000013\u30008000",
        "138 - 0013 - 8000",
        "(138)0013-8000",
        "+86 13800138000",
        "8613800138000",
        MOBILE.translate(FULL),
        "138\u200b0013\ufeff8000",
        "联系电话：13800-138-000",
        "手机1 3 8 0 0 1 3 8 0 0 0",
        f"1.{MOBILE}",
        "139-0013-8000 138-0013-8000",
    ],
)
def test_a_mobile_number_is_blocked_and_masked(text):
    number = _personal(text)[-1]
    assert (number.rule, number.level, number.found) == ("pii.mobile", Level.BLOCK, "138****8000")


@pytest.mark.parametrize(
    "text",
    [
        "138****8000",
        "138****1234、139****5678",
        "0539-8380138",
        "12800138000",
        "913800138000",
        "138001380001",
        "总投资13800138000元",
        "面积13800138000.5平方米",
        "150 200 300 45",
        "2017年1月3日至9月5日共1380项",
    ],
)
def test_what_is_no_mobile_number_is_let_pass(text):
    assert _personal(text) == []


@pytest.mark.parametrize(
    "text",
    [
        f"卡号：{CARD}",
        "账号 4111 1111 1111 1111",
        f"{CARD}（开户行）",
        f"农业银行{CARD.translate(FULL)}",
        "帐号4111-1111-1111-1111",
    ],
)
def test_a_bank_card_near_its_word_is_blocked_and_masked(text):
    assert [(f.rule, f.level, f.found) for f in _personal(text)] == [("pii.bank_card", Level.BLOCK, "************1111")]


@pytest.mark.parametrize(
    "text", [CARD, f"卡号{CARD[:-1]}2", "卡号0000000000000000", "卡号411111111111", "卡号尾号1111"]
)
def test_without_word_or_check_sum_it_is_no_bank_card(text):
    assert _personal(text) == []


@pytest.mark.parametrize("field", ["title", "summary", "body_html", "unit", "category", "form", "document_number"])
def test_every_written_field_is_searched(field):
    [number] = _personal(f"张三{MOBILE}", field)
    assert number.field == field
    assert (number.start, number.end) == (2, 13)


def test_tags_and_alternative_texts_hide_nothing():
    assert rules(body_html="<p>138<strong>0013</strong>8000</p>") == ["pii.mobile"]
    assert rules(body_html=f'<p>图</p><img src="asset:1" alt="张三 {MOBILE}">') == ["pii.mobile"]


def test_the_article_number_of_a_web_address_is_no_mobile_number():
    assert rules(source_url=f"http://www.hedong.gov.cn/info/9000/{MOBILE}.htm") == []
    assert rules(source_url=f"http://www.hedong.gov.cn/{ID18}.htm") == ["pii.id_card"]


@settings(max_examples=80, deadline=None)
@given(
    number=st.sampled_from([ID18, ID15, MOBILE, CARD]),
    before=st.text(alphabet="张三李四，。 a（", max_size=6),
    glue=st.sampled_from(["", "\u200b", "\u2060", "\u00ad"]),
    full=st.booleans(),
)
def test_no_finding_ever_carries_a_full_number(number, before, glue, full):
    written = glue.join(number.translate(FULL) if full else number)
    item = article(summary=f"卡号{before}{written}。约{number}左右", title=f"关于{written}的通知")
    found = check(item, pair=Pair(), today=TODAY)
    assert {"title", "summary"} <= {f.field for f in found if f.rule.startswith("pii.")} or number == CARD
    for finding in found:
        for shown in (finding.found, finding.message, finding.suggestion):
            assert number not in shown
            assert written not in shown


@settings(max_examples=60, deadline=None)
@given(
    day=st.dates(date(1900, 1, 1), TODAY), sequence=st.integers(0, 999), region=st.sampled_from(["371312", "110105"])
)
def test_every_well_formed_id_card_is_found(day, sequence, region):
    stem = f"{region}{day:%Y%m%d}{sequence:03d}"
    assert [f.rule for f in _personal(stem + ric.calc_check_digit(stem + "0"))] == ["pii.id_card"]


@pytest.mark.parametrize(
    "body",
    [
        f"<p>电话{MOBILE}<sup>1</sup></p>",
        f"<p>电话<sup>{MOBILE}</sup></p>",
        f"<p>电话{MOBILE[:4]}<sub>{MOBILE[4:]}</sub></p>",
    ],
)
def test_neither_the_mark_of_a_footnote_nor_being_raised_hides_a_number(body):
    assert [f.rule for f in _personal(body, "body_html")]
