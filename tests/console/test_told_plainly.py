"""Sentences and counts on pages that once contradicted each other, hid the worse case, or sent people the wrong way."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from bot.models import Alarm, AuditEvent, Release

from .world import ARTICLES, District, attempt, now, put

Login = Callable[[str], Client]


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def alarm(release: Release, kind: str, account: int, words: str) -> None:
    push = release.publications.order_by("account_id")[account]
    Alarm.objects.create(
        kind=kind, subject=f"publication:{push.pk}:{kind}", unit=release.unit, release=release, account=push.account,
        out="unknown", message=f"{push.account.name}：{words}", raised_at=now(),
    )  # fmt: skip


def test_while_a_result_is_unknown_nobody_is_told_that_there_is_nothing_to_do(district: District, as_: Login) -> None:
    release = district.signed()
    for push in release.publications.all():
        attempt(push, outcome="unknown")
        put(push, "unknown", reason="发送进程中断，是否已发出不明。")
    shown = page(as_("duty"), f"/releases/{release.pk}").split('id="acts"')[1].split("</section>")[0]
    assert "不用办理" not in shown
    assert "不要在平台后台手工补发" in shown


def test_while_all_goes_well_it_is_said_once_that_there_is_nothing_to_do(district: District, as_: Login) -> None:
    release = district.signed()
    wechat, weibo = release.publications.order_by("pk")
    for push in (wechat, weibo):
        put(push, "confirming")
    shown = page(as_("duty"), f"/releases/{release.pk}")
    assert shown.count("不用办理") == 1
    put(wechat, "live")
    for who in ("duty", "final"):
        shown = page(as_(who), f"/releases/{release.pk}")
        aloud = shown.split('id="status-words"')[1].split("</p>")[0]  # for screen readers alone
        assert "正在依次发出和核对，不用办理：已公开 1 次推送" in shown
        assert shown.count("不用办理") - aloud.count("不用办理") == 1


def test_alarms_told_as_one_say_each_thing_with_its_account_and_its_remedy(district: District, as_: Login) -> None:
    release = district.signed()
    alarm(release, "unknown", 0, "还没有答复。")
    alarm(release, "needs_person", 1, "核对时限已过。")
    shown = page(as_("duty"), "/").split('id="alarms"')[1].split("</section>")[0].split("<details")[0]
    for words in ("还没有答复。", "核对时限已过。", "中国河东", "临沂河东"):
        assert words in shown
    assert shown.count('class="remedy"') == 2


def test_what_all_say_alike_is_said_once(district: District, as_: Login) -> None:
    release = district.signed()
    for place in (0, 1):
        alarm(release, "unknown", place, "还没有答复。")
    shown = page(as_("duty"), "/").split('id="alarms"')[1].split("</section>")[0].split("<details")[0]
    assert shown.count("还没有答复。") == 1
    assert shown.count('class="remedy"') == 1


def test_where_all_is_out_the_way_leads_to_the_correction_not_to_the_platform(district: District, as_: Login) -> None:
    release = district.signed()
    for push in release.publications.all():
        attempt(push, outcome="accepted")
        put(push, "live")
    shown = page(as_("releaser"), f"/releases/{release.pk}")
    assert "要撤下请到平台后台办理" not in shown
    assert "要撤下或更正的，办理“更正与撤回”" in shown


def test_who_may_not_read_the_titles_still_sees_how_many_there_are(district: District, as_: Login) -> None:
    district.signed(*ARTICLES[:2])
    for who in ("releaser", "admin"):
        assert "<span>2 件</span>" in page(as_(who), "/").split('id="board"')[1]


def test_the_list_for_signing_promises_a_credit_line_only_where_one_is_drawn(district: District, as_: Login) -> None:
    release = district.planned()
    shown = page(as_("releaser"), f"/releases/{release.pk}/sign")
    wechat, weibo = (re.findall(r"<tbody>(.*?)</tbody>", shown, re.DOTALL))[:2]
    assert "责编" in wechat
    assert "责编" not in weibo
    assert "<td>—</td>" in weibo


def test_what_stands_in_a_release_already_is_not_offered_again(district: District, as_: Login) -> None:
    district.signed()
    shown = page(as_("releaser"), "/releases/new/search?account=wx&account=wb")
    assert "同一版本不能再发" in shown
    assert 'value="add:' not in shown


def test_a_wrong_password_is_a_line_of_the_trail(district: District, client: Client) -> None:
    client.post("/login", {"username": "duty", "password": "wrong"})
    last = AuditEvent.objects.order_by("-sequence")[0]
    assert (last.action, last.data["what"], last.actor) == ("login.failed", "password", "访客")
    assert "duty" not in str(last.data)


@pytest.mark.parametrize(("documents", "ticked"), [(1, True), (2, False)])
def test_a_withdrawal_ticks_by_itself_only_what_can_be_meant(
    district: District, as_: Login, documents: int, ticked: bool
) -> None:
    release = district.signed(*ARTICLES[:documents])
    for push in release.publications.all():
        attempt(push, outcome="accepted")
        put(push, "live")
    shown = page(as_("releaser"), f"/releases/{release.pk}/withdraw")
    assert ('name="target"' in shown, " checked>" in shown) == (True, ticked)
    assert shown.count("<fieldset") == 3  # the two accounts, and the portal
