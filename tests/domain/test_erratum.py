"""The draft of what the public is told."""

from __future__ import annotations

from datetime import date

import pytest

from bot.domain.erratum import BLANK, NoticeKind, draft, is_filled_in, named_besides


@pytest.mark.parametrize("kind", NoticeKind)
def test_a_draft_names_what_it_is_about_and_must_be_gone_over(kind):
    text = draft(kind, titles=["甲", "乙"], unit="河东区政府", published=date(2026, 11, 2), today=date(2026, 11, 23))
    for word in ("《甲》、《乙》", "2026年11月2日", "2026年11月23日", "河东区政府"):
        assert word in text
    assert kind.label[:2] in text
    assert not is_filled_in(text)
    assert is_filled_in(text.replace(BLANK, "数字有误"))


def test_an_empty_notice_is_none():
    assert not is_filled_in(" \n ")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("《甲》现予撤回", []),
        ("《甲》、《乙》现予撤回", ["乙"]),
        ("“乙”现予撤回", ["乙"]),
        ("《甲》现予撤回，《乙》继续有效。", []),
        ("《甲》现予撤回；《乙》的内容不受影响。", []),
        ("《乙》继续有效，《甲》、《乙》现予撤回。", ["乙"]),
        ("关于乙", []),
        ("《关于〈乙〉的解读》现予撤回", []),
        ("《关于《乙》的解读》现予撤回", []),
    ],
)
def test_what_stays_and_is_named_is_found(text, found):
    assert named_besides(text, going=["甲", "关于《乙》的解读"], staying=["甲", "乙"]) == found
