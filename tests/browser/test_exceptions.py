"""异常台 and 更正与撤回 in a real browser, against the rehearsal platforms: two people, two logins."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from bot.domain.delivery import State
from bot.models import Chore, Takedown
from bot.services import people, takedowns
from tests.console.test_exceptions import doubtful
from tests.console.world import ARTICLES, PASSWORD, District, now, put

from .conftest import Open, fits, shoot

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("plain_covers")]
SIZES = ["desk", "phone"]


@pytest.fixture
def signer(district: District) -> str:
    """A releaser who can log in."""
    people.add_person(
        "signer", name="冯签", unit=district.unit, roles=["releaser"], password=PASSWORD, actor="test", now=now()
    )
    return "signer"


def say_who(page: Page) -> None:
    """The page before an act that cannot be taken back."""
    expect(page.get_by_role("heading", name="请再确认一次身份")).to_be_visible()
    page.fill("#stepup-password", PASSWORD)
    page.keyboard.press("Enter")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_desk_and_a_case_fit(size: str, scheme: str, district: District, window: Open) -> None:
    one = doubtful(district)
    put(one.release.publications.get(account=district.accounts[0]), "held", reason="周值暂停：领导要求再核对。")
    with window(size, scheme, login="duty", at="") as page:
        page.goto("/exceptions")
        expect(page.get_by_text("是否已发出：不明")).to_be_visible()
        assert fits(page)
        shoot(page, f"exceptions-{size}-{scheme}")
        page.goto(f"/exceptions/{one.pk}")
        expect(page.get_by_role("heading", name="可以怎么办")).to_be_visible()
        assert fits(page)
        shoot(page, f"exception-{size}-{scheme}")


@pytest.mark.parametrize("size", SIZES)
def test_a_quiet_desk_fits(size: str, district: District, window: Open) -> None:
    with window(size, login="duty", at="") as page:
        page.goto("/exceptions")
        expect(page.get_by_text("没有悬而未决的推送", exact=True)).to_be_visible()
        assert fits(page)
        shoot(page, f"exceptions-quiet-{size}")


def test_a_doubt_is_settled_by_two_people(district: District, signer: str, window: Open) -> None:
    one = doubtful(district)
    with window(login="duty", at="") as page:
        page.goto(f"/exceptions/{one.pk}")
        page.get_by_label("核实情况（必填）").fill("主页和内容管理里都没有")
        page.get_by_role("button", name="提出重发，请第二人确认").click()
        say_who(page)
        expect(page.get_by_text("还没有重发")).to_be_visible()
        expect(page.get_by_role("button", name="我也核实过，确认重发")).to_have_count(0)
    with window(login=signer, at="") as page:
        page.goto("/exceptions")
        expect(page.get_by_text("等第二人确认")).to_be_visible()
        page.goto(f"/exceptions/{one.pk}")
        shoot(page, "exception-second-person")
        page.get_by_role("button", name="我也核实过，确认重发").click()
        say_who(page)
        expect(page.get_by_text("两人已确认")).to_be_visible()
    one.refresh_from_db()
    assert one.status is State.PLANNED


@pytest.mark.parametrize("size", SIZES)
def test_a_wrong_link_is_mended_without_a_shell(size: str, district: District, window: Open) -> None:
    one = doubtful(district)
    with window(size, login="duty", at="") as page:
        page.goto(f"/releases/{one.release_id}")
        page.get_by_role("link", name="到异常台核实与办理").click()
        page.get_by_label("第 1 篇的链接").fill("https://weibo.com/2017000001/Ab1")
        page.get_by_role("button", name="登记为已发布").click()
        say_who(page)
        expect(page.get_by_text("可在本页更正链接或收回登记")).to_be_visible()
        assert fits(page)
        shoot(page, f"exception-mend-{size}")
        page.get_by_label("第 1 篇的链接").fill("https://weibo.com/2017000001/Ab2")
        page.get_by_label("更正原因（必填）").fill("贴错了链接")
        page.get_by_role("button", name="更正链接").click()
        expect(page.get_by_text("链接已更正")).to_be_visible()
    assert one.items.get().url.endswith("/Ab2")


@pytest.mark.parametrize("size", SIZES)
def test_another_kind_of_notice_keeps_the_form_even_after_a_refusal(
    size: str, district: District, window: Open, complaints: list[str]
) -> None:
    release = district.signed()
    for one in release.publications.all():
        put(one, "live")
    with window(size, login="editor", at="") as page:
        page.goto(f"/releases/{release.pk}/withdraw")
        page.get_by_label("撤回原因").fill("起始日期写错")
        page.get_by_role("button", name="提出撤回，请第二人确认").click()
        say_who(page)
        expect(page.get_by_text("还没有写完")).to_be_visible()
        page.locator("[name=target]").first.uncheck()
        page.get_by_role("button", name="更正启事").click()
        expect(page.locator("#notice")).to_have_value(re.compile("^更正启事"))
        expect(page.get_by_label("撤回原因")).to_have_value("起始日期写错")
        expect(page.locator("[name=target]").first).not_to_be_checked()
        assert fits(page)
        page.locator("#notice").fill("自己写的说明")
        page.get_by_role("button", name="撤回说明").click()
        expect(page.locator("#notice")).to_have_value("自己写的说明")
        shoot(page, f"withdraw-kept-{size}")
        page.get_by_role("button", name="改用样稿").click()
        expect(page.locator("#notice")).to_have_value(re.compile("^关于撤回"))
    assert all("409" in line for line in complaints)  # the refusal, and nothing else
    complaints.clear()


def test_the_draft_follows_the_ticks_until_somebody_writes_an_own_one(district: District, window: Open) -> None:
    release = district.signed(*ARTICLES[:2])
    for one in release.publications.all():
        put(one, "live")
    with window(login="editor", at="") as page:
        page.goto(f"/releases/{release.pk}/withdraw")
        notice = page.locator("#notice")
        expect(notice).to_have_value(re.compile(ARTICLES[1].title))
        page.locator("[name=target]").first.check()
        expect(notice).not_to_have_value(re.compile(ARTICLES[1].title))
        expect(notice).to_have_value(re.compile(ARTICLES[0].title))
        notice.fill("自己写的说明")
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            page.locator("[name=target]").nth(1).check()
        expect(notice).to_have_value("自己写的说明")


def test_a_report_is_copied_or_at_least_selected(district: District, window: Open) -> None:
    one = doubtful(district)
    with window(login="duty", at="") as page:
        page.goto(f"/exceptions/{one.pk}")
        page.get_by_role("button", name="复制全文").click()
        expect(page.locator("#report-said")).not_to_be_empty()


@pytest.mark.parametrize("size", SIZES)
def test_a_withdrawal_by_two_people(size: str, district: District, signer: str, window: Open) -> None:
    release = district.signed()
    for one in release.publications.all():
        put(one, "live")
    with window(size, login="editor", at="") as page:
        page.goto(f"/releases/{release.pk}")
        page.get_by_role("link", name="更正与撤回").click()
        expect(page.get_by_text("消息卡片收不回来")).to_be_visible()
        assert fits(page)
        shoot(page, f"withdraw-ask-{size}")
        page.get_by_label("撤回原因").fill("起始日期写错")
        text = page.locator("#notice").input_value().replace("〔请写明〕", "起始日期有误")
        page.locator("#notice").fill(text)
        page.get_by_role("button", name="提出撤回，请第二人确认").click()
        say_who(page)
        expect(page.get_by_text("还没有撤下任何内容")).to_be_visible()
    with window(size, login=signer, at="") as page:
        page.goto(f"/releases/{release.pk}/withdraw")
        assert fits(page)
        shoot(page, f"withdraw-confirm-{size}")
        page.get_by_role("button", name="确认撤回（不能恢复）").click()
        say_who(page)
        expect(page.get_by_text("即将撤下", exact=True)).to_be_visible()
        assert Chore.objects.get(pk="takedowns").next_at <= now()
        takedowns.work_all(now=now)  # what a worker does; nothing of this number is known to the platform
        expect(page.get_by_text("即将撤下", exact=True)).to_have_count(0)
        assert fits(page)
        shoot(page, f"withdraw-result-{size}")
        for row in Takedown.objects.exclude(stage="done"):
            part = page.locator(f"#part-{row.pk}")
            part.get_by_text("登记已手工删除").first.click()
            part.get_by_label("何时、由谁删除，打开链接后看到什么").fill("10:02 冯签删除，打开显示已删除")
            part.get_by_role("button", name="登记已手工删除").click()
            if page.get_by_role("heading", name="请再确认一次身份").is_visible():
                say_who(page)
            expect(page.get_by_text("已登记。")).to_be_visible()
        expect(page.get_by_text("已办结的撤回")).to_be_visible()
        assert fits(page)
        shoot(page, f"withdraw-done-{size}")
    assert {one.status for one in release.publications.all()} == {State.WITHDRAWN}
