"""What does not fit is told in Chinese sentences, whatever is wrong with it: never in English, never as Python's own words."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bot.api.misfits import OTHERWISE, WORDS, in_chinese

from .machine import NOTICE, Machine, problem

RELEASE: dict[str, Any] = {"instant": "2099-12-01T09:00:00+08:00", "documents": ["HD-1"]}
LATIN = re.compile(r"[A-Za-z]{3,}")


def said(answer: Any) -> dict[str, str]:
    return {one["where"]: one["message"] for one in problem(answer, 422, "schema")["errors"]}


@pytest.mark.parametrize(
    ("changed", "where", "words"),
    [
        ({"instant": "2026-12-01T09:00:00"}, "body.instant", "时刻没有写时区，不作猜测。"),
        ({"instant": "tomorrow"}, "body.instant", "不是有效的时刻。"),
        ({"instant": "2026-12-41T09:00:00+08:00"}, "body.instant", "不是有效的时刻。"),
        ({"instant": 1}, "body.instant", "时刻请写成带时区的文字"),
        ({"documents": "HD-1"}, "body.documents", "应为列表。"),
        ({"documents": []}, "body.documents", "至少要有 1 项。"),
        ({"documents": [7]}, "body.documents.0", "应为文字，加引号。"),
        ({"documents": ["x" * 101]}, "body.documents.0", "最多 100 个字符"),
        ({"modes": []}, "body.modes", "应为对象"),
        ({"titel": "x"}, "body.titel", "没有这一项"),
        ({"sync": {"kind": "later"}}, "body.sync", "可用的有：at_time、after_live。"),
        ({"sync": {}}, "body.sync", "缺少 kind"),
        ({"sync": {"kind": "after_live"}}, "body.sync.url", "缺少这一项"),
        (
            {"sync": {"kind": "after_live", "url": "x", "wait_seconds": "9"}}, "body.sync.wait_seconds", "应为数字，不加引号。",
        ),
        ({"sync": {"kind": "after_live", "url": "x", "wait_seconds": 9.5}}, "body.sync.wait_seconds", "应为整数，不带小数。"),
        ({"sync": {"kind": "after_live", "url": "x", "wait_seconds": 1}}, "body.sync.wait_seconds", "不能小于 5。"),
        ({"sync": {"kind": "after_live", "url": "x", "then": "y"}}, "body.sync.then", "可用的有：hold、go、ask。"),
    ],
)  # fmt: skip
def test_a_part_that_does_not_fit_is_a_sentence(
    machine: Machine, changed: dict[str, Any], where: str, words: str
) -> None:
    told = said(machine.post("/releases", {**RELEASE, **changed}))
    assert words in told[where]
    assert "datetime" not in str(told)


def test_days_parameters_and_whole_bodies_too(machine: Machine) -> None:
    assert said(machine.put("/documents/HD-1", {**NOTICE, "published_on": "2017-02-30"}))[
        "body.published_on"
    ].startswith("没有这一天。")
    assert (
        "2026-12-01"
        in said(machine.put("/documents/HD-1", {**NOTICE, "published_on": "2.5.2017"}))["body.published_on"]
    )
    assert "整数" in said(machine._send("GET", "/documents?limit=x"))["query.limit"]
    told = said(machine.post("/releases", [1]))
    assert all(re.search(r"[\u4e00-\u9fff]", words) for words in told.values())


def test_what_nobody_has_foreseen_is_still_chinese() -> None:
    assert in_chinese({"type": "never_seen", "msg": "datetime.datetime(2026, 12, 1, 9, 0)"}) == OTHERWISE
    assert in_chinese({"type": "value_error", "msg": "Value error, datetime.datetime(2026, 12, 1, 9, 0)"}) == OTHERWISE
    assert in_chinese({"type": "too_long", "msg": "x"}) == OTHERWISE


def test_the_table_itself_is_chinese() -> None:
    allowed = {"JSON", "kind", "null", "true", "false"}
    for words in WORDS.values():
        plain = re.sub(r"\{\w+\}", "", words)
        assert set(LATIN.findall(plain)) <= allowed, words
