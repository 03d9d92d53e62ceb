"""Releases of which people post a part, or all: signed with that part in sight, and called what they are until it is entered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from bot.console import board, chips
from bot.console.calendar_tiles import OFF, PUBLIC, TROUBLE, WAITING, group
from bot.domain.instants import beijing_date, to_beijing
from bot.domain.sync import Seen
from bot.domain.workflow import READERS, Role
from bot.models import Account, ManualPost, ManualTask, PortalGate, Release
from bot.portal import Look
from bot.services import gating, manual, manualtasks, releases, stops
from tests.services.factories import after_live

from .world import ARTICLES, District, now, put

Login = Callable[[str], Client]
LINK = "https://mp.weixin.qq.com/s/AbCdEfGh{}"
WEIBO = "https://weibo.com/2017000001/Pq{}Xyz"


def text(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content.decode()[:2000]
    return str(answer.content.decode())


def page(client: Client, address: str) -> str:
    return text(client.get(address))


def by_hand(district: District, *slugs: str) -> None:
    """From now on people post on these accounts."""
    Account.objects.filter(slug__in=slugs or ("wx", "wb")).update(manual_reason="未认证，没有发布接口权限")
    for account in district.accounts:
        account.refresh_from_db()


def enter(district: District, release: Release, slug: str = "wx", lane: int = 0) -> None:
    """They posted it, and say so."""
    tasks = manualtasks.find_message(release.pk, slug, lane, unit=district.unit)
    link = LINK if slug == "wx" else WEIBO
    who = district.people["duty"]
    manualtasks.finish(
        tasks, urls=[link.format(task.pk) for task in tasks], posted_at=now().replace(second=0, microsecond=0),
        posted_by=who, person=who, now=now(),
    )  # fmt: skip


def later(release: Release, **by: int) -> Any:
    return time_machine.travel(release.instant + timedelta(**by), tick=False)


def chip(release: Release) -> chips.Chip:
    found = Release.objects.get(pk=release.pk)
    return chips.standing(found, list(found.publications.all()), now())


def listed(client: Client, state: str) -> bool:
    return "全手工" in page(client, f"/releases?state={state}").split('<ol class="rows">')[1]


def acts_of(client: Client, release: Release) -> str:
    return page(client, f"/releases/{release.pk}").split('id="acts"')[1].split("</section>")[0]


def asks_of(client: Client) -> str:
    return page(client, "/").split('id="asks"')[1].split("</section>")[0]


def seen(client: Client, release: Release) -> str:
    return page(client, f"/releases/{release.pk}/sign").split('name="seen" value="')[1].split('"')[0]


# --- signing --------------------------------------------------------------------------------------------------


def test_a_release_that_people_alone_post_is_to_be_signed_and_says_so(district: District, as_: Login) -> None:
    by_hand(district)
    release = district.planned(title="全手工")
    client = as_("releaser")
    shown = acts_of(client, release)
    assert "核对清单并签发" in shown
    assert "等签发人核对清单后签发" in shown
    assert f'href="/releases/{release.pk}/sign"' in asks_of(client)
    done = text(client.post(f"/releases/{release.pk}/sign", {"seen": seen(client, release)}, follow=True))
    assert "手工发布的部分系统不代发" in done
    release.refresh_from_db()
    assert release.signed
    assert "未签发" not in asks_of(client)
    assert "系统不代发" in acts_of(client, release)


def test_the_signer_reads_what_people_will_post(district: District, as_: Login) -> None:
    by_hand(district, "wx")
    release = district.planned(*ARTICLES[:2], title="一半手工")
    shown = page(as_("releaser"), f"/releases/{release.pk}/sign")
    tasks = list(release.manual_tasks.select_related("post"))
    assert len(tasks) == 2
    for task in tasks:
        assert task.post.hash[-8:] in shown
        assert f"/frames/post/{task.post_id}" in shown
    hand = shown.split("手工发布，")[1]
    for words in ("未认证，没有发布接口权限，只能手工发布", "头条", "次条", "初审 王初", "终审 钱终"):
        assert words in hand
    assert "来源：河东区人民政府办公室　责编：李拟　审核：王初、赵复、钱终" in hand
    assert "2 次推送、1 次手工发布的次序" in shown
    assert "其中 1 次是手工发布" in shown
    assert "群发额度" not in shown  # no slot is taken for what people post


def test_a_manifest_of_manual_posts_alone_counts_no_pushes(district: District, as_: Login) -> None:
    by_hand(district)
    release = district.planned()
    shown = page(as_("releaser"), f"/releases/{release.pk}/sign")
    assert "我已核对以上 2 次手工发布的次序" in shown
    assert "次推送" not in shown


def test_what_changed_in_the_part_by_hand_is_read_again(district: District, as_: Login) -> None:
    by_hand(district)
    release, client = district.planned(), as_("releaser")
    read = seen(client, release)
    at = release.instant + timedelta(minutes=5)
    releases.reschedule(release, instant=at, person=district.people["editor"], now=now())
    again = seen(client, release)
    assert again != read
    tasks = manualtasks.find_message(release.pk, "wb", 0, unit=district.unit)
    manualtasks.drop(tasks, reason="不发微博", person=district.people["duty"], now=now())
    for stale in (read, again):
        shown = text(client.post(f"/releases/{release.pk}/sign", {"seen": stale}, follow=True))
        assert "清单在您打开以后有变动，没有签发" in shown
    assert not Release.objects.get(pk=release.pk).signed


def test_who_wrote_what_people_post_does_not_sign_it(district: District, as_: Login) -> None:
    by_hand(district)
    release, writer = district.planned(), district.people["editor"]
    writer.roles = ["editor", "releaser"]
    writer.save()
    shown = page(as_("editor"), f"/releases/{release.pk}/sign")
    assert "签发人不能签发本人拟写的稿件" in shown
    assert 'name="seen"' not in shown


# --- what it is called ----------------------------------------------------------------------------------------


def test_from_the_signature_to_the_last_entry_it_is_called_and_found_as_what_it_is(
    district: District, as_: Login
) -> None:
    by_hand(district)
    release = district.planned(title="全手工")
    assert chip(release).label == "未签发"
    releases.sign(release, person=district.people["releaser"], now=now())
    client = as_("duty")

    def found() -> list[str]:
        return [state for state in ("unsigned", "waiting", "out", "asks") if listed(client, state)]

    assert (chip(release).label, group(chip(release)), found()) == ("手工发布", WAITING, ["waiting"])
    with later(release, minutes=1):
        client.force_login(district.people["duty"])
        assert (chip(release).label, group(chip(release)), found()) == ("待手工发布", TROUBLE, ["asks"])
        enter(district, release, "wx")
        assert (chip(release).label, chip(release).count) == ("部分发出", "1/2")
        assert group(chip(release)) == TROUBLE
        enter(district, release, "wb")
        assert (chip(release).label, group(chip(release)), found()) == ("已发布（手工）", PUBLIC, ["out"])
        assert "已了结，没有要办理的" in acts_of(client, release)


def test_what_nobody_posts_any_more_is_called_off_and_asks_for_nothing(district: District, as_: Login) -> None:
    by_hand(district)
    release = district.signed(title="全手工")
    for slug in ("wx", "wb"):
        tasks = manualtasks.find_message(release.pk, slug, 0, unit=district.unit)
        manualtasks.drop(tasks, reason="不发了", person=district.people["duty"], now=now())
    with later(release, minutes=1):
        assert (chip(release).label, group(chip(release))) == ("不再发布", OFF)
        client = as_("duty")
        assert not listed(client, "asks")
        assert "待手工发布" not in asks_of(client)


def waits_for_its_page(district: District) -> Release:
    """Signed for half an hour from now, and its portal page."""
    release = releases.plan(
        title="全手工", instant=now() + timedelta(minutes=30), documents=[district.approved()],
        accounts=district.accounts, person=district.people["editor"], now=now(), sync=after_live(),
    )  # fmt: skip
    releases.sign(release, person=district.people["releaser"], now=now())
    return release


def test_until_the_portal_lets_it_through_it_waits_for_that(district: District, as_: Login) -> None:
    by_hand(district)
    release = waits_for_its_page(district)
    with later(release, minutes=1):
        assert (chip(release).label, group(chip(release))) == ("等门户上线", WAITING)
        client = as_("duty")
        assert listed(client, "waiting")
        assert not listed(client, "asks")
        assert "待手工发布" not in asks_of(client)


@pytest.mark.parametrize(
    ("seen", "after", "state", "next_ask"),
    [(Seen.LIVE, 1, "open", True), (Seen.NOT_YET, 1, "shut", True), (Seen.NOT_YET, 120, "asking", False)],
)
def test_the_page_is_asked_for_where_people_post_all_of_it(
    district: District, seen: Seen, after: int, state: str, next_ask: bool
) -> None:
    """Nobody else would ever let it through, and nobody would be told to post."""
    by_hand(district)
    release = waits_for_its_page(district)
    with later(release, minutes=after):
        PortalGate.objects.update(next_at=now())
        gating.ask(PortalGate.objects.get().pk, now=now, look=lambda *_, **__: Look(seen, "看过", 200, {}))
    gate = PortalGate.objects.get()
    assert (gate.state, gate.next_at is not None) == (state, next_ask)


def test_a_page_that_let_people_post_is_not_asked_for_for_ever(district: District) -> None:
    by_hand(district)
    release = waits_for_its_page(district)
    for hours in (0, 3):
        with later(release, minutes=1, hours=hours):
            PortalGate.objects.update(next_at=now())
            gating.ask(PortalGate.objects.get().pk, now=now, look=lambda *_, **__: Look(Seen.LIVE, "看过", 200, {}))
    assert (PortalGate.objects.get().state, PortalGate.objects.get().next_at) == ("open", None)


def test_where_the_portals_page_did_not_come_a_person_decides(district: District, as_: Login) -> None:
    by_hand(district)
    release = waits_for_its_page(district)
    with later(release, minutes=20):
        PortalGate.objects.filter(release=release).update(state="asking")
        client = as_("duty")
        assert "决定是否等门户" in asks_of(client)
        assert "不等网页，照发" in acts_of(client, release)
        shown = text(client.post(f"/releases/{release.pk}/gate/go", follow=True))
        assert "手工发布的部分现在可以发出" in shown
        assert chip(release).label == "待手工发布"
        assert "去手工发布" in asks_of(client)


def test_the_machines_part_alone_is_not_the_whole(district: District, as_: Login) -> None:
    by_hand(district, "wx")
    release = district.signed(title="一半手工")
    for one in release.publications.all():
        put(one, "live")
    with later(release, minutes=1):
        assert (chip(release).label, chip(release).count) == ("部分发出", "1/2")
        says = "已公开：临沂河东 1 次推送；是否公开不明：中国河东 手工发布 1 篇（还没有登记）。"
        client = as_("duty")
        for address in ("/", "/releases", f"/releases/{release.pk}"):
            assert says in page(client, address)
        enter(district, release)
        assert chip(release).label == "已发布"
        assert "是否公开不明" not in page(client, f"/releases/{release.pk}")


def take_down(release: Release, title: str, district: District) -> str:
    """A named person's word that one article is gone again. Gives what its address ends in."""
    post = ManualPost.objects.get(task__release=release, title=title, void__isnull=True)
    manual.taken_down(post, evidence="周值已删除，打开链接显示内容不存在", person=district.people["duty"], now=now())
    return post.post_key


def test_one_of_two_articles_taken_down_again_is_told_everywhere_and_its_link_is_not_offered(
    district: District, as_: Login
) -> None:
    by_hand(district, "wx")
    release = district.signed(*ARTICLES[:2], title="一半手工", ahead=timedelta(minutes=30))
    for one in release.publications.all():
        put(one, "live")
    with later(release, minutes=1):
        enter(district, release)
        first = ManualPost.objects.order_by("pk")[0]
        manual.void(first, reason="登记错了", person=district.people["duty"], now=now())
        enter(district, release)
        assert chip(release).label == "已发布"
        assert first.post_key in page(as_("duty"), "/")
        gone = take_down(release, first.title, district)
        assert (chip(release).label, chip(release).count, group(chip(release))) == ("部分撤下", "1/3", PUBLIC)
        client = as_("duty")
        desk = page(client, "/")
        assert gone not in desk
        assert f"AbCdEfGh{release.manual_tasks.get(position=1).pk}" in desk
        assert "部分已撤下" in page(client, "/releases")
        shown = page(client, f"/releases/{release.pk}")
        assert "中国河东：部分已撤下" in shown
        for told in (desk, shown, page(client, "/releases"), page(client, "/calendar")):
            assert "部分撤下" in told
            assert "正在依次发出" not in told
        assert "中国河东：手工发布，部分已撤下" in page(client, "/calendar")
        take_down(release, release.manual_tasks.get(position=1).edition.title, district)
        assert (chip(release).label, chip(release).count) == ("部分撤下", "1/3")
        assert "中国河东：手工发布，已撤下" in page(client, f"/releases/{release.pk}")


def test_one_of_two_articles_of_a_release_by_hand_alone_taken_down_leaves_the_other(district: District) -> None:
    by_hand(district)
    release = releases.plan(
        title="全手工", instant=now() + timedelta(minutes=30), documents=[district.approved(one) for one in ARTICLES[:2]],
        accounts=district.accounts[:1], person=district.people["editor"], now=now(),
    )  # fmt: skip
    releases.sign(release, person=district.people["releaser"], now=now())
    with later(release, minutes=1):
        enter(district, release)
        take_down(release, release.manual_tasks.get(position=0).edition.title, district)
        assert (chip(release).label, group(chip(release))) == ("部分撤下", PUBLIC)
        take_down(release, release.manual_tasks.get(position=1).edition.title, district)
        assert (chip(release).label, group(chip(release))) == ("手工发布，已撤下", OFF)


def test_the_calendar_shows_accounts_and_kinds_of_what_people_post(district: District, as_: Login) -> None:
    by_hand(district)
    release = district.signed(ARTICLES[0], ahead=timedelta(days=7), title="全手工")
    day = {"date": beijing_date(release.instant).isoformat()}
    client = as_("duty")
    for facets in ({}, {"channel": "wechat"}, {"kind": "notice"}, {"state": "waiting"}):
        shown = text(client.get("/calendar", day | facets))
        assert "全手工" in shown.split('<table class="grid')[1].split("</table>")[0], facets
    assert "中国河东：手工发布，还没有登记" in shown


# --- the duty desk --------------------------------------------------------------------------------------------


def test_the_desk_lists_what_is_due_by_hand_with_the_way_to_it(district: District, as_: Login) -> None:
    by_hand(district, "wx")
    release, client = district.signed(title="一半手工"), as_("duty")
    shown = page(client, "/")
    assert "待手工发布" not in shown
    assert "手工发布</span>" in shown.split('id="board"')[1]  # the account's line
    with later(release, minutes=1):
        client.force_login(district.people["duty"])
        asked = asks_of(client)
        assert "待手工发布" in asked
        assert f'href="/manual#job-{release.pk}-wx-0"' in asked
        assert "去手工发布" in acts_of(client, release)
        client.force_login(district.people["admin"])
        assert "去手工发布" not in asks_of(client)
        stops.freeze(district.unit, person=district.people["duty"], reason="核对", now=now())
        client.force_login(district.people["duty"])
        assert "去手工发布" not in asks_of(client)


def test_under_a_freeze_nobody_is_asked_to_post(district: District, as_: Login) -> None:
    by_hand(district)
    release = district.signed()
    stops.freeze(district.unit, person=district.people["duty"], reason="核对", now=now())
    with later(release, minutes=1):
        client = as_("duty")
        assert "手工发布的部分也先不要发出" in acts_of(client, release)
        assert "去手工发布" not in acts_of(client, release) + asks_of(client)


def test_what_was_not_posted_yesterday_still_stands_on_the_desk(district: District, as_: Login) -> None:
    by_hand(district)
    release = district.signed(title="全手工")
    with later(release, days=1):
        found = board.on_the_desk(district.unit, now()).board
        assert [one.pk for one in found] == [release.pk]
        client = as_("duty")
        assert "以前未了结" in page(client, "/")
        enter(district, release, "wx")
        assert "mp.weixin.qq.com" in page(client, "/")
        enter(district, release, "wb")
        assert board.on_the_desk(district.unit, now()).board == []


def test_the_next_release_may_be_one_by_hand(district: District, as_: Login) -> None:
    by_hand(district)
    release = district.signed(title="全手工")
    assert f'data-until="{release.instant.isoformat()}"' in page(as_("duty"), "/").split('id="strip"')[1]


@pytest.mark.parametrize("who", sorted(READERS))
def test_only_who_enters_posts_is_led_there_by_the_next_step(who: Role, district: District, as_: Login) -> None:
    by_hand(district)
    release = district.signed()
    person = district.people["final"]
    person.roles = [str(who)]
    person.save()
    with later(release, minutes=1):
        shown = acts_of(as_("final"), release)
    assert ("去手工发布" in shown) == (who in {Role.DUTY, Role.RELEASER})
    assert "时刻已到，有账号只能手工发布" in shown


# --- composing ------------------------------------------------------------------------------------------------


def panel(client: Client, **changes: Any) -> str:
    local_time = to_beijing(now() + timedelta(hours=3))
    form = {
        "document": ["HD-1"], "account": ["wx", "wb"], "mode-wx": "mass", "mode-wb": "share", "sync": "at_time",
        "date": local_time.strftime("%Y-%m-%d"), "time": local_time.strftime("%H:%M"), "title": "",
    }  # fmt: skip
    return text(client.post("/releases/new/panel", form | changes))


def test_whoever_composes_is_told_that_the_machine_does_not_post_it(district: District, as_: Login) -> None:
    district.approved()
    client = as_("editor")
    assert "系统不代发" not in panel(client)
    by_hand(district, "wx")
    shown = panel(client)
    assert "手工发布：系统不代发" in shown
    assert shown.count("手工发布：系统不代发") == 1
    assert "1 次手工发布" in shown
    assert "未认证，没有发布接口权限，系统不代发" in page(client, "/releases/new")


def test_what_people_post_or_posted_is_not_offered_for_the_same_account_again(district: District, as_: Login) -> None:
    by_hand(district)
    release, client = district.signed(title="全手工"), as_("editor")
    assert f"已列入发布单 {release.pk} 的手工发布任务，同一版本同一账号只发一次" in panel(client)
    with later(release, minutes=1):
        enter(district, release)
        shown = panel(as_("editor"))
    assert "在“中国河东”上已手工发布（登记第" in shown
    assert "在“临沂河东”上已列入发布单" in shown


def test_a_day_whose_quota_is_used_up_does_not_stop_what_people_post(district: District, as_: Login) -> None:
    district.signed(ARTICLES[1], ahead=timedelta(hours=3))
    district.approved()
    client = as_("editor")
    assert "群发额度" in panel(client)
    by_hand(district, "wx")
    assert "群发额度" not in panel(client)


def test_it_is_planned_anew_with_its_accounts_and_documents(district: District, as_: Login) -> None:
    by_hand(district)
    release, client = district.planned(*ARTICLES[:2], title="全手工"), as_("editor")
    shown = page(client, f"/releases/{release.pk}/edit")
    for document in ("HD-1", "HD-2"):
        assert f'<input type="hidden" name="document" value="{document}">' in shown
    assert shown.count('name="account" value="wx" autocomplete="off" checked') == 1
    local_time = to_beijing(release.instant)
    form = {
        "document": ["HD-2"], "account": ["wx"], "mode-wx": "mass", "sync": "at_time", "title": "改编的",
        "date": local_time.strftime("%Y-%m-%d"), "time": local_time.strftime("%H:%M:%S"),
    }  # fmt: skip
    assert "已改编为发布单" in text(client.post(f"/releases/{release.pk}/edit", form, follow=True))
    fresh = Release.objects.latest("pk")
    assert [task.edition.document.external_id for task in fresh.manual_tasks.all()] == ["HD-2"]
    old = Release.objects.get(pk=release.pk)
    assert old.cancel_reason == f"改编为发布单 {fresh.pk}"
    assert old.cancelled_at is not None


def test_what_people_have_posted_is_not_planned_anew(district: District, as_: Login) -> None:
    by_hand(district)
    release = district.signed(title="全手工")
    with later(release, minutes=1):
        enter(district, release)
        shown = text(as_("editor").get(f"/releases/{release.pk}/edit", follow=True))
    assert "已有内容登记为手工发布，不能改编" in shown
    assert Release.objects.count() == 1


# --- how much it asks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/", "/releases", "/releases?state=asks", "/calendar", "/calendar?view=list"])
def test_more_by_hand_needs_no_more_questions(
    address: str, district: District, as_: Login, django_assert_max_num_queries: Any
) -> None:
    by_hand(district)
    district.signed(ARTICLES[0], title="第一张")
    client = as_("duty")
    page(client, address)
    with django_assert_max_num_queries(60) as asked:
        page(client, address)
    for number, article in enumerate(ARTICLES[1:]):
        district.signed(article, ahead=timedelta(minutes=40 + number))
    assert ManualTask.objects.count() == 6
    with django_assert_max_num_queries(len(asked)):
        page(client, address)
