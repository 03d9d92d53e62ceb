"""与上一版比较: any two editions, field by field, and the right ones before anybody chooses."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from .world import ARTICLES, District

Login = Callable[[str], Client]
FIRST = ARTICLES[0]


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def differences(shown: str) -> str:
    return shown[shown.index('id="differences"') :]


def rewritten(district: District, **fields: str) -> None:
    district.document(dataclasses.replace(FIRST, **fields))


def test_what_went_and_what_came_is_told_by_words_and_not_by_colour_alone(district: District, as_: Login) -> None:
    district.document()
    rewritten(district, title="关于调整城区地铁线路的通知")
    shown = differences(page(as_("editor"), "/compare/HD-1"))
    assert re.search(r"<del><span class=\"sr\">［删去：</span>公交<", shown)
    assert re.search(r"<ins><span class=\"sr\">［新增：</span>地铁<", shown)
    assert "标题 <small>增 2 字，删 2 字" in shown
    assert "旧：第 1 版" in shown
    assert "新：第 2 版" in shown


def test_fields_and_body_are_compared(district: District, as_: Login) -> None:
    district.document()
    rewritten(district, document_number="临东政办字〔2017〕42号", body_html="<p>新的正文。</p>")
    shown = differences(page(as_("first"), "/compare/HD-1"))
    assert "发文字号" in shown
    assert "正文" in shown
    assert "共 2 处字段有变" in shown


def test_the_newest_is_compared_with_the_last_that_was_approved(district: District, as_: Login) -> None:
    district.approved()
    rewritten(district, title="第二版标题")
    rewritten(district, title="第三版标题")
    shown = page(as_("editor"), "/compare/HD-1")
    assert re.search(r'name="from">.*?<option value="1" selected>', shown, re.DOTALL)
    assert re.search(r'name="to">.*?<option value="3" selected>', shown, re.DOTALL)
    assert "第 1 版 已被新版本取代，曾审核通过" in shown


def test_without_an_approved_one_it_is_compared_with_the_one_before(district: District, as_: Login) -> None:
    for title in ("第一版标题", "第二版标题", "第三版标题"):
        rewritten(district, title=title)
    shown = page(as_("editor"), "/compare/HD-1")
    assert re.search(r'name="from">.*?<option value="2" selected>', shown, re.DOTALL)


def test_any_two_can_be_chosen_backwards_too(district: District, as_: Login) -> None:
    for title in ("第一版标题", "第二版标题", "第三版标题"):
        rewritten(district, title=title)
    client = as_("editor")
    assert "早的" not in page(client, "/compare/HD-1?from=1&to=3")
    shown = differences(page(client, "/compare/HD-1?from=3&to=1"))
    assert "“旧版”比“新版”晚" in shown
    assert "两版内容一字不差" in page(client, "/compare/HD-1?from=2&to=2")


@pytest.mark.parametrize("query", ["from=9", "to=0", "from=x", "to=１", "from=1&to=99999999999999999999"])
def test_a_version_that_is_none_does_not_exist(district: District, as_: Login, query: str) -> None:
    district.document()
    assert as_("editor").get(f"/compare/HD-1?{query}").status_code == 404


def test_a_first_edition_has_nothing_to_be_compared_with_and_no_link(district: District, as_: Login) -> None:
    district.document()
    client = as_("editor")
    assert "没有可以对比的版本" in page(client, "/compare/HD-1")
    assert "与上一版比较" not in page(client, "/documents/HD-1")
    rewritten(district, title="第二版标题")
    assert 'href="/compare/HD-1"' in page(client, "/documents/HD-1")
    assert 'href="/compare/HD-1?to=1"' in page(client, "/documents/HD-1?edition=1")


def test_however_many_editions_there_are_the_page_asks_as_often(district: District, as_: Login) -> None:
    client = as_("editor")

    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page(client, "/compare/HD-1")
        return len(queries)

    rewritten(district, title="第一版标题")
    rewritten(district, title="第二版标题")
    page(client, "/compare/HD-1")  # a session writes on its first page
    few = asked()
    for number in range(8):
        rewritten(district, title=f"又一版标题{number}")
    assert asked() == few
