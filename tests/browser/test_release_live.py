"""A release is composed, signed and watched going out, in a real browser: nothing is reloaded, the lanes fill in by themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from bot.console import streams
from bot.domain.alarms import Kind, Out
from bot.domain.delivery import State
from bot.domain.instants import to_beijing
from bot.models import Release
from bot.services import alarming, releases, stops
from tests.console.test_withdraw import asked
from tests.console.world import ARTICLES, PASSWORD, District, now, put

from .conftest import Open, fits, shoot
from .playing import engine

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("plain_covers")]

LOOKS = [("desk", "light"), ("desk", "dark"), ("phone", "light"), ("phone", "dark")]
PROMISED = 15_000
"""Milliseconds to wait for a change on an open page. It takes one or two thousand; a busy machine is no fault of the page. By
itself a page that is told of changes asks much more rarely (`QUIET` in live.js), so that what comes came by an event."""
STICKING_OUT = """[...document.querySelectorAll(".station p > *")].filter((word) => {
    const box = word.closest("li").getBoundingClientRect(), own = word.getBoundingClientRect();
    return own.left < box.left - 1 || own.right > box.right + 1;
}).length"""


@pytest.fixture
def signer(district: District) -> str:
    """Somebody who may compose and sign, with a password."""
    person = district.people["releaser"]
    person.set_password(PASSWORD)
    person.save()
    return str(person.username)


def watched(page: Page, address: str) -> None:
    """Open a page, and wait until it hears what changes."""
    with page.expect_response(lambda answer: "/events/" in answer.url and answer.status == 200):
        page.goto(address)
    page.wait_for_timeout(600)  # the look that follows the opening of the stream
    page.evaluate("window.never_reloaded = true")


def not_reloaded(page: Page) -> bool:
    return bool(page.evaluate("window.never_reloaded === true"))


def test_composed_signed_and_out_while_the_page_is_watched(district: District, window: Open, signer: str) -> None:
    for article in ARTICLES:
        district.approved(article)
    with window(login=signer) as page:
        at = (now() + timedelta(seconds=55)).isoformat()
        page.goto(f"/releases/new?at={at.replace('+', '%2B')}&document=HD-1")
        page.fill("#find", "落户")
        page.get_by_role("button", name=f"添加：{ARTICLES[1].title}").click()
        expect(page.locator(".chosen li")).to_have_count(2)
        page.get_by_role("button", name=f"上移：{ARTICLES[1].title}").click()
        expect(page.locator(".chosen li").first).to_contain_text(ARTICLES[1].title)
        expect(page.locator("#outlook")).to_contain_text("1 次推送，2 篇文章")
        page.fill("#title", "边看边发的一张")
        page.get_by_role("button", name="保存发布单").click()
        expect(page.locator(".flash")).to_contain_text("还没有签发")
        page.get_by_role("link", name="核对清单并签发").click()
        shoot(page, "release-sign")
        page.get_by_role("button", name="签发", exact=True).click()
        page.fill("#stepup-password", PASSWORD)
        page.get_by_role("button", name="确认并办理").click()
        expect(page.locator(".flash")).to_contain_text("已签发，清单哈希尾号")
        release = Release.objects.get()
        watched(page, f"/releases/{release.pk}")
        all_live = lambda: {one.state for one in release.publications.all()} == {State.LIVE}  # noqa: E731
        engine(page, all_live, seconds=120)
        expect(page.locator(".lane").first.locator(".station.passed")).to_have_count(4, timeout=PROMISED + 1000)
        expect(page.locator("#head")).to_contain_text("已发布")
        for one in release.publications.all():
            assert one.sent_at is not None
            assert one.sent_at >= one.instant
            expect(page.locator("#lanes")).to_contain_text(to_beijing(one.sent_at).strftime("%H:%M:%S"))
        assert not_reloaded(page)
        shoot(page, "release-out")


def test_a_change_reaches_the_open_page_within_two_seconds(district: District, window: Open) -> None:
    release = district.signed(title="看着的一张")
    with window(login="duty") as page:
        watched(page, f"/releases/{release.pk}")
        stops.hold(release, person=district.people["duty"], reason="核对一下", now=now())
        expect(page.locator("#lanes")).to_contain_text("已暂停", timeout=PROMISED)
        expect(page.locator("#status-words")).to_contain_text("已暂停")
        stops.resume(release, person=district.people["releaser"], now=now())
        expect(page.locator("#lanes")).to_contain_text("待准备", timeout=PROMISED)
        assert not_reloaded(page)


def test_a_change_reaches_the_open_desk_within_two_seconds(district: District, window: Open) -> None:
    with window(login="duty") as page:
        watched(page, "/")
        release = district.planned(title="刚编好的一张")
        expect(page.locator("#board")).to_contain_text("刚编好的一张", timeout=PROMISED)
        releases.sign(release, person=district.people["releaser"], now=now())
        expect(page.locator(".next")).to_contain_text("刚编好的一张", timeout=PROMISED)
        assert not_reloaded(page)


def test_an_alarm_comes_into_sight_on_a_page_that_had_none(district: District, window: Open) -> None:
    release = district.signed()
    push = release.publications.all()[0]
    with window(login="duty") as page:
        watched(page, f"/releases/{release.pk}")
        expect(page.locator("#alarms")).to_be_hidden()
        call = alarming.Call(
            Kind.UNKNOWN, f"publication:{push.pk}", Out.UNKNOWN, "没有收到应答。", unit=district.unit.pk, release=release.pk,
            publication=push.pk,
        )  # fmt: skip
        alarming.raise_all([call], now=now())
        expect(page.locator("#alarms")).to_be_visible(timeout=PROMISED)
        expect(page.locator("#alarms")).to_contain_text("没有收到应答。")
        alarming.close(Kind.UNKNOWN, [f"publication:{push.pk}"], why="已查清", now=now())
        expect(page.locator("#alarms")).to_contain_text("已查清", timeout=PROMISED)
        assert not_reloaded(page)


def test_what_a_signature_allows_comes_into_sight_on_a_watched_page(district: District, window: Open) -> None:
    release = district.planned()
    with window(login="duty") as page:
        watched(page, f"/releases/{release.pk}")
        expect(page.locator("#preflights")).to_be_hidden()
        releases.sign(release, person=district.people["releaser"], now=now())
        expect(page.locator("#preflights")).to_be_visible(timeout=PROMISED)
        expect(page.get_by_role("button", name="再查一次")).to_be_visible()
        assert not_reloaded(page)


def test_the_switch_goes_and_comes_with_somebody_elses_freeze(district: District, window: Open) -> None:
    with window(login="duty") as page:
        watched(page, "/")
        expect(page.locator(".freeze summary")).to_be_visible()
        stops.freeze(district.unit, person=district.people["releaser"], reason="核对", now=now())
        expect(page.locator(".frozen")).to_be_visible(timeout=PROMISED)
        expect(page.locator(".freeze")).to_be_hidden()
        stops.unfreeze(district.unit, person=district.people["releaser"], now=now())
        expect(page.locator(".freeze summary")).to_be_visible(timeout=PROMISED)
        page.locator(".freeze summary").click()
        expect(page.get_by_role("button", name="立即停发")).to_be_visible()
        assert not_reloaded(page)


def test_what_could_not_be_fetched_is_fetched_again_without_another_event(
    district: District, window: Open, complaints: list[str]
) -> None:
    """The one event of a change may meet a server that fails just then."""
    release = district.planned()
    with window(login="duty") as page:
        address = f"/releases/{release.pk}"
        watched(page, address)
        page.route(f"**{address}", lambda route: route.fulfill(status=503, body="busy"), times=1)
        releases.sign(release, person=district.people["releaser"], now=now())
        expect(page.locator("[data-offline]")).to_contain_text("正在重试", timeout=PROMISED)
        expect(page.locator("#preflights")).to_be_visible(timeout=PROMISED)
        expect(page.locator("[data-offline]")).to_be_hidden()
        assert not_reloaded(page)
    assert all("503" in line for line in complaints)  # the browser tells of the failed fetch, and of nothing else
    complaints.clear()


def test_a_withdrawal_comes_into_sight_among_the_exceptions(district: District, window: Open) -> None:
    with window(login="duty", at="") as page:
        page.goto("/exceptions")
        expect(page.locator("#withdrawals")).to_be_hidden()
        asked(district)
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # it asks by itself every ten seconds
        expect(page.locator("#withdrawals")).to_contain_text("待第二人确认")


def test_without_a_place_among_the_streams_the_page_asks_by_itself(
    district: District, window: Open, complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HUB", streams.Hub(most=0))
    release = district.signed()
    with window(login="duty", at="") as page:
        page.goto(f"/releases/{release.pk}")
        page.wait_for_timeout(500)
        put(release.publications.all()[0], "needs_person", reason="请人处理一下")
        expect(page.locator("#lanes")).to_contain_text("需人工处理", timeout=9000)
    assert all("503" in line for line in complaints)  # the browser tells of the refused stream, and of nothing else
    complaints.clear()


def test_an_ended_session_ends_the_stream_and_is_said(
    district: District, window: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.console.events.HEARTBEAT", 1.0)
    with window(login="duty") as page:
        watched(page, "/")
        type(district.people["duty"]).objects.filter(username="duty").update(is_active=False)
        expect(page.locator("[data-offline]")).to_contain_text("登录已过期")


def test_a_half_written_reason_is_not_taken_away(district: District, window: Open) -> None:
    release = district.signed()
    with window(login="duty") as page:
        watched(page, f"/releases/{release.pk}")
        page.get_by_text("其他办理").click()
        page.locator(".menu-list summary", has_text="暂停").click()
        page.fill("#release-hold-reason", "正在写")
        page.locator("h1").click()
        put(release.publications.all()[0], "needs_person", reason="请人处理一下")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.locator("#lanes")).to_contain_text("需人工处理")
        assert page.input_value("#release-hold-reason") == "正在写"


def test_nothing_is_taken_from_under_a_finger_that_is_pressing(district: District, window: Open) -> None:
    """A link that is replaced between press and release is never followed."""
    first = district.planned(title="先编的一张")
    with window(login="duty") as page:
        watched(page, "/")
        link = page.locator("#board").get_by_role("link", name="先编的一张")
        link.hover()
        page.mouse.down()
        with page.expect_response(lambda answer: answer.request.headers.get("x-live") == "1"):
            district.planned(ARTICLES[1], title="又编的一张")
        page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        assert "又编的一张" not in page.locator("#board").inner_text()
        page.mouse.up()
        page.wait_for_url(f"**/releases/{first.pk}")


# --- the pages fit ---------------------------------------------------------------------------------------------


def under_way(district: District) -> Release:
    """One account is out, the other in doubt."""
    release = district.signed(*ARTICLES, title="十二月第一批政务公开")
    wechat, first, second, _ = release.publications.order_by("account_id", "lane")
    early = wechat.instant - timedelta(minutes=9)
    put(wechat, "live", staged_at=early, accepted_at=wechat.instant + timedelta(seconds=1))
    put(first, "live", staged_at=early, accepted_at=first.instant + timedelta(seconds=1))
    put(second, "sending", staged_at=early)
    return release


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_the_lanes_fit(size: str, scheme: str, district: District, window: Open) -> None:
    release = under_way(district)
    with window(size, scheme, login="duty", at="") as page:
        page.goto(f"/releases/{release.pk}")
        expect(page.locator(".lane")).to_have_count(4)
        assert fits(page)
        assert not page.evaluate(STICKING_OUT)
        sent = page.locator(".station", has_text="发出").first
        expect(sent).to_contain_text("实际")
        expect(sent).to_contain_text("约定")
        shoot(page, f"release-lanes-{size}-{scheme}")


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_list_composer_and_manifest_fit(size: str, scheme: str, district: District, window: Open, signer: str) -> None:
    tomorrow = (to_beijing(now()) + timedelta(days=1)).replace(hour=10, minute=0, second=0, microsecond=0)
    taken = district.signed(ARTICLES[2], title="明天已签的一张", ahead=tomorrow - now())
    release = district.planned(ARTICLES[0], title="后天的一张", ahead=timedelta(days=2))
    district.approved(replace(ARTICLES[1], external_id="HD-9"))
    with window(size, scheme, login=signer, at="") as page:
        page.goto("/releases")
        expect(page.locator(".rows > li")).to_have_count(2)
        assert fits(page)
        shoot(page, f"releases-{size}-{scheme}")
        page.goto(f"/releases/new?at={to_beijing(taken.instant).strftime('%Y-%m-%dT%H:%M')}&document=HD-9")
        expect(page.locator("#outlook")).to_contain_text("已用完")
        assert fits(page)
        shoot(page, f"compose-{size}-{scheme}")
        page.locator("#picks button").last.click()  # on that day there is quota left
        expect(page.locator("#outlook")).not_to_contain_text("已用完")
        page.goto(f"/releases/{release.pk}/sign")
        assert fits(page)
        shoot(page, f"sign-{size}-{scheme}")


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_what_would_go_out_is_read_before_it_is_saved(size: str, district: District, window: Open, signer: str) -> None:
    district.approved()
    with window(size, login=signer, at="/releases/new?document=HD-1") as page:
        told, save = page.locator("#outlook").bounding_box(), page.locator("[value=save]").bounding_box()
        assert told
        assert save
        if size == "phone":
            assert told["y"] + told["height"] <= save["y"]
        else:
            assert told["x"] >= save["x"] + save["width"]
            assert told["y"] < save["y"]
        assert fits(page)
        page.locator("#title").focus()
        page.keyboard.press("Tab")
        expect(page.get_by_role("complementary", name="将会这样发")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="保存发布单")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator(".flash")).to_contain_text("已编好")


def test_by_keyboard_nobody_is_sent_back_to_the_top_of_the_page(district: District, window: Open, signer: str) -> None:
    for article in ARTICLES:
        district.approved(article)
    with window(login=signer, at="") as page:
        page.goto("/releases/new?document=HD-1&document=HD-2&document=HD-3")
        button = lambda what, which: page.get_by_role("button", name=f"{what}：{ARTICLES[which].title}")  # noqa: E731

        def press(what: str, which: int) -> None:
            button(what, which).focus()
            page.keyboard.press("Enter")

        press("下移", 1)
        expect(button("上移", 1)).to_be_focused()  # it is the last one now
        press("去掉", 2)
        expect(button("去掉", 1)).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="已选文件和次序")).to_be_focused()
        press("添加", 2)
        expect(button("添加", 1)).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("region", name="查找结果")).to_be_focused()
        pick = page.locator("#picks button").first
        pick.evaluate("(button) => { button.dataset.old = '1'; button.focus(); }")
        page.keyboard.press("Enter")
        expect(page.locator("#picks button:focus:not([data-old]), #date:focus")).to_have_count(1)


def test_documents_are_ordered_by_dragging_and_by_keyboard(district: District, window: Open, signer: str) -> None:
    for article in ARTICLES:
        district.approved(article)
    with window(login=signer, at="") as page:
        page.goto("/releases/new?document=HD-1&document=HD-2&document=HD-3")
        rows = page.locator(".chosen li")
        rows.nth(2).drag_to(rows.nth(0), target_position={"x": 60, "y": 3})
        expect(rows.first).to_contain_text(ARTICLES[2].title)
        expect(page.locator("#outlook .sends li span").first).to_contain_text(ARTICLES[2].title)
        page.get_by_role("button", name=f"上移：{ARTICLES[1].title}").focus()
        page.keyboard.press("Enter")
        expect(rows.nth(1)).to_contain_text(ARTICLES[1].title)
        page.fill("#title", "拖过的一张")
        page.get_by_role("button", name="保存发布单").click()
        expect(page.locator(".flash")).to_contain_text("已编好")
    release = Release.objects.get()
    items = release.publications.get(account=district.accounts[0]).items.order_by("position")
    assert [item.edition.document.external_id for item in items] == ["HD-3", "HD-2", "HD-1"]
