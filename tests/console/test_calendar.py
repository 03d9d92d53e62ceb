"""日历: what goes out on which day, and moving it with the consequences said beforehand."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import path
from hypothesis import given
from hypothesis import strategies as st

from bot.console import calendar_tiles, chips
from bot.console import urls as console_urls
from bot.console.calendar_tiles import GROUPS, TITLE, group, short
from bot.domain.article import Kind
from bot.domain.delivery import State
from bot.domain.instants import BEIJING, beijing_date, to_beijing
from bot.models import Publication, Release
from bot.services import documents, releases, stops
from tests.domain.strategies import QUICK
from tests.services.factories import after_live, interpretation, policy

from .world import ARTICLES, District, now, put

Login = Callable[[str], Client]
WEEK = timedelta(days=7)


def composer(request: HttpRequest) -> HttpResponse:
    """Stands for the page on which a release is composed."""
    return HttpResponse()


#: The console with that page, for ROOT_URLCONF.
urlpatterns = [path("releases/new", composer, name="release-new"), *console_urls.urlpatterns]


class WithoutComposer:
    """The console as long as there is no such page."""

    urlpatterns = [one for one in console_urls.urlpatterns if one.name != "release-new"]  # noqa: RUF012


def page(client: Client, view: str = "month", day: date | None = None, **query: object) -> str:
    answer = client.get("/calendar", {"view": view, "date": (day or beijing_date(now())).isoformat(), **query})
    assert answer.status_code == 200
    return answer.content.decode()


def of(release: Release) -> date:
    return beijing_date(release.instant)


def grid(shown: str) -> str:
    """The part for a desk: that for a phone shows the same tiles once more."""
    return shown.split('<table class="grid')[1].split("</table>")[0]


def agenda(shown: str) -> str:
    """The part for a phone."""
    return shown.split('<ol class="agenda')[1].split("</ol>")[0]


def day_of(shown: str, day: date) -> str:
    """One cell of the month."""
    return grid(shown).split(f'data-day="{day.isoformat()}">')[1].split("</td>")[0]


def move(client: Client, release: Release, at: datetime, **fields: str) -> HttpResponse:
    local = at.astimezone(BEIJING)
    form = {"date": local.date().isoformat(), "time": local.strftime("%H:%M"), **fields}
    return client.post(f"/calendar/releases/{release.pk}/move", form, follow=True)


def half_past_nine(release: Release, later: timedelta) -> datetime:
    return to_beijing(release.instant + later).replace(hour=9, minute=30, second=0, microsecond=0)


# --- what is shown -----------------------------------------------------------------------------------------


def test_a_release_is_one_tile_however_many_pushes_it_has(district: District, as_: Login) -> None:
    release = district.signed(*ARTICLES, ahead=WEEK, title="十二月第一批政务公开")
    shown = grid(page(as_("duty"), day=of(release)))
    assert shown.count('<li class="tile') == 1
    assert "十二月第一批政务公开" in shown
    assert f"/releases/{release.pk}" in shown
    assert to_beijing(release.instant).strftime("%H:%M") in shown
    assert "3 件合为一张发布单" in shown
    assert "中国河东：待准备" in shown
    assert "临沂河东 3 条：待准备" in shown


def test_a_tile_that_was_drawn_before_shows_what_has_changed_since_and_to_each_what_is_theirs(
    district: District, as_: Login
) -> None:
    release = district.signed(ahead=WEEK, title="第一批<b>公开</b>")
    releaser, duty = as_("releaser"), as_("duty")
    before = grid(page(releaser, day=of(release)))
    assert "第一批&lt;b&gt;公开&lt;/b&gt;" in before
    assert "待准备" in before
    assert "data-move" in before
    assert "data-move" not in grid(page(duty, day=of(release)))  # whoever may not move it is not offered it
    Release.objects.filter(pk=release.pk).update(title="第二批公开")
    for one in release.publications.all():
        put(one, "needs_person", reason="请处理")
    after = grid(page(releaser, day=of(release)))
    assert "第二批公开" in after
    assert "第一批" not in after
    assert "需人工处理" in after


def test_on_a_phone_days_that_are_over_and_empty_take_no_room(district: District, as_: Login) -> None:
    ordinary, national_day = date(2025, 9, 10), date(2025, 10, 1)
    client = as_("duty")
    over = agenda(page(client, "week", ordinary))
    assert '<li class="cell' not in over
    assert "这一周没有发布" in over
    assert "没有符合筛选的发布" in agenda(page(client, "week", ordinary, state="trouble"))
    assert "国庆节" in agenda(page(client, "week", national_day))  # why nothing went out
    coming = agenda(page(client, "week", beijing_date(now()) + WEEK))
    assert coming.count('<li class="cell') == 7
    assert coming.count("没有安排") == 7


def test_a_policy_with_its_interpretation_is_a_bundle_and_one_item_is_none(district: District, as_: Login) -> None:
    district.document(policy())
    district.document(interpretation())
    documents._link_waiting(district.unit)
    pair = district.planned(policy(), interpretation(), ahead=WEEK)
    assert "2 件合为一张发布单" in page(as_("duty"), day=of(pair))
    single = district.planned(ahead=timedelta(days=100))
    assert "合为一张" not in grid(page(as_("duty"), day=of(single)))


@pytest.mark.parametrize("state", State)
def test_every_state_has_a_colour_an_icon_a_word_and_a_place_among_the_filters(
    state: State, district: District, as_: Login
) -> None:
    release = district.signed(ahead=WEEK)
    for one in release.publications.all():
        put(one, state, live_at=now() if state is State.LIVE else None)
    chip = chips.chip(state)
    shown = grid(page(as_("duty"), day=of(release)))
    assert f'class="tile tone-{chip.tone}' in shown
    assert f"icons.svg#{chip.icon}" in shown
    assert f'<span class="word">{chip.label}' in shown
    assert group(chip) in GROUPS


def test_what_is_public_in_part_is_found_among_what_needs_somebody(district: District, as_: Login) -> None:
    release = district.signed(ahead=WEEK)
    first, second = release.publications.order_by("account_id")
    put(first, "live")
    put(second, "needs_person", reason="请处理")
    assert "部分发出 1/2" in page(as_("duty"), day=of(release), state="trouble")
    assert "部分发出" not in grid(page(as_("duty"), day=of(release), state="public"))


def test_a_release_that_waits_for_the_portal_says_so(district: District, as_: Login) -> None:
    release = releases.plan(
        title="", instant=now() + WEEK, documents=[district.approved()], accounts=district.accounts,
        person=district.people["editor"], now=now(), sync=after_live(),
    )  # fmt: skip
    assert "门户网页上线后才发" in grid(page(as_("duty"), day=of(release)))


def test_an_empty_month_says_so(district: District, as_: Login) -> None:
    assert "2026年3月还没有安排发布。" in page(as_("duty"), day=date(2026, 3, 5))


def test_another_units_releases_are_not_on_it(district: District, as_: Login) -> None:
    other = District.make("luozhuang", "罗庄区政府办公室").signed(ahead=WEEK, title="别人的发布单")
    for view in ("month", "week", "list"):
        assert "别人的发布单" not in page(as_("duty"), view, of(other))


@pytest.mark.parametrize("who", ["editor", "first", "final", "releaser", "duty", "admin"])
def test_everybody_of_the_unit_may_look(who: str, district: District, as_: Login) -> None:
    release = district.signed(ahead=WEEK, title="大家都看得到")
    shown = page(as_(who), day=of(release))
    assert ("大家都看得到" if who != "admin" else f"发布单 {release.pk}") in shown
    assert 'href="/calendar"' in shown


def test_nobody_looks_without_a_login(district: District) -> None:
    assert Client().get("/calendar").status_code == 302


def test_today_is_marked_and_what_is_over_is_grey(district: District, as_: Login) -> None:
    shown = grid(page(as_("duty")))
    assert len(re.findall(r'class="cell[^"]* today', shown)) == 1
    assert " past" not in grid(page(as_("duty"), day=beijing_date(now() + timedelta(days=90))))
    assert grid(page(as_("duty"), day=date(2026, 3, 5))).count('class="cell past') == 42


def test_a_day_with_more_than_it_holds_leads_to_its_week(
    district: District, as_: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.console.calendar.IN_A_CELL", 1)
    planned = [district.planned(article, ahead=WEEK) for article in ARTICLES]
    shown = grid(page(as_("duty"), day=of(planned[0])))
    assert shown.count('<li class="tile') == 1
    assert "还有 2 张" in shown


def test_a_page_that_is_cut_says_that_what_follows_is_not_empty(
    district: District, as_: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bot.console.calendar.MOST", "bot.console.calendar_tiles.MOST"):
        monkeypatch.setattr(name, 1)
    planned = [district.planned(article, ahead=WEEK) for article in ARTICLES[:2]]
    shown = page(as_("duty"), day=of(planned[0]))
    assert "只显示最早的 1 张" in shown
    assert grid(shown).count('<li class="tile') == 1


# --- addresses ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", ["month", "week", "list", "year", ""])
@pytest.mark.parametrize("day", ["", "0001-01-01", "9999-12-31", "2000-01-01", "2199-12-31", "heute", "2026-02-30"])
def test_no_address_breaks_it(view: str, day: str, district: District, as_: Login) -> None:
    query = {"view": view, "date": day, "state": "nonsense", "hours": "some", "kind": ""}
    assert as_("duty").get("/calendar", query).status_code == 200


def test_filters_stand_in_the_address_and_say_how_many_they_would_show(district: District, as_: Login) -> None:
    notice = district.planned(ARTICLES[0], ahead=WEEK, title="一条公告")
    district.planned(ARTICLES[1], ahead=WEEK, title="一项服务")
    client = as_("duty")
    shown = grid(page(client, day=of(notice), kind="service"))
    assert "一项服务" in shown
    assert "一条公告" not in shown
    both = page(client, day=of(notice), kind=["service", "notice"])
    assert "一条公告" in grid(both)
    assert "已按筛选显示 2 张" in both
    assert "没有符合筛选的发布单" in page(client, day=of(notice), state="public")
    assert "一条公告" in grid(page(client, day=of(notice), channel="weibo", state="unsigned"))
    assert re.search(r"公告<small>1</small>", page(client, day=of(notice)))
    assert "kind=service" in page(client, "week", of(notice), kind="service")


# --- holidays and quotas -----------------------------------------------------------------------------------


def test_holidays_and_the_weekends_worked_for_them_are_in_the_header_of_the_day(district: District, as_: Login) -> None:
    shown = page(as_("duty"), day=date(2026, 10, 1))
    assert "国庆节" in day_of(shown, date(2026, 10, 1))
    assert "国庆节假期" in day_of(shown, date(2026, 10, 1))
    assert ">班<" in day_of(shown, date(2026, 10, 10))
    assert "国庆节调休上班" in day_of(shown, date(2026, 10, 10))
    assert "放假调休安排还没有收录" not in shown


@pytest.mark.parametrize("view", ["month", "week", "list"])
def test_a_year_whose_holidays_are_not_known_is_said_and_does_not_break_the_page(
    view: str, district: District, as_: Login
) -> None:
    assert "2035 年的放假调休安排还没有收录" in page(as_("duty"), view, date(2035, 10, 1))


def test_the_quota_of_mass_sending_is_in_the_header_of_each_day(district: District, as_: Login) -> None:
    release = district.signed(ahead=WEEK)
    shown = page(as_("duty"), day=of(release))
    assert "群发 1/1 满" in day_of(shown, of(release))
    assert "中国河东当日群发额度：已签 1 次，共 1 次，还可签 0 次" in day_of(shown, of(release))
    later = of(release) + timedelta(days=60)
    assert "群发 0/1" in day_of(page(as_("duty"), day=later), later)
    assert "群发" not in day_of(page(as_("duty"), day=date(2026, 3, 5)), date(2026, 3, 5))


def test_the_quotas_of_many_accounts_are_one_sum_that_names_them_all_on_being_asked(
    district: District, as_: Login
) -> None:
    release = district.signed(ahead=WEEK)
    district.widened(wechat=4)
    cell = day_of(page(as_("duty"), day=of(release)), of(release))
    assert "群发余 4/5<" in cell
    assert cell.count('class="quota') == 2, "the group, and one tag in it"
    assert "中国河东当日群发额度：已签 1 次，共 1 次，还可签 0 次；临沂市河东区教育和体育局官方服务号第2当日" in cell


def test_of_many_accounts_a_tile_counts_the_channels_and_its_menu_names_each(district: District, as_: Login) -> None:
    release = district.widened(wechat=2, weibo=3).signed(ahead=WEEK)
    cell = day_of(page(as_("duty"), day=of(release)), of(release))
    line, menu = cell.split('class="glyphs"')[1].split('class="menu-body"')
    assert re.findall(r'glyph-(\w+)" title="[^"]*"><span aria-hidden="true">×(\d)', line) == [
        ("wechat", "3"),
        ("weibo", "4"),
    ]
    assert menu.count('class="tiny') == 7


def test_a_service_account_shows_what_is_left_of_its_month(district: District, as_: Login) -> None:
    wechat = district.accounts[0]
    type(wechat).objects.filter(pk=wechat.pk).update(options={**wechat.options, "account_type": "service"})
    day = beijing_date(now() + timedelta(days=40))
    assert "群发 月 0/4" in day_of(page(as_("duty"), day=day), day)


# --- week and list -----------------------------------------------------------------------------------------


def test_a_week_shows_the_working_hours_and_folds_the_rest_without_hiding_anything(
    district: District, as_: Login
) -> None:
    release = district.planned(ahead=WEEK, title="半夜的一张")
    night = to_beijing(release.instant).replace(hour=23, minute=30)
    Release.objects.filter(pk=release.pk).update(instant=night)
    shown = grid(page(as_("duty"), "week", of(release)))
    assert "8 点前" in shown
    assert "20 点后" in shown
    assert ">23:00<" not in shown
    assert "半夜的一张" in shown.split("20 点后")[1]
    unfolded = grid(page(as_("duty"), "week", of(release), hours="all"))
    assert "半夜的一张" in unfolded.split(">23:00<")[1]
    assert "8 点前" not in unfolded


def test_the_list_holds_whole_titles_and_all_that_paper_needs(district: District, as_: Login) -> None:
    title = "河东区人民政府办公室关于进一步做好冬季城乡环境卫生整治工作的通知"
    release = district.signed(ahead=WEEK, title=title)
    shown = page(as_("duty"), "list", of(release))
    assert f">{title}</a>" in shown
    assert "孙签" in shown
    assert f"{of(release).month}月{of(release).day}日" in shown
    assert "河东区政府办公室" in shown
    assert "打印" in shown


def test_titles_are_worded_shorter_before_they_are_cut() -> None:
    assert short("关于调整城区公交线路的通知") == "关于调整城区公交线路的通知"
    assert short("河东区人民政府关于调整城区公交线路的通知") == "关于调整城区公交线路的通知"
    assert short("河东区人民政府办公室关于做好冬季防火工作的紧急通知").startswith("做好冬季防火工作")


@QUICK
@given(title=st.text(min_size=1, max_size=60))
def test_no_title_is_longer_than_a_tile_takes(title: str) -> None:
    assert 0 < len(short(title)) <= TITLE


# --- the composer ------------------------------------------------------------------------------------------


@override_settings(ROOT_URLCONF="tests.console.test_calendar")
def test_an_empty_slot_opens_the_composer_at_that_time(district: District, as_: Login) -> None:
    day = beijing_date(now() + timedelta(days=40))
    assert f'href="/releases/new?at={day.isoformat()}T09:30"' in day_of(page(as_("editor"), day=day), day)
    week = grid(page(as_("releaser"), "week", day))
    assert f"/releases/new?at={day.isoformat()}T14:00" in week
    assert "/releases/new" not in page(as_("duty"), day=day)
    assert "/releases/new" not in page(as_("editor"), day=date(2026, 3, 5))


@override_settings(ROOT_URLCONF=WithoutComposer)
def test_without_a_composer_no_slot_leads_anywhere(district: District, as_: Login) -> None:
    assert "/releases/new" not in page(as_("editor"), day=beijing_date(now() + timedelta(days=40)))


# --- moving ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "offered"), [("editor", True), ("releaser", True), ("duty", False), ("final", False), ("admin", False)]
)
def test_only_editors_and_releasers_may_move(who: str, offered: bool, district: District, as_: Login) -> None:
    release, client = district.planned(ahead=WEEK), as_(who)
    for view in ("month", "week", "list"):
        shown = page(client, view, of(release))
        assert ("改期" in shown) is offered
        assert ('draggable="true"' in shown) is (offered and view != "list")
    assert client.get(f"/calendar/releases/{release.pk}/move").status_code == (200 if offered else 403)
    answer = move(client, release, half_past_nine(release, WEEK))
    assert answer.status_code == (200 if offered else 403)
    moved = Release.objects.get(pk=release.pk).instant != release.instant
    assert moved is offered


def test_another_units_release_is_not_found_and_not_moved(district: District, as_: Login) -> None:
    other = District.make("luozhuang", "罗庄区政府办公室").planned(ahead=WEEK)
    client = as_("editor")
    assert client.get(f"/calendar/releases/{other.pk}/move").status_code == 404
    assert move(client, other, half_past_nine(other, WEEK)).status_code == 404
    assert Release.objects.get(pk=other.pk).instant == other.instant


def test_the_question_says_that_a_signature_is_lost_and_changes_nothing(district: District, as_: Login) -> None:
    release = district.signed(ahead=WEEK)
    at = half_past_nine(release, timedelta(days=70))
    query = {"at": at.strftime("%Y-%m-%dT%H:%M")}
    shown = as_("editor").get(f"/calendar/releases/{release.pk}/move", query).content.decode()
    assert "已签发，改期后须重新签发" in shown
    assert f"改到 {at.month}月{at.day}日" in shown
    release.refresh_from_db()
    assert release.signed


def test_moved_it_stands_on_the_other_day_and_wants_a_signature(district: District, as_: Login) -> None:
    release = district.signed(ahead=WEEK, title="改期的一张")
    at, client = half_past_nine(release, WEEK), as_("releaser")
    back = f"/calendar?view=week&date={of(release).isoformat()}"
    seen = re.search(
        r'name="seen" value="([^"]+)"', client.get(f"/calendar/releases/{release.pk}/move").content.decode()
    )
    assert seen is not None
    answer = move(client, release, at, back=back, seen=seen[1])
    assert answer.redirect_chain[0][0] == back
    assert "原签发已作废，须重新签发" in answer.content.decode()
    release.refresh_from_db()
    assert release.instant == at
    assert not release.signed
    assert "改期的一张" in day_of(page(client, day=at.date()), at.date())


def test_a_full_day_warns_with_the_next_one_that_is_free(district: District, as_: Login) -> None:
    taken = district.signed(ARTICLES[0], ahead=WEEK)
    release = district.planned(ARTICLES[1], ahead=timedelta(days=20))
    at = to_beijing(taken.instant).strftime("%Y-%m-%dT%H:%M")
    shown = as_("editor").get(f"/calendar/releases/{release.pk}/move", {"at": at}).content.decode()
    assert "群发额度（1 次）已用完" in shown
    assert "下一个合适的日子是" in shown
    assert "仍改到" in shown


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("2035-10-09T09:30", "各账号的额度都够；是否放假无法核对。"),
        ("2035-01-01T09:30", "1月1日（周一）是元旦假期，不是工作日。"),
    ],
)
def test_a_year_whose_holidays_are_not_known_has_no_day_that_is_said_to_be_worked(
    at: str, words: str, district: District, as_: Login
) -> None:
    release = district.planned()
    shown = as_("editor").get(f"/calendar/releases/{release.pk}/move", {"at": at}).content.decode()
    assert words in shown
    assert "2035 年的放假调休安排还没有收录" in shown
    assert "这一天是工作日" not in shown


@pytest.mark.parametrize("ahead", [timedelta(days=-1), timedelta(seconds=-90)])
def test_the_past_is_refused_with_the_earliest_time(ahead: timedelta, district: District, as_: Login) -> None:
    release = district.planned(ahead=WEEK)
    answer = move(as_("editor"), release, now() + ahead)
    assert answer.status_code == 409
    assert "已经过去" in answer.content.decode()
    assert "最早可改到" in answer.content.decode()
    assert "最早可以改到" in answer.content.decode()
    assert Release.objects.get(pk=release.pk).instant == release.instant


def test_a_time_that_nobody_can_read_is_refused(district: District, as_: Login) -> None:
    release = district.planned(ahead=WEEK)
    for form in (
        {"date": "", "time": "09:30"},
        {"date": "2026-12-40", "time": "09:30"},
        {"date": "9999-12-31", "time": "23:59"},
    ):
        answer = as_("editor").post(f"/calendar/releases/{release.pk}/move", form)
        assert answer.status_code == 409
        assert "没有看懂" in answer.content.decode()


def test_what_has_been_sent_cannot_be_moved_and_says_why(district: District, as_: Login) -> None:
    release = district.signed(ahead=WEEK)
    put(release.publications.order_by("account_id")[0], "live")
    client = as_("editor")
    shown = grid(page(client, day=of(release)))
    assert "不能整单改期" in shown
    assert "data-moving" not in shown
    assert re.search(r'data-fixed="部分发出：', shown)
    answer = move(client, release, half_past_nine(release, WEEK))
    assert answer.status_code == 409
    assert "不能整单改期，未做改动" in answer.content.decode()


def test_what_was_called_off_cannot_be_moved(district: District, as_: Login) -> None:
    release = district.planned(ahead=WEEK)
    stops.cancel(release, person=district.people["releaser"], reason="不发了", now=now())
    assert "已作废，不能改期" in page(as_("editor"), day=of(release))


def test_a_signature_given_meanwhile_is_not_taken_back_unasked(district: District, as_: Login) -> None:
    release = district.planned(ahead=WEEK)
    stale = f"{release.instant.isoformat()} old"
    answer = move(as_("editor"), release, half_past_nine(release, WEEK), seen=stale)
    assert answer.status_code == 409
    assert "刚刚有人改动过" in answer.content.decode()


def test_the_dialog_is_only_the_form_and_the_page_is_whole(district: District, as_: Login) -> None:
    release, client = district.planned(ahead=WEEK), as_("editor")
    address = f"/calendar/releases/{release.pk}/move"
    part = client.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert 'id="move-form"' in part
    whole = client.get(address).content.decode()
    assert "<html" in whole
    assert "<h1" in whole


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example/calendar", "/logout", "javascript:alert(1)"])
def test_nobody_is_sent_elsewhere_afterwards(back: str, district: District, as_: Login) -> None:
    release = district.planned(ahead=WEEK)
    answer = move(as_("editor"), release, half_past_nine(release, WEEK), back=back)
    assert answer.redirect_chain[0][0].startswith("/calendar?date=")


# --- how much it asks --------------------------------------------------------------------------------------


def many(district: District, count: int) -> None:
    """Releases on a few hundred days, as years of work leave them, each with a push on each account."""
    person, start = district.people["editor"], now() - timedelta(days=count // 8)
    made = Release.objects.bulk_create(
        Release(
            unit=district.unit, title=f"第 {number} 张", instant=start + number * timedelta(hours=6), created_by=person,
            created_at=start,
        )
        for number in range(count)
    )  # fmt: skip
    Publication.objects.bulk_create(
        Publication(
            release=release, account=account, mode=account.mode, instant=release.instant, not_before=release.instant,
            key=f"{release.pk:x}-{account.pk:x}",
        )
        for release in made
        for account in district.accounts
    )  # fmt: skip


@pytest.mark.parametrize("view", ["month", "week", "list"])
def test_more_releases_need_no_more_questions_to_the_database(view: str, district: District, as_: Login) -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as asked:
            page(client, view)
        return len(asked)

    client = as_("editor")
    district.planned(ahead=timedelta(minutes=5))
    page(client, view)
    one = questions()
    many(district, 5000)
    assert questions() == one
    assert one <= 18


def test_a_month_is_found_by_index(district: District) -> None:
    many(district, 5000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE bot_release")
    start = now()
    plan = Release.objects.filter(unit=district.unit, instant__gte=start, instant__lt=start + timedelta(days=42))
    found = plan.order_by("instant", "pk").explain()
    assert "by_instant" in found  # of two that hold the instant, the database takes the cheaper
    assert "Seq Scan" not in found


def test_every_kind_has_a_word_and_an_icon() -> None:
    from bot.console.calendar import KIND_ICONS

    assert set(calendar_tiles.KIND_WORDS) == set(KIND_ICONS) == set(Kind)
