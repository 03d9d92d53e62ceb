"""草稿 on the pages: chosen with plain words, its place told, and made public by people who say how."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from bot.domain.channel import DRAFT_GONE, ChannelFault, Remedy, Staged
from bot.domain.handdraft import Stage
from bot.models import Account, HandDraft, ManualPost, Release
from bot.services import handdrafts

from .test_manual import LINK, local, page
from .world import ARTICLES, District, now

Login = Callable[[str], Client]


class Box:
    """A 草稿箱 in memory: what stands there, and whether it was touched."""

    def __init__(self) -> None:
        self.drafts: list[tuple[Any, ...]] = []
        self.touched = False

    def stage(self, posts: Any, *, key: str, previous: Any = None, keep: bool = False) -> Staged:
        if keep and (self.touched or not self.drafts):
            raise ChannelFault(Remedy.PERSON, "草稿不在了", code=DRAFT_GONE)
        if not keep:
            self.drafts, self.touched = [tuple(posts)], False
        return Staged({"draft": "M1"}, verified=True)


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Box:
    made = Box()
    monkeypatch.setattr(handdrafts, "channel_of", lambda account, *, mode="": made)
    return made


@pytest.fixture
def release(district: District) -> Release:
    """A signed release that leaves a draft of two articles on the 公众号."""
    Account.objects.filter(slug="wx").update(mode="draft")
    district.accounts[0].refresh_from_db()
    return district.signed(*ARTICLES[:2], title="早间发布")


def work(release: Release) -> HandDraft:
    handdrafts.work_all(now=lambda: release.instant - timedelta(minutes=2))
    return HandDraft.objects.get(release=release)


def test_the_three_ways_are_offered_with_what_followers_get(district: District, as_: Login) -> None:
    shown = page(as_("editor"), "/releases/new")
    for words in ("草稿", "系统只把草稿放进公众号草稿箱", "发布", "群发"):
        assert words in shown


def test_an_account_that_only_people_open_is_offered_no_draft(district: District, as_: Login) -> None:
    Account.objects.filter(slug="wx").update(manual_reason="未认证，没有发布接口权限")
    assert "系统只把草稿放进公众号草稿箱" not in page(as_("editor"), "/releases/new")


def test_where_a_draft_is_its_own_way_people_post_the_text_and_composer_and_plan_say_the_same(
    district: District, as_: Login
) -> None:
    Account.objects.filter(slug="wx").update(mode="draft", manual_reason="未认证，没有发布接口权限")
    district.accounts[0].refresh_from_db()
    district.approved(ARTICLES[0])
    number, client = ARTICLES[0].external_id, as_("editor")
    shown = page(client, f"/releases/new?document={number}")
    assert 'name="mode-wx" value="publish" autocomplete="off" checked' in shown
    given = {"account": "wx", "document": number, "date": "2099-12-01", "time": "09:30"}
    chosen = client.post(reverse("release-panel"), given | {"mode-wx": "draft"}).content.decode()
    assert "系统不登录它，不能存草稿" in chosen
    fallen_back = client.post(reverse("release-panel"), given).content.decode()
    assert "不能存草稿" not in fallen_back
    assert "草稿" not in fallen_back
    planned = district.planned(ARTICLES[1])
    assert {task.mode for task in planned.manual_tasks.all()} == {"publish"}


def test_a_draft_that_was_planned_before_people_took_the_account_over_is_changed_to_what_there_is(
    district: District, as_: Login
) -> None:
    Account.objects.filter(slug="wx").update(mode="draft")
    district.accounts[0].refresh_from_db()
    planned = district.planned()
    Account.objects.filter(slug="wx").update(manual_reason="未认证，没有发布接口权限")
    shown = page(as_("editor"), f"/releases/{planned.pk}/edit")
    assert 'name="mode-wx" value="publish" autocomplete="off" checked' in shown
    assert "不能存草稿" not in shown


def test_the_signer_reads_that_people_make_it_public(district: District, as_: Login) -> None:
    Account.objects.filter(slug="wx").update(mode="draft")
    district.accounts[0].refresh_from_db()
    planned = district.planned(*ARTICLES[:2])
    shown = page(as_("releaser"), f"/releases/{planned.pk}/sign")
    assert "草稿" in shown
    assert "由人在公众平台发表或群发" in shown
    assert "其中 1 次是草稿：签发后，系统在时刻前一小时把它放进账号的草稿箱" in shown
    assert "，只能手工发布。" not in shown  # there is no reason why people post there, and none is to be told
    assert "按签发的文字在平台后台发出" not in shown


def test_a_signature_says_where_the_draft_will_lie(district: District, as_: Login) -> None:
    Account.objects.filter(slug="wx").update(mode="draft")
    district.accounts[0].refresh_from_db()
    planned, client = district.planned(*ARTICLES[:2]), as_("releaser")
    seen = page(client, f"/releases/{planned.pk}/sign").split('name="seen" value="')[1].split('"')[0]
    said = client.post(f"/releases/{planned.pk}/sign", {"seen": seen}, follow=True).content.decode()
    assert "系统在时刻前一小时把草稿放进账号的草稿箱，到时须由人发表" in said
    assert "草稿由系统在时刻前一小时放进草稿箱，到时由人发表。" in said


def test_desk_and_release_ask_for_the_draft_to_be_published_not_for_a_text_to_be_copied(
    district: District, as_: Login, release: Release, box: Box
) -> None:
    work(release)
    client = as_("duty")
    with time_machine.travel(release.instant + timedelta(minutes=1), tick=False):
        desk, own = page(client, "/").split('id="asks"')[1], page(client, f"/releases/{release.pk}")
    assert "到平台草稿箱里发表，再登记链接和时间" in desk
    assert "有草稿等人到账号的草稿箱里发表，还没有登记" in own
    for shown in (desk, own):
        assert "复制文字" not in shown
        assert "这个账号只能手工发布" not in shown
        assert "有账号只能手工发布" not in shown


def test_before_it_is_there_the_page_says_when_it_will_be(district: District, as_: Login, release: Release) -> None:
    shown = page(as_("duty"))
    assert "尚未放入草稿箱" in shown
    assert "重新放入草稿箱" not in shown


def test_at_the_instant_the_page_says_where_it_lies_and_what_to_do(
    district: District, as_: Login, release: Release, box: Box
) -> None:
    work(release)
    client = as_("duty")
    with time_machine.travel(release.instant + timedelta(minutes=1), tick=False):
        shown = page(client)
    for words in ("已在草稿箱，核对一致", "点“发表”", "草稿用不上时", "怎样公开的", "现在发布"):
        assert words in shown
    assert "已在草稿箱，核对一致" in page(client, f"/releases/{release.pk}")


def test_whoever_enters_it_says_how_it_was_made_public(
    district: District, as_: Login, release: Release, box: Box
) -> None:
    work(release)
    client, tasks = as_("duty"), list(release.manual_tasks.order_by("position"))
    with time_machine.travel(release.instant + timedelta(minutes=5), tick=False):
        given = {"url": [LINK.format(task.pk) for task in tasks], "posted_at": local(now() - timedelta(minutes=2))}
        address = reverse("manual-task", args=[release.pk, "wx", 0])
        refused = client.post(address, given)
        assert refused.status_code == 409
        assert "怎样公开" in refused.content.decode()
        assert not ManualPost.objects.exists()
        client.post(address, given | {"mode": "publish"})
    assert list(ManualPost.objects.values_list("mode", flat=True)) == ["publish", "publish"]


def test_a_changed_draft_is_said_to_be_changed_and_put_there_anew_on_a_persons_word(
    district: District, as_: Login, release: Release, box: Box
) -> None:
    draft, client = work(release), as_("duty")
    box.touched = True
    address = reverse("manual-draft", args=[draft.pk])
    said = client.post(
        address, {"act": "look", "seen": str(HandDraft.objects.get().fence)}, follow=True
    ).content.decode()
    assert "草稿不在或与签发的不一致" in said
    assert "不要发表" in said
    said = client.post(
        address, {"act": "anew", "seen": str(HandDraft.objects.get().fence)}, follow=True
    ).content.decode()
    assert "已在草稿箱，核对一致" in said
    assert HandDraft.objects.get().stage == Stage.PLACED


def test_who_only_reads_is_told_and_has_no_button(district: District, as_: Login, release: Release, box: Box) -> None:
    draft, client = work(release), as_("editor")
    shown = page(client)
    assert "已在草稿箱，核对一致" in shown
    assert reverse("manual-draft", args=[draft.pk]) not in shown
    assert client.post(reverse("manual-draft", args=[draft.pk]), {"act": "anew"}).status_code == 403


def test_another_units_draft_does_not_exist_here(district: District, as_: Login, release: Release, box: Box) -> None:
    draft = work(release)
    stranger = Client()
    stranger.force_login(District.make("street", "九曲街道").people["duty"])
    assert stranger.post(reverse("manual-draft", args=[draft.pk]), {"act": "look"}).status_code == 404


def test_an_urgent_notice_has_no_draft_to_choose(district: District, as_: Login) -> None:
    Account.objects.filter(slug="wx").update(mode="draft")
    from bot.services import urgent

    ways = urgent.ways(district.unit, now=now())
    assert {way.mode for way in ways if way.account.slug == "wx"} == {"publish", "mass"}
    document, client = district.document(ARTICLES[2]), as_("editor")
    shown = page(client, reverse("urgent-notice", args=[document.external_id]))
    account = shown.split('value="wx"')[1].split('<div class="urgent-account">')[0]
    assert "应急没有这种方式，下面选中的由系统直接公开。没有预选" in account
    assert " checked" not in account
    assert 'value="wb" checked' in shown
    given = {"seen": document.current.content_hash, "account": "wx", "reason": "汛情紧急", "when": "asap"}
    answer = client.post(reverse("urgent-ask", args=[document.external_id]), given)
    assert answer.status_code == 409
    assert "没有这种发布方式，没有提出" in answer.content.decode()
