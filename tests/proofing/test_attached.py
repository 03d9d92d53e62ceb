"""The gate over attachments: what was read is held to the rules of the text, and what was not is named."""

from __future__ import annotations

import pytest

from bot import proofing
from bot.domain.attached import Attached, Part, Reading
from bot.domain.findings import Finding, Level, about
from bot.proofing.checks import attached

from .samples import TODAY, article

ID = "11010519491231002X"


def found_in(*parts: Part, **more: object) -> list[Finding]:
    file = Attached("名单.xlsx", Reading(tuple(parts), **more))  # type: ignore[arg-type]
    found = proofing.check(article(), pair=proofing.Pair(), today=TODAY, attached=(file,))
    return [one for one in found if one.field == attached.FIELD]


def sheet(text: str) -> Part:
    return Part("工作表“名单”", "行", text)


def test_a_number_of_an_identity_card_in_an_attachment_stops_the_item_and_is_shown_masked() -> None:
    (one,) = found_in(sheet(f"姓名\t证号\n张三\t{ID}"))
    assert (one.rule, one.level, one.start, one.end) == ("pii.id_card", Level.BLOCK, 0, 0)
    assert one.message.startswith("附件“名单.xlsx”工作表“名单”第2行起是一个居民身份证号码")
    assert ID not in repr(one)


def test_marks_of_secrecy_and_wrong_words_are_found_too() -> None:
    rules = {one.rule: one.level for one in found_in(sheet("机密★1年\n联系电话13800138000\n内部资料"))}
    assert rules == {"classified.mark": Level.BLOCK, "pii.mobile": Level.BLOCK, "classified.internal": Level.WARN}
    (wrong,) = [one for one in found_in(sheet("国务院各部委做出布署")) if one.rule.startswith("terms.")]
    assert "布署" in wrong.message
    assert wrong.level in {Level.BLOCK, Level.WARN}


def test_a_list_of_thousands_of_people_is_read_to_its_end() -> None:
    """By what it says: that it took long nobody would notice here but whoever waits for these tests."""
    rows = "\n".join(f"张三\t1380013{n % 10_000:04}\t第{n}户" for n in range(3_000))
    found = found_in(sheet(rows))
    assert found[-1].message.endswith(f"同类问题还有 {3_000 - attached.MOST_OF_A_RULE} 处，请通篇检查。")
    assert [one.message.partition("起")[0].partition("第")[2] for one in found] == ["1行", "2行", "3行", "4行", "5行"]


def test_of_a_long_list_the_first_are_told_and_the_rest_counted() -> None:
    numbers = "\n".join(f"1380013{n:04}" for n in range(1000, 1030))
    found = found_in(sheet(numbers))
    assert len(found) == attached.MOST_OF_A_RULE
    assert found[-1].message.endswith("这个附件里同类问题还有 25 处，请通篇检查。")


def test_what_was_not_read_is_for_a_person() -> None:
    (one,) = found_in(unread="是图片，系统读不到图里的文字")
    assert (one.rule, one.level) == ("attached.unread", Level.WARN)
    assert one.message.startswith("附件“名单.xlsx”是图片，系统读不到图里的文字，没有检查")
    assert about(one.rule) == "附件"


def test_of_a_file_that_was_read_in_part_it_is_the_rest_that_was_not_checked() -> None:
    found = found_in(sheet(ID), unread="太长，系统只读到前 100 万字")
    assert [one.rule for one in found] == ["pii.id_card", "attached.unread"]
    assert "没有读到的部分没有检查其中的个人信息" in found[-1].message


def test_what_only_asks_to_be_looked_at_never_crowds_out_what_stops_the_item() -> None:
    many = [Finding("terms.word", Level.WARN, f"请核对 {n}。", "body") for n in range(9)]
    told = list(attached._capped([*many, Finding("terms.word", Level.BLOCK, "必须改。", "body")]))
    assert [one.level for one in told] == [Level.WARN] * attached.MOST_OF_A_RULE + [Level.BLOCK]


def test_what_was_left_in_it_and_whom_it_names_is_told() -> None:
    left, named = found_in(left=("3 条批注", "隐藏的工作表“底稿”"), author="李四")
    assert (left.rule, left.level) == ("attached.left", Level.WARN)
    assert "3 条批注、隐藏的工作表“底稿”" in left.message
    assert (named.rule, named.level) == ("attached.author", Level.HINT)


@pytest.mark.parametrize("clean", [Part("正文", "段", "这是一份名单。"), Part("正文", "段", "138****8000")])
def test_a_clean_file_says_nothing(clean: Part) -> None:
    assert found_in(clean) == []


def test_two_files_are_told_apart() -> None:
    files = tuple(Attached(name, Reading((sheet(ID),))) for name in ("甲.xlsx", "乙.xlsx"))
    found = proofing.check(article(), pair=proofing.Pair(), today=TODAY, attached=files)
    assert [one.message[:7] for one in found if one.rule == "pii.id_card"] == ["附件“甲.xl", "附件“乙.xl"]
