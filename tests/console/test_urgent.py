"""应急通道 on the pages: for whom it is there, what the second person sees, and how loud it is until it is reviewed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from bot.console import calendar_tiles, inbox, urgentmarks
from bot.domain.article import Attachment
from bot.domain.instants import beijing_date
from bot.domain.urgent import Stage
from bot.domain.workflow import EditionState, Verdict
from bot.models import Alarm, Document, Draft, Publication, Release, Urgency
from bot.services import drafting, editorial, urgentcare
from tests.services.factories import force

from .urgent import asked, released
from .world import ARTICLES, PASSWORD, District, now

Login = Callable[[str], Client]
FIELDS = {
    "title": "暴雨红色预警紧急公告", "text": "今天 18 时起，沂河沿线禁止通行。\n请就近避险。", "unit": "河东区应急管理局",
    "source_url": "https://www.hedong.gov.cn/",
}  # fmt: skip


def page(client: Client, name: str, *args: Any) -> str:
    answer = client.get(reverse(name, args=args))
    assert answer.status_code == 200, answer
    return answer.content.decode()


def chosen(district: District, document: Document, **changes: Any) -> dict[str, Any]:
    accounts = [one.slug for one in district.accounts]
    return {
        "seen": document.current.content_hash, "account": accounts, "reason": "汛情紧急", "when": "asap",
        **{f"mode-{one.slug}": one.mode for one in district.accounts}, **changes,
    }  # fmt: skip


# --- the way --------------------------------------------------------------------------------------------------


def test_two_people_write_ask_and_confirm_from_the_pages(district: District, as_: Login) -> None:
    writer, signer = as_("editor"), as_("releaser")
    written = writer.post(reverse("urgent-write"), FIELDS)
    document = Document.objects.get()
    assert written.headers["Location"] == reverse("urgent-notice", args=[document.external_id])
    shown = page(writer, "urgent-notice", document.external_id)
    assert "暴雨红色预警紧急公告" in shown
    assert "我已核对，提请第二人确认" in shown
    answer = writer.post(reverse("urgent-ask", args=[document.external_id]), chosen(district, document))
    urgency = Urgency.objects.get()
    assert answer.headers["Location"] == reverse("urgency", args=[urgency.pk])
    assert "提出人不能自己确认" not in page(signer, "urgency", urgency.pk)
    assert urgency.digest[-8:] in page(signer, "urgency", urgency.pk)
    done = signer.post(reverse("urgency-confirm", args=[urgency.pk]), {"seen": urgency.digest})
    release = Release.objects.get()
    assert done.headers["Location"] == reverse("release", args=[release.pk])
    assert release.signed


def test_the_first_and_the_second_word_ask_once_more_who_sits_there(district: District, unasked: Login) -> None:
    document = district.document(ARTICLES[2])
    person = district.people["final"]
    person.set_password(PASSWORD)
    person.save()
    asks = unasked("editor").post(reverse("urgent-ask", args=[document.external_id]), chosen(district, document))
    assert "请再确认一次身份" in asks.content.decode()
    assert not Urgency.objects.exists()
    urgency = asked(district)
    second = unasked("final")
    answer = second.post(reverse("urgency-confirm", args=[urgency.pk]), {"seen": urgency.digest})
    assert "请再确认一次身份" in answer.content.decode()
    assert not Release.objects.exists()
    second.post(
        reverse("urgency-confirm", args=[urgency.pk]), {"seen": urgency.digest, "stepup-password": PASSWORD}
    )  # fmt: skip
    assert Release.objects.get().signed


def test_posts_of_the_same_bytes_are_drawn_once_and_every_account_is_named(district: District, as_: Login) -> None:
    document = district.widened(wechat=2, weibo=9).document(ARTICLES[2])
    shown = page(as_("editor"), "urgent-notice", document.external_id)
    looks = shown.split("发出去的样子")[1].split("</section>")[0]
    assert looks.count("<iframe") == 2
    assert "10 个账号的内容相同，只画一次" in looks
    assert all(looks.count(f">{one.name}</span>") == 1 for one in district.accounts)
    as_("editor").post(reverse("urgent-ask", args=[document.external_id]), chosen(district, document))
    looks = page(as_("releaser"), "urgency", Urgency.objects.get().pk).split("发出去的样子")[1].split("</section>")[0]
    assert looks.count("<iframe") == 2
    assert "10 个账号的内容逐字节相同，只画一次" in looks
    assert all(looks.count(f">{one.name}</span>") == 1 for one in district.accounts)


def test_accounts_on_which_it_looks_different_are_drawn_each(district: District, as_: Login) -> None:
    district.widened(weibo=1)
    last = district.accounts[-1]
    type(last).objects.filter(pk=last.pk).update(options={**last.options, "place": "临沂市兰山区"})
    document = district.document(ARTICLES[2])
    shown = page(as_("editor"), "urgent-notice", document.external_id)
    assert shown.split("发出去的样子")[1].split("</section>")[0].count("<iframe") == 3


def test_a_refusal_keeps_what_was_typed_and_says_that_nothing_was_done(district: District, as_: Login) -> None:
    document = district.document(ARTICLES[2])
    client = as_("editor")
    answer = client.post(reverse("urgent-ask", args=[document.external_id]), chosen(district, document, reason=" 　"))
    assert answer.status_code == 409
    assert "没有提出，未做改动" in answer.content.decode()
    answer = client.post(
        reverse("urgent-ask", args=[document.external_id]),
        chosen(district, document, when="at", date="2020-01-01", time="09:30"),
    )
    assert answer.status_code == 409
    assert "汛情紧急" in answer.content.decode()
    assert document.current.status is EditionState.DRAFTING


def test_changing_the_text_after_the_first_word_makes_it_void(district: District, as_: Login) -> None:
    urgency = asked(district)
    document = urgency.edition.document
    as_("editor").post(reverse("urgent-rewrite", args=[document.external_id]), FIELDS)
    urgency.refresh_from_db()
    assert urgency.status is Stage.VOID
    shown = page(as_("releaser"), "urgency", urgency.pk)
    assert "内容已变，没有发出" in shown
    assert "确认并签发" not in shown


def test_a_notice_that_does_not_pass_keeps_what_was_typed(district: District, as_: Login) -> None:
    answer = as_("editor").post(reverse("urgent-write"), FIELDS | {"source_url": "ftp://x"})
    assert answer.status_code == 409
    assert "请就近避险。" in answer.content.decode()
    assert not Document.objects.exists()


def test_hard_findings_leave_no_button(district: District, as_: Login) -> None:
    client = as_("editor")
    client.post(reverse("urgent-write"), FIELDS | {"text": "联系人张三，身份证号 371302199001011239。"})
    shown = page(client, "urgent-notice", Document.objects.get().external_id)
    assert "处必须修改" in shown
    assert "提请第二人确认" not in shown


def test_what_is_checked_is_the_edition_and_not_what_somebody_is_writing(
    district: District, as_: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = district.document(ARTICLES[2])
    drafting.open_for(document, person=district.people["editor"], now=now())
    one = Attachment("别人的附件.pdf", "a" * 64, 9, "application/pdf")
    Draft.objects.update(attachments=[dataclasses.asdict(one)])
    looked: list[tuple[Attachment, ...]] = []
    checks = drafting.check_article
    monkeypatch.setattr(
        drafting,
        "check_article",
        lambda article, *a, **k: looked.append(article.attachments) or checks(article, *a, **k),
    )
    page(as_("first"), "urgent-notice", document.external_id)
    assert looked == [()]


# --- for whom -------------------------------------------------------------------------------------------------


def test_who_has_no_part_in_it_finds_no_page_and_no_link(district: District, as_: Login) -> None:
    client, urgency = as_("admin"), asked(district)
    assert client.get(reverse("urgent")).status_code == 403
    assert client.post(reverse("urgency-confirm", args=[urgency.pk]), {"seen": urgency.digest}).status_code == 403
    assert f'href="{reverse("urgent")}"' not in page(client, "today")


def test_an_administrator_sees_that_something_is_urgent_and_no_door_that_is_shut(
    district: District, as_: Login
) -> None:
    urgency, shown = asked(district), page(as_("admin"), "today")
    assert "待第二人确认" in shown
    assert reverse("urgency", args=[urgency.pk]) not in shown


def test_whoever_may_not_confirm_sees_why_and_no_button(district: District, as_: Login) -> None:
    urgency = asked(district)
    for who, why in (("editor", "您没有确认应急发布的权限"), ("first", "您没有确认应急发布的权限")):
        shown = page(as_(who), "urgency", urgency.pk)
        assert why in shown
        assert "确认并签发" not in shown
        refused = as_(who).post(reverse("urgency-confirm", args=[urgency.pk]), {"seen": urgency.digest})
        assert refused.status_code == 403


def test_the_line_under_the_text_names_nobody_as_second_who_could_not_be(district: District, as_: Login) -> None:
    urgency = asked(district)
    assert "应急审核：李拟、孙签" in page(as_("releaser"), "urgency", urgency.pk)
    for who in ("editor", "first"):
        assert "应急审核：李拟、（第二人）" in page(as_(who), "urgency", urgency.pk)


def test_whom_it_waits_for_sees_a_number_in_the_navigation(district: District, as_: Login) -> None:
    asked(district)
    link = f'<a href="{reverse("urgent")}">应急<span id="waiting-urgent" data-part> <b class="badge"'
    assert link in page(as_("releaser"), "today")
    assert link not in page(as_("editor"), "today")


def test_the_call_cannot_be_read_away_by_whoever_asked(district: District, as_: Login) -> None:
    asked(district, by="releaser")
    alarm = Alarm.objects.get(kind="urgent")
    door = reverse("alarm-read", args=[alarm.pk])
    assert door not in page(as_("releaser"), "today")
    assert door in page(as_("duty"), "today")
    as_("releaser").post(door)
    alarm.refresh_from_db()
    assert alarm.read_at is None


# --- loud until it is reviewed --------------------------------------------------------------------------------


def test_every_page_of_the_release_is_marked_until_it_is_reviewed_and_calm_afterwards(
    district: District, as_: Login
) -> None:
    release = released(district)
    client = as_("duty")
    loud = "应急发布，待补审"
    places = (("today", ()), ("release", (release.pk,)), ("releases", ()), ("calendar", ()))
    for name, args in places:
        assert loud in page(client, name, *args), name
    assert "已发出，还要补审：请到审批箱办理" in page(client, "release", release.pk)
    assert "补审还有 24 小时" in page(client, "today") or "补审还有 23 小时" in page(client, "today")
    for step in ("first", "second", "final"):
        editorial.review(
            release.urgency.edition.document, person=district.people[step], verdict=Verdict.PASS, now=now()
        )
    for name, args in places[1:]:
        assert "应急发布，已补审" in page(client, name, *args), name
    assert "urgent-banner" not in page(client, "today") + page(client, "release", release.pk)


def test_what_was_returned_afterwards_leads_to_the_correction(district: District, as_: Login) -> None:
    release = released(district)
    editorial.review(
        release.urgency.edition.document, person=district.people["first"], verdict=Verdict.RETURN, comment="不实",
        now=now(),
    )  # fmt: skip
    for name, args in (("today", ()), ("release", (release.pk,))):
        shown = page(as_("duty"), name, *args)
        assert "已公开，内容被退回，请更正或撤回" in shown
        assert reverse("withdraw", args=[release.pk]) in shown


@pytest.mark.parametrize(
    ("state", "columns", "said"),
    [
        ("confirming", {}, "是否公开不明，请先核实，不要手工补发"),
        ("unknown", {}, "是否公开不明，请先核实，不要手工补发"),
        ("sending", {}, "是否公开不明，请先核实，不要手工补发"),
        ("needs_person", {"doubt": True}, "是否公开不明，请先核实，不要手工补发"),
        ("gone", {}, "已公开，内容被退回，请更正或撤回"),
        ("missed", {}, "没有公开"),
    ],
)
def test_what_was_returned_is_told_as_not_public_only_where_that_is_certain(
    district: District, as_: Login, state: str, columns: dict[str, Any], said: str
) -> None:
    release = released(district)
    force(Publication.objects.filter(release=release), state, **columns)
    editorial.review(
        release.urgency.edition.document, person=district.people["first"], verdict=Verdict.RETURN, comment="不实",
        now=now(),
    )  # fmt: skip
    for name, args in (("today", ()), ("release", (release.pk,))):
        shown = page(as_("duty"), name, *args)
        assert said in shown
        assert ("没有公开" in shown) is (state == "missed")


def test_nothing_is_told_as_sent_before_its_instant(district: District, as_: Login) -> None:
    urgency = asked(district)
    as_("releaser").post(reverse("urgency-confirm", args=[urgency.pk]), {"seen": urgency.digest})
    shown = page(as_("duty"), "today")
    assert "未经审核，已签发，尚未发出，补审 0/3" in shown
    assert "先行发布" not in shown


def test_late_is_said_in_red(district: District) -> None:
    release = released(district)
    assert release.urgency is not None
    release.urgency.refresh_from_db()
    late = now() + timedelta(hours=25)
    chip = urgentmarks.mark(release.urgency, late)
    assert chip is not None
    assert (chip.label, chip.tone) == ("应急发布，补审逾期", "bad")
    assert "补审已逾期" in urgentmarks.banner(urgentcare.story(release.urgency), district.people["duty"], late).left


def test_in_the_inbox_it_stands_above_everything_with_its_deadline(district: District, as_: Login) -> None:
    first = district.document(ARTICLES[0])
    editorial.submit(first, person=district.people["editor"], now=now() - timedelta(days=3))
    release = released(district)
    shown = page(as_("first"), "reviews")
    assert "应急补审" in shown
    assert shown.index(release.title) < shown.index(ARTICLES[0].title)
    who = district.people["first"]
    until = inbox.deadlines(who.unit, now())
    (top, _) = inbox.listing(inbox.DUE, 1, who, until, now()).rows
    assert top.left is not None
    assert top.left.owed
    assert "应急补审" in page(as_("first"), "review", release.urgency.edition_id)


def test_in_the_inbox_of_whoever_asked_it_waits_for_others(district: District, as_: Login) -> None:
    document = district.document(ARTICLES[2])
    editorial.submit(document, person=district.people["editor"], now=now())
    who = district.people["first"]
    assert inbox.waiting(who) == 1
    urgency = asked(district, by="first")
    assert inbox.waiting(who) == 0
    assert "提出应急发布的人不能办理这份稿件的审核" in page(as_("first"), "review", urgency.edition_id)


def test_an_urgent_release_offers_neither_signing_nor_moving(district: District, as_: Login) -> None:
    urgency = asked(district)
    as_("releaser").post(reverse("urgency-confirm", args=[urgency.pk]), {"seen": urgency.digest})
    shown = page(as_("releaser"), "release", Release.objects.get().pk)
    for name in ("release-sign", "release-reschedule", "release-edit"):
        assert reverse(name, args=[Release.objects.get().pk]) not in shown
    assert reverse("release-hold", args=[Release.objects.get().pk]) in shown


def test_the_marks_ask_nothing_more_for_each_release(district: District, django_assert_max_num_queries: Any) -> None:
    for article in ARTICLES[::2]:
        released(district, article) if article.kind == "notice" else district.signed(article)
    days = [beijing_date(now()) + timedelta(days=n) for n in range(2)]
    with django_assert_max_num_queries(7):
        rows = calendar_tiles.found(district.unit, days)
        beside = calendar_tiles.Beside.of(rows, district.accounts)
        for release in rows:
            calendar_tiles.tile(release, beside, now())
