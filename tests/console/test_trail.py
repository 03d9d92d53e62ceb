"""留痕: sentences with links, filters, pages; the check of the chain; files; and who is let in."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from bot.models import AuditEvent, TrailLine
from bot.services import audit, people, trailcheck, trailindex
from tests.services.factories import drop_rules

from .world import ARTICLES, District, now

Login = Callable[[str], Client]


@pytest.fixture(autouse=True)
def auditors(district: District) -> None:
    for key, roles in (("auditor", ["auditor"]), ("auditadmin", ["auditadmin"])):
        district.people[key] = people.add_person(
            key, name="郑审", unit=district.unit, roles=roles, password=None, actor="test", now=now()
        )


def read(client: Client, query: str = "", **headers: str) -> str:
    answer = client.get(f"/trail{query}", headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def test_lines_are_sentences_with_a_link_to_what_they_are_about(district: District, as_: Login) -> None:
    release = district.signed(ARTICLES[0])
    page = read(as_("auditor"))
    for words in ("签发，清单哈希尾号", "形成第 1 版", "初审通过", "编制发布单"):
        assert words in page, words
    assert f'href="/releases/{release.pk}"' in page
    assert 'href="/documents/HD-1"' in page
    assert 'href="/accounts/wx"' in page
    assert "/people/person/" not in page, "an auditor has no page of people"
    keeper = read(as_("auditadmin"))
    assert 'href="/accounts/wx"' in keeper
    assert 'href="/documents/' not in keeper, "who keeps the trail reads no text under embargo"
    assert 'href="/releases/' not in keeper


@pytest.mark.parametrize("who", ["editor", "releaser", "duty", "admin"])
def test_others_find_neither_the_page_nor_its_acts(as_: Login, who: str) -> None:
    client = as_(who)
    assert 'href="/trail"' not in client.get("/").content.decode()
    for answer in (client.get("/trail"), client.post("/trail/verify"), client.post("/trail/export", {"form": "csv"})):
        assert answer.status_code == 403


def test_another_units_lines_are_not_there_by_any_filter(district: District, as_: Login) -> None:
    town = District.make("town", "九曲街道")
    theirs = town.signed(ARTICLES[1], title="九曲的发布单")
    for who in ("auditor", "auditadmin"):
        client = as_(who)
        for query in (
            "",
            f"?about=release&name={theirs.pk}",
            "?actor=town-editor",
            "?words=九曲的",
            "?about=document&name=HD-2",
        ):
            rows = read(client, query).partition('id="rows"')[2]
            assert "九曲的发布单" not in rows
            assert "HD-2" not in rows.partition("</section>")[0]
        for form in ("csv", "jsonl"):
            answer: Any = client.post("/trail/export", {"form": form})
            assert "九曲的" not in b"".join(answer.streaming_content).decode()


def test_filters_and_pages_follow_each_other(district: District, as_: Login) -> None:
    for number in range(70):
        audit.append("editor", "release.held", "unit:hedong", {"reason": f"缘由{number:02}。"}, now=now())
    client = as_("auditor")
    page = read(client, "?actor=editor&words=缘由")
    follow = html.unescape(re.findall(r'class="button" href="([^"]+)"', page)[-1])
    assert follow.startswith("/trail?actor=editor&words=")
    second = client.get(follow, headers={"HX-Request": "true", "HX-Target": "rows"}).content.decode()
    assert "<html" not in second
    assert 'hx-swap-oob="true"' in second, "the files to take away follow the filters"
    both = re.findall(r"缘由\d\d。", page) + re.findall(r"缘由\d\d。", second)
    assert both == [f"缘由{number:02}。" for number in reversed(range(70))]


@pytest.mark.parametrize(
    ("query", "words"),
    [("?first=昨天", "不是日期"), ("?first=0001-01-01", "不在 2000 年"), ("?first=2026-02-02&last=2026-01-01", "请对调"),
     ("?about=release", "同时选种类"), ("?before=x", "编制"), ("?sort=x&actor=%00", ""), ("?last=2199-12-31", "编制"),
     ("?about=release&name=99999999999999999999999", "没有符合条件")],
)  # fmt: skip
def test_what_is_not_understood_is_said_and_breaks_nothing(
    district: District, as_: Login, query: str, words: str
) -> None:
    district.planned(ARTICLES[0])
    assert words in read(as_("auditor"), query)


def test_a_page_asks_the_same_few_questions_however_many_lines(
    district: District, as_: Login, django_assert_max_num_queries: Any
) -> None:
    district.signed(ARTICLES[0])
    for number in range(80):
        audit.append("系统", "metrics.sampled", "account:wx", {"day": str(number)}, now=now())
    trailindex.catch_up(10_000)
    client = as_("auditadmin")
    with django_assert_max_num_queries(26):
        assert read(client).count("<li") >= 50


def test_a_backlog_is_said_and_the_page_does_not_wait_for_it(
    district: District, as_: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    district.signed(ARTICLES[0])
    monkeypatch.setattr(trailindex, "MOST_OF_A_PAGE", 5)
    assert re.search(r"还有 \d+ 条较新的记录正在编入索引", read(as_("auditor")))
    assert TrailLine.objects.count() == 5


# --- the check --------------------------------------------------------------------------------------------------


def check(client: Client, state: str = "", **headers: str) -> str:
    return client.post("/trail/verify", {"state": state} if state else {}, headers=headers).content.decode()


def state_of(page: str) -> str:
    return html.unescape(re.findall(r'name="state" value="([^"]+)"', page)[0])


def test_the_chain_is_checked_in_turns_and_says_what_is_proved(
    district: District, as_: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    district.signed(ARTICLES[0])
    monkeypatch.setattr(trailcheck.check_on, "__kwdefaults__", {"most": 20})
    total = AuditEvent.objects.count()
    client = as_("auditor")
    page = check(client, **{"HX-Request": "true"})
    assert f"已核验到第 20 条，共 {total} 条" in page
    assert "<html" not in page
    assert 'hx-trigger="load' in page
    while "state" in page and "继续核验" in page:
        page = check(client, state_of(page))
    assert f"第 1 至 {total} 条全部相符" in page
    assert "证明了什么" in page
    assert str(AuditEvent.objects.get(sequence=total).mac) in page
    assert AuditEvent.objects.order_by("-sequence")[0].action == "trail.verified"


def test_a_broken_chain_says_where_what_it_means_and_what_to_do(district: District, as_: Login) -> None:
    drop_rules()
    AuditEvent.objects.filter(sequence=5).update(subject="x")
    page = check(as_("auditadmin"))
    for words in ("从第 5 条起不能作证", "第 1 至 4 条", "这说明什么", "不要自行修补"):
        assert words in page, words
    assert "留痕" in as_("duty").get("/").content.decode().partition("警报")[2]


def test_a_check_is_carried_on_only_by_who_began_it_and_as_it_was(
    district: District, as_: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trailcheck.check_on, "__kwdefaults__", {"most": 2})
    state = state_of(check(as_("auditor")))
    for client, given in ((as_("auditadmin"), state), (as_("auditor"), state + "x"), (as_("auditor"), "1:2:3")):
        answer = client.post("/trail/verify", {"state": given})
        assert answer.status_code == 409
        assert "没有得出结论" in answer.content.decode()


# --- files ------------------------------------------------------------------------------------------------------


def test_files_go_by_the_filters_and_are_written_down(district: District, as_: Login) -> None:
    district.signed(ARTICLES[0])
    client = as_("auditor")
    answer: Any = client.post("/trail/export", {"form": "csv", "actor": "releaser", "first": "2020-01-01"})
    assert "attachment" in answer.headers["Content-Disposition"]
    text = b"".join(answer.streaming_content).decode("utf-8")
    assert text.startswith("\ufeff")
    assert "签发，清单" in text
    assert "初审" not in text
    line = AuditEvent.objects.order_by("-sequence")[0]
    assert (line.action, line.data["filters"]) == ("trail.exported", "从 2020-01-01；人员 releaser")
    answer = client.post("/trail/export", {"form": "jsonl", "actor": "releaser"})
    *rows, end = [json.loads(one) for one in b"".join(answer.streaming_content).decode().splitlines()]
    assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))
    assert "end" in end
    assert client.post("/trail/export", {"form": "exe"}).status_code == 409
    assert "导出留痕（证据 JSONL）" in read(client)
