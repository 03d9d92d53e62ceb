"""应急通道 on a phone: one writes and asks, another looks at the same bytes and confirms, and it goes live in rehearsal."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from bot.domain.delivery import State
from bot.models import Account, Document, Release, Urgency
from bot.services import urgent
from tests.console.test_urgent_by_hand import asked, posted
from tests.console.world import ARTICLES, PASSWORD, District, now

from .conftest import Open, fits, shoot
from .playing import engine

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("plain_covers")]


def prove(page: Page) -> None:
    page.fill("#stepup-password", PASSWORD)
    page.get_by_role("button", name="确认并办理").click()


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_two_people_on_their_phones_let_it_out(district: District, window: Open, scheme: str) -> None:
    signer = district.people["releaser"]
    signer.set_password(PASSWORD)
    signer.save()
    with window("phone", scheme, login="editor", at="") as page:
        page.goto("/urgent")
        assert fits(page)
        shoot(page, f"urgent-write-{scheme}")
        page.fill("#title", "暴雨红色预警紧急公告")
        page.fill("#text", "今天 18 时起，沂河沿线禁止通行。\n请就近避险，服从现场指挥。")
        page.get_by_role("button", name="下一步：检查和预览").click()
        expect(page.locator("h1")).to_contain_text("暴雨红色预警")
        expect(page.frame_locator("iframe").first.locator("body")).to_contain_text("暴雨红色预警")
        assert fits(page)
        shoot(page, f"urgent-look-{scheme}")
        page.fill("#reason", "沂河水位暴涨，来不及走完三审")
        page.get_by_role("button", name="我已核对，提请第二人确认").click()
        prove(page)
        expect(page.locator(".flash")).to_contain_text("还没有发出")
        assert not Release.objects.exists()
    with window("phone", scheme, login=signer.username, at="") as page:
        page.goto("/")
        expect(page.locator("#urgents")).to_contain_text("待第二人确认")
        shoot(page, f"urgent-called-{scheme}")
        page.get_by_role("link", name="打开核对").click()
        expect(page.locator("main")).to_contain_text(Urgency.objects.get().digest[-8:])
        page.wait_for_load_state()
        assert fits(page)
        shoot(page, f"urgent-second-{scheme}")
        page.get_by_role("button", name="确认并签发").click()
        prove(page)
        expect(page.locator(".flash")).to_contain_text("两人已确认并签发")
        release = Release.objects.get()
        engine(page, lambda: {one.state for one in release.publications.all()} == {State.LIVE}, seconds=120)
        page.reload()
        expect(page.locator("#urgents")).to_contain_text("补审 0/3")
        assert fits(page)
        shoot(page, f"urgent-live-{scheme}")
    assert Document.objects.get().current.status.label == "待初审"


def test_on_a_phone_a_dozen_accounts_do_not_make_a_dozen_phones(district: District, window: Open) -> None:
    document = district.widened(wechat=5, weibo=5).document(ARTICLES[2])
    with window("phone", login="editor", at=f"/urgent/notice/{document.external_id}") as page:
        expect(page.locator(".preview")).to_have_count(2)
        assert fits(page)
        page.locator(".preview").first.scroll_into_view_if_needed()
        shoot(page, "urgent-accounts-phone")
        page.set_viewport_size({"width": 1366, "height": 768})
        assert fits(page)
        shoot(page, "urgent-accounts-desk")


def test_what_people_post_of_it_is_told_on_every_page_and_fits(district: District, window: Open) -> None:
    Account.objects.filter(slug="wx").update(manual_reason="未认证，没有发布接口权限")
    district.accounts[0].refresh_from_db()
    urgency, signer = asked(district), district.people["releaser"]
    signer.set_password(PASSWORD)
    signer.save()
    with window("phone", "light", login=signer.username, at="") as page:
        page.goto(f"/urgent/{urgency.pk}")
        expect(page.locator("main")).to_contain_text("由人手工发布：中国河东")
        assert fits(page)
        shoot(page, "urgent-by-hand-second")
    release = urgent.confirm(urgency, seen=urgency.digest, person=signer, now=now())
    with window("phone", "light", login="duty") as page:
        for address in ("/", "/manual", f"/releases/{release.pk}", "/releases"):
            page.goto(address)
            assert fits(page), address
        page.goto("/manual")
        shoot(page, "urgent-by-hand-task")
        posted(district, release)
        for address in ("/manual", f"/releases/{release.pk}"):
            page.goto(address)
            expect(page.locator("main")).to_contain_text("https://mp.weixin.qq.com/s/AbCdEfGh1")
            assert fits(page), address
