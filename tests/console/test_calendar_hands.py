"""What people posted stands in the calendar, on the day and at the time at which it went out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bot.console.manualforms import local
from bot.domain.instants import beijing_date, to_beijing
from bot.models import Account, ManualPost
from bot.services import manual, manualtasks
from bot.services.manualentry import Entry

from .world import ARTICLES, District, now

Login = Callable[[str], Client]
BEFORE = timedelta(minutes=9)
LINK = "https://mp.weixin.qq.com/s/AbCdEfGh{}"


def posted(district: District, number: int = 1, *, at: datetime | None = None, **changes: Any) -> ManualPost:
    who = district.people["duty"]
    given: dict[str, Any] = {"title": f"停水通知之{number}"}
    mode = changes.pop("mode", "mass")
    entry = Entry(district.accounts[0], mode, LINK.format(number), at or now() - BEFORE, who, **given | changes)
    return manual.register(entry, person=who, now=now()).post


def page(client: Client, view: str = "month", day: date | None = None, **query: object) -> str:
    day = day or beijing_date(now() - BEFORE)  # a test may begin just after midnight
    answer = client.get("/calendar", {"view": view, "date": day.isoformat(), **query})
    assert answer.status_code == 200
    return answer.content.decode()


def hands(shown: str) -> int:
    """Tiles of the part for a desk."""
    return shown.split('<table class="grid')[1].split("</table>")[0].count("by-hand")


@pytest.mark.parametrize("view", ["month", "week"])
def test_it_is_a_tile_with_account_time_and_title_that_leads_to_the_book(
    view: str, district: District, as_: Login
) -> None:
    post = posted(district)
    shown = page(as_("duty"), view)
    [tile] = re.findall(r'<li class="tile by-hand.*?</li>', shown.split("</table>")[1], re.S)
    assert "icons.svg#hand" in tile
    assert to_beijing(post.posted_at).strftime("%H:%M") in tile
    for words in ("停水通知之1", "中国河东", f'href="/manual?before={post.pk + 1}#line-{post.pk}"'):
        assert words in tile
    assert 'draggable="true"' not in tile
    assert "by-hand" in shown.split('class="agenda for-phone"')[1]
    assert f'id="line-{post.pk}"' in as_("duty").get(f"/manual?before={post.pk + 1}").content.decode()


def test_the_list_for_paper_has_a_row_for_it(district: District, as_: Login) -> None:
    post = posted(district, title="关于做好冬季供水设施防冻工作的紧急通知")
    shown = page(as_("duty"), "list").split('<table class="list">')[1]
    assert ">关于做好冬季供水设施防冻工作的紧急通知</a>" in shown
    assert to_beijing(post.posted_at).strftime("%H:%M") in shown
    assert "周值 发布" in shown
    assert "手工发布</span>" in shown


def test_articles_of_one_message_are_one_tile(district: District, as_: Login) -> None:
    at = now().replace(second=0, microsecond=0) - timedelta(minutes=9)
    for number in (1, 2, 3):
        posted(district, number, at=at)
    shown = page(as_("duty"))
    assert hands(shown) == 1
    assert "停水通知之1 等 3 篇" in shown


def test_a_voided_entry_is_not_on_it_and_neither_is_another_units(district: District, as_: Login) -> None:
    manual.void(posted(district), reason="登记错了", person=district.people["duty"], now=now())
    other = District.make("luozhuang", "罗庄区政府办公室")
    posted(other, 2, title="别人的手工发布")
    shown = page(as_("duty"))
    assert hands(shown) == 0
    assert "别人的手工发布" not in shown


def test_the_filters_know_it(district: District, as_: Login) -> None:
    posted(district, title="", edition=district.approved(ARTICLES[1]).current)
    client = as_("duty")
    for facets in ({"channel": "wechat"}, {"state": "public"}, {"kind": "service"}):
        assert hands(page(client, **facets)) == 1, facets
    for facets in ({"channel": "weibo"}, {"state": "waiting"}, {"kind": "notice"}):
        assert hands(page(client, **facets)) == 0, facets
    assert re.search(r"已发布<small>1</small>", page(client))


@pytest.fixture
def tuesday() -> Iterator[None]:
    """The middle of a week of the calendar: the next day is in it, too."""
    present = now()
    noon = to_beijing(present).replace(hour=12, minute=0) + timedelta(days=(1 - to_beijing(present).weekday()) % 7)
    with time_machine.travel(noon, tick=True):
        yield


@pytest.mark.usefixtures("tuesday")
def test_what_was_posted_for_a_release_on_its_day_is_that_releases_tile(district: District, as_: Login) -> None:
    Account.objects.update(manual_reason="没有权限")
    for account in district.accounts:
        account.refresh_from_db()
    release = district.signed(title="全手工")
    wechat, weibo = (manualtasks.find_message(release.pk, slug, 0, unit=district.unit) for slug in ("wx", "wb"))
    who, client = district.people["duty"], as_("duty")
    for tasks, url, moment in (
        (wechat, LINK.format(1), release.instant),
        (weibo, "https://weibo.com/2017000001/Pq1Xyz", release.instant + timedelta(days=1)),
    ):
        with time_machine.travel(moment, tick=False):
            manualtasks.finish(
                tasks, urls=[url], posted_at=moment.replace(second=0, microsecond=0), posted_by=who, person=who, now=now(),
            )  # fmt: skip
    with time_machine.travel(release.instant + timedelta(days=1), tick=False):
        client.force_login(who)
        shown = page(client, "list", beijing_date(release.instant + timedelta(days=1)))
    assert "已发布（手工）" in shown
    assert shown.count("tiny glyph-weibo") > shown.count("by-hand")
    assert len(ManualPost.objects.all()) == 2
    assert f"line-{ManualPost.objects.get(account__slug='wb').pk}" in shown  # a day late: it went out on another day
    assert f"line-{ManualPost.objects.get(account__slug='wx').pk}" not in shown


def test_who_may_not_read_the_book_sees_the_tile_without_the_link(district: District, as_: Login) -> None:
    posted(district)
    shown = page(as_("admin"))
    assert hands(shown) == 1
    assert "/manual?before=" not in shown


def test_the_small_month_marks_its_day(district: District, as_: Login) -> None:
    posted(district)
    today = beijing_date(now() - BEFORE)
    cell = re.search(rf'date={today.isoformat()}" class="([^"]*)"', page(as_("duty"), "week").split("mini")[1])
    assert cell is not None
    assert "busy" in cell[1]


def test_a_day_that_is_over_tells_what_was_used_of_its_quota(district: District, as_: Login) -> None:
    at = to_beijing(now()) - timedelta(days=3)
    posted(district, at=at)
    shown = page(as_("duty"), day=at.date())
    day, after = (
        shown.split(f'data-day="{one.isoformat()}">')[1].split("</td>")[0]
        for one in (at.date(), at.date() + timedelta(days=1))
    )
    assert "群发 1/1" in day
    assert "中国河东当日群发额度：用了 1 次，共 1 次" in day
    assert "还可签" not in day
    assert "额度" not in after


@pytest.mark.parametrize("view", ["month", "week", "list"])
def test_it_is_one_more_question_however_many_there_are(
    view: str, district: District, as_: Login, django_assert_num_queries: Any
) -> None:
    client = as_("duty")
    posted(district)
    page(client, view)
    with CaptureQueriesContext(connection) as captured:
        page(client, view)
    for number in range(2, 30):
        posted(district, number, at=now() - timedelta(hours=number), mode="publish")
    with django_assert_num_queries(len(captured)):
        page(client, view)


def test_its_time_is_beijing_time(district: District, as_: Login) -> None:
    post = posted(district)
    assert local(post.posted_at)[11:] in page(as_("duty"))


def test_what_was_posted_on_another_day_and_taken_down_again_says_so(
    tuesday: None, district: District, as_: Login
) -> None:
    Account.objects.filter(slug="wx").update(manual_reason="未认证，没有发布接口权限")
    district.accounts[0].refresh_from_db()
    release, who = district.signed(ARTICLES[0]), district.people["duty"]
    with time_machine.travel(release.instant + timedelta(days=1), tick=True):
        tasks = manualtasks.find_message(release.pk, "wx", 0, unit=district.unit)
        at = now().replace(second=0, microsecond=0)
        [done] = manualtasks.finish(
            tasks, urls=[LINK.format(1)], posted_at=at, posted_by=who, person=who, now=now()
        )  # fmt: skip
        day = beijing_date(at)
        assert hands(page(as_("duty"), day=day, state="public")) == 1
        manual.taken_down(done.post, evidence="已删除，打开链接显示内容不存在", person=who, now=now())
        shown = page(as_("duty"), day=day)
        assert "手工发布，已撤下" in shown.split("by-hand")[1].split("</li>")[0]
        assert hands(page(as_("duty"), day=day, state="public")) == 0
        assert "手工发布，已撤下</span>" in page(as_("duty"), "list", day=day)
