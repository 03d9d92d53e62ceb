"""日历 in a real browser: dragged for real, asked first, and readable on a desk, on a phone and on paper."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from bot.domain.article import Article, Kind
from bot.domain.calendar.days import month_later, weeks_of_month
from bot.domain.instants import BEIJING, beijing_date, to_beijing
from bot.models import Publication, Release
from bot.services import documents, releases
from tests.console.world import ARTICLES, District, attempt, now, put
from tests.services.factories import force, interpretation, lifted, policy

from .conftest import ARTIFACTS, Open, fits, shoot

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("plain_covers")]

LOOKS = [("desk", "light"), ("desk", "dark"), ("phone", "light"), ("phone", "dark")]


def item(number: int, kind: Kind, title: str) -> Article:
    return replace(ARTICLES[1], external_id=f"HD-2{number:02}", kind=kind, title=title)


def clock(day: date, hour: int, minute: int = 30) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=BEIJING)


def working_month() -> date:
    """The next month: all of it lies ahead."""
    return month_later(beijing_date(now()), 1)


def plan(district: District, instant: datetime, *articles: Article, title: str = "", sign: bool = True) -> Release:
    chosen = [district.approved(article) for article in articles]
    release = releases.plan(
        title=title, instant=instant, documents=chosen, accounts=district.accounts,
        person=district.people["editor"], now=now(),
    )  # fmt: skip
    return releases.sign(release, person=district.people["releaser"], now=now()) if sign else release


def over(release: Release, instant: datetime) -> None:
    """As if it had been for that instant, some time ago."""
    force(Publication.objects.filter(release=release), "planned", instant=instant, not_before=instant)
    with lifted("release_kept_while_signed"):
        Release.objects.filter(pk=release.pk).update(instant=instant)
    for one in Publication.objects.filter(release=release):
        put(one, "live")


def busy_weeks(district: District, monday: date) -> list[Release]:
    """A month's work from that Monday on: signed, unsigned, bundles, one in trouble, one called off."""
    days = [monday + timedelta(days=index) for index in range(28)]
    district.document(policy())
    district.document(interpretation())
    documents._link_waiting(district.unit)
    made = [
        plan(district, clock(days[0], 9), item(1, Kind.NOTICE, "关于冬季防火工作的通告")),
        plan(district, clock(days[1], 9), policy(), interpretation(), title="公共租赁住房管理办法"),
        plan(district, clock(days[2], 15, 0), item(2, Kind.SERVICE, "城乡居民医疗保险怎么缴费"), sign=False),
        plan(district, clock(days[3], 9), *(item(n, Kind.NOTICE, f"第{n}批政务公开事项") for n in (3, 4, 5)), title="第一批政务公开"),
        plan(district, clock(days[4], 10, 0), item(6, Kind.SERVICE, "老年优待证怎么办"), sign=False),
        plan(district, clock(days[4], 16, 0), item(7, Kind.NOTICE, "关于停水检修的公告")),
        plan(district, clock(days[8], 9), item(8, Kind.SERVICE, "不动产登记一次办好")),
        plan(district, clock(days[10], 9), item(9, Kind.NOTICE, "河东区2026年度部门决算公开的公告")),
        plan(district, clock(days[15], 20, 30), item(10, Kind.SERVICE, "婚姻登记预约指南"), sign=False),
        plan(district, clock(days[17], 9), item(11, Kind.NOTICE, "关于元旦期间值班安排的公告")),
    ]  # fmt: skip
    trouble = made[6].publications.order_by("account_id")
    put(trouble[0], "live")
    attempt(trouble[1], outcome="refused", code="20018", message="内容含非法网址。", sent_at=trouble[1].instant)
    put(trouble[1], "needs_person", reason="平台拒绝：内容含非法网址。没有发出。")
    for one in made[7].publications.all():
        put(one, "live")
    return made


def tile(page: Page, release: Release, where: str = ".grid"):  # type: ignore[no-untyped-def]
    return page.locator(f'{where} .tile:has(a[href="/releases/{release.pk}"])')


def month(page: Page, day: date, view: str = "month") -> None:
    page.goto(f"/calendar?view={view}&date={day.isoformat()}")


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_a_month_a_week_and_a_list_fit_and_are_readable(
    size: str, scheme: str, district: District, window: Open
) -> None:
    monday = weeks_of_month(working_month())[1][0]
    made = busy_weeks(district, monday)
    with window(size, scheme, login="editor") as page:
        for view in ("month", "week", "list"):
            month(page, monday, view)
            where = {"list": ".list"}.get(view, ".grid" if size == "desk" else ".agenda")
            expect(page.locator(where)).to_be_visible()
            expect(page.locator(where)).to_contain_text("公共租赁住房管理办法")
            assert fits(page)
            shoot(page, f"calendar-{view}-{size}-{scheme}")
        month(page, monday)
        opened = tile(page, made[0], ".grid" if size == "desk" else ".agenda")
        opened.locator("summary").click()
        expect(opened.locator(".menu-body")).to_be_visible()
        assert fits(page)
        shoot(page, f"calendar-menu-{size}-{scheme}")
        opened.get_by_role("link", name="改期").click()
        expect(page.locator("#move")).to_be_visible()
        page.fill("#move-date", (monday + timedelta(days=5)).isoformat())
        expect(page.locator("#move-outlook")).to_contain_text("不是工作日")
        assert fits(page)
        shoot(page, f"calendar-move-{size}-{scheme}")


@pytest.mark.parametrize("where", ["desk", "phone", "paper"])
@pytest.mark.parametrize("many", [2, 6])
def test_long_names_and_many_accounts_stay_within_their_day(
    where: str, many: int, district: District, window: Open
) -> None:
    monday = weeks_of_month(working_month())[1][0]
    district.widened(wechat=many, weibo=many)
    plan(district, clock(monday, 9), ARTICLES[0], title="各账号同发")
    with window("phone" if where == "phone" else "desk", login="editor", at="") as page:
        if where == "paper":
            page.emulate_media(media="print")
            page.set_viewport_size({"width": 1054, "height": 725})
        for view in ("month", "week", "list"):
            month(page, monday, view)
            expect(page.get_by_text("各账号同发").locator("visible=true").first).to_be_visible()
            assert fits(page), view
            beyond = page.locator(".quota, .glyphs").evaluate_all(
                """all => all.filter((one) => one.getBoundingClientRect().right
                    > one.closest("td, th, li.cell, .tile").getBoundingClientRect().right + 1).length"""
            )
            assert beyond == 0, view
            shoot(page, f"calendar-accounts-{many}-{view}-{where}")


def test_a_tile_dragged_to_another_day_asks_first_and_then_moves(district: District, window: Open) -> None:
    monday = weeks_of_month(working_month())[1][0]
    release = plan(district, clock(monday, 9), ARTICLES[0], title="拖动的一张")
    target = monday + timedelta(days=3)
    with window(login="editor", at="") as page:
        month(page, monday)
        cell = page.locator(f'.grid td[data-day="{target.isoformat()}"]')
        tile(page, release).drag_to(cell)
        dialog = page.locator("#move")
        expect(dialog).to_be_visible()
        expect(dialog).to_contain_text("已签发，改期后须重新签发")
        expect(page.locator("#move-date")).to_have_value(target.isoformat())
        expect(page.locator("#move-time")).to_have_value("09:30")
        release.refresh_from_db()
        assert release.signed
        dialog.get_by_role("button", name=re.compile("改到")).click()
        expect(page.get_by_role("alert")).to_contain_text("须重新签发")
        expect(cell).to_contain_text("拖动的一张")
        shoot(page, "calendar-moved")
    release.refresh_from_db()
    assert to_beijing(release.instant) == clock(target, 9)
    assert not release.signed


def test_a_tile_dragged_within_a_week_takes_the_hour_and_keeps_its_minutes(district: District, window: Open) -> None:
    monday = weeks_of_month(working_month())[1][0]
    release = plan(district, clock(monday, 9), ARTICLES[0], sign=False)
    target = monday + timedelta(days=1)
    with window(login="editor", at="") as page:
        month(page, monday, "week")
        tile(page, release).drag_to(page.locator(f'.grid td[data-day="{target.isoformat()}"][data-first="14"]'))
        expect(page.locator("#move-date")).to_have_value(target.isoformat())
        expect(page.locator("#move-time")).to_have_value("14:30")
        expect(page.locator("#move")).to_contain_text("还没有签发")
        page.get_by_role("link", name="返回，不改").click()
        expect(page.locator("#move")).to_be_hidden()
    release.refresh_from_db()
    assert to_beijing(release.instant) == clock(monday, 9)


def test_the_question_answers_again_when_another_day_is_chosen(district: District, window: Open) -> None:
    """A day whose quota is used up, then the day that is offered instead; all without dragging."""
    monday = weeks_of_month(working_month())[1][0]
    plan(district, clock(monday + timedelta(days=1), 9), ARTICLES[0])
    release = plan(district, clock(monday, 9), ARTICLES[1], sign=False)
    with window(login="editor", at="") as page:
        month(page, monday)
        tile(page, release).locator("summary").click()
        tile(page, release).get_by_role("link", name="改期").press("Enter")
        expect(page.locator("#move-outlook")).to_contain_text("还是原来的时刻")
        page.fill("#move-date", (monday + timedelta(days=1)).isoformat())
        expect(page.locator("#move-outlook")).to_contain_text("已用完")
        page.locator(".offer .button").click()
        expect(page.locator("#move-date")).to_have_value((monday + timedelta(days=2)).isoformat())
        expect(page.locator("#move-outlook")).to_contain_text("这一天是工作日")
        page.get_by_role("button", name=re.compile("改到")).click()
        expect(page.get_by_role("alert")).to_contain_text("已改到")
    release.refresh_from_db()
    assert to_beijing(release.instant) == clock(monday + timedelta(days=2), 9)


def test_what_has_been_sent_does_not_follow_the_hand_and_says_why(district: District, window: Open) -> None:
    monday = weeks_of_month(working_month())[1][0]
    release = plan(district, clock(monday, 9), ARTICLES[0])
    for one in release.publications.all():
        put(one, "live")
    with window(login="editor", at="") as page:
        month(page, monday)
        box, cell = (
            tile(page, release).bounding_box(),
            page.locator(f'.grid td[data-day="{monday + timedelta(days=2)}"]'),
        )
        there = cell.bounding_box()
        assert box is not None
        assert there is not None
        page.mouse.move(box["x"] + 60, box["y"] + 26)
        page.mouse.down()
        page.mouse.move(there["x"] + 60, there["y"] + 60, steps=8)
        page.mouse.up()
        expect(page.locator("#calendar-says")).to_contain_text("已发布：已有推送发出")
        expect(page.locator("#move")).to_be_hidden()


def test_arrow_keys_walk_through_the_days_and_escape_closes_a_menu(district: District, window: Open) -> None:
    monday = weeks_of_month(working_month())[1][0]
    release = plan(district, clock(monday, 9), ARTICLES[0], sign=False)
    with window(login="editor", at="") as page:
        month(page, monday)
        page.locator(f'.grid td[data-day="{monday.isoformat()}"] .day-number').focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        expect(page.locator(f'td[data-day="{(monday + timedelta(days=8)).isoformat()}"] .day-number')).to_be_focused()
        tile(page, release).locator("summary").press("Enter")
        expect(tile(page, release).locator(".menu-body")).to_be_visible()
        page.keyboard.press("Escape")
        expect(tile(page, release).locator(".menu-body")).to_be_hidden()


def test_today_and_the_past_are_told_apart(district: District, window: Open) -> None:
    today = beijing_date(now())
    release = plan(district, now() + timedelta(days=9), ARTICLES[0], title="昨天发出的一张")
    over(release, clock(today - timedelta(days=1), 9))
    with window(login="duty", at="") as page:
        page.goto("/calendar")
        expect(page.locator(".grid td.today .day-number")).to_contain_text(str(today.day))
        shoot(page, "calendar-today")


@pytest.mark.parametrize(
    "view", ["month", pytest.param("week", marks=pytest.mark.long), pytest.param("list", marks=pytest.mark.long)]
)
def test_on_paper_it_is_the_calendar_alone_on_one_sheet(view: str, district: District, window: Open) -> None:
    monday = weeks_of_month(working_month())[1][0]
    busy_weeks(district, monday)
    with window("desk", "dark", login="editor", at="") as page:
        month(page, monday, view)
        page.emulate_media(media="print", color_scheme="light")
        for gone in (".rail", ".top", ".turns", ".slot >> nth=0"):
            expect(page.locator(gone)).to_be_hidden()
        expect(page.locator(".on-paper")).to_be_visible()
        page.set_viewport_size({"width": 703, "height": 1031} if view == "list" else {"width": 1054, "height": 725})
        shoot(page, f"calendar-{view}-paper")
        page.emulate_media(media="null", color_scheme="dark")
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        paper = page.pdf(path=ARTIFACTS / f"calendar-{view}.pdf", prefer_css_page_size=True, print_background=True)
        assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 1
        width, height = map(float, re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", paper)[0])
        assert (width > height) is (view != "list")
        assert sorted((round(width), round(height))) == [595, 842], "A4"
