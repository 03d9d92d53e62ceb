"""手工发布: tasks with everything to copy, and the book of what was posted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from bot.console.manualforms import local
from bot.domain.instants import BEIJING
from bot.models import Account, Credential, ManualCount, ManualPost, ManualSample, Release
from bot.services import manual
from bot.services.manualentry import Entry

from .world import ARTICLES, District, now

Login = Callable[[str], Client]
LINK = "https://mp.weixin.qq.com/s/AbCdEfGh{}"


def page(client: Client, address: str = "/manual") -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return str(answer.content.decode())


def typed(number: int = 1, **changes: str) -> dict[str, str]:
    at = local(now() - timedelta(minutes=10))
    return {"place": "wx|mass", "title": "停水通知", "url": LINK.format(number), "posted_at": at} | changes


def by_hand(district: District) -> Release:
    """A signed release whose 公众号 part people post."""
    Account.objects.filter(slug="wx").update(manual_reason="未认证，没有发布接口权限")
    district.accounts[0].refresh_from_db()
    return district.signed(*ARTICLES[:2], title="早间发布")


def at(release: Release, **later: int) -> Any:
    return time_machine.travel(release.instant + timedelta(**later), tick=False)


# --- the book -----------------------------------------------------------------------------------------------


def test_an_empty_page_says_what_belongs_here(district: District, as_: Login) -> None:
    shown = page(as_("duty"))
    assert "没有待手工发布的内容" in shown
    assert "还没有登记过手工发布" in shown
    assert "登记手工发布" in shown


@pytest.mark.parametrize("who", ["editor", "first"])
def test_others_read_and_neither_find_the_form_nor_get_through(who: str, district: District, as_: Login) -> None:
    client = as_(who)
    assert "/manual/new" not in page(client)
    assert client.get("/manual/new").status_code == 403
    assert client.post("/manual/new", typed()).status_code == 403
    assert not ManualPost.objects.exists()


def test_an_administrator_has_no_business_here(district: District, as_: Login) -> None:
    client = as_("admin")
    assert 'href="/manual"' not in client.get("/").content.decode()
    assert client.get("/manual").status_code == 403


def test_a_post_is_entered_and_stands_in_the_book(district: District, as_: Login) -> None:
    client = as_("duty")
    assert "中国河东 · 群发" in page(client, "/manual/new")
    answer = client.post("/manual/new", typed(note="领导要求", posted_by="releaser"), follow=True)
    shown = answer.content.decode()
    for words in ("已登记（第", "停水通知", LINK.format(1), "孙签发布，周值", "领导要求", "不是 0", "去取"):
        assert words in shown


def test_a_document_of_ours_is_linked(district: District, as_: Login) -> None:
    district.approved()
    client = as_("duty")
    client.post("/manual/new", typed(document="HD-1", title=""))
    assert 'href="/documents/HD-1?edition=1"' in page(client)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"url": "https://weibo.com/1"}, "不是微信公众号一篇文章的链接"),
        ({"posted_at": ""}, "请填写实际发出的日期和时间"),
        ({"posted_at": "2026-02-31T09:00"}, "请核对日期"),
        ({"posted_at": "2999-01-01T00:00"}, "还没有到"),
        ({"place": "street-wx|mass"}, "请选择账号和方式"),
        ({"document": "NIX"}, "找不到文件"),
        ({"posted_by": "nobody"}, "没有这位发布人"),
        ({"title": ""}, "须写明标题"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(
    wrong: dict[str, str], words: str, district: District, as_: Login
) -> None:
    answer = as_("duty").post("/manual/new", typed(note="请保留", **wrong) if "title" not in wrong else typed(**wrong))
    shown = answer.content.decode()
    assert answer.status_code == 409
    assert words in shown
    assert ("请保留" in shown) or "title" in wrong
    assert not ManualPost.objects.exists()


def test_a_release_in_the_way_is_named_and_must_be_ticked(district: District, as_: Login) -> None:
    release, client = district.signed(), as_("duty")
    warned = client.post("/manual/new", typed())
    assert warned.status_code == 409
    assert f"发布单 {release.pk}" in warned.content.decode()
    assert "我已核实" in warned.content.decode()
    done = client.post("/manual/new", typed(knowing="on"), follow=True).content.decode()
    assert f"发布单 {release.pk} 已停下" in done
    release.refresh_from_db()
    assert not release.signed


def test_a_line_is_corrected_by_another_and_stays_readable(district: District, as_: Login) -> None:
    client = as_("duty")
    client.post("/manual/new", typed())
    old = ManualPost.objects.get()
    assert LINK.format(1) in page(client, f"/manual/{old.pk}/correct")
    assert client.post(f"/manual/{old.pk}/correct", typed(2)).status_code == 409  # no reason
    client.post(f"/manual/{old.pk}/correct", typed(2, reason="链接贴错"))
    shown = page(client)
    for words in ("已作废", "链接贴错", f"代替第 {old.pk} 条", LINK.format(1), LINK.format(2)):
        assert words in shown


def test_a_line_is_voided_with_a_reason(district: District, as_: Login) -> None:
    client = as_("duty")
    client.post("/manual/new", typed())
    pk = ManualPost.objects.get().pk
    assert "须写明原因" in client.post(f"/manual/{pk}/void", {"reason": ""}, follow=True).content.decode()
    assert "占用的额度已退回" in client.post(f"/manual/{pk}/void", {"reason": "没发"}, follow=True).content.decode()


def test_another_units_book_and_tasks_do_not_exist_here(district: District, as_: Login) -> None:
    release = by_hand(district)
    client = as_("duty")
    client.post("/manual/new", typed(posted_at=local(now() - timedelta(days=2))))
    pk = ManualPost.objects.get().pk
    stranger = Client()
    stranger.force_login(District.make("street", "九曲街道").people["duty"])
    shown = page(stranger)
    assert "停水通知" not in shown
    assert "早间发布" not in shown
    for address in (f"/manual/{pk}/correct", f"/manual/{pk}/void", f"/manual/task/{release.pk}/wx/0",
                    f"/manual/task/{release.pk}/wx/0/drop"):  # fmt: skip
        assert stranger.post(address, {"reason": "x"}).status_code == 404, address
    assert stranger.get(f"/manual/{pk}/correct").status_code == 404


@pytest.mark.parametrize("count", [1, 60])
def test_a_long_book_costs_no_more_questions_than_a_short_one_and_is_paged(
    count: int, district: District, as_: Login, django_assert_max_num_queries: Any
) -> None:
    who, wx = district.people["duty"], district.accounts[0]
    for number in range(count):
        moment = now() - timedelta(days=number + 1)
        entry = Entry(wx, "publish", LINK.format(1000 + number), moment, who, title=f"第{number}篇")
        manual.register(entry, person=who, now=now())
    client = as_("duty")
    client.get("/manual")
    with django_assert_max_num_queries(12):
        shown = page(client)
    assert ("更早的登记" in shown) == (count > 50)
    if count > 50:
        last = manual.book(district.unit, most=50)[-1].pk
        assert "第0篇" in page(client, f"/manual?before={last}")


# --- numbers ------------------------------------------------------------------------------------------------


def counted(post: ManualPost, *, note: str = "", absent: bool = False, **values: int | None) -> None:
    known = "" if note else f"id-{post.pk}"
    ManualCount.objects.filter(post=post).update(platform_id=known, asked_at=now(), note=note)
    if values or absent:
        ManualSample.objects.create(post=post, taken_at=now(), values=values, absent=absent, raw="{}")


def test_numbers_stand_with_the_line_and_what_was_not_reported_is_a_dash(district: District, as_: Login) -> None:
    client = as_("duty")
    client.post("/manual/new", typed())
    counted(ManualPost.objects.get(), reads=1234, shares=0)
    shown = page(client)
    assert "阅读 <b>1,234</b>" in shown
    assert "分享 <b>0</b>" in shown
    assert "点赞 <b>—</b>" in shown
    assert "采样" in shown


def test_a_line_without_numbers_says_why_and_shows_no_nought(district: District, as_: Login) -> None:
    client = as_("duty")
    client.post("/manual/new", typed())
    counted(ManualPost.objects.get(), note="微信当天的统计里同名文章不止一篇，认不准是哪一篇，不列数字。")
    shown = page(client)
    assert "数字：微信当天的统计里同名文章不止一篇" in shown
    assert "<b>0</b>" not in shown


def test_a_post_that_is_listed_no_more_is_said_to_be_gone_beside_its_last_numbers(
    district: District, as_: Login
) -> None:
    client = as_("duty")
    client.post("/manual/new", typed())
    post = ManualPost.objects.get()
    counted(post, reads=7)
    counted(post, absent=True)
    shown = page(client)
    assert "平台未列出，可能已删除或隐藏" in shown
    assert "阅读 <b>7</b>" in shown


def test_of_an_account_without_secrets_the_page_says_that_the_platform_offers_none(
    district: District, as_: Login
) -> None:
    client = as_("duty")
    client.post("/manual/new", typed())
    Credential.objects.all().delete()
    shown = page(client)
    assert "账号没有接口凭据，平台不提供数字" in shown
    assert "<b>0</b>" not in shown


def test_a_void_line_has_no_numbers(district: District, as_: Login) -> None:
    client = as_("duty")
    client.post("/manual/new", typed())
    post = ManualPost.objects.get()
    counted(post, reads=1234)
    client.post(f"/manual/{post.pk}/void", {"reason": "没发"})
    shown = page(client)
    assert "1,234" not in shown
    assert "去取" not in shown


# --- tasks --------------------------------------------------------------------------------------------------


def test_before_its_instant_a_task_says_that_nothing_is_to_go_out_yet(district: District, as_: Login) -> None:
    by_hand(district)
    shown = page(as_("duty"))
    assert "时刻未到，不要发出" in shown
    assert "早间发布" in shown


def test_at_its_instant_text_and_pictures_are_ready_to_copy(district: District, as_: Login) -> None:
    release, client = by_hand(district), as_("duty")
    with at(release):
        client.force_login(district.people["duty"])
        shown = page(client)
    assert "现在发布" in shown
    for words in (
        "复制（带格式）",
        "关于调整城区公交线路的通知",
        "审核：王初、赵复、钱终",
        "下载图片 1",
        'download="HD-1-1.',
        "copy.js",
    ):
        assert words in shown
    assert shown.count('name="url"') == 2


def test_without_a_signature_there_is_nothing_to_copy(district: District, as_: Login) -> None:
    Account.objects.filter(slug="wx").update(manual_reason="没有权限")
    district.accounts[0].refresh_from_db()
    district.planned()
    shown = page(as_("duty"))
    assert "没有有效签发，不要发出" in shown
    assert "data-copy=" not in shown


def test_entering_addresses_and_time_does_the_task(district: District, as_: Login) -> None:
    release, client = by_hand(district), as_("duty")
    address = f"/manual/task/{release.pk}/wx/0"
    with at(release, minutes=2):
        client.force_login(district.people["duty"])
        given = {"url": [LINK.format(1), LINK.format(2)], "posted_at": local(release.instant)}
        wrong = client.post(address, {**given, "url": [LINK.format(1)]})
        assert wrong.status_code == 409
        assert "请按次序给出 2 个链接" in wrong.content.decode()
        shown = client.post(address, given, follow=True).content.decode()
    assert "没有待手工发布的内容" in shown
    assert f"发布单 {release.pk} 的任务" in shown
    assert ManualPost.objects.filter(task__release=release).count() == 2
    assert {post.posted_at.astimezone(BEIJING).second for post in ManualPost.objects.all()} == {0}


def test_entering_a_second_time_leads_to_the_book_and_says_who_was_first(district: District, as_: Login) -> None:
    release, client = by_hand(district), as_("duty")
    address = f"/manual/task/{release.pk}/wx/0"
    with at(release, minutes=2):
        client.force_login(district.people["duty"])
        given = {"url": [LINK.format(1), LINK.format(2)], "posted_at": local(release.instant)}
        client.post(address, given, follow=True)
        first, second = ManualPost.objects.order_by("pk")
        for again in (
            client.post(address, given, follow=True),
            client.post(f"{address}/drop", {"reason": "不发"}, follow=True),
        ):
            assert again.status_code == 200
            shown = again.content.decode()
            assert "已由周值于 " in shown
            assert f"登记（第 {first.pk}、{second.pk} 条），没有重复登记" in shown
    assert ManualPost.objects.count() == 2
    assert as_("editor").post(address, given).status_code == 403
    assert client.post(f"/manual/task/{release.pk}/wx/7", given).status_code == 404


def test_calling_off_a_second_time_says_who_was_first(district: District, as_: Login) -> None:
    release, client = by_hand(district), as_("duty")
    address = f"/manual/task/{release.pk}/wx/0"
    client.post(f"{address}/drop", {"reason": "改期另发"})
    for again in (f"{address}/drop", address):
        shown = client.post(again, {"reason": "改期"}, follow=True).content.decode()
        assert "已由周值于 " in shown
        assert "记为不再发布（改期另发），没有重复办理" in shown
    assert not ManualPost.objects.exists()


def test_what_was_posted_before_its_instant_is_said_to_be_early(district: District, as_: Login) -> None:
    release, client = by_hand(district), as_("duty")
    with at(release, minutes=2):
        client.force_login(district.people["duty"])
        given = {"url": [LINK.format(1), LINK.format(2)], "posted_at": local(release.instant - timedelta(minutes=1))}
        shown = client.post(f"/manual/task/{release.pk}/wx/0", given, follow=True).content.decode()
    assert "约定时刻以前就已发出，已留痕" in shown


def test_a_task_is_called_off_with_a_reason(district: District, as_: Login) -> None:
    release, client = by_hand(district), as_("duty")
    answer = client.post(f"/manual/task/{release.pk}/wx/0/drop", {"reason": "改期另发"}, follow=True)
    assert "不再手工发布" in answer.content.decode()
    assert "没有待手工发布的内容" in answer.content.decode()


def test_a_reader_sees_tasks_and_gets_no_form(district: District, as_: Login) -> None:
    by_hand(district)
    shown = page(as_("editor"))
    assert "早间发布" in shown
    assert "已发出，登记" not in shown


def test_times_are_beijing_times() -> None:
    assert local(datetime(2026, 11, 23, 1, 0, tzinfo=BEIJING)) == "2026-11-23T01:00"


def test_the_release_tells_what_people_post_and_what_they_have_posted(district: District, as_: Login) -> None:
    release, client = by_hand(district), as_("duty")
    shown = page(client, f"/releases/{release.pk}")
    assert "由人在平台上公开，系统不代发" in shown
    assert "时刻未到，不要发出" in shown
    first = release.manual_tasks.order_by("position")[0]
    with at(release, minutes=2):
        client.force_login(district.people["duty"])
        given = {"url": [LINK.format(1), LINK.format(2)], "posted_at": local(release.instant)}
        client.post(f"/manual/task/{release.pk}/wx/0", given)
        shown = page(client, f"/releases/{release.pk}")
    assert "已手工发布" in shown
    assert LINK.format(1) in shown
    assert first.edition.title in shown
    assert shown.count("去取") == 2
    counted(ManualPost.objects.get(url=LINK.format(1)), reads=4321, likes=None)
    with at(release, minutes=3):
        shown = page(client, f"/releases/{release.pk}")
    assert "阅读 <b>4,321</b>" in shown
    assert "点赞 <b>—</b>" in shown


def test_a_release_that_people_alone_post_is_not_called_off(district: District, as_: Login) -> None:
    Account.objects.update(manual_reason="没有权限")
    for account in district.accounts:
        account.refresh_from_db()
    release = district.signed(title="全手工")
    shown = page(as_("duty"), f"/releases/{release.pk}")
    assert "手工发布</span>" in shown
    assert "全手工" in page(as_("duty"), "/")
