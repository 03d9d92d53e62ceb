"""The staff pages in a real browser: they fit, keep themselves current, and break none of their own rules."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings
from playwright.sync_api import Route, expect

from bot.domain.alarms import Kind, Out
from bot.models import ClockReading, Freeze
from bot.services import alarming, people, stops
from tests.console.world import ARTICLES, PASSWORD, District, attempt, now, put

from .conftest import Open, fits, shoot

pytestmark = pytest.mark.browser

TOMORROW = replace(
    ARTICLES[1], external_id="HD-4", title="城乡居民医疗保险怎么缴费",
    summary="每年9月至12月集中缴费，可在手机上办理，也可到社区便民服务站办理。",
)  # fmt: skip
LOOKS = [("desk", "light"), ("desk", "dark"), ("phone", "light"), ("phone", "dark")]


def busy_day(district: District) -> int:
    """A partial release with one doubt and one item refused, accounts in contact, and a release still to come."""
    for account in district.accounts:
        ClockReading.objects.create(account=account, at=now(), offset_ms=120, boot_seconds=1.0, boot_id="boot")
    release = district.signed(*ARTICLES, title="十二月第一批政务公开")
    wechat, first, second, third = release.publications.order_by("account_id", "lane")
    put(wechat, "live")
    put(first, "live", sent_at=first.instant + timedelta(milliseconds=8))
    attempt(
        second, outcome="unknown", message="请求已发出但没有收到完整应答。", sent_at=second.instant,
        answered_at=second.instant + timedelta(seconds=5),
    )  # fmt: skip
    put(second, "unknown", reason="没有收到应答，正在向平台核对，查清之前不会再发。", sent_at=second.instant)
    attempt(
        third, outcome="refused", code="20018", message="内容含非法网址。", answer='{"error_code":20018}',
        sent_at=third.instant, answered_at=third.instant + timedelta(milliseconds=210),
    )  # fmt: skip
    put(
        third,
        "needs_person",
        reason="平台拒绝：内容含非法网址。没有发出。请修改链接后重新签发。",
        sent_at=third.instant,
    )
    district.signed(TOMORROW, ahead=timedelta(days=2), title="后天便民服务")
    return int(release.pk)


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_the_duty_desk_fits_and_is_readable(size: str, scheme: str, district: District, window: Open) -> None:
    busy_day(district)
    with window(size, scheme, login="duty") as page:
        expect(page.get_by_text("部分发出")).to_be_visible()
        expect(page.locator(".next .countdown")).to_contain_text(re.compile("23:5[0-9]:"))
        expect(page.get_by_text("只发到本机演练平台，不会真实公开")).to_be_visible()
        assert fits(page)
        shoot(page, f"today-{size}-{scheme}")


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_a_dozen_accounts_with_long_names_are_readable_on_the_duty_desk(
    size: str, district: District, window: Open
) -> None:
    district.widened(wechat=5, weibo=5).signed(title="各账号同发")
    with window(size, login="duty") as page:
        expect(page.locator(".clock-tile")).to_have_count(12)
        assert fits(page)
        drawn = page.locator(".clock-tile .account, .lines .account").evaluate_all(
            "all => all.map((one) => [one.getBoundingClientRect().height, getComputedStyle(one, '::before').width])"
        )
        assert {width for _, width in drawn} == {"19px"}
        assert max(height for height, _ in drawn) < 80, "of a long name three lines at most"
        shoot(page, f"today-accounts-{size}")
        page.locator("#clocks").scroll_into_view_if_needed()
        shoot(page, f"today-clocks-{size}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_the_current_tab_is_in_view(scheme: str, district: District, window: Open) -> None:
    """The navigation is wider than the screen: the tab of the page that is open is not left beyond its edge."""
    with window("phone", scheme, login="duty") as page:
        for tab in page.locator(".top nav a").evaluate_all("all => all.map((one) => one.getAttribute('href'))"):
            page.goto(tab)
            expect(page.locator(".top nav [aria-current]")).to_be_in_viewport(ratio=1)
            assert fits(page)
        shoot(page, f"navigation-phone-{scheme}")


@pytest.mark.parametrize(("width", "height"), [(683, 384), (768, 1024), (1024, 768), (1180, 800), (1181, 800)])
def test_between_phone_and_desk_no_page_scrolls_sideways(
    width: int, height: int, district: District, window: Open
) -> None:
    """683 by 384 is the desk's screen at 200 %. What of the menu has no room scrolls within it; the way out stays in view."""
    busy_day(district)
    roles = ["editor", "first", "second", "final", "releaser", "duty"]  # stand beside the name, and need room
    people.add_person("many", name="欧阳兼", unit=district.unit, roles=roles, password=None, actor="test", now=now())
    with window(login="many") as page:
        page.set_viewport_size({"width": width, "height": height})
        for tab in page.locator(".top nav a").evaluate_all("all => all.map((one) => one.getAttribute('href'))"):
            page.goto(tab)
            expect(page.locator(".top nav [aria-current]")).to_be_in_viewport(ratio=1)
            expect(page.get_by_role("button", name="退出")).to_be_in_viewport(ratio=1)
            assert fits(page), tab
        shoot(page, f"navigation-{width}")


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_the_story_of_a_release_fits(size: str, scheme: str, district: District, window: Open) -> None:
    pk = busy_day(district)
    with window(size, scheme, login="duty", at="") as page:
        page.goto(f"/releases/{pk}")
        expect(page.get_by_text("平台拒绝，没有发出")).to_be_visible()
        assert fits(page)
        shoot(page, f"release-{size}-{scheme}")


GAPS = """forms => forms.map(form => form.getBoundingClientRect().top - form.previousElementSibling.getBoundingClientRect().bottom)"""


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_what_is_pressed_of_an_alarm_stands_clear_of_its_words(
    size: str, scheme: str, district: District, window: Open
) -> None:
    release = district.signed(title="两处报警")
    calls = [
        alarming.Call(
            Kind.HELD, f"publication:{one.pk}", Out.NO, f"{one.account.name}：磁盘将满，没有发出。", unit=district.unit.pk,
            account=one.account_id, publication=one.pk, release=release.pk,
        )
        for one in release.publications.all()
    ]  # fmt: skip
    alarming.raise_all(calls, now=now())
    with window(size, scheme, login="duty") as page:
        for address, many in (("/", 1), (f"/releases/{release.pk}", 2)):
            page.goto(address)
            gaps = page.eval_on_selector_all("#alarms form:not(details form)", GAPS)
            assert len(gaps) == many
            assert min(gaps) >= 5, address
            shoot(page, f"alarms-{many}-{size}-{scheme}")


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_a_document_shows_its_posts_with_pictures(size: str, scheme: str, district: District, window: Open) -> None:
    district.approved()
    with window(size, scheme, login="duty", at="") as page:
        page.goto("/documents/HD-1")
        phone = page.frame_locator(".preview:nth-child(1) iframe")
        page.locator(".preview").first.scroll_into_view_if_needed()
        expect(phone.frame_locator("iframe").locator("h1")).to_have_text(ARTICLES[0].title)
        assert fits(page)
        page.evaluate("scrollTo(0, 0)")
        shoot(page, f"document-{size}-{scheme}")


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_the_login_fits(size: str, scheme: str, district: District, window: Open) -> None:
    with window(size, scheme) as page:
        page.goto("/")
        expect(page.get_by_role("heading", name="登录同发")).to_be_visible()
        assert fits(page)
        shoot(page, f"login-{size}-{scheme}")


def test_the_board_keeps_itself_current_and_keeps_a_half_written_reason(district: District, window: Open) -> None:
    release = district.signed(title="早间发布")
    with window(login="duty") as page:
        page.locator(".freeze summary").click()
        page.fill("#reason", "正在写原因")
        put(release.publications.all()[0], "needs_person", reason="请人处理一下")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.locator("#asks")).to_contain_text("请人处理一下")
        assert page.input_value("#reason") == "正在写原因"


def test_the_countdown_ticks_every_second_in_beijing_time_wherever_the_desk_stands(
    district: District, window: Open
) -> None:
    district.signed(ahead=timedelta(minutes=30))
    with window(login="duty") as page:
        countdown = page.locator(".next .countdown")
        expect(countdown).to_contain_text(re.compile("00:2[0-9]:"))
        before = countdown.inner_text()
        expect(countdown).not_to_have_text(before)
        beijing = (now() + timedelta(hours=8)).strftime("%H:")
        expect(page.locator(".wall")).to_contain_text(beijing)


def test_an_ended_session_is_said_and_not_hidden(district: District, window: Open) -> None:
    with window(login="duty") as page:
        page.context.clear_cookies()
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.locator("[data-offline]")).to_contain_text("登录已过期")


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_a_freeze_after_the_session_ended_is_said_not_to_have_been_done(
    size: str, district: District, window: Open, complaints: list[str]
) -> None:
    with window(size, login="duty") as page:
        page.locator(".freeze summary").click()
        page.fill("#reason", "正文有误，请停")
        page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
        page.get_by_role("button", name="立即停发").click()
        expect(page.get_by_text("没有停发")).to_be_visible()
        assert fits(page)
        shoot(page, f"login-undone-{size}")
        page.fill("#username", "duty")
        page.fill("#password", PASSWORD)
        page.get_by_role("button", name="登录", exact=True).click()
        expect(page.locator(".flash")).to_contain_text("没有停发")
        expect(page.locator(".freeze summary")).to_be_visible()
        page.goto("/freeze")
        expect(page.get_by_role("heading", name="这个网址不能直接打开")).to_be_visible()
        assert fits(page)
        shoot(page, f"405-{size}")
    assert not Freeze.objects.exists()
    assert all("405" in line for line in complaints)  # the address that was opened, and nothing else
    complaints.clear()


def test_freezing_from_the_page_tells_what_it_did(district: District, window: Open) -> None:
    release = district.signed()
    with window(login="duty") as page:
        page.locator(".freeze summary").click()
        page.fill("#reason", "正文有误，请停")
        page.get_by_role("button", name="立即停发").click()
        page.fill("#stepup-password", PASSWORD)
        page.get_by_role("button", name="确认并办理").click()
        expect(page.locator(".frozen")).to_contain_text("已拦下 2 条")
        shoot(page, "today-frozen")
    assert {publication.state for publication in release.publications.all()} == {"held"}
    stops.unfreeze(district.unit, person=district.people["releaser"], now=now())


def test_a_press_is_answered_at_once_and_a_second_one_sends_nothing(district: District, window: Open) -> None:
    document = district.document()
    with window("phone", login="editor", at="") as page:
        page.goto("/documents/HD-1")
        sent: list[Route] = []

        def no_page_yet(route: Route) -> None:
            sent.append(route)
            route.fulfill(status=204)

        page.route("**/submit/HD-1", no_page_yet)
        button = page.get_by_role("button", name="送审")
        button.tap()
        expect(button).to_have_attribute("aria-busy", "true")
        button.tap()
        page.wait_for_timeout(300)
        assert len(sent) == 1
        page.unroute("**/submit/HD-1")
        page.reload()
        button.tap()
        expect(page.locator(".flash-success")).to_contain_text("已送审")
    assert document.current.status.value == "submitted"
