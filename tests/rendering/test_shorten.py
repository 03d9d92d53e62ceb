"""Shortening reads like an editor's cut, and its properties hold for any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rendering.atoms import atoms, boundaries
from bot.rendering.shorten import ELLIPSIS, PAIRS, shorten


def within(limit: int):
    return lambda text: len(text) <= limit


def unpaired(text: str) -> list[str]:
    owed: list[str] = []
    for char in text:
        if char in PAIRS:
            owed.append(PAIRS[char])
        elif owed and char == owed[-1]:
            owed.pop()
    return owed


def test_a_text_that_fits_is_left_alone() -> None:
    assert shorten("两批共49项。", within(8)) == "两批共49项。"


def test_whole_sentences_are_kept_without_dots() -> None:
    text = "公布第二批事项清单。材料齐全、手续完备即可办理，群众少跑腿。"
    assert shorten(text, within(20)) == "公布第二批事项清单。"


def test_a_clause_end_gives_its_mark_up_for_the_dots() -> None:
    text = "对年度目标任务逐项分解，落实责任单位，要求各乡镇制定实施方案"
    assert shorten(text, within(22)) == "对年度目标任务逐项分解，落实责任单位……"


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("全区共投入资金1,234.5万元用于道路维修", 13, "全区共投入资金……"),
        ("印发区级工作要点的2017年6月13日通知", 17, "印发区级工作要点的……"),
        ("增长了足足十二点五12.5%的税收收入", 13, "增长了足足十二点五……"),
        ("请登录系统WeChatOfficial办理", 12, "请登录系统……"),
        ("请看http://www.hedong.gov.cn/a/b.htm吧", 12, "请看……"),
        ("公布有关事项清单第二十一批的全部内容", 12, "公布有关事项清单……"),
        ("新建厂房占地面积共3.2×10⁴平方米的项目", 15, "新建厂房占地面积共……"),
        ("按照有关要求取x^(max)的数值", 11, "按照有关要求取……"),
        ("请大家注意👨‍👩‍👧‍👦家庭", 8, "请大家注意……"),
        ("请大家注意👍🏽大家", 8, "请大家注意……"),
        ("请大家注意e\u0301e\u0301好的吗", 8, "请大家注意……"),
    ],
)
def test_numbers_dates_words_addresses_and_emoji_stay_whole(text: str, limit: int, expected: str) -> None:
    assert shorten(text, within(limit)) == expected


def test_a_document_number_stays_whole() -> None:
    assert shorten("现按照鲁办发〔2017〕32号文件要求公布", within(12)) == "现按照……"


def test_a_book_title_that_must_be_cut_is_closed_again() -> None:
    assert shorten("《河东区2017年政务公开工作要点》解读", within(15)) == "《河东区2017年……》"


def test_a_cut_outside_of_brackets_is_preferred() -> None:
    assert shorten("做好居民基本医疗保险（原新农合）参保缴费工作", within(14)) == "做好居民基本医疗保险……"


def test_nothing_is_left_when_nothing_fits() -> None:
    assert shorten("2017年", within(3)) == ""


@pytest.mark.parametrize(
    "whole",
    [
        "2017年6月13日",
        "1,234.5万元",
        "12.5%",
        "第二十一批",
        "临东政办字〔2017〕41号",
        "https://a.cn/b?c=1",
        "GB/T9704-2012",
    ],
)
def test_what_is_one_thing_is_one_atom(whole: str) -> None:
    assert atoms(whole) == [whole]


TEXTS = st.text(
    alphabet=st.one_of(
        st.sampled_from("，。；：、！？《》（）“”‘’〔〕【】「」…0123456789%年月日号元万第一二批aZ.-:/ \n"),
        st.characters(min_codepoint=0x4E00, max_codepoint=0x4E40),
        st.sampled_from("👍🏽\u200d\ufe0f\u0301é🇨🇳"),
    ),
    max_size=80,
)


@given(TEXTS)
def test_atoms_lose_nothing(text: str) -> None:
    assert "".join(atoms(text)) == text


@given(TEXTS, st.integers(0, 90))
def test_the_result_fits_and_is_a_beginning(text: str, limit: int) -> None:
    result = shorten(text, within(limit))
    assert len(result) <= limit
    if result == text:
        return
    head = result.rsplit(ELLIPSIS, 1)[0] if ELLIPSIS in result and not text.startswith(result) else result
    assert text.startswith(head)
    assert set(result[len(head) :]) <= set(ELLIPSIS) | set(PAIRS.values())


@given(TEXTS, st.integers(0, 90))
def test_the_result_leaves_nothing_open(text: str, limit: int) -> None:
    result = shorten(text, within(limit))
    assert result == text or unpaired(result) == []


@given(TEXTS, st.integers(0, 90))
def test_the_cut_is_never_inside_an_atom(text: str, limit: int) -> None:
    result = shorten(text, within(limit))
    if not result or result == text:
        return
    shared = next(
        (i for i, (a, b) in enumerate(zip(text, result, strict=False)) if a != b), min(len(text), len(result))
    )
    prefixes = {text[:end].rstrip("，；：、,;:…—· \t\n\r\u3000") for end in [0, *boundaries(text)]}
    candidates = {result[:end].rstrip("，；：、,;:…—· \t\n\r\u3000") for end in range(shared + 1)}
    assert prefixes & candidates
    longest_head = result if text.startswith(result) else result.rsplit(ELLIPSIS, 1)[0]
    assert longest_head.rstrip("，；：、,;:…—· \t\n\r\u3000") in prefixes


@given(TEXTS, st.integers(1, 60))
def test_a_measure_that_is_not_monotone_is_still_obeyed(text: str, limit: int) -> None:
    def odd(value: str) -> bool:
        return len(value) <= limit and len(value) % 3 == 0

    assert odd(shorten(text, odd))


def test_twenty_thousand_characters_are_no_trouble() -> None:
    for text in ("。" * 20_000, "1" * 20_000, "." * 20_000, "《" * 20_000, "a" * 20_000, "河东" * 10_000):
        assert len(shorten(text, within(140))) <= 140
