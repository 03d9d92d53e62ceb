"""What was typed into a form comes back where sending it led back without its being done, and only there."""

from __future__ import annotations

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from bot.domain.workflow import Verdict
from bot.services import editorial
from tests.console.world import District, now

from .conftest import Open, sit_down

pytestmark = pytest.mark.browser
TEXT = "九曲街道办事处一带今晚停水，请居民提前储水。"


def _login_ends(page: Page) -> None:
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)


def _comes_back(page: Page, who: str, live_server: object) -> None:
    """Another login in the same tab, back to the page that it was sent from."""
    sit_down(page.context, who, live_server.url)  # type: ignore[attr-defined]
    page.reload()


def test_a_form_that_was_sent_after_the_login_had_ended_is_filled_in_again(
    district: District, window: Open, live_server: object
) -> None:
    with window(login="editor", at="/urgent") as page:
        page.get_by_label("标题", exact=True).fill("今晚停水的紧急公告")
        page.get_by_label("正文（每段一行）").fill(TEXT)
        _login_ends(page)
        page.locator("form[action='/urgent/write'] button").first.click()
        expect(page.get_by_label("登录名")).to_be_visible()
        _comes_back(page, "editor", live_server)
        expect(page.get_by_role("alert").first).to_contain_text("登录已失效")
        expect(page.get_by_label("正文（每段一行）")).to_have_value(TEXT)
        expect(page.get_by_label("标题", exact=True)).to_have_value("今晚停水的紧急公告")


def test_somebody_else_in_the_same_tab_does_not_get_it(district: District, window: Open, live_server: object) -> None:
    with window(login="editor", at="/urgent") as page:
        page.get_by_label("正文（每段一行）").fill(TEXT)
        page.get_by_label("标题", exact=True).fill("今晚停水的紧急公告")
        _login_ends(page)
        page.locator("form[action='/urgent/write'] button").first.click()
        _comes_back(page, "final", live_server)
        expect(page.get_by_label("正文（每段一行）")).to_have_value("")


def test_a_reason_is_not_lost_where_somebody_was_quicker(district: District, window: Open) -> None:
    document = district.document()
    edition = editorial.submit(document, person=district.people["editor"], now=now())
    with window(login="first", at=f"/reviews/{edition.pk}") as page:
        page.locator("#return summary").click()
        page.locator("#return textarea").fill("第二段的日期与附件不一致")
        editorial.review(
            document, person=district.people["first"], verdict=Verdict.RETURN, comment="日期或文号有误", now=now()
        )
        page.get_by_role("button", name="确认退回").click()
        expect(page.get_by_role("alert").first).to_be_visible()
        expect(page.get_by_text("第二段的日期与附件不一致")).to_be_visible()
        expect(page.get_by_text("需要的请从这里复制")).to_be_visible()


def test_what_was_taken_is_not_offered_again(district: District, window: Open) -> None:
    with window(login="editor", at="/documents?q=通知") as page:
        page.get_by_label("视图名称").fill("通知")
        page.get_by_role("button", name="保存现在的筛选").click()
        expect(page.get_by_role("link", name="通知", exact=True)).to_be_visible()
        expect(page.get_by_label("视图名称")).to_have_value("")
        assert page.evaluate("sessionStorage.getItem('tongfa-typed')") is None
