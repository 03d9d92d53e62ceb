"""值班台: what goes out, what is stuck, and the switch that stops everything."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.contrib.staticfiles.finders import find
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bot.console import chips, clocks
from bot.domain.delivery import State
from bot.domain.instants import to_beijing
from bot.models import Account, Freeze, Publication, Release
from bot.services import manual, manualtasks, stops
from bot.services.manualentry import Entry
from tests.services.factories import force, lifted

from .world import ARTICLES, District, attempt, now, put

Login = Callable[[str], Client]


def page(client: Client, address: str = "/") -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_state_is_shown_by_colour_icon_and_word(district: District, as_: Login) -> None:
    release, client = district.signed(), as_("duty")
    for state in State:
        for publication in release.publications.all():
            put(publication, state, live_at=now() if state is State.LIVE else None)
        tone, icon = chips.LOOKS[state]
        shown = page(client)
        assert state.label in shown
        assert f"tone-{tone}" in shown
        assert f"icons.svg#{icon}" in shown


def test_the_icons_that_pages_name_exist() -> None:
    sprite = Path(str(find("console/icons.svg"))).read_text("utf-8")
    for _, icon in chips.LOOKS.values():
        assert f'id="{icon}"' in sprite


def test_an_empty_day_says_so(district: District, as_: Login) -> None:
    shown = page(as_("duty"))
    assert "今天没有安排发布" in shown
    assert "没有等人处理的事" in shown
    assert "值班：周值" in shown


def test_the_next_release_has_a_countdown_in_the_servers_time(district: District, as_: Login) -> None:
    release = district.signed(title="早间发布")
    shown = page(as_("duty"))
    assert f'data-until="{release.instant.isoformat()}"' in shown
    assert "早间发布" in shown
    assert "孙签 签发" in shown
    assert "审核 3/3" in shown


def test_while_a_release_is_under_way_the_countdown_is_to_its_next_push(district: District, as_: Login) -> None:
    release = district.signed(title="分批发布")
    first, second = release.publications.order_by("account_id")
    began = now() - timedelta(seconds=5)
    with lifted("release_kept_while_signed"):
        Release.objects.filter(pk=release.pk).update(instant=began)
    put(first, "live", instant=began, sent_at=began)
    put(second, "staged", instant=began, not_before=now() + timedelta(minutes=2))
    second.refresh_from_db()
    shown = page(as_("duty"))
    assert "正在发布，下一条" in shown
    assert f'data-until="{second.not_before.isoformat()}"' in shown
    assert "分批发布" in shown


def test_what_is_held_is_not_passed_over_where_nothing_is_to_go_out(district: District, as_: Login) -> None:
    release = district.signed()
    for publication in release.publications.all():
        put(publication, "held", held_by="machine")
    shown = page(as_("duty"))
    assert "七天之内没有已签发、待发出的发布单" in shown
    assert "2 条推送已暂停，恢复以前不会发出" in shown


def test_planned_and_actual_times_are_shown_with_the_milliseconds_between(district: District, as_: Login) -> None:
    release = district.signed()
    for publication in release.publications.all():
        put(publication, "live", sent_at=publication.instant + timedelta(milliseconds=37))
    shown = page(as_("duty"))
    assert "晚 37 毫秒" in shown
    assert "/rehearsal/open?url=https%3A//mp.weixin.qq.com/s/abc" in shown, "in a rehearsal, to the phone"
    assert to_beijing(release.instant).strftime("%H:%M:%S") in shown


def test_a_partial_release_is_called_partial_and_says_what_is_public(district: District, as_: Login) -> None:
    release = district.signed()
    wechat, weibo = release.publications.order_by("account_id")
    put(wechat, "live")
    put(weibo, "unknown", reason="没有收到应答，正在核对。")
    shown = page(as_("duty"))
    assert "部分发出" in shown
    assert "已公开：中国河东 1 次推送；是否公开不明：临沂河东 1 次推送（结果不明）。" in shown
    assert "未公开：" not in shown


def test_a_refusal_that_is_held_in_doubt_is_not_told_as_not_public(district: District, as_: Login) -> None:
    """A platform may refuse by what it answers and publish all the same: the draft is gone."""
    release = district.signed()
    wechat, weibo = release.publications.order_by("account_id")
    put(weibo, "live")
    attempt(wechat, outcome="refused")
    put(wechat, "held", doubt=True, reason="草稿找不到了，是否已发出不明。")
    assert "已公开：临沂河东 1 次推送；是否公开不明：中国河东 1 次推送（已暂停）。" in page(as_("duty"))


@pytest.mark.parametrize(
    ("outcome", "words"),
    [("accepted", "是否公开不明：临沂河东 1 次推送（已作废）"), ("refused", "未公开：临沂河东 1 次推送（已作废）")],
)
def test_called_off_after_an_acceptance_it_may_still_be_public(
    outcome: str, words: str, district: District, as_: Login
) -> None:
    release = district.signed()
    wechat, weibo = release.publications.order_by("account_id")
    put(wechat, "live")
    attempt(weibo, outcome=outcome)
    put(weibo, "cancelled")
    assert f"已公开：中国河东 1 次推送；{words}。" in page(as_("duty"))


@pytest.mark.parametrize("state", ["needs_person", "missed", "unknown", "held", "blocked"])
def test_what_needs_a_person_is_listed_with_its_reason(state: str, district: District, as_: Login) -> None:
    release = district.signed()
    put(release.publications.all()[0], state, reason="平台拒绝：内容含外链。请修改后重发。")
    shown = page(as_("duty")).split('id="asks"')[1]
    assert State(state).label in shown
    assert "平台拒绝：内容含外链。请修改后重发。" in shown
    settled = state != "held"  # what is held is resumed on its release
    assert (f"/exceptions/{release.publications.all()[0].pk}" in shown) == settled
    assert "tongfa release" not in shown, "what a page does, needs no command"
    assert f"/releases/{release.pk}" in shown


def test_what_was_held_without_a_signature_is_to_be_signed_not_resumed(district: District, as_: Login) -> None:
    release = district.planned()
    put(release.publications.all()[0], "held", reason="内容改过，原签发作废。")
    assert f'href="/releases/{release.pk}/sign"' in page(as_("releaser")).split('id="asks"')[1]


@pytest.mark.parametrize(("who", "offered"), [("releaser", True), ("duty", False), ("editor", False)])
def test_what_is_held_leads_those_who_may_to_where_it_is_resumed(
    who: str, offered: bool, district: District, as_: Login
) -> None:
    release = district.signed()
    put(release.publications.all()[0], "held", reason="再核对")
    shown = page(as_(who)).split('id="asks"')[1]
    assert (f'href="/releases/{release.pk}">去恢复' in shown) is offered


def test_the_most_urgent_comes_first(district: District, as_: Login) -> None:
    release = district.signed(*ARTICLES)
    held, needs, unknown = release.publications.order_by("pk")[:3]
    put(held, "held", reason="暂停了")
    put(needs, "needs_person", reason="请处理")
    put(unknown, "unknown", reason="不知道")
    shown = page(as_("duty")).split('id="asks"')[1]
    assert shown.index("请处理") < shown.index("不知道") < shown.index("暂停了")


def test_a_release_nobody_signed_is_in_front_of_somebody(district: District, as_: Login) -> None:
    district.planned(title="等签发的一张")
    shown = page(as_("duty")).split('id="asks"')[1]
    assert "未签发" in shown
    assert "到时不会发出" in shown


@pytest.mark.parametrize(
    ("after", "words"), [(timedelta(seconds=5), "发布时刻已过"), (-timedelta(seconds=5), "离发布时刻太近")]
)
def test_too_late_to_sign_the_desk_leads_to_another_instant(
    after: timedelta, words: str, district: District, as_: Login
) -> None:
    release = district.planned()
    with time_machine.travel(release.instant + after, tick=True):
        shown = page(as_("releaser"))
    board, asks = shown.split('id="asks"')
    assert f"{words}，" in asks
    assert "请改期后再签发，或作废" in asks
    assert f'href="/releases/{release.pk}/reschedule">改期' in asks
    assert f"/releases/{release.pk}/sign" not in asks
    assert "来不及签发" in board
    assert "未签发" not in board


def test_older_releases_stay_on_the_board_until_they_are_settled(district: District, as_: Login) -> None:
    release = district.signed(title="上周的一张")
    early = now() - timedelta(days=8)
    force(Publication.objects.filter(release=release), "needs_person", instant=early, not_before=early)
    with lifted("release_kept_while_signed"):
        type(release).objects.filter(pk=release.pk).update(instant=early)
    client = as_("duty")
    assert "以前未了结" in page(client)
    force(Publication.objects.filter(release=release), "cancelled")
    assert "上周的一张" not in page(client)


def test_a_longer_board_needs_no_more_questions_to_the_database(district: District, as_: Login) -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as asked:
            page(client)
        return len(asked)

    client = as_("duty")
    page(client)  # a session's first page notes when it began
    district.planned(ARTICLES[0])
    one = questions()
    for article in ARTICLES[1:]:
        district.planned(article)
    assert questions() == one


def test_what_stands_behind_one_in_doubt_is_not_offered_to_be_resumed(district: District, as_: Login) -> None:
    """It would be refused: the page says so, and the board leads to the story."""
    release = district.signed(*ARTICLES[1:])
    first, second = release.publications.filter(account=district.accounts[1]).order_by("lane")
    for push in release.publications.exclude(pk__in=[first.pk, second.pk]):
        put(push, "live")
    put(first, "unknown", reason="没有收到应答，正在核对。")
    put(second, "held", reason="同一账号的上一条没有发成。")
    client = as_("releaser")
    assert "去恢复" not in page(client)
    assert "查看经过" in page(client)
    shown = client.get(f"/releases/{release.pk}").content.decode()
    assert "现在还不能恢复：1 条排在“临沂河东”第 1 条" in shown
    assert "请等系统核对清楚以后再恢复" in shown


# --- freeze ------------------------------------------------------------------------------------------------


def test_freezing_gives_the_honest_answer_and_everybody_sees_it(district: District, as_: Login) -> None:
    release = district.signed()
    wechat, weibo = release.publications.order_by("account_id")
    put(wechat, "live")
    answer = as_("duty").post("/freeze", {"reason": "正文有误"}, follow=True).content.decode()
    assert "已发出 1 条，已拦下 1 条，在途 0 条" in answer
    seen = page(as_("editor"))
    assert "一键停发中" in seen
    assert "正文有误" in seen
    assert "已发出 1 条，已拦下 1 条，在途 0 条" in seen
    weibo.refresh_from_db()
    assert weibo.status is State.HELD


def test_while_everything_is_stopped_nothing_counts_down(district: District, as_: Login) -> None:
    """What was stopped in its last seconds may still be on its way to 已暂停."""
    district.signed()
    assert "countdown" in page(as_("duty"))
    Freeze.objects.create(unit=district.unit, reason="有误", person=district.people["duty"], at=now())
    seen = page(as_("duty"))
    assert 'class="countdown"' not in seen
    assert "一键停发中，到时不会发出" in seen


def test_a_freeze_without_a_reason_changes_nothing(district: District, as_: Login) -> None:
    answer = as_("duty").post("/freeze", {"reason": "  "}, follow=True).content.decode()
    assert "停发须写明原因" in answer
    assert not Freeze.objects.exists()


@pytest.mark.parametrize(("who", "offered"), [("duty", True), ("releaser", True), ("editor", False), ("final", False)])
def test_the_switch_is_offered_to_duty_and_releasers_only(
    who: str, offered: bool, district: District, as_: Login
) -> None:
    client = as_(who)
    assert ('action="/freeze"' in page(client)) is offered
    client.post("/freeze", {"reason": "试一试"})
    assert Freeze.objects.exists() is offered


def test_a_releaser_lifts_it_and_nothing_goes_out_by_itself(district: District, as_: Login) -> None:
    release = district.signed()
    stops.freeze(district.unit, person=district.people["duty"], reason="核对", now=now())
    answer = as_("releaser").post("/unfreeze", follow=True).content.decode()
    assert "停发已解除" in answer
    assert {publication.state for publication in release.publications.all()} == {"held"}
    assert 'action="/unfreeze"' not in page(as_("duty"))


def test_freezing_is_a_post(district: District, as_: Login) -> None:
    assert as_("duty").get("/freeze").status_code == 405


def test_another_units_releases_are_not_on_the_board(district: District, as_: Login) -> None:
    other = District.make("luozhuang", "罗庄区政府办公室")
    other.signed(title="别人的发布单")
    assert "别人的发布单" not in page(as_("duty"))


# --- accounts at a glance -----------------------------------------------------------------------------------


def test_account_health_says_what_a_person_must_do(district: District, as_: Login) -> None:
    weibo = district.accounts[1]
    assert "授权至" in page(as_("duty"))
    type(weibo.token).objects.filter(account=weibo).update(expires_at=now() - timedelta(days=1))
    shown = page(as_("admin"))
    assert "请系统管理员重新授权" in shown
    assert "/accounts/wb/authorize" in shown
    assert "/accounts/wb/authorize" not in page(as_("duty"))


def test_a_live_refresh_takes_no_message_away(district: District, as_: Login) -> None:
    client = as_("duty")
    client.post("/freeze", {"reason": "核对"})
    assert "flash" not in client.get("/", headers={"X-Live": "1"}).content.decode()
    assert "一键停发。" in page(client)


def test_the_bottom_row_names_the_accounts_in_the_order_of_the_cards_above(district: District, as_: Login) -> None:
    district._weibo("wb2", "http://127.0.0.1:9")
    district._wechat("wx2", "http://127.0.0.1:9")
    names = ["甲", "乙", "丙", "丁"]
    for account, name in zip(district.unit.accounts.order_by("pk"), names, strict=True):
        Account.objects.filter(pk=account.pk).update(name=name)
    above, row = page(as_("duty")).split('id="clocks"')
    assert re.findall(r">([甲乙丙丁])<", above.split('class="card health"')[1]) == names
    assert re.findall(r">([甲乙丙丁])<", row) == names


def test_each_account_tells_how_long_ago_it_published_by_colour_icon_and_word(district: District, as_: Login) -> None:
    release = district.signed()
    wechat, weibo = release.publications.order_by("account__channel")
    put(wechat, "live", live_at=now() - timedelta(days=6))
    shown = page(as_("duty"))
    clocks = shown.split('id="clocks"')[1]
    assert "距上次更新 <b>6/14</b> 天" in clocks
    assert "该更新了" in clocks
    assert "近 31 天没有更新" in clocks
    put(weibo, "live", live_at=now() - timedelta(days=15))
    clocks = page(as_("duty")).split('id="clocks"')[1]
    assert "tone-bad" in clocks
    assert "已超期" in clocks
    assert "icons.svg#late" in clocks


def test_an_article_that_people_took_down_again_is_no_update(district: District, as_: Login) -> None:
    Account.objects.filter(slug="wx").update(manual_reason="未认证，没有发布接口权限")
    district.accounts[0].refresh_from_db()
    release, who = district.signed(*ARTICLES[:2]), district.people["duty"]
    with time_machine.travel(release.instant + timedelta(days=3), tick=False):
        tasks = manualtasks.find_message(release.pk, "wx", 0, unit=district.unit)
        posts = [
            manual.register(
                Entry(task.account, "mass", f"https://mp.weixin.qq.com/s/AbCdEfGh{days}", now() - timedelta(days=days), who,
                      edition=task.edition), person=who, now=now(),
            ).post
            for task, days in zip(tasks, (1, 3), strict=True)
        ]  # fmt: skip

        def days() -> int | None:
            return clocks.of_unit(district.unit, now=now())[0].days

        assert days() == 1
        for post, left in zip(posts, (3, None), strict=True):
            manual.taken_down(post, evidence="已删除，打开链接显示内容不存在", person=who, now=now())
            assert days() == left
