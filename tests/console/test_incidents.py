"""需要人处理 on 值班台: one line for each incident, nothing hidden, the number right, the most urgent first."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bot.console import chosen
from bot.models import Account, Alarm, Release
from bot.services import alarming

from .world import ARTICLES, District, attempt, now, put

Login = Callable[[str], Client]
CLOCK = "本机时钟与平台时间相差 {:+.1f} 秒。请校准本机时钟（NTP）后恢复发布。"
SILENT = "没有收到应答，正在核对。"


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def lines(client: Client) -> list[str]:
    """The list for people, line by line."""
    shown = page(client, "/").split('id="asks"')[1].split("</aside>")[0]
    return re.split(r"\n<li>\n", shown)[1:]


def links(html: str) -> list[str]:
    return re.findall(r'<a [^>]*href="([^"]+)"', html)


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def both_in_doubt(district: District, title: str = "早间发布") -> Release:
    release = district.signed(title=title)
    for one in release.publications.all():
        attempt(one, outcome="unknown")
        put(one, "unknown", reason=SILENT)
    return release


def held_for_the_clock(district: District, number: int) -> list[Release]:
    """As many releases, each with both accounts held, each comparison of the clock with its own figure."""
    wechat = district.accounts[0]
    Account.objects.filter(pk=wechat.pk).update(mode="publish")  # 群发 would have one a day
    wechat.refresh_from_db()
    made = []
    for place in range(number):
        article = dataclasses.replace(
            ARTICLES[1], external_id=f"HD-9{place:02}", title=f"办事提醒第{place}期",
            source_url=f"https://www.hedong.gov.cn/a/9{place:02}.html",
        )  # fmt: skip
        release = district.signed(article, ahead=timedelta(minutes=30 + place * 10), title=f"第{place}期")
        for one in release.publications.all():
            put(one, "held", held_by="machine", reason=CLOCK.format(3 + place / 10))
        made.append(release)
    return made


# --- one release ----------------------------------------------------------------------------------------------


def test_both_accounts_of_one_release_are_one_line_with_one_door(district: District, as_: Login) -> None:
    release = both_in_doubt(district)
    client = as_("duty")
    (line,) = lines(client)
    told = words(line)
    for word in ("早间发布", "2 件待办", "结果不明", "中国河东", "临沂河东", "是否已发出：不明"):
        assert word in told
    assert told.count(SILENT) == 1
    assert "tone-doubt" in line
    assert "icons.svg#question" in line
    assert f'class="button small" href="/exceptions?release={release.pk}"' in line
    assert line.count('class="button small"') == 1
    listed = links(page(client, f"/exceptions?release={release.pk}"))
    for one in release.publications.all():
        assert f"/exceptions/{one.pk}" in links(line)
        assert f"/exceptions/{one.pk}" in listed


def test_what_is_still_looked_for_leads_to_where_it_is_looked_at_again(district: District, as_: Login) -> None:
    release = district.signed()
    wechat, weibo = release.publications.order_by("account_id")
    attempt(wechat, outcome="unknown")
    put(wechat, "unknown", reason=SILENT)
    put(weibo, "live")
    (line,) = lines(as_("duty"))
    assert f'href="/exceptions/{wechat.pk}">去核对' in line


def test_the_badge_counts_incidents_and_tells_how_many_cases_they_are(district: District, as_: Login) -> None:
    both_in_doubt(district)
    shown = page(as_("duty"), "/").split('id="asks"')[1]
    assert '需要人处理 <b class="badge">1</b> <small>件，共 2 条</small>' in shown


def test_whether_it_is_out_is_told_of_each_account_where_they_differ(district: District, as_: Login) -> None:
    release = district.signed()
    wechat, weibo = release.publications.order_by("account_id")
    put(wechat, "live")
    attempt(weibo, outcome="unknown")
    put(weibo, "unknown", reason=SILENT)
    (line,) = lines(as_("duty"))
    told = words(line)
    assert re.search(r"中国河东 已发布 已发出：是", told)
    assert re.search(r"临沂河东 结果不明 已发出：不明", told)
    assert f"临沂河东 ：{SILENT}" in told
    assert "是否已发出" not in told


def test_different_reasons_in_one_release_are_all_told_with_whom_they_concern(district: District, as_: Login) -> None:
    release = district.signed()
    wechat, weibo = release.publications.order_by("account_id")
    put(wechat, "held", reason="账号已停用（凭据被拒），未发出。")
    put(weibo, "needs_person", reason="平台拒绝：内容含外链。")
    (line,) = lines(as_("duty"))
    told = words(line)
    assert told.index("临沂河东 ：平台拒绝：内容含外链。") < told.index("中国河东 ：账号已停用（凭据被拒），未发出。")
    assert told.index("需人工处理") < told.index("已暂停")


def test_of_a_lane_each_state_is_counted_and_all_are_listed_behind_the_door(district: District, as_: Login) -> None:
    release = district.signed(*ARTICLES)
    lane = release.publications.filter(account=district.accounts[1]).order_by("lane")
    attempt(lane[0], outcome="unknown")
    put(lane[0], "unknown", reason=SILENT)
    for one in lane[1:]:
        put(one, "held", reason="同一账号的上一条“结果不明”，本条暂停，未发出。")
    client = as_("duty")
    (line,) = lines(client)
    assert "结果不明 1 已暂停 2" in words(line)
    assert "已发出：不明 1 已发出：否 2" in words(line)
    (door,) = re.findall(r'class="button small" href="([^"]+)"', line)
    listed = links(page(client, door))
    assert {f"/exceptions/{one.pk}" for one in lane} <= set(listed)


def test_all_held_in_one_release_is_resumed_by_one_button(district: District, as_: Login) -> None:
    release = district.signed()
    for one in release.publications.all():
        put(one, "held", reason="再核对")
    (line,) = lines(as_("releaser"))
    assert f'class="button small" href="/releases/{release.pk}">去恢复' in line
    assert line.count('class="button') == 1


# --- many releases --------------------------------------------------------------------------------------------


def test_many_releases_held_for_the_same_reason_are_one_line(district: District, as_: Login) -> None:
    made = held_for_the_clock(district, 4)
    client = as_("duty")
    (line,) = lines(client)
    told = words(line)
    assert "4 张发布单，同一个原因，共 8 条推送" in told
    assert "最早的： 第0期" in told
    assert "是否已发出：否" in told
    assert "中国河东 已暂停 4" in told
    assert told.count("请校准") == 1
    (door,) = re.findall(r'class="button small" href="([^"]+)"', line)
    listed = page(client, door)
    cases = {f"/exceptions/{one.pk}" for release in made for one in release.publications.all()}
    assert cases <= set(links(listed))
    assert '<b class="badge">8</b>' in listed
    assert "4 张发布单" in listed
    assert f'data-live="{door}"' in listed


def test_the_list_behind_it_holds_nothing_else(district: District, as_: Login) -> None:
    held_for_the_clock(district, 3)
    other = both_in_doubt(district)
    client = as_("duty")
    first, second = lines(client)
    assert "早间发布" in first, "what is in doubt is more urgent"
    (door,) = re.findall(r'class="button small" href="(/exceptions\?incident=[^"]+)"', second)
    listed = links(page(client, door))
    assert not {f"/exceptions/{one.pk}" for one in other.publications.all()} & set(listed)
    assert "/exceptions" in listed, "the way to all of them"


def test_a_release_that_is_public_elsewhere_is_counted(district: District, as_: Login) -> None:
    for release in held_for_the_clock(district, 3):
        put(release.publications.order_by("account_id")[0], "live")
    (line,) = lines(as_("duty"))
    assert "共 3 条推送" in words(line)
    assert "其中 3 张发布单已有别的推送公开" in words(line)


def test_releases_nobody_signed_are_each_named(district: District, as_: Login) -> None:
    for article in ARTICLES:
        district.planned(article, title=f"待签{article.external_id}")
    assert len(lines(as_("duty"))) == len(ARTICLES)


def test_the_number_is_right_where_the_board_is_full(
    district: District, as_: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_for_the_clock(district, 5)
    monkeypatch.setattr(chosen, "MOST", 2)
    client = as_("duty")
    (line,) = lines(client)
    assert "5 张发布单，同一个原因，共 10 条推送" in words(line)
    assert "最早的： 第0期" in words(line)
    assert "没有列全" not in page(client, "/")
    monkeypatch.setattr(chosen, "MOST_IN_TROUBLE", 2)
    shown = page(client, "/")
    assert "没有列全" in shown
    assert 'href="/releases?state=asks"' in shown


def test_more_of_the_same_asks_the_database_no_more(district: District, as_: Login) -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as asked:
            lines(client)
        return len(asked)

    client = as_("duty")
    lines(client)  # a session's first page notes when it began
    made = held_for_the_clock(district, 4)
    for one in made[3].publications.all():
        put(one, "live")
    before = questions()
    for one in made[3].publications.all():
        put(one, "held", held_by="machine", reason=CLOCK.format(9))
    assert questions() <= before


# --- the filtered list ----------------------------------------------------------------------------------------


def test_when_all_of_it_is_done_the_list_says_so(district: District, as_: Login) -> None:
    release = both_in_doubt(district)
    for one in release.publications.all():
        put(one, "live")
    shown = page(as_("duty"), f"/exceptions?release={release.pk}")
    assert "这里没有悬而未决的推送了" in shown
    assert 'href="/exceptions">看全部' in shown


@pytest.mark.parametrize(
    "query", ["release=abc", "release=" + "9" * 40, "incident=<b>", "release=²", "incident=" + "g" * 16]
)
def test_what_nobody_made_filters_nothing(query: str, district: District, as_: Login) -> None:
    both_in_doubt(district)
    shown = page(as_("duty"), f"/exceptions?{query}")
    assert '<b class="badge">2</b>' in shown
    assert 'data-live="/exceptions"' in shown


def test_another_units_release_is_not_listed(district: District, as_: Login) -> None:
    other = District.make("luozhuang", "罗庄区政府办公室")
    release = both_in_doubt(other, "别人的发布单")
    shown = page(as_("duty"), f"/exceptions?release={release.pk}")
    assert "别人的发布单" not in shown
    assert "这里没有悬而未决的推送了" in shown


def test_whoever_may_not_read_texts_gets_no_way_to_them(district: District, as_: Login) -> None:
    release = both_in_doubt(district)
    (line,) = lines(as_("admin"))
    assert f"发布单 {release.pk}：2 件待办" in line
    assert "早间发布" not in line
    assert links(line) == []


# --- alarms ---------------------------------------------------------------------------------------------------


def alarms(client: Client) -> list[str]:
    shown = page(client, "/").split('id="alarms"')[1].split('id="asks"')[0]
    return re.split(r"\n<li>\n", shown)[1:]


def test_the_alarms_of_an_incident_are_one_line_that_unfolds_to_each(district: District, as_: Login) -> None:
    made = held_for_the_clock(district, 4)
    alarming.sweep(now=now())
    client = as_("duty")
    (line,) = alarms(client)
    head, each = line.split("<details")
    for word in ("被系统暂停 8", "4 张发布单，同一个原因", "是否已发出： 否", "最早的：第0期"):
        assert word in words(head)
    assert "逐条看（8 条）" in each
    for alarm in Alarm.objects.all():
        assert f'action="/alarms/{alarm.pk}/read"' in each
    assert {f"/releases/{release.pk}" for release in made} == set(links(each))
    assert '<b class="badge">1</b> <small>件，共 8 条</small>' in page(client, "/").split('id="alarms"')[1]


def test_what_somebody_has_read_stands_behind_what_nobody_has(district: District, as_: Login) -> None:
    both_in_doubt(district)
    alarming.sweep(now=now())
    first, other = Alarm.objects.order_by("pk")
    alarming.read(first, person=district.people["duty"], now=now())
    unread, read = alarms(as_("duty"))
    assert f"/alarms/{other.pk}/read" in unread
    assert "已阅" in words(read)
    assert "/alarms/" not in read


def test_the_alarms_of_one_release_name_it_and_tell_each_answer(district: District, as_: Login) -> None:
    release = district.signed(title="早间发布")
    wechat, weibo = release.publications.order_by("account_id")
    attempt(wechat, outcome="unknown")
    put(wechat, "unknown", reason=SILENT)
    put(weibo, "missed", reason="超过最迟发送时限，未发出。请决定改期重发或作废。")
    alarming.sweep(now=now())
    (line,) = alarms(as_("duty"))
    head = words(line.split("<details")[0])
    assert "早间发布" in head
    assert head.index("结果不明 1") < head.index("错过 1")
    assert "不明 1 条，否 1 条" in head


def test_all_of_one_incident_is_read_with_one_press(district: District, as_: Login) -> None:
    held_for_the_clock(district, 4)
    alarming.sweep(now=now())
    client = as_("duty")
    (line,) = alarms(client)
    head = line.split("<details")[0]
    assert "8 条都已阅" in words(head)
    (action,) = re.findall(r'action="([^"]+)"', head)
    also = re.findall(r'name="also" value="(\d+)"', head)
    shown = client.post(action, {"back": "/", "also": also}, follow=True).content.decode()
    assert "已登记：您阅过这 8 条警报，不再升级通知。" in shown
    assert {alarm.read_by for alarm in Alarm.objects.all()} == {district.people["duty"]}
    assert not Alarm.objects.filter(next_at__isnull=False).exists()
    assert "都已阅" not in alarms(client)[0]


def test_of_those_read_together_what_another_has_taken_on_stays_with_them(district: District, as_: Login) -> None:
    both_in_doubt(district)
    alarming.sweep(now=now())
    first, other = Alarm.objects.order_by("pk")
    alarming.read(first, person=district.people["releaser"], now=now())
    shown = as_("duty").post(f"/alarms/{other.pk}/read", {"back": "/", "also": [first.pk, "x", "9" * 30]}, follow=True)
    assert "不需要重复办理" in shown.content.decode()
    first.refresh_from_db()
    other.refresh_from_db()
    assert first.read_by == district.people["releaser"]
    assert other.read_by == district.people["duty"]


def test_another_units_alarm_is_not_read_along(district: District, as_: Login) -> None:
    both_in_doubt(district)
    both_in_doubt(District.make("luozhuang", "罗庄区政府办公室"))
    alarming.sweep(now=now())
    own, foreign = (Alarm.objects.filter(unit__name__contains=name).first() for name in ("河东", "罗庄"))
    assert own is not None
    assert foreign is not None
    assert as_("duty").post(f"/alarms/{own.pk}/read", {"also": [foreign.pk]}).status_code == 404
    foreign.refresh_from_db()
    assert foreign.read_by is None
