"""What may be done with a release: the one next step, honest answers, and what a role may not do is neither shown nor done."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from bot.console import lanes, stepup
from bot.domain.instants import to_beijing
from bot.domain.sync import AfterLive, Seen, Then
from bot.models import PortalGate, Publication, Release
from bot.portal import Look
from bot.services import gating, releases, stops
from tests.services.factories import lifted

from .world import ARTICLES, PASSWORD, District, attempt, now, put

Login = Callable[[str], Client]


def text(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content.decode()[:2000]
    return str(answer.content.decode())


def page(client: Client, release: Release) -> str:
    return text(client.get(f"/releases/{release.pk}"))


def acts_of(client: Client, release: Release) -> str:
    return page(client, release).split('id="acts"')[1].split("</section>")[0]


def confirmed(client: Client) -> Client:
    """Said who they are a moment ago."""
    session = client.session
    session[stepup.CONFIRMED] = now().timestamp()
    session.save()
    return client


def seen(client: Client, release: Release) -> str:
    return text(client.get(f"/releases/{release.pk}/sign")).split('name="seen" value="')[1].split('"')[0]


# --- sign ----------------------------------------------------------------------------------------------------


def test_the_manifest_shows_all_that_is_signed(district: District, as_: Login) -> None:
    release = district.planned(*ARTICLES[:2], title="要签的一张")
    shown = text(as_("releaser").get(f"/releases/{release.pk}/sign"))
    for item in release.publications.all()[0].items.all():
        assert item.post.hash[-8:] in shown
    for words in ("中国河东", "临沂河东", "群发", "推送给全部关注者", "头条", "次条", "初审 王初", "终审 钱终"):
        assert words in shown
    assert "来源：河东区人民政府办公室　责编：李拟　审核：王初、赵复、钱终" in shown
    assert to_beijing(release.instant).strftime("%Y-%m-%d %H:%M:%S") in shown


def test_signing_asks_once_more_who_it_is(district: District, unasked: Login) -> None:
    signer = district.people["releaser"]
    signer.set_password(PASSWORD)
    signer.save()
    release, client = district.planned(), unasked("releaser")
    form = {"seen": seen(client, release)}
    asked = text(client.post(f"/releases/{release.pk}/sign", form))
    assert "请再确认一次身份" in asked
    assert "签发发布单" in asked
    release.refresh_from_db()
    assert not release.signed
    wrong = text(client.post(f"/releases/{release.pk}/sign", form | {"stepup-password": "falsch"}), 401)
    assert "密码不对，还没有办理" in wrong
    done = text(client.post(f"/releases/{release.pk}/sign", form | {"stepup-password": PASSWORD}, follow=True))
    release.refresh_from_db()
    assert release.signed_by == signer
    assert f"已签发，清单哈希尾号 {release.manifest_hash[-8:]}" in done


def test_a_deputy_of_the_signer_finds_the_step_on_the_page_and_signs(district: District, as_: Login) -> None:
    release, client = district.planned(), as_("duty")
    assert f"/releases/{release.pk}/sign" not in acts_of(client, release)
    district.deputise("releaser", "duty")
    assert "现在还不能" not in acts_of(client, release)
    assert primary(page(client, release)) == ["核对清单并签发"]
    done = text(client.post(f"/releases/{release.pk}/sign", {"seen": seen(client, release)}, follow=True))
    assert "已签发" in done
    release.refresh_from_db()
    assert release.signed_by == district.people["duty"]
    assert "代孙签签发" in page(client, release)


def test_a_deputy_who_wrote_it_signs_it_as_little_as_the_writer(district: District, as_: Login) -> None:
    release = district.planned()
    district.deputise("releaser", "editor")
    assert "签发人不能签发本人拟写的稿件" in acts_of(as_("editor"), release)


def test_what_changed_since_it_was_read_is_not_signed(district: District, as_: Login) -> None:
    release, client = district.planned(), confirmed(as_("releaser"))
    read = seen(client, release)
    at = release.instant + timedelta(minutes=5)
    releases.reschedule(release, instant=at, person=district.people["editor"], now=now())
    shown = text(client.post(f"/releases/{release.pk}/sign", {"seen": read}, follow=True))
    assert "清单在您打开以后有变动，没有签发" in shown
    release.refresh_from_db()
    assert not release.signed


def test_a_refusal_of_the_service_is_shown_and_nothing_is_signed(district: District, as_: Login) -> None:
    release, client = district.planned(), confirmed(as_("releaser"))
    read = seen(client, release)
    stops.freeze(district.unit, person=district.people["duty"], reason="核对", now=now())
    assert "一键停发状态，不能签发" in text(client.post(f"/releases/{release.pk}/sign", {"seen": read}, follow=True))
    release.refresh_from_db()
    assert not release.signed


def test_a_writer_who_may_sign_is_told_why_not_this_one(district: District, as_: Login) -> None:
    release = district.planned()
    writer = district.people["editor"]
    writer.roles = ["editor", "releaser"]
    writer.save()
    shown = text(as_("editor").get(f"/releases/{release.pk}/sign"))
    assert "签发人不能签发本人拟写的稿件" in shown
    assert 'name="seen"' not in shown


# --- the one next step ---------------------------------------------------------------------------------------


def primary(shown: str) -> list[str]:
    return re.findall(r'button primary"[^>]*>(?:<svg.*?</svg>)?([^<]+)<', shown)


def test_the_next_step_is_the_one_that_is_legal_now(district: District, as_: Login) -> None:
    release, client = district.planned(), as_("releaser")
    assert primary(acts_of(client, release)) == ["核对清单并签发"]
    releases.sign(release, person=district.people["releaser"], now=now())
    assert primary(acts_of(client, release)) == []
    assert "到时自动发出" in acts_of(client, release)
    stops.hold(release, person=district.people["duty"], reason="核对", now=now())
    assert primary(acts_of(client, release)) == ["恢复"]
    stops.cancel(release, person=district.people["duty"], reason="不发", now=now())
    assert primary(acts_of(client, release)) == []
    assert "已了结" in acts_of(client, release)


def test_what_is_resumed_after_its_instant_does_not_speak_of_a_time_to_come(district: District, as_: Login) -> None:
    release = district.signed()
    stops.hold(release, person=district.people["duty"], reason="核对", now=now())
    with time_machine.travel(release.instant + timedelta(seconds=26), tick=True):
        client = as_("releaser")
        shown = text(client.post(f"/releases/{release.pk}/resume", follow=True))
        assert "已恢复 2 条推送" in shown
        assert "时刻已过，准备好就自动发出" in acts_of(client, release)
        assert "到时自动发出" not in acts_of(client, release)


def test_what_another_edition_has_replaced_is_not_offered_to_be_signed(district: District, as_: Login) -> None:
    release, client = district.planned(), as_("releaser")
    district.document(dataclasses.replace(ARTICLES[0], summary="自12月2日起调整。"))
    shown = acts_of(client, release)
    assert primary(shown) == ["修改内容、次序、账号"]
    assert "已有新版本，这张发布单里还是旧版，签发不了" in shown
    desk = client.get("/").content.decode()
    assert "这张发布单里还是旧版，签发不了" in desk
    assert f'href="/releases/{release.pk}/sign"' not in desk


def test_too_late_to_sign_the_next_step_is_another_instant(district: District, as_: Login) -> None:
    release = district.planned(ahead=timedelta(seconds=5))
    shown = acts_of(as_("releaser"), release)
    assert primary(shown) == ["改期"]
    assert "现在不能办理：发布时刻已过或太近，请先改期。" in shown


@pytest.mark.parametrize(
    ("who", "there", "absent"),
    [
        ("releaser", ["sign", "reschedule", "edit", "cancel"], []),
        ("editor", ["reschedule", "edit"], ["sign", "cancel", "hold", "resume"]),
        ("duty", ["cancel"], ["sign", "reschedule", "edit", "resume"]),
        ("final", [], ["sign", "reschedule", "edit", "cancel", "hold", "resume"]),
    ],
)
def test_what_a_role_may_not_do_is_not_on_the_page(
    who: str, there: list[str], absent: list[str], district: District, as_: Login
) -> None:
    release = district.planned()
    shown = acts_of(as_(who), release)
    for name in there:
        assert f"/releases/{release.pk}/{name}" in shown
    for name in absent:
        assert f"/releases/{release.pk}/{name}" not in shown


EVERY = ["sign", "reschedule", "hold", "resume", "cancel", "gate/go", "gate/stay"]


@pytest.mark.parametrize(
    ("who", "refused"),
    [
        ("final", EVERY), ("admin", EVERY), ("editor", ["sign", "hold", "resume", "cancel", "gate/go", "gate/stay"]),
        ("duty", ["sign", "reschedule", "resume"]),
    ],
)  # fmt: skip
def test_what_a_role_may_not_do_is_refused(who: str, refused: list[str], district: District, as_: Login) -> None:
    release, client = district.signed(), confirmed(as_(who))
    for name in refused:
        assert client.post(f"/releases/{release.pk}/{name}", {"reason": "试"}).status_code == 403
    release.refresh_from_db()
    assert release.signed
    assert {one.state for one in release.publications.all()} == {"planned"}


@pytest.mark.parametrize("name", EVERY)
def test_another_units_release_does_not_exist(name: str, district: District, as_: Login) -> None:
    release = District.make("luozhuang", "罗庄区政府办公室").signed()
    client = confirmed(as_("releaser"))
    assert client.post(f"/releases/{release.pk}/{name}", {"reason": "试"}).status_code == 404
    assert client.get(f"/events/release/{release.pk}").status_code == 404
    release.refresh_from_db()
    assert release.signed


@pytest.mark.parametrize("name", [name for name in EVERY if name != "sign"])
def test_what_changes_something_is_a_post(name: str, district: District, as_: Login) -> None:
    release = district.signed()
    assert as_("releaser").get(f"/releases/{release.pk}/{name}").status_code == 405


# --- move, hold, resume, call off ----------------------------------------------------------------------------


def seen_in(shown: str) -> str:
    return shown.split('name="seen" value="')[1].split('"')[0]


def test_another_instant_voids_the_signature_and_says_so(district: District, as_: Login) -> None:
    release = district.signed()
    at = to_beijing(release.instant + timedelta(days=1))
    form = {"date": at.strftime("%Y-%m-%d"), "time": at.strftime("%H:%M")}
    shown = text(as_("editor").post(f"/releases/{release.pk}/reschedule", form, follow=True))
    assert "原签发已作废，请重新签发" in shown
    release.refresh_from_db()
    assert not release.signed
    assert to_beijing(release.instant).strftime("%Y-%m-%d %H:%M") == at.strftime("%Y-%m-%d %H:%M")


def test_a_signature_that_came_since_the_page_was_opened_is_not_taken_back_unseen(
    district: District, as_: Login
) -> None:
    release, client = district.planned(), as_("editor")
    form = {"date": "2099-12-01", "time": "09:30", "seen": seen_in(page(client, release))}
    releases.sign(release, person=district.people["releaser"], now=now())
    shown = text(client.post(f"/releases/{release.pk}/reschedule", form, follow=True))
    assert "已签发），没有改期，未做改动" in shown
    release.refresh_from_db()
    assert release.signed
    form["seen"] = seen_in(shown)
    assert "原签发已作废" in text(client.post(f"/releases/{release.pk}/reschedule", form, follow=True))


def test_what_was_typed_stands_in_the_form_again_once(district: District, as_: Login) -> None:
    release, client = district.planned(), as_("editor")
    form = {"date": "2099-12-01", "time": "16:45", "seen": "not what stands there"}
    shown = text(client.post(f"/releases/{release.pk}/reschedule", form, follow=True))
    assert re.search(r'type="date" value="2099-12-01"', shown)
    assert re.search(r'type="time" value="16:45"', shown)
    assert shown.count("<details open>") == 1
    again = page(client, release)
    assert "2099-12-01" not in again
    assert "<details open>" not in again


def test_what_was_typed_about_one_release_stands_on_no_other(district: District, as_: Login) -> None:
    release, other, client = district.planned(ARTICLES[0]), district.planned(ARTICLES[1]), as_("editor")
    client.post(f"/releases/{release.pk}/reschedule", {"date": "2099-12-01", "time": "16:45", "seen": "-"})
    assert "2099-12-01" not in page(client, other)
    assert "2099-12-01" in page(client, release)


def test_an_instant_that_is_none_changes_nothing(district: District, as_: Login) -> None:
    release = district.signed()
    shown = text(as_("editor").post(f"/releases/{release.pk}/reschedule", {"date": "", "time": "9"}, follow=True))
    assert "没有写全，未做改动" in shown
    release.refresh_from_db()
    assert release.signed


def test_holding_and_resuming_tell_what_they_reached(district: District, as_: Login) -> None:
    release = district.signed()
    wechat, _ = release.publications.order_by("account_id")
    put(wechat, "live")
    shown = text(as_("duty").post(f"/releases/{release.pk}/hold", {"reason": "再核对"}, follow=True))
    assert "已发出 1 条，已拦下 1 条，在途 0 条" in shown
    shown = text(as_("releaser").post(f"/releases/{release.pk}/resume", follow=True))
    assert "已恢复 1 条推送" in shown


def test_holding_needs_a_reason(district: District, as_: Login) -> None:
    release = district.signed()
    assert "须写明原因" in text(as_("duty").post(f"/releases/{release.pk}/hold", {"reason": " "}, follow=True))
    assert {one.state for one in release.publications.all()} == {"planned"}


def test_calling_off_asks_who_it_is_needs_a_reason_and_is_for_good(district: District, unasked: Login) -> None:
    release, client = district.signed(), unasked("duty")
    asked = text(client.post(f"/releases/{release.pk}/cancel", {"reason": "内容有误"}))
    assert "请再确认一次身份" in asked
    assert 'name="reason" value="内容有误"' in asked
    shown = text(
        client.post(f"/releases/{release.pk}/cancel", {"reason": "内容有误", "stepup-password": PASSWORD}, follow=True)
    )
    assert "已拦下 2 条" in shown
    release.refresh_from_db()
    assert release.cancel_reason == "内容有误"


# --- the portal ----------------------------------------------------------------------------------------------


def asking(district: District) -> Release:
    """Time was up for its page, a person must choose."""
    policy = AfterLive(
        "https://www.hedong.gov.cn/a/1.html", "关于调整城区公交线路的通知", timedelta(seconds=5), Then.ASK
    )
    release = releases.plan(
        title="门户联动的一张", instant=now() + timedelta(minutes=30), documents=[district.approved()],
        accounts=district.accounts, person=district.people["editor"], now=now(), sync=policy,
    )  # fmt: skip
    releases.sign(release, person=district.people["releaser"], now=now())
    early = timedelta(minutes=29, seconds=50)
    with lifted("release_kept_while_signed", "publication_kept_while_signed"):
        Release.objects.filter(pk=release.pk).update(instant=release.instant - early)
        for one in release.publications.all():
            Publication.objects.filter(pk=one.pk).update(instant=one.instant - early, not_before=one.not_before - early)
    release.refresh_from_db()
    late = release.instant + timedelta(seconds=6)
    PortalGate.objects.update(next_at=now())
    answer = Look(Seen.NOT_YET, "网页打不开（HTTP 404）", 404)
    gating.ask(PortalGate.objects.get().pk, now=lambda: late, look=lambda *_, **__: answer)
    return release


def test_when_the_page_did_not_come_the_next_step_is_to_decide(district: District, as_: Login) -> None:
    release = asking(district)
    shown = acts_of(as_("duty"), release)
    assert primary(shown) == ["不等网页，照发"]
    assert "继续暂停" in shown
    assert f"/releases/{release.pk}/gate" not in acts_of(as_("editor"), release)


def test_going_without_the_page_asks_who_it_is_and_says_when_it_leaves(district: District, unasked: Login) -> None:
    release, client = asking(district), unasked("duty")
    assert "请再确认一次身份" in text(client.post(f"/releases/{release.pk}/gate/go"))
    shown = text(client.post(f"/releases/{release.pk}/gate/go", {"stepup-password": PASSWORD}, follow=True))
    assert "已决定不等网页：2 条推送继续" in shown
    assert PortalGate.objects.get().state == "waived"


def test_staying_held_is_a_decision_too(district: District, as_: Login) -> None:
    release = asking(district)
    shown = text(as_("duty").post(f"/releases/{release.pk}/gate/stay", follow=True))
    assert "已决定继续暂停，没有发出" in shown
    assert PortalGate.objects.get().state == "held"
    assert "已经暂停，无须再次决定" in acts_of(as_("duty"), release)


# --- the lanes -----------------------------------------------------------------------------------------------


def lanes_of(client: Client, release: Release) -> str:
    return page(client, release).split('id="lanes"')[1].split("</section>")[0]


def test_the_lanes_show_what_is_expected_and_then_what_happened(district: District, as_: Login) -> None:
    release = district.signed(*ARTICLES)
    wechat, first, *_ = release.publications.order_by("account_id", "lane")
    shown = lanes_of(as_("duty"), release)
    assert shown.count('class="lane"') == 4
    assert f"约定 {to_beijing(first.instant).strftime('%H:%M:%S')}" in shown
    assert not any("实际" in one for one in stations(as_("duty"), release))
    assert shown.count('aria-current="step"') == 4
    put(wechat, "live", sent_at=wechat.instant + timedelta(seconds=1))
    shown = lanes_of(as_("duty"), release)
    assert to_beijing(wechat.instant + timedelta(seconds=1)).strftime("%H:%M:%S") in shown
    assert to_beijing(wechat.instant + timedelta(seconds=4)).strftime("%H:%M:%S") in shown
    assert shown.count('aria-current="step"') == 3
    assert "style=" not in shown


def test_the_portal_is_the_first_lane_where_the_release_waits_for_it(district: District, as_: Login) -> None:
    shown = lanes_of(as_("duty"), asking(district))
    assert shown.index("门户网站") < shown.index("中国河东") < shown.index("临沂河东")
    assert "门户未上线，等人决定" in shown


def stations(client: Client, release: Release) -> list[str]:
    """What each station says, one line of words each."""
    found = re.findall(r'<li class="station.*?</svg>\s*<p>(.*?)</p>', lanes_of(client, release), re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in found]


def test_a_passed_station_tells_the_agreed_time_beside_the_actual_one(district: District, as_: Login) -> None:
    release = district.signed()
    wechat = release.publications.order_by("account_id")[0]
    agreed = wechat.instant.replace(microsecond=0)
    put(wechat, "live", instant=agreed, staged_at=agreed - timedelta(minutes=9), live_at=agreed + timedelta(seconds=4),
        sent_at=agreed + timedelta(microseconds=4999), accepted_at=agreed + timedelta(seconds=1))  # fmt: skip
    prepared, sent, accepted, public = stations(as_("duty"), release)[:4]
    clock = to_beijing(agreed).strftime("%H:%M:%S")
    assert re.fullmatch(r"准备 实际 \d\d:\d\d:\d\d 预计 \d\d:\d\d:\d\d", prepared)
    assert sent == f"发出 实际 {clock}.004 约定 {clock}"  # never rounded up
    assert accepted == f"受理 实际 {to_beijing(agreed + timedelta(seconds=1)):%H:%M:%S}"
    assert public == f"公开 实际 {to_beijing(agreed + timedelta(seconds=4)):%H:%M:%S}"


def test_a_station_passed_on_another_day_names_the_day(district: District, as_: Login) -> None:
    release = district.signed()
    wechat = release.publications.order_by("account_id")[0]
    late = wechat.instant + timedelta(days=1)
    put(wechat, "live", sent_at=late, live_at=late)
    sent = stations(as_("duty"), release)[1]
    assert f"发出 实际 {to_beijing(late):%m-%d %H:%M:%S}" in sent
    assert sent.endswith(f"约定 {to_beijing(wechat.instant):%H:%M:%S}")


def test_no_time_is_made_up_for_what_a_person_declared_public(district: District, as_: Login) -> None:
    release = district.signed()
    wechat = release.publications.order_by("account_id")[0]
    put(wechat, "live", sent_at=None, ids={"declared_by": "duty"}, live_at=now())
    _, sent, accepted, public = stations(as_("duty"), release)[:4]
    assert sent.startswith("发出 时刻没有记录 约定")
    assert accepted == "受理 时刻没有记录"
    assert public.startswith("公开 登记 ")


def test_an_early_page_lets_nothing_through_before_the_instant(district: District, as_: Login) -> None:
    release = asking(district)
    seen_at, clock = now() - timedelta(minutes=2), lambda at: f"{to_beijing(at):%H:%M:%S}"
    soon = now() + timedelta(minutes=5)
    PortalGate.objects.update(state="open", open_since=seen_at, live_at=seen_at, effective=soon)
    _, online, through = stations(as_("duty"), release)[:3]
    assert online == f"网页上线 实际 {clock(seen_at)} 最迟 {clock(release.instant + timedelta(seconds=5))}"
    assert through == f"放行 约定 {clock(soon)}"
    PortalGate.objects.update(effective=seen_at)
    assert stations(as_("duty"), release)[2] == f"放行 实际 {clock(seen_at)} 约定 {clock(release.instant)}"


@pytest.mark.parametrize("state", ["planned", "blocked", "staging", "staged", "armed", "sending", "unknown", "confirming",
                                   "live", "held", "cancelled", "missed", "needs_person", "gone", "withdrawn"])  # fmt: skip
def test_a_lane_can_be_drawn_in_every_state(state: str, district: District, as_: Login) -> None:
    release = district.signed()
    one = release.publications.all()[0]
    attempt(one, outcome="unknown", sent_at=one.instant)
    put(one, state, live_at=now(), staged_at=now())
    label = Publication.objects.get(pk=one.pk).status.label
    shown = lanes_of(as_("duty"), release)
    assert (label in shown) or state == "live"


def test_a_release_of_many_pushes_is_drawn_in_part_and_says_so(district: District, as_: Login) -> None:
    release = district.signed(*ARTICLES)
    found = list(release.publications.select_related("account"))
    many = found * 10
    assert len(lanes.lanes(release, many, None, now=now())) == lanes.DRAWN
    assert lanes.beyond(many) == len(many) - lanes.DRAWN


def test_of_many_pushes_those_in_trouble_are_drawn_first(district: District, as_: Login) -> None:
    release = district.widened(weibo=14).signed()
    in_order = [one.account.name for one in release.publications.select_related("account").order_by("account_id")]
    for name, state in ((in_order[-1], "unknown"), (in_order[-2], "needs_person"), (in_order[-3], "held")):
        put(release.publications.get(account__name=name), state)
    shown = lanes_of(as_("duty"), release)
    drawn = re.findall(r"lane-name account[^>]*>([^<]*)<", shown)
    assert drawn == [*in_order[-3:], *in_order[: lanes.DRAWN - 3]]
    assert f"另有 {len(in_order) - lanes.DRAWN} 次推送" in shown
