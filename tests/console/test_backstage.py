"""公众平台后台（演练）: people publish by hand what the machine left in the 草稿箱; links of posts lead to the played phones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from bot.models import Account, HandDraft, Item, ManualPost, Person, Release
from bot.rehearsal import RehearsalServer
from bot.rehearsal.weibo.statuses import permalink
from bot.services import handdrafts
from tests.support.platforms import APP_ID, UID

from .test_manual import local
from .test_phones import screen
from .world import ARTICLES, District, fresh_home, now

Login = Callable[[str], Client]
BACKSTAGE = "/rehearsal/backstage"


@pytest.fixture
def left(platform: RehearsalServer, tmp_path: Path, db: None) -> Iterator[Release]:
    """A signed release whose draft of two articles the machine has put into the played 草稿箱."""
    with fresh_home(tmp_path / "with-platform", port=int(platform.base_url.rsplit(":", 1)[1])):
        district = District.make(api=platform.base_url)
        Account.objects.filter(slug="wx").update(mode="draft")
        district.accounts[0].refresh_from_db()
        release = district.signed(*ARTICLES[:2], title="早间发布")
        handdrafts.work_all(now=lambda: release.instant - timedelta(minutes=2))
        assert HandDraft.objects.get(release=release).stage == "placed"
        yield release


def shown(client: Client, address: str = BACKSTAGE) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return str(answer.content.decode())


def draft(platform: RehearsalServer) -> dict[str, Any]:
    [found] = platform.world.store.all("wx_draft", APP_ID)
    return dict(found)


def made_public(client: Client, platform: RehearsalServer, way: str) -> str:
    answer = client.post(f"{BACKSTAGE}/wx", {"draft": draft(platform)["media_id"], "way": way}, follow=True)
    return str(answer.content.decode())


def test_the_draft_lies_there_with_its_articles_and_nothing_is_public(client: Client, left: Release) -> None:
    page = shown(client)
    for article in ARTICLES[:2]:
        assert article.title in page
    assert "最近公开的" not in page


def test_what_is_published_there_is_seen_on_the_phone_and_entered_with_its_link(
    client: Client, platform: RehearsalServer, left: Release
) -> None:
    page = made_public(client, platform, "publish")
    assert "已发表 2 篇" in page
    assert "草稿箱是空的" in page
    assert ARTICLES[0].title in shown(client, "/rehearsal/phone/wx")
    [job] = platform.world.store.all("wx_job", APP_ID)
    links = [one["url"] for one in job["articles"]]
    assert all(link.replace("&", "&amp;") in page for link in links)
    duty = Client()
    duty.force_login(Person.objects.get(username="duty"))
    with time_machine.travel(left.instant + timedelta(minutes=5), tick=False):
        given = {"url": links, "posted_at": local(now() - timedelta(minutes=2)), "mode": "publish"}
        duty.post(reverse("manual-task", args=[left.pk, "wx", 0]), given)
    assert list(ManualPost.objects.order_by("pk").values_list("url", flat=True)) == links


def test_a_mass_send_uses_up_the_day_and_a_second_one_publishes_nothing(
    client: Client, platform: RehearsalServer, left: Release
) -> None:
    first = draft(platform)
    assert "已群发 2 篇" in made_public(client, platform, "mass")
    with platform.world.store.transaction():
        platform.world.store.put("wx_draft", APP_ID, "again", first | {"media_id": "again"})
    assert "什么都没有公开" in made_public(client, platform, "mass")
    assert len(platform.world.store.all("wx_job", APP_ID)) == 1
    assert draft(platform)["media_id"] == "again"


def test_a_draft_that_is_gone_publishes_nothing(client: Client, platform: RehearsalServer, left: Release) -> None:
    answer = client.post(f"{BACKSTAGE}/wx", {"draft": "nowhere", "way": "publish"}, follow=True)
    assert "什么都没有公开" in answer.content.decode()
    assert platform.world.store.all("wx_job", APP_ID) == []


@pytest.mark.parametrize(("slug", "way"), [("wx", "shout"), ("wb", "publish"), ("nobody", "publish")])
def test_what_the_platform_does_not_offer_is_not_there(client: Client, left: Release, slug: str, way: str) -> None:
    assert client.post(f"{BACKSTAGE}/{slug}", {"draft": "x", "way": way}).status_code == 404


def test_when_the_platforms_do_not_run_it_says_so(client: Client, district: District) -> None:
    assert "演练平台没有运行" in shown(client)
    answer = client.post(f"{BACKSTAGE}/wx", {"draft": "x", "way": "publish"}, follow=True)
    assert "什么都没有公开" in answer.content.decode()


def test_a_link_of_a_post_leads_to_the_phone_that_shows_it(
    client: Client, platform: RehearsalServer, told_platform: District
) -> None:
    screen(client, "/rehearsal/phone/wx", ARTICLES[0].title)  # it is public there
    store = platform.world.store
    article = store.all("wx_job", APP_ID)[0]["articles"][0]["url"]
    status = permalink(store.all("wb_status", UID)[0])
    for url, slug in ((article, "wx"), (status, "wb")):
        leads = client.get(reverse("rehearsal-open"), {"url": url}).headers["Location"]
        assert leads.startswith(f"/rehearsal/phone/{slug}")
        assert client.get(leads).status_code == 200


def test_pages_link_there_in_a_rehearsal_and_to_the_platform_itself_in_earnest(
    told_platform: District, tmp_path: Path
) -> None:
    url = "http://mp.weixin.qq.com/s?__biz=x&mid=1&idx=1"
    item = Item.objects.filter(publication__account__slug="wx")[0]
    Item.objects.filter(pk=item.pk).update(url=url)
    duty = Client()
    duty.force_login(told_platform.people["duty"])
    address = f"/releases/{item.publication.release_id}"
    inside = shown(duty, address)
    assert 'href="/rehearsal/open?url=http%3A//mp.weixin.qq.com/s%3F__biz%3Dx%26mid%3D1%26idx%3D1"' in inside
    with fresh_home(tmp_path / "live", live=True):
        session = duty.session
        session["second_factor"] = True  # a live home asks for one
        session.save()
        outside = shown(duty, address)
    assert 'href="http://mp.weixin.qq.com/s?__biz=x&amp;mid=1&amp;idx=1"' in outside


def test_what_the_played_platforms_never_had_is_said_to_be_elsewhere(client: Client, told_platform: District) -> None:
    answer = client.get(reverse("rehearsal-open"), {"url": "https://mp.weixin.qq.com/s/elsewhere"})
    assert answer.status_code == 404
    assert "不打开真实的平台" in answer.content.decode()


def test_while_the_platforms_do_not_run_a_link_leads_to_the_phones_that_say_so(
    client: Client, district: District
) -> None:
    answer = client.get(reverse("rehearsal-open"), {"url": "https://mp.weixin.qq.com/s/abc"})
    assert answer.headers["Location"] == "/rehearsal/"


def test_from_another_machine_a_login_is_asked_for_and_a_live_home_has_none(
    client: Client, district: District, tmp_path: Path
) -> None:
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    for address in (BACKSTAGE, "/rehearsal/open?url=x"):
        assert elsewhere.get(address).headers["Location"].startswith("/login?next=")
    assert elsewhere.post(f"{BACKSTAGE}/wx", {"way": "publish"}).headers["Location"].startswith("/login?next=")
    with fresh_home(tmp_path / "live", live=True):
        assert client.get(BACKSTAGE).status_code == 404
        assert client.post(f"{BACKSTAGE}/wx", {"way": "publish"}).status_code == 404
