"""演练现场: two phones side by side that look like what followers hold in their hands."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from bot.models import Account
from bot.services import handdrafts
from tests.console.world import ARTICLES, District, push_to_platform
from tests.support.axe import violations

from .conftest import Open, fits, shoot

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("plain_covers")]


@pytest.mark.parametrize(
    ("size", "scheme"), [("desk", "light"), ("desk", "dark"), ("phone", "light"), ("phone", "dark")]
)
def test_both_phones_show_the_release_and_an_article_opens(
    size: str, scheme: str, district: District, window: Open
) -> None:
    push_to_platform(district.signed(*ARTICLES))
    with window(size, scheme) as page:
        page.goto("/rehearsal/")
        wechat, weibo = page.frame_locator(".bezel iframe >> nth=0"), page.frame_locator(".bezel iframe >> nth=1")
        expect(wechat.locator(".wx-first")).to_contain_text(ARTICLES[0].title)
        expect(wechat.locator(".wx-row")).to_have_count(2)
        expect(weibo.locator(".wb-status")).to_have_count(3)
        assert fits(page)
        page.reload()  # returns when every picture is there
        shoot(page, f"rehearsal-{size}-{scheme}")
        wechat.locator(".wx-first").click()
        article = wechat.frame_locator(".wx-page")
        expect(article.locator("h1")).to_have_text(ARTICLES[0].title)
        shoot(page, f"rehearsal-article-{size}-{scheme}")
        wechat.get_by_label("返回").click()
        expect(wechat.locator(".wx-first")).to_be_visible()


def test_at_1366_by_768_both_phones_are_seen_whole(district: District, window: Open) -> None:
    with window("desk") as page:
        page.goto("/rehearsal/")
        for place in range(2):
            box = page.locator(".bezel").nth(place).bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= 768
            assert box["x"] + box["width"] <= 1366


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_at_its_true_width(scheme: str, district: District, window: Open) -> None:
    """The screens on their own, 390 px wide, as the pictures in the documentation show them."""
    push_to_platform(district.signed(*ARTICLES))
    with window("phone", scheme) as page:
        for slug, last in (("wx", ".wx-row"), ("wb", ".wb-status")):
            page.goto(f"/rehearsal/phone/{slug}")
            expect(page.locator(last).first).to_be_visible()
            assert fits(page)
            shoot(page, f"follower-{slug}-{scheme}")


@pytest.mark.parametrize(
    ("size", "scheme"), [("desk", "light"), ("desk", "dark"), ("phone", "light"), ("phone", "dark")]
)
def test_a_draft_that_the_machine_left_is_published_by_hand_in_the_played_console(
    size: str, scheme: str, district: District, window: Open
) -> None:
    Account.objects.filter(slug="wx").update(mode="draft")
    district.accounts[0].refresh_from_db()
    release = district.signed(*ARTICLES[:2], title="早间发布")
    handdrafts.work_all(now=lambda: release.instant - timedelta(minutes=2))
    with window(size, scheme, login="duty", at="/manual") as page:
        page.get_by_role("link", name="公众平台后台（演练）").click()
        expect(page.locator(".card.job li").first).to_have_text(ARTICLES[0].title)
        assert fits(page)
        shoot(page, f"backstage-draft-{size}-{scheme}")
        page.get_by_role("button", name="发表（不推送）").click()
        expect(page.locator(".flash")).to_contain_text("已发表 2 篇")
        expect(page.get_by_label(f"《{ARTICLES[0].title}》的链接")).to_have_value(
            re.compile("^http://mp.weixin.qq.com/s")
        )
        assert fits(page)
        assert violations(page) == []
        shoot(page, f"backstage-{size}-{scheme}")
        page.get_by_role("link", name=ARTICLES[0].title).click()
        expect(page.frame_locator(".wx-page").locator("h1")).to_have_text(ARTICLES[0].title)
