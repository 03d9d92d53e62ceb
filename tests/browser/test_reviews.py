"""审批箱 in a real browser: under one thumb on a phone, by keyboard at a desk, and the page behind a leader's link."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import APIResponse, Page, Route, expect

from bot.domain.workflow import Verdict
from bot.models import Document, Opened, Review
from bot.services import editorial, reviewlinks
from tests.console.world import ARTICLES, District, now
from tests.support.axe import WCAG, violations

from .conftest import Open, fits, shoot

pytestmark = pytest.mark.browser

LOOKS = [("desk", "light"), ("desk", "dark"), ("phone", "light"), ("phone", "dark")]
THUMB = 44  # CSS pixels
OWN = {"runOnly": [*WCAG], "iframes": False}
"""axe in our own document; posts in frames are the channels' own."""


@pytest.fixture
def desk_of(window: Open, district: District) -> Any:
    """`with desk_of("first", "phone") as page`: that person is logged in, without typing a password."""

    @contextmanager
    def opened(who: str, size: str = "desk", scheme: str = "light") -> Iterator[Page]:
        with window(size, scheme, login=who, at="") as page:
            yield page

    return opened


def submitted(district: District, **changes: Any) -> Document:
    document = district.document(replace(ARTICLES[0], **changes))
    editorial.submit(document, person=district.people["editor"], now=now())
    return document


def busy_box(district: District) -> Document:
    """One whose release is near and whose text changed, one that waits, one that was returned."""
    district.planned(ARTICLES[0], ahead=timedelta(minutes=42))
    urgent = submitted(
        district, title="关于调整城区公交线路的通知（更正）", summary="自12月2日起，3路、8路、21路公交车调整部分站点。",
        body_html="<p>自12月2日起调整。</p><p>请市民留意站牌，错峰出行。</p>",
    )  # fmt: skip
    submitted(district, external_id="HD-12", title="2017年城乡居民医疗保险参保缴费公告")
    returned = submitted(district, external_id="HD-13", title="河东区秋季义务教育招生公告")
    editorial.review(
        returned, person=district.people["first"], verdict=Verdict.RETURN, comment="日期或文号有误", now=now()
    )
    return urgent


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_the_box_fits_and_the_nearest_release_stands_first(
    size: str, scheme: str, district: District, desk_of: Any
) -> None:
    busy_box(district)
    with desk_of("first", size, scheme) as page:
        page.goto("/reviews")
        expect(page.locator(".inbox-title").first).to_contain_text("（更正）")
        assert fits(page)
        shoot(page, f"reviews-list-{size}-{scheme}")
        for tab in ("returned", "late", "mine"):
            page.goto(f"/reviews?tab={tab}")
            assert fits(page)
            shoot(page, f"reviews-{tab}-{size}-{scheme}")


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_one_edition_shows_what_changed_first_and_opens_its_channels(
    size: str, scheme: str, district: District, desk_of: Any
) -> None:
    document = busy_box(district)
    with desk_of("first", size, scheme) as page:
        page.goto(f"/reviews/{document.current.pk}?tab=due")
        expect(page.locator(".changes ins").first).to_be_visible()
        expect(page.locator("#pass")).to_be_disabled()
        assert fits(page)
        shoot(page, f"reviews-detail-{size}-{scheme}")
        page.locator("#channels").get_by_role("button", name="中国河东").click()
        expect(page.frame_locator(".article-frame").locator("h1")).to_contain_text("（更正）")
        expect(page.locator("#why")).to_contain_text("还要打开：临沂河东")
        page.locator("#channels").scroll_into_view_if_needed()
        assert fits(page)
        shoot(page, f"reviews-channel-{size}-{scheme}")
        page.locator("#channels").get_by_role("button", name="临沂河东").click()
        expect(page.locator("#pass")).to_be_enabled()
        expect(page.locator("#review-says")).to_contain_text("各渠道都已打开，可以通过")
        page.locator("#return summary").click()
        expect(page.get_by_label("缺少配套解读")).to_be_visible()
        assert fits(page)
        shoot(page, f"reviews-return-{size}-{scheme}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_state_stands_out_in_the_chosen_row_too(scheme: str, district: District, desk_of: Any) -> None:
    document = busy_box(district)
    ground = "(element) => getComputedStyle(element).backgroundColor"
    with desk_of("first", "desk", scheme) as page:
        page.goto(f"/reviews/{document.current.pk}?tab=due")
        row = page.locator(".inbox-row a[aria-current]")
        for chip in row.locator(".chip").all():
            assert chip.evaluate(ground) != row.evaluate(ground)
        assert violations(page, OWN) == []


def test_three_reviewers_pass_it_from_their_phones(district: District, desk_of: Any) -> None:
    document = submitted(district)
    for who in ("first", "second", "final"):
        with desk_of(who, "phone") as page:
            page.goto("/reviews")
            page.locator("[data-item]").first.tap()
            for name in ("中国河东", "临沂河东"):
                page.locator("#channels").get_by_role("button", name=name).tap()
                expect(page.locator(".channel-tab[aria-current]")).to_contain_text(name)
            button = page.locator("#pass")
            expect(button).to_be_enabled()
            box = button.bounding_box()
            assert box is not None
            assert box["height"] >= THUMB
            assert box["y"] + box["height"] <= 844
            assert box["y"] > 600
            button.tap()
            expect(page.locator(".flash-success")).to_contain_text("已通过")
            shoot(page, f"reviews-passed-{who}-phone")
    assert document.current.status.value == "approved"


def test_a_return_with_a_quick_phrase_from_a_phone(district: District, desk_of: Any) -> None:
    document = submitted(district)
    with desk_of("first", "phone") as page:
        page.goto(f"/reviews/{document.current.pk}")
        page.locator("#return summary").tap()
        page.locator(".phrase", has_text="缺少配套解读").tap()
        page.fill("#reason", "请补充解读后再报。")
        page.get_by_role("button", name="确认退回").tap()
        expect(page.locator(".flash-success")).to_contain_text("已退回")
    assert Review.objects.get().comment == "缺少配套解读。请补充解读后再报。"


def test_a_reason_half_written_survives_the_opening_of_a_channel(district: District, desk_of: Any) -> None:
    document = submitted(district)
    with desk_of("first") as page:
        page.goto(f"/reviews/{document.current.pk}")
        page.locator("#return summary").click()
        page.fill("#reason", "第二段")
        page.locator("#channels").get_by_role("button", name="中国河东").click()
        expect(page.locator("#why")).to_contain_text("临沂河东")
        assert page.input_value("#reason") == "第二段"


def test_the_whole_way_by_keyboard(district: District, desk_of: Any) -> None:
    one, other = submitted(district), submitted(district, external_id="HD-12", title="第二份通知")
    with desk_of("first") as page:
        page.goto("/reviews")
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_be_visible()
        shoot(page, "reviews-keys-desk")
        page.keyboard.press("Escape")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/reviews/{one.current.pk}*")
        page.keyboard.press("j")
        page.wait_for_url(f"**/reviews/{other.current.pk}*")
        page.keyboard.press("k")
        page.wait_for_url(f"**/reviews/{one.current.pk}*")
        page.keyboard.press("o")
        expect(page.locator("#why")).to_contain_text("还要打开：临沂河东")
        page.keyboard.press("a")
        expect(page.locator("[data-unopened]")).to_be_focused()
        page.keyboard.press("o")
        expect(page.locator("#pass")).to_be_enabled()
        page.keyboard.press("r")
        expect(page.get_by_label("标题与正文不一致")).to_be_focused()
        page.keyboard.press("a")
        expect(page.locator("#pass")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator(".flash-success")).to_contain_text("已通过")
    assert one.current.status.value == "first_passed"


def test_keys_do_nothing_while_somebody_types_and_can_be_switched_off(district: District, desk_of: Any) -> None:
    document = submitted(district)
    with desk_of("first") as page:
        page.goto(f"/reviews/{document.current.pk}")
        page.locator("#return summary").click()
        page.locator("#reason").press_sequentially("ora?")
        assert page.input_value("#reason") == "ora?"
        expect(page.locator("#keys")).to_be_hidden()
        page.locator("[data-keys-open]").click()
        page.locator("#keys-on").uncheck()
        page.get_by_role("button", name="关闭").click()
        page.reload()
        page.locator("body").press("o")
        expect(page.locator("[data-unopened]")).to_have_count(2)


def test_channels_opened_in_quick_succession_all_count_whichever_answer_is_late(
    district: District, desk_of: Any
) -> None:
    document = busy_box(district)
    held: list[tuple[Route, APIResponse]] = []

    def first_one_late(route: Route) -> None:
        answer = route.fetch()
        if held:
            route.fulfill(response=answer)
        else:
            held.append((route, answer))

    with desk_of("first") as page:
        page.goto(f"/reviews/{document.current.pk}?tab=due")
        page.route("**/open/*", first_one_late)
        page.locator("#channels").get_by_role("button", name="中国河东").click()
        while not held:
            page.wait_for_timeout(50)
        page.locator("#channels").get_by_role("button", name="临沂河东").click()
        page.wait_for_timeout(500)  # in which the other answer could come first
        route, answer = held[0]
        route.fulfill(response=answer)
        expect(page.locator("#review-says")).to_contain_text("各渠道都已打开，可以通过")
        expect(page.locator("#pass")).to_be_enabled()


def test_a_batch_of_what_was_opened_is_passed_and_reported(district: District, desk_of: Any) -> None:
    busy_box(district)
    with desk_of("first") as page:
        page.goto("/reviews")
        page.locator("[data-item]").first.click()
        for name in ("中国河东", "临沂河东"):
            page.locator("#channels").get_by_role("button", name=name).click()
        expect(page.locator("#pass")).to_be_enabled()
        page.goto("/reviews")
        page.locator(".tick").click()
        shoot(page, "reviews-ticked-desk")
        page.get_by_role("button", name="通过勾选的").click()
        expect(page.get_by_role("status").first).to_contain_text("勾选 1 件，通过 1 件")
        shoot(page, "reviews-batch-desk")


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_the_page_behind_a_link_is_watermarked_and_fits(
    size: str, scheme: str, district: District, window: Open
) -> None:
    edition = submitted(district).current
    link, token = reviewlinks.make_link(edition, name="张区长", person=district.people["editor"], now=now())
    address = f"/look/{token.reveal()}"
    with window(size, scheme) as page:
        page.goto(address)
        expect(page.get_by_text("尚未公开")).to_be_visible()
        expect(page.locator(".watermark")).to_be_visible()
        expect(page.frame_locator(".article-frame").locator("h1")).to_have_text(ARTICLES[0].title)
        assert fits(page)
        shoot(page, f"look-{size}-{scheme}")
        page.locator(".article-frame").scroll_into_view_if_needed()
        page.evaluate("scrollBy(0, 300)")
        shoot(page, f"look-article-{size}-{scheme}")
        page.get_by_role("link", name="临沂河东").click()
        shoot(page, f"look-weibo-{size}-{scheme}")
        reviewlinks.revoke_link(link.pk, edition=edition, person=district.people["editor"], now=now())
    with window(size, scheme) as page:
        page.route("**/look/**", lambda route: route.fulfill(response=route.fetch(), status=200))  # no console error
        page.goto(address)
        expect(page.get_by_role("heading", name="这个链接打不开了")).to_be_visible()
        assert fits(page)
        shoot(page, f"look-gone-{size}-{scheme}")


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_a_link_is_made_copied_and_listed(size: str, district: District, desk_of: Any) -> None:
    edition = submitted(district).current
    with desk_of("editor", size) as page:
        page.goto(f"/reviews/{edition.pk}")
        page.fill("#link-name", "张区长")
        page.get_by_role("button", name="生成链接").click()
        expect(page.get_by_alt_text("这个链接的二维码")).to_be_visible()
        assert fits(page)
        shoot(page, f"look-made-{size}")
        page.get_by_role("button", name="复制链接").click()
        expect(page.locator("[data-copied]")).not_to_be_empty()
        page.get_by_role("link", name="回到稿件").click()
        page.get_by_role("button", name="收回").scroll_into_view_if_needed()
        shoot(page, f"look-listed-{size}")
        page.get_by_role("button", name="收回").click()
        expect(page.locator(".flash-success")).to_contain_text("已收回")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_inbox_and_the_leader_s_page_keep_wcag_22_aa(scheme: str, district: District, desk_of: Any) -> None:
    document = busy_box(district)
    edition = document.current
    _, token = reviewlinks.make_link(edition, name="张区长", person=district.people["editor"], now=now())
    with desk_of("first", "phone", scheme) as page:
        page.emulate_media(reduced_motion="reduce")
        for address in ("/reviews", f"/reviews/{edition.pk}", "/reviews/phrases", f"/look/{token.reveal()}"):
            page.goto(address)
            assert violations(page, OWN) == []
        page.goto(f"/reviews/{edition.pk}")
        page.locator("#channels").get_by_role("button", name="临沂河东").click()
        expect(page.locator("#why")).to_contain_text("中国河东")
        page.locator("#return summary").click()
        assert violations(page, OWN) == []


def test_an_ended_session_leads_to_the_login_and_opens_nothing(district: District, desk_of: Any) -> None:
    document = submitted(district)
    with desk_of("first") as page:
        page.goto(f"/reviews/{document.current.pk}")
        page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
        page.locator("#channels").get_by_role("button", name="中国河东").click()
        page.wait_for_url(re.compile(r"/login\?next="))
    assert not Opened.objects.exists()
