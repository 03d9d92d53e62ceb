"""账号 and 手工发布 in a real browser: they fit, and what is copied arrives in the clipboard."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from bot.console import sessions
from bot.domain.instants import beijing_date
from bot.models import Account, AccountCheck, ClockReading, Release
from bot.rehearsal import RehearsalServer
from bot.services import accountdesk, home, manual, people
from bot.services.manualentry import Entry
from tests.console.world import ARTICLES, PASSWORD, District, now

from .conftest import Open, fits, shoot
from .test_access import violations

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("plain_covers")]
POSTED_BEFORE = timedelta(hours=3)
LOOKS = [("desk", "light"), ("phone", "light"), ("desk", "dark"), ("phone", "dark")]


def known(district: District) -> None:
    """Accounts of which much is known, one with a red line."""
    admin = people.find_person("admin")
    admin.set_password(PASSWORD)
    admin.save()
    by = {"person": admin, "now": now()}
    until = (now() + timedelta(days=12)).date()
    accountdesk.describe(
        "wx",
        subject="临沂市河东区人民政府办公室",
        verified_until=until,
        ip_note="203.0.113.7，203.0.113.8",
        manual_reason="",
        **by,
    )  # type: ignore[arg-type]
    for duty, name in zip(accountdesk.Duty, ("郑保", "冯接", "陈微"), strict=True):
        accountdesk.hand_over("wx", duty, name=name, contact="wx-hedong", since=until - timedelta(days=300), **by)  # type: ignore[arg-type]
    for account in district.accounts:
        ClockReading.objects.create(account=account, at=now(), offset_ms=80, boot_seconds=1.0, boot_id="boot")
    lines = [
        {"name": "令牌", "ok": True, "warning": False, "message": "令牌有效，还可用 110 分钟。", "remedy": "", "code": "token"},
        {"name": "消息推送", "ok": True, "warning": True, "message": "没有设置消息推送，改为定时查询。", "remedy": "请系统管理员补全。",
         "code": "callback"},
        {"name": "IP 白名单", "ok": False, "warning": False, "message": "本机出口地址不在公众平台的白名单里。",
         "remedy": "请公众号管理员把出口 IP 加入白名单。", "code": "ip"},
    ]  # fmt: skip
    AccountCheck.objects.create(account=district.accounts[0], at=now(), person=admin, ok=False, lines=lines)


def asked(district: District) -> Release:
    """A release whose 公众号 part people post, at its instant; a line in the book."""
    who = district.people["duty"]
    entry = Entry(
        district.accounts[0], "publish", "https://mp.weixin.qq.com/s/AbCdEfGh1", now() - POSTED_BEFORE, who,
        title="关于11月26日城区停水的紧急通知", note="值班领导要求",
    )  # fmt: skip
    manual.register(entry, person=who, now=now())
    Account.objects.filter(slug="wx").update(manual_reason="未认证，没有发布接口权限")
    district.accounts[0].refresh_from_db()
    return district.signed(*ARTICLES[:2], title="早间发布")


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_the_accounts_fit(size: str, scheme: str, district: District, window: Open) -> None:
    known(district)
    with window(size, scheme, login="duty", at="") as page:
        page.goto("/accounts")
        expect(page.get_by_text("体检未过")).to_be_visible()
        assert fits(page)
        shoot(page, f"accounts-{size}-{scheme}")
        page.goto("/accounts/wx")
        expect(page.get_by_text("请公众号管理员把出口 IP 加入白名单。")).to_be_visible()
        assert fits(page)
        shoot(page, f"account-{size}-{scheme}")


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_a_secret_is_asked_for_behind_the_password_and_the_fields_come_back_empty(
    size: str, district: District, window: Open
) -> None:
    known(district)
    with window(size, login="admin", at="") as page:
        page.goto("/accounts/wx/credentials")
        page.get_by_role("button", name="确认身份").click()
        page.get_by_label("吴管 的密码").fill(PASSWORD)
        page.get_by_role("button", name="确认并办理").click()
        field = page.get_by_label("AppSecret")
        expect(field).to_have_value("")
        assert fits(page)
        shoot(page, f"account-credentials-{size}")
        field.fill("a-brand-new-secret-0815")
        page.get_by_role("button", name="加密保存").click()
        expect(page.get_by_text("凭据已加密保存")).to_be_visible()
        page.goto("/accounts/new?channel=weibo")
        assert fits(page)
        shoot(page, f"account-new-{size}")


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_from_the_desk_an_account_is_led_to_its_platform_by_a_link_that_the_policy_lets_through(
    size: str, scheme: str, district: District, platform: RehearsalServer, window: Open
) -> None:
    known(district)
    with window(size, scheme, login="admin") as page:
        expect(page.get_by_role("button", name="重新授权")).to_be_visible()
        assert fits(page)
        shoot(page, f"desk-authorize-{size}-{scheme}")
        page.get_by_role("button", name="重新授权").click()
        page.get_by_label("吴管 的密码").fill(PASSWORD)
        page.get_by_role("button", name="确认并办理").click()
        link = page.get_by_role("link", name="去平台授权")
        expect(link).to_be_visible()
        assert fits(page)
        assert violations(page) == []
        shoot(page, f"authorize-{size}-{scheme}")
        page.route(f"{platform.base_url}/**", lambda route: route.fulfill(body="平台", content_type="text/html"))
        link.click()
        page.wait_for_url(f"{platform.base_url}/weibo/oauth2/authorize?**")


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_before_an_address_is_changed_in_a_live_home_the_form_says_what_that_costs(
    size: str, scheme: str, district: District, window: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(district)
    with window(size, scheme, login="admin") as page:
        monkeypatch.setattr(home, "is_live", lambda: True)
        monkeypatch.setattr(sessions, "demands_second_factor", lambda who: False)
        page.goto("/accounts/wx/edit")
        page.get_by_text("接口地址与代理").click()
        expect(page.get_by_text("已录入的凭据和令牌随即作废")).to_be_visible()
        assert fits(page)
        assert violations(page) == []
        shoot(page, f"account-edit-{size}-{scheme}")


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_a_task_has_everything_to_copy(size: str, scheme: str, district: District, window: Open) -> None:
    asked(district)
    with window(size, scheme, login="duty", at="") as page:
        page.goto("/manual")
        page.get_by_role("button", name="复制 标题").first.click()
        expect(page.get_by_text("已复制：标题")).to_be_visible()
        expect(page.get_by_text("下载图片 1").first).to_be_visible()
        assert fits(page)
        shoot(page, f"manual-{size}-{scheme}")
        page.goto("/manual/new")
        assert fits(page)
        shoot(page, f"manual-new-{size}-{scheme}")


def test_the_body_is_copied_with_its_formatting(district: District, window: Open) -> None:
    asked(district)
    with window("desk", login="duty", at="") as page:
        page.goto("/manual")
        page.evaluate(
            "addEventListener('copy', (e) => { document.body.dataset.types = e.clipboardData.types.join(' '); })"
        )
        page.get_by_role("button", name="复制（带格式）").first.click()
        expect(page.locator("body")).to_have_attribute("data-types", re.compile("text/html"))


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_manifest_desk_and_calendar_with_posts_by_hand_fit(
    size: str, scheme: str, district: District, window: Open
) -> None:
    asked(district)
    day = beijing_date(now() - POSTED_BEFORE).isoformat()  # early on a Monday that was last week
    signer = people.find_person("releaser")
    signer.set_password(PASSWORD)
    signer.save()
    release = district.planned(ARTICLES[2], title="一半手工的一张")
    with window(size, scheme, login="releaser") as page:
        for name, address, words in (
            ("sign", f"/releases/{release.pk}/sign", "1 次手工发布的次序"),
            ("release", f"/releases/{release.pk}", "核对清单并签发"),
            ("releases", "/releases", "一半手工的一张"),
            ("today", "/", "一半手工的一张"),
            ("compose", "/releases/new?document=HD-3", "系统不代发"),
            ("month", f"/calendar?date={day}", "城区停水"),
            ("week", f"/calendar?view=week&date={day}", "城区停水"),
            ("list", f"/calendar?view=list&date={day}", "关于11月26日城区停水的紧急通知"),
        ):
            page.goto(address)
            expect(page.locator("main")).to_contain_text(words)
            assert fits(page), name
            shoot(page, f"by-hand-{name}-{size}-{scheme}")
