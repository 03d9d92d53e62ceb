"""应急通道 where people post: what the pages say goes by machine and what by hand, until it is entered and afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from bot.console import board, chips
from bot.console.manualforms import local
from bot.domain.workflow import Verdict
from bot.models import Account, AuditEvent, ManualPost, Release, Urgency
from bot.services import editorial, manual, urgent
from bot.services.errors import NotFound
from bot.services.manualtasks import finish
from tests.services.factories import lifted

from .world import ARTICLES, District, now, put

Login = Callable[[str], Client]
LINK = "https://mp.weixin.qq.com/s/AbCdEfGh1"
EVIDENCE = "09:10 周值删除，打开链接显示已删除"


@pytest.fixture
def district(district: District) -> District:
    """On its 公众号 people post."""
    Account.objects.filter(slug="wx").update(manual_reason="未认证，没有发布接口权限")
    district.accounts[0].refresh_from_db()
    return district


def page(client: Client, name: str, *args: Any) -> str:
    answer = client.get(reverse(name, args=args))
    assert answer.status_code == 200, answer
    return answer.content.decode()


def asked(district: District, *, on: tuple[int, ...] = (0, 1)) -> Urgency:
    """The first word; 0 is the 公众号, 1 the 微博."""
    document = district.document(ARTICLES[2])
    return urgent.propose(
        document, modes={district.accounts[one].slug: district.accounts[one].mode for one in on}, instant=None,
        reason="沂河水位暴涨", seen=document.current.content_hash, person=district.people["editor"], now=now(),
    )  # fmt: skip


def released(district: District, *, on: tuple[int, ...] = (0, 1)) -> Release:
    urgency = asked(district, on=on)
    return urgent.confirm(urgency, seen=urgency.digest, person=district.people["releaser"], now=now())


def posted(district: District, release: Release) -> ManualPost:
    duty = district.people["duty"]
    [done] = finish(
        list(release.manual_tasks.all()), urls=[LINK], posted_at=now(), posted_by=duty, person=duty, now=now()
    )
    return done.post


# --- asking and confirming ------------------------------------------------------------------------------------


def test_whoever_asks_sees_where_people_post_and_may_choose_it(district: District, as_: Login) -> None:
    document, client = district.document(ARTICLES[2]), as_("editor")
    shown = page(client, "urgent-notice", document.external_id)
    assert shown.count("由人手工发布</span>") == 1
    assert "一确认就列为待办" in shown
    given = {
        "seen": document.current.content_hash,
        "account": "wx",
        "mode-wx": "mass",
        "reason": "汛情紧急",
        "when": "asap",
    }
    answer = client.post(reverse("urgent-ask", args=[document.external_id]), given)
    assert answer.headers["Location"] == reverse("urgency", args=[Urgency.objects.get().pk])


def test_the_second_person_sees_what_goes_by_machine_and_what_by_hand(district: District, as_: Login) -> None:
    shown = page(as_("releaser"), "urgency", asked(district).pk)
    for words in ("系统发出：临沂河东", "由人手工发布：中国河东", "秒后发出", "马上看到待办", "手工发布的马上办"):
        assert words in shown


def test_where_people_post_alone_no_seconds_are_promised(district: District, as_: Login) -> None:
    urgency = asked(district, on=(0,))
    client = as_("releaser")
    shown = page(client, "urgency", urgency.pk)
    assert "确认并签发，马上手工发布" in shown
    assert "系统发出：" not in shown
    assert "秒后发出" not in shown
    done = client.post(reverse("urgency-confirm", args=[urgency.pk]), {"seen": urgency.digest}, follow=True)
    told = done.content.decode()
    assert "“中国河东”由人手工发布：请值班员或签发人马上到“手工发布”页办理。" in told
    assert "将于" not in told


# --- the task -------------------------------------------------------------------------------------------------


def test_the_duty_officer_gets_the_text_at_once_and_enters_the_address(district: District, as_: Login) -> None:
    release = released(district)
    assert release.instant > now()
    client = as_("duty")
    desk, shown = page(client, "today"), page(client, "manual")
    assert "待手工发布" in desk
    assert "去手工发布" in desk
    for words in ("现在发布", "应急</span>", "请马上发出", "应急审核：李拟、孙签", ARTICLES[2].title):
        assert words in shown
    assert "时刻未到" not in shown
    given = {"url": LINK, "posted_at": local(now() - timedelta(minutes=1))}
    client.post(reverse("manual-task", args=[release.pk, "wx", 0]), given)
    assert ManualPost.objects.get().task == release.manual_tasks.get()


# --- the release ----------------------------------------------------------------------------------------------


def test_the_release_tells_which_accounts_go_by_machine_and_which_by_hand(district: District, as_: Login) -> None:
    release = released(district)
    shown = page(as_("duty"), "release", release.pk)
    assert "<dt>系统发出</dt><dd>临沂河东</dd>" in shown
    assert "<dt>手工发布</dt><dd>中国河东：待手工发布</dd>" in shown
    assert "两人已确认应急发布，请马上发出，有账号只能手工发布，还没有登记；系统不会代发。" in shown
    assert "去手工发布" in shown
    put(release.publications.get(), "live")
    shown = page(as_("duty"), "release", release.pk)
    assert "部分发出" in shown
    assert "是否公开不明：中国河东 手工发布 1 篇（还没有登记）" in shown


def test_list_desk_and_release_have_one_word_for_what_nobody_has_entered(district: District, as_: Login) -> None:
    release, client = released(district, on=(0,)), as_("duty")
    for name, args in (("today", ()), ("urgent", ()), ("release", (release.pk,)), ("urgency", (release.urgency_id,))):
        shown = page(client, name, *args)
        assert "是否公开不明（手工发布的还没有登记）" in shown
        assert "尚未发出" not in shown


def test_a_release_for_people_alone_says_so_until_it_is_posted_and_is_over_then(district: District, as_: Login) -> None:
    release, client = released(district, on=(0,)), as_("duty")
    shown = page(client, "release", release.pk)
    for words in (
        "没有，全部由人手工发布",
        "中国河东：待手工发布",
        "请马上发出，有账号只能手工发布",
        "现在发布",
    ):
        assert words in shown
    assert "正在发出或核对" not in shown
    assert "发布进程" not in shown
    posted(district, release)
    shown = page(client, "release", release.pk)
    assert "已发出，还要补审：请到审批箱办理" in shown
    assert "已手工发布" in shown
    assert "都已手工发布，没有可作废的" in shown
    assert LINK in shown


@pytest.mark.parametrize("name", ["today", "releases", "calendar"])
def test_lists_show_such_a_release_as_what_it_is(district: District, as_: Login, name: str) -> None:
    release, client = released(district, on=(0,)), as_("duty")
    assert "待手工发布" in page(client, name)
    posted(district, release)
    shown = page(client, name)
    assert chips.BY_HAND_DONE.label in shown
    assert "部分发出" not in shown


def test_what_a_release_is_called_follows_what_people_did(district: District) -> None:
    release = released(district, on=(0,))

    def called() -> tuple[str, str]:
        fresh = Release.objects.get(pk=release.pk)
        chip = chips.standing(fresh, (), now())
        return chip.label, chip.tone

    assert called() == ("待手工发布", "warn")
    release.manual_tasks.update(done_at=now(), drop_reason="领导决定不发")
    assert called() == ("不再发布", "off")
    release.manual_tasks.update(done_at=None, drop_reason="")
    posted(district, release)
    assert called() == ("已发布（手工）", "good")
    release.manual_tasks.update(drop_reason=EVIDENCE)
    assert called() == ("手工发布，已撤下", "off")
    Release.objects.filter(pk=release.pk).update(cancelled_at=now())
    assert called() == ("手工发布，已撤下", "off")


def test_people_who_are_quicker_than_the_machine_make_no_alarm_of_it(district: District) -> None:
    release = released(district)
    posted(district, release)
    fresh = board.on_the_desk(district.unit, now()).board[0]
    row = board.row(fresh, district.unit, now())
    assert (row.standing.label, row.standing.tone, row.standing.count) == ("正在依次发出", "busy", "1/2")
    assert [chip.label for line in row.lines for chip in line.chips] == ["待准备", "已发布（手工）"]


# --- down again -----------------------------------------------------------------------------------------------


def test_what_was_returned_leads_to_where_it_is_deleted_and_is_entered_there(district: District, as_: Login) -> None:
    release = released(district, on=(0,))
    post = posted(district, release)
    assert release.urgency is not None
    document = release.urgency.edition.document
    editorial.review(document, person=district.people["first"], verdict=Verdict.RETURN, comment="不实", now=now())
    client = as_("duty")
    assert "手工发布的请到平台后台删除，再到“手工发布”页登记已撤下。" in page(client, "today")
    shown = page(client, "withdraw", release.pk)
    assert "由人手工发布的" in shown
    assert LINK in shown
    assert "登记已撤下" in page(client, "manual")
    client.post(reverse("manual-down", args=[post.pk]), {"evidence": EVIDENCE})
    assert EVIDENCE in page(client, "manual")
    assert "登记已撤下</button>" not in page(client, "manual")
    shown = page(client, "release", release.pk)
    assert "已撤下" in shown
    assert LINK not in page(client, "withdraw", release.pk)


def test_what_was_returned_gives_no_text_and_is_entered_or_called_off_on_the_spot(
    district: District, as_: Login
) -> None:
    release, client = released(district, on=(0,)), as_("duty")
    assert "data-copy=" in page(client, "manual")
    post = posted(district, release)
    assert release.urgency is not None
    document = release.urgency.edition.document
    editorial.review(document, person=district.people["first"], verdict=Verdict.RETURN, comment="不实", now=now())
    manual.void(post, reason="登记错了", person=district.people["duty"], now=now())
    shown = page(client, "manual")
    assert "补审退回，不要发出" in shown
    assert "data-copy=" not in shown
    for action in ("manual-task", "manual-task-drop"):
        assert f'action="{reverse(action, args=[release.pk, "wx", 0])}"' in shown


def test_of_what_lost_its_signature_the_post_is_entered_on_the_spot(district: District, as_: Login) -> None:
    release, client = released(district, on=(0,)), as_("duty")
    assert release.urgency is not None
    document = release.urgency.edition.document
    editorial.review(document, person=district.people["first"], verdict=Verdict.RETURN, comment="不实", now=now())
    shown = page(client, "manual")
    assert "没有有效签发，不要发出" in shown
    assert "data-copy=" not in shown
    given = {"url": LINK, "posted_at": local(now() - timedelta(minutes=1))}
    client.post(reverse("manual-task", args=[release.pk, "wx", 0]), given)
    assert ManualPost.objects.get().task == release.manual_tasks.get()
    assert "已公开，内容被退回，请更正或撤回" in page(client, "today")


def test_a_text_that_is_not_the_signed_one_is_not_given_to_anybody(district: District, as_: Login) -> None:
    release = released(district, on=(0,))
    task = release.manual_tasks.get()
    with lifted("manualtask_kept_while_signed"):
        release.manual_tasks.update(payload={**(task.payload or {}), "title": "停课通知"})
    shown = page(as_("duty"), "manual")
    assert "文字与签发的不一致，不要发出，请立即报告审计员" in shown
    assert "停课通知" not in shown
    assert "data-copy=" not in shown


def test_another_units_people_do_not_enter_that_it_is_down(district: District, as_: Login) -> None:
    post = posted(district, released(district, on=(0,)))
    other = District.make("street", "九曲街道")
    for who in ("duty", "releaser"):
        stranger = Client()
        stranger.force_login(other.people[who])
        assert stranger.post(reverse("manual-down", args=[post.pk]), {"evidence": EVIDENCE}).status_code == 404
        assert EVIDENCE not in page(stranger, "manual")
        with pytest.raises(NotFound):
            manual.taken_down(post, evidence=EVIDENCE, person=other.people[who], now=now())
    assert post.task is not None
    post.task.refresh_from_db()
    assert post.task.drop_reason == ""
    assert not AuditEvent.objects.filter(action="manual.taken_down").exists()


def test_others_do_not_enter_that_it_is_down(district: District, as_: Login) -> None:
    post = posted(district, released(district, on=(0,)))
    assert as_("editor").post(reverse("manual-down", args=[post.pk]), {"evidence": EVIDENCE}).status_code == 403
    assert post.task is not None
    post.task.refresh_from_db()
    assert post.task.drop_reason == ""


def test_too_little_said_of_the_deletion_is_told(district: District, as_: Login) -> None:
    post = posted(district, released(district, on=(0,)))
    answer = as_("duty").post(reverse("manual-down", args=[post.pk]), {"evidence": "删"}, follow=True)
    assert "请写明何时、由谁删除" in answer.content.decode()
