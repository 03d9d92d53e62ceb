"""更正与撤回: what each channel allows, two people, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from bot.domain.channel import Failed, Receipt, Withdrawn
from bot.domain.delivery import State
from bot.domain.engine.withdrawing import Stage
from bot.models import Account, Correction, Release, Takedown, Withdrawal
from bot.services import manualtasks, people, takedowns, trail
from bot.services.withdrawing import Target, ask

from .test_exceptions import confirmed, page
from .world import ARTICLES, District, now, put

Login = Callable[[str], Client]
NOTICE = "关于撤回有关信息的说明\n数字有误，现予撤回。"
GONE = Failed("53600", "文章已不在平台上。", gone=True)


@pytest.fixture
def sure(as_: Login) -> Login:
    return lambda who: confirmed(as_(who))


def live(district: District, *articles: Any) -> Release:
    release = district.signed(*articles)
    for one in release.publications.all():
        put(one, "live")
    return release


def everything(release: Release) -> list[str]:
    return [f"{item.publication_id}:{item.position}" for one in release.publications.all() for item in one.items.all()]


def fields(release: Release, **changes: Any) -> dict[str, Any]:
    given = {"target": everything(release), "kind": "withdrawal", "reason": "数字有误", "notice": NOTICE, "portal": "1"}
    return given | changes


def asked(district: District, who: str = "editor") -> Withdrawal:
    release = live(district)
    targets = [Target(one.pk) for one in release.publications.all()]
    return ask(
        release, person=district.people[who], targets=targets, reason="数字有误", notice_kind="withdrawal", notice=NOTICE,
        portal=True, now=now(),
    )  # fmt: skip


# --- the wizard -----------------------------------------------------------------------------------------------


def test_it_shows_what_each_channel_allows_and_what_nobody_can_undo(district: District, as_: Login) -> None:
    release = live(district)
    shown = page(as_("editor"), f"/releases/{release.pk}/withdraw")
    for word in (
        "系统可以撤下",
        "只能人工删除",
        "消息卡片收不回来",
        "用掉的群发次数不退回",
        "选“删除”并确认",
        "门户网站",
    ):
        assert word in shown, word
    assert '<ul class="final">' in shown
    assert ARTICLES[0].title in shown


def test_the_notice_is_drafted_in_the_kind_that_was_chosen(district: District, as_: Login) -> None:
    release = live(district)
    assert "现予撤回" in page(as_("editor"), f"/releases/{release.pk}/withdraw")
    assert "更正启事\n" in page(as_("editor"), f"/releases/{release.pk}/withdraw?kind=correction")
    assert "现予撤回" in page(as_("editor"), f"/releases/{release.pk}/withdraw?kind=joke")


def choose(client: Client, release: Release, kind: str, **changes: Any) -> str:
    """Another kind of notice, chosen in the form as it stands."""
    answer = client.post(f"/releases/{release.pk}/withdraw", fields(release, choose=kind, **changes))
    assert answer.status_code == 200
    return answer.content.decode()


def test_another_kind_keeps_what_was_ticked_and_typed_and_asks_for_nothing(district: District, sure: Login) -> None:
    release, client = live(district), sure("editor")
    draft = (
        page(client, f"/releases/{release.pk}/withdraw")
        .split('name="notice"')[1]
        .split(">", 1)[1]
        .split("</textarea>")[0]
    )
    target = everything(release)[:1]
    shown = choose(
        client, release, "correction", notice=draft.replace("\n", "\r\n"), target=target, reason="写错了日期", portal=""
    )
    assert "更正启事\n" in shown  # the draft was nobody's own words yet
    assert "写错了日期</textarea>" in shown
    assert shown.count(" checked>") == 1
    assert 'name="kind" value="correction"' in shown
    assert not Withdrawal.objects.exists()


def notice_in(shown: str) -> str:
    return shown.split('name="notice"')[1].split(">", 1)[1].split("</textarea>")[0]


def test_the_draft_names_what_is_ticked_and_changes_with_it(district: District, sure: Login) -> None:
    release, client = live(district, *ARTICLES[:2]), sure("editor")
    address, (one, *_) = f"/releases/{release.pk}/withdraw", everything(release)
    shown = page(client, address)
    assert all(article.title in notice_in(shown) for article in ARTICLES[:2])
    form = fields(release, target=[one], notice=notice_in(shown), drafted=notice_in(shown))
    shown = client.post(address, form).content.decode()
    assert ARTICLES[0].title in notice_in(shown)
    assert ARTICLES[1].title not in notice_in(shown)
    form |= {"target": everything(release), "notice": notice_in(shown), "drafted": notice_in(shown)}
    shown = client.post(address, form).content.decode()
    assert ARTICLES[1].title in notice_in(shown)
    shown = client.post(address, form | {"target": [one], "notice": "自己写的"}).content.decode()
    assert notice_in(shown) == "自己写的"


def test_a_notice_that_names_what_stays_public_is_refused(district: District, sure: Login) -> None:
    release, client = live(district, *ARTICLES[:2]), sure("editor")
    notice = f"《{ARTICLES[0].title}》、《{ARTICLES[1].title}》数字有误，现予撤回。"
    form = fields(release, target=everything(release)[:1], notice=notice)
    answer = client.post(f"/releases/{release.pk}/withdraw/ask", form)
    shown = answer.content.decode()
    assert answer.status_code == 409
    assert f"对外的说明里写着《{ARTICLES[1].title}》，这次却没有选它" in shown
    assert notice_in(shown) == notice
    assert not Withdrawal.objects.exists()


def test_a_notice_that_somebody_wrote_is_not_thrown_away_for_a_draft(district: District, sure: Login) -> None:
    release, client = live(district), sure("editor")
    kept = choose(client, release, "correction")
    assert "数字有误，现予撤回。</textarea>" in kept
    assert "您写过的说明原样保留" in kept
    anew = client.post(
        f"/releases/{release.pk}/withdraw", fields(release, kind="correction", draft="1")
    ).content.decode()
    assert "更正启事\n" in anew
    assert "您写过的说明原样保留" not in anew


def test_after_a_refusal_the_kind_can_still_be_chosen(district: District, sure: Login) -> None:
    release = live(district)
    refused = sure("editor").post(f"/releases/{release.pk}/withdraw/ask", fields(release, reason=""))
    shown = refused.content.decode().split('class="kinds"')[1].split("</p>")[0]
    assert refused.status_code == 409
    assert "href" not in shown  # a link would leave what was typed behind, and lead nowhere from here
    assert shown.count(f'formaction="/releases/{release.pk}/withdraw#kind-words"') == 2


def test_who_may_not_ask_sees_no_form(district: District, sure: Login) -> None:
    release = live(district)
    assert "<form" not in page(sure("first"), f"/releases/{release.pk}/withdraw").split('id="main"')[1]
    assert sure("first").post(f"/releases/{release.pk}/withdraw/ask", fields(release)).status_code == 403
    assert not Withdrawal.objects.exists()


def test_where_nothing_is_public_there_is_nothing_to_withdraw(district: District, as_: Login) -> None:
    release = district.signed()
    assert "没有可撤回的" in page(as_("editor"), f"/releases/{release.pk}/withdraw")


def test_what_people_posted_is_named_as_theirs_to_delete(district: District, as_: Login) -> None:
    Account.objects.update(manual_reason="未认证，没有发布接口权限")
    for account in district.accounts:
        account.refresh_from_db()
    release, duty = district.signed(), district.people["duty"]
    task = release.manual_tasks.order_by("pk")[0]
    put_at_its_instant = {"posted_at": now(), "posted_by": duty, "person": duty, "now": now()}
    manualtasks.finish([task], urls=["https://mp.weixin.qq.com/s/AbCdEfGh"], **put_at_its_instant)
    shown = page(as_("editor"), f"/releases/{release.pk}/withdraw")
    assert "由人手工发布的" in shown
    assert "https://mp.weixin.qq.com/s/AbCdEfGh" in shown
    assert "现在没有系统发出的公开的内容" in shown


def test_asking_asks_who_is_there_and_takes_nothing_down(district: District, unasked: Login) -> None:
    release, client = live(district), unasked("editor")
    answer = client.post(f"/releases/{release.pk}/withdraw/ask", fields(release))
    assert "请再确认一次身份" in answer.content.decode()
    assert not Withdrawal.objects.exists()
    told = confirmed(client).post(f"/releases/{release.pk}/withdraw/ask", fields(release), follow=True).content.decode()
    assert "还没有撤下任何内容" in told
    assert "等第二人确认" in told
    made = Withdrawal.objects.get()
    assert {row.status for row in made.takedowns.all()} == {Stage.ASKED}
    assert made.takedowns.count() == 3
    assert {one.status for one in release.publications.all()} == {State.LIVE}


def test_a_draft_that_was_not_gone_over_comes_back_with_what_was_typed(district: District, sure: Login) -> None:
    release = live(district)
    target = everything(release)[:1]
    answer = sure("editor").post(
        f"/releases/{release.pk}/withdraw/ask", fields(release, notice="因〔请写明〕，现予撤回", target=target)
    )
    shown = answer.content.decode()
    assert answer.status_code == 409
    assert "还没有写完" in shown
    assert "数字有误</textarea>" in shown
    assert shown.count(" checked>") == 2  # the one that was ticked, and the portal


@pytest.mark.parametrize("target", ["x", "1", "1:", "-1:0", "1:0:0x", "９:0"])
def test_a_target_that_no_page_holds_is_none(district: District, sure: Login, target: str) -> None:
    release = live(district)
    assert (
        sure("editor").post(f"/releases/{release.pk}/withdraw/ask", fields(release, target=target)).status_code == 404
    )


# --- the second person ----------------------------------------------------------------------------------------


def test_only_another_releaser_confirms(district: District, sure: Login) -> None:
    made = asked(district)
    address = f"/releases/{made.release_id}/withdraw"
    assert "确认撤回（不能恢复）" not in page(sure("editor"), address)
    assert "确认撤回（不能恢复）" not in page(sure("duty"), address)
    assert "确认撤回（不能恢复）" in page(sure("releaser"), address)
    assert sure("duty").post(f"/withdrawals/{made.pk}/confirm").status_code == 403
    told = sure("releaser").post(f"/withdrawals/{made.pk}/confirm", follow=True).content.decode()
    assert "两人已确认" in told
    made.refresh_from_db()
    assert made.confirmed_by == district.people["releaser"]


def test_where_who_asked_was_disabled_since_then_the_page_says_so_and_offers_no_confirming(
    district: District, sure: Login
) -> None:
    made = asked(district)
    people.disable_person("editor", actor="test", now=now())
    shown = page(sure("releaser"), f"/releases/{made.release_id}/withdraw")
    assert "确认撤回（不能恢复）" not in shown
    assert "现在不能确认：提出人李拟已停用，请收回后重新提出，没有删除" in shown
    assert "收回，不撤了" in shown
    answer = sure("releaser").post(f"/withdrawals/{made.pk}/confirm")
    assert answer.status_code == 409
    assert "提出人李拟已停用" in answer.content.decode()


def test_a_releaser_who_asked_does_not_confirm(district: District, sure: Login) -> None:
    made = asked(district, "releaser")
    assert "确认撤回（不能恢复）" not in page(sure("releaser"), f"/releases/{made.release_id}/withdraw")
    answer = sure("releaser").post(f"/withdrawals/{made.pk}/confirm")
    assert answer.status_code == 409
    assert "不能自己确认" in answer.content.decode()


def test_a_deputy_of_the_signer_is_the_second_person_as_well(district: District, sure: Login) -> None:
    made = asked(district)
    district.deputise("releaser", "duty")
    assert "确认撤回（不能恢复）" in page(sure("duty"), f"/releases/{made.release_id}/withdraw")
    told = sure("duty").post(f"/withdrawals/{made.pk}/confirm", follow=True).content.decode()
    assert "两人已确认" in told
    made.refresh_from_db()
    assert made.confirmed_by == district.people["duty"]
    lines = [one.what for one in trail.tell({f"release:{made.release_id}": "发布单"})]
    assert "发布单：代孙签与李拟两人确认撤回" in lines


def test_a_deputy_who_asked_is_one_person_and_does_not_confirm(district: District, sure: Login) -> None:
    made = asked(district)
    district.deputise("releaser", "editor")
    answer = sure("editor").post(f"/withdrawals/{made.pk}/confirm")
    assert answer.status_code == 409
    assert "不能自己确认" in answer.content.decode()


def test_it_can_be_taken_back_before(district: District, as_: Login) -> None:
    made = asked(district)
    told = as_("editor").post(f"/withdrawals/{made.pk}/drop", follow=True).content.decode()
    assert "没有撤下任何内容" in told
    assert "已收回的撤回" in told


# --- the result -----------------------------------------------------------------------------------------------


class Platform:
    """Takes it down, and shows it no more."""

    def __init__(self) -> None:
        self.calls = 0

    def look(self, evidence: Any) -> Any:
        return GONE if self.calls else Receipt({}, (), raw='{"msg_status": "SEND_SUCCESS"}')

    def withdraw(self, receipt: Receipt, *, position: int | None = None) -> Withdrawn:
        self.calls += 1
        return Withdrawn("全部文章已从微信撤下。")


def work(monkeypatch: pytest.MonkeyPatch) -> None:
    platform = Platform()
    monkeypatch.setattr(takedowns, "channel_of", lambda *_, **__: platform)
    takedowns.work_all(now=now)
    Takedown.objects.filter(next_at__isnull=False).update(next_at=now())
    takedowns.work_all(now=now)


def test_the_result_stands_there_channel_by_channel(
    district: District, sure: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = asked(district)
    client, address = sure("releaser"), f"/releases/{made.release_id}/withdraw"
    client.post(f"/withdrawals/{made.pk}/confirm")
    waiting = page(client, address)
    assert "即将撤下" in waiting
    assert 'hx-trigger="every 3s"' in waiting
    work(monkeypatch)
    shown = page(client, address)
    for word in (
        "已撤下，并已向平台读回核实",
        "要人工删除",
        "登记已手工删除",
        "撤下前公开的版面",
        "第 1 次删除",
        "SEND_SUCCESS",
    ):
        assert word in shown, word
    assert 'hx-trigger="every 3s"' not in shown
    for row in Takedown.objects.filter(stage="by_hand"):
        told = client.post(f"/takedowns/{row.pk}/done", {"words": "10:02 周值删除，打开显示已删除"}, follow=True)
        assert "已登记" in told.content.decode()
    assert "已办结的撤回" in page(client, address)
    assert "周值删除" in page(client, address)
    release = Release.objects.get(pk=made.release_id)
    assert {one.status for one in release.publications.all()} == {State.WITHDRAWN}
    assert "曾经公开，已撤回。" in page(client, f"/releases/{release.pk}")


def test_what_is_unfinished_stands_on_the_desk_for_exceptions(district: District, sure: Login) -> None:
    made = asked(district)
    assert "待第二人确认" in page(sure("duty"), "/exceptions")
    sure("releaser").post(f"/withdrawals/{made.pk}/confirm")
    shown = page(sure("duty"), "/exceptions")
    assert "要人办理" in shown
    assert f"/releases/{made.release_id}/withdraw" in shown


@pytest.mark.parametrize(
    ("verdict", "words"), [("Receipt", "平台上还公开着"), ("Unclear", "没有查清"), ("New", "已核对")]
)
def test_what_was_seen_before_is_told_in_chinese(district: District, sure: Login, verdict: str, words: str) -> None:
    made = asked(district)
    sure("releaser").post(f"/withdrawals/{made.pk}/confirm")
    part = Takedown.objects.filter(publication__isnull=False)[0]
    Takedown.objects.filter(pk=part.pk).update(
        before={**part.before, "seen": {"verdict": verdict, "message": "", "raw": ""}}
    )
    shown = page(sure("editor"), f"/releases/{made.release_id}/withdraw")
    assert f"撤下前核对：{words}" in shown


def test_parts_are_for_those_who_may(district: District, sure: Login) -> None:
    made = asked(district)
    sure("releaser").post(f"/withdrawals/{made.pk}/confirm")
    row = Takedown.objects.filter(stage="by_hand", publication__isnull=False).get()
    shown = page(sure("first"), f"/releases/{made.release_id}/withdraw")
    assert "登记已手工删除" not in shown
    for act in ("done", "look", "again", "leave"):
        answer = sure("first").post(f"/takedowns/{row.pk}/{act}", {"words": "10:02 已删除"})
        assert answer.status_code == 403, act
    assert sure("releaser").post(f"/takedowns/{row.pk}/burn", {"words": "x"}).status_code == 404


# --- the correction -------------------------------------------------------------------------------------------


def test_a_corrected_item_is_told_by_both_pages(district: District, sure: Login) -> None:
    made = asked(district)
    sure("releaser").post(f"/withdrawals/{made.pk}/confirm")
    district.document(replace(ARTICLES[1], external_id="HD-9", title="关于调整城区公交线路的更正通知"))
    old = Release.objects.get(pk=made.release_id).publications.all()[0].items.get().edition
    told = sure("editor").post(
        f"/withdrawals/{made.pk}/corrects", {"old": old.pk, "document": "HD-9", "correction": "起始日期"}, follow=True
    )
    assert "HD-9 第 1 版更正了原件" in told.content.decode()
    assert Correction.objects.get().old == old
    assert "关于调整城区公交线路的更正通知" in page(sure("editor"), "/documents/HD-1")
    assert ARTICLES[0].title in page(sure("editor"), "/documents/HD-9")
    assert "更正的文件" in page(sure("editor"), "/documents/HD-9")


def test_a_document_that_is_not_there_is_not_linked(district: District, sure: Login) -> None:
    made = asked(district)
    old = Release.objects.get(pk=made.release_id).publications.all()[0].items.get().edition
    other = District.make("luozhuang", "罗庄区政府办公室")
    foreign = other.document(replace(ARTICLES[1], external_id="LZ-1"))
    address = f"/withdrawals/{made.pk}/corrects"
    for old_one, document, status in ((old.pk, foreign.external_id, 409), (987654, "HD-1", 404)):
        given = {"old": old_one, "document": document, "correction": "日期"}
        assert sure("editor").post(address, given).status_code == status
    assert not Correction.objects.exists()


# --- units and costs ------------------------------------------------------------------------------------------


def test_another_units_withdrawals_do_not_exist(district: District, sure: Login) -> None:
    other = District.make("luozhuang", "罗庄区政府办公室")
    made = asked(other)
    client = sure("releaser")
    assert client.get(f"/releases/{made.release_id}/withdraw").status_code == 404
    row = made.takedowns.all()[0]
    for address in (
        f"/releases/{made.release_id}/withdraw/ask", f"/withdrawals/{made.pk}/confirm", f"/withdrawals/{made.pk}/drop",
        f"/withdrawals/{made.pk}/corrects", f"/takedowns/{row.pk}/done", f"/takedowns/{row.pk}/leave",
    ):  # fmt: skip
        assert client.post(address, {"words": "10:02 已删除"}).status_code == 404, address
    assert made.reason not in page(client, "/exceptions")
    made.refresh_from_db()
    assert made.confirmed_at is None


def test_the_wizard_costs_as_much_for_many_articles_as_for_one(
    district: District, as_: Login, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = as_("editor")
    release = live(district, *ARTICLES)
    with django_assert_max_num_queries(14):
        page(client, f"/releases/{release.pk}/withdraw")
