"""数据与报表: the period, the figures at the top and the rows. What is not known is never 0."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from bot.domain.sampling import METRIC_WORDS, newest
from bot.models import Account, Correction, Item, ManualCount, ManualSample, Publication, Release, SampleRecord, Unit
from bot.services import (
    correcting,
    manual,
    manualtasks,
    reporting,
    reportnumbers,
    reportperiods,
    reportrows,
    reportsource,
    withdrawing,
)
from bot.services.errors import Refused
from bot.services.reporting import Cards, share
from bot.services.reportperiods import Choice, Period, period_of

from .by_hand import LINK, entry, only_by_hand
from .factories import NOW, Office, add_wechat, article, force, lifted, publication

TODAY = reportperiods.today_of(NOW)
NOVEMBER = period_of(Choice.MONTH, today=TODAY)
DAYS = st.dates(date(2001, 1, 1), date(2198, 12, 31))
INSTANT = NOW + timedelta(minutes=30)


# --- the period ---------------------------------------------------------------------------------------------------


@given(DAYS, st.sampled_from([Choice.MONTH, Choice.QUARTER]))
def test_a_running_period_holds_today_and_begins_on_the_first_of_a_month(today: date, choice: Choice) -> None:
    found = period_of(choice, today=today)
    assert found.first <= today <= found.last
    assert found.first.day == 1
    assert (found.last + timedelta(days=1)).day == 1


@given(DAYS)
def test_the_periods_before_end_where_the_running_ones_begin(today: date) -> None:
    for before, running in ((Choice.LAST_MONTH, Choice.MONTH), (Choice.LAST_QUARTER, Choice.QUARTER)):
        one, other = period_of(before, today=today), period_of(running, today=today)
        assert one.end == other.begin
        assert one.last + timedelta(days=1) == other.first


@given(DAYS, st.integers(0, 365))
def test_ones_own_period_is_what_was_asked_for(first: date, length: int) -> None:
    last = min(first + timedelta(days=length), date(2199, 12, 31))
    found = period_of(Choice.OWN, today=TODAY, first=first, last=last)
    assert (found.first, found.last) == (first, last)
    assert found.end - found.begin == timedelta(days=(last - first).days + 1)


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (None, date(2026, 1, 1), "起、止"),
        (date(2026, 1, 2), date(2026, 1, 1), "对调"),
        (date(2025, 1, 1), date(2026, 1, 2), "366"),
        (date(1999, 1, 1), date(1999, 2, 1), "2000"),
    ],
)
def test_what_is_no_period_is_refused_with_what_to_do(first: date | None, last: date | None, words: str) -> None:
    with pytest.raises(Refused, match=words):
        period_of(Choice.OWN, today=TODAY, first=first, last=last)


def test_a_period_has_the_name_that_stands_on_paper() -> None:
    assert NOVEMBER.name == "2026年11月"
    assert period_of(Choice.LAST_QUARTER, today=TODAY).name == "2026年第3季度"
    assert Period(Choice.OWN, date(2026, 1, 5), date(2026, 2, 1)).name == "2026年1月5日至2026年2月1日"


# --- the share ----------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_hundred_per_cent_means_all_of_them(part: int, rest: int) -> None:
    whole = part + rest
    told = share(part, whole)
    assert (told == "100") == (part == whole > 0)
    assert (told == "") == (whole == 0)
    if whole:
        assert 0 <= 100 * part / whole - float(told) < 0.1 + 1e-9


def test_more_than_all_is_no_share() -> None:
    with pytest.raises(ValueError, match="no share"):
        share(2, 1)


# --- what came out ------------------------------------------------------------------------------------------------


@pytest.fixture
def release(office: Office) -> Release:
    """Out on both accounts, 12 ms after its instant."""
    made = office.signed()
    out(Publication.objects.filter(release=made))
    return made


def out(pushes: Any, *, late: timedelta = timedelta(milliseconds=12), **columns: Any) -> None:
    Item.objects.filter(publication__in=pushes).update(platform_id="100001", url="https://mp.weixin.qq.com/s/a")
    force(pushes, "live", **{"sent_at": INSTANT + late, "live_at": INSTANT + late} | columns)


def sample(item: Item, values: dict[str, int | None], **changes: Any) -> None:
    SampleRecord.objects.create(**{"item": item, "taken_at": NOW, "values": values, "raw": "{}", **changes})


def told(unit: Unit, period: Period = NOVEMBER) -> Cards:
    return reporting.cards(unit, period)


def rows(unit: Unit, period: Period = NOVEMBER) -> list[reportrows.Row]:
    return list(reportrows.every(unit, period))


def test_a_text_on_two_accounts_is_one_and_its_pushes_are_two(office: Office, release: Release) -> None:
    found = told(office.unit)
    assert (found.published, found.sent, found.on_time, found.on_time_share) == (1, 2, 2, "100")
    assert found.worst is not None
    assert found.worst.release == release.pk
    assert found.worst.late_ms == 12


def test_before_anything_came_out_every_figure_is_nothing_or_a_dash(office: Office) -> None:
    office.signed()
    found = told(office.unit)
    assert (found.published, found.sent, found.worst, found.on_time_share) == (0, 0, None, "")
    assert [one.total for one in found.reads] == [None, None]
    assert rows(office.unit) == []


@pytest.mark.parametrize(("late", "on_time"), [(60_000, 1), (60_001, 0), (0, 1)])
def test_on_time_is_at_most_sixty_seconds_after_the_instant(office: Office, late: int, on_time: int) -> None:
    made = office.signed(on=[office.weibo])
    out(Publication.objects.filter(release=made), late=timedelta(milliseconds=late))
    found = told(office.unit)
    assert (found.sent, found.on_time) == (1, on_time)
    assert found.worst is not None
    assert found.worst.late_ms == late


def test_what_waited_for_the_portal_is_late_against_when_the_portal_let_it(office: Office) -> None:
    made = office.signed(on=[office.weibo])
    gate = INSTANT + timedelta(minutes=10)
    out(Publication.objects.filter(release=made), late=timedelta(minutes=10, milliseconds=30), gate_at=gate)
    found = told(office.unit)
    assert found.worst is not None
    assert (found.on_time, found.worst.late_ms) == (1, 30)


def test_what_a_person_declared_live_has_no_instant_and_counts_as_published_alone(office: Office) -> None:
    made = office.signed(on=[office.weibo])
    out(Publication.objects.filter(release=made), ids={"declared_by": "孙签"})
    found = told(office.unit)
    assert (found.published, found.sent, found.worst) == (1, 0, None)
    [row] = rows(office.unit)
    [shown] = row.cells["weibo"]
    assert shown.actual is None
    assert "由人登记" in shown.words


def test_another_unit_and_another_month_are_not_counted(office: Office, release: Release) -> None:
    other = Office.make("town", prefix="t-")
    assert told(other.unit).published == 0
    assert rows(other.unit) == []
    october = period_of(Choice.LAST_MONTH, today=TODAY)
    assert told(office.unit, october).published == 0
    assert rows(office.unit, october) == []


def test_reads_are_the_newest_known_numbers_and_say_of_how_many_posts(office: Office, release: Release) -> None:
    item = publication(release, office.wechat).items.get()
    sample(item, {"reads": 9}, stat_date="2026-11-23")
    sample(item, {"reads": 40}, stat_date="2026-11-24")
    sample(item, {"reads": None, "shares": 3}, stat_date="2026-11-25")
    wechat, weibo = told(office.unit).reads
    assert (wechat.total, wechat.known, wechat.posts) == (40, 1, 1)
    assert (weibo.total, weibo.known, weibo.posts) == (None, 0, 1)
    assert "不提供阅读数" in weibo.note


VALUES = st.dictionaries(st.sampled_from(sorted(METRIC_WORDS)), st.none() | st.integers(0, 10**7), max_size=4)
TAKEN = st.tuples(st.sampled_from(["", "2026-11-23", "2026-11-24"]), st.integers(0, 3), VALUES)


def test_the_database_finds_the_same_newest_numbers_as_the_domain(office: Office, release: Release) -> None:
    item = publication(release, office.wechat).items.get()

    @given(st.lists(TAKEN, max_size=6))
    def holds(taken: list[tuple[str, int, dict[str, int | None]]]) -> None:
        SampleRecord.objects.all().delete()
        for day, hours, values in taken:
            sample(item, values, stat_date=day, taken_at=NOW + timedelta(hours=hours))
        in_order = SampleRecord.objects.order_by("stat_date", "taken_at", "pk").values_list("values", flat=True)
        expected = newest(in_order)
        found = Item.objects.annotate(**{f"n_{name}": reportnumbers.newest_number(name) for name in METRIC_WORDS}).get(
            pk=item.pk
        )
        assert {name: getattr(found, f"n_{name}") for name in METRIC_WORDS} == {
            name: expected.get(name) for name in METRIC_WORDS
        }

    holds()


def test_what_people_posted_is_counted_with_its_numbers(office: Office, release: Release) -> None:
    post = manual.register(entry(office), person=office.people["releaser"], now=NOW, knowing=True).post
    ManualCount.objects.filter(post=post).update(platform_id="1_1", asked_at=NOW)
    ManualSample.objects.create(post=post, taken_at=NOW, values={"reads": 7}, raw="{}")
    found = told(office.unit)
    assert (found.published, found.by_hand, found.sent) == (2, 1, 2)
    assert (found.reads[0].total, found.reads[0].known, found.reads[0].posts) == (7, 1, 2)
    newest_row, older = rows(office.unit)
    assert newest_row.release == release.pk  # due at 9:30, posted at 8:40
    assert (older.release, older.planned) == (None, None)
    assert older.cells["wechat"][0].by_hand
    assert older.cells["wechat"][0].numbers["reads"] == 7


def test_a_voided_line_of_the_book_is_no_post(office: Office) -> None:
    post = manual.register(entry(office), person=office.people["releaser"], now=NOW).post
    manual.void(post, reason="登错了", person=office.people["releaser"], now=NOW)
    assert told(office.unit).published == 0
    assert rows(office.unit) == []


def test_corrections_and_withdrawals_count_on_their_own_day(office: Office, release: Release) -> None:
    old = office.took().current
    office.took(article(title="关于调整城区公交线路的通知（更正）"))
    correcting.link(old, old.document, person=office.people["editor"], reason="日期有误", now=NOW)
    assert Correction.objects.count() == 1
    found = told(office.unit)
    assert (found.corrections, found.withdrawn) == (1, 0)
    assert told(office.unit, period_of(Choice.LAST_MONTH, today=TODAY)).corrections == 0


def test_a_text_taken_down_on_two_accounts_is_one_withdrawal_on_its_own_day(office: Office, release: Release) -> None:
    other = Office.make("town", prefix="t-")
    targets = [withdrawing.Target(push.pk) for push in release.publications.all()]
    notice = "关于撤回有关信息的说明\n数字有误，现予撤回。"
    withdrawing.ask(
        release, person=office.people["editor"], targets=targets, reason="数字有误", notice_kind="withdrawal",
        notice=notice, now=INSTANT,
    )  # fmt: skip
    assert told(office.unit).withdrawn == 0
    Item.objects.filter(publication__release=release).update(withdrawn_at=NOVEMBER.end)
    december = period_of(Choice.MONTH, today=NOVEMBER.last + timedelta(days=1))
    assert (told(office.unit).withdrawn, told(office.unit, december).withdrawn) == (0, 1)
    assert told(other.unit, december).withdrawn == 0
    assert told(office.unit).published == 1


def test_what_people_posted_and_took_down_again_is_a_withdrawal_and_says_so(office: Office) -> None:
    only_by_hand(office, office.wechat)
    made, person, at = office.signed(on=[office.wechat]), office.people["releaser"], INSTANT + timedelta(minutes=1)
    tasks = manualtasks.find_message(made.pk, office.wechat.slug, 0, unit=office.unit)
    [done] = manualtasks.finish(tasks, urls=[LINK.format(1)], posted_at=at, posted_by=person, person=person, now=at)
    assert told(office.unit).withdrawn == 0
    manual.taken_down(done.post, evidence="已删除，打开链接显示内容不存在", person=person, now=at)
    found = told(office.unit)
    assert (found.published, found.by_hand, found.withdrawn) == (1, 1, 1)
    [row] = rows(office.unit)
    assert row.cells["wechat"][0].words.startswith("已撤下")
    again = entry(office, 9, edition=done.post.edition, posted_at=at)
    corrected = manual.correct(done.post, again, reason="链接抄错", person=person, now=at).post
    assert told(office.unit).withdrawn == 1
    manual.void(corrected, reason="没有发过", person=person, now=at)
    assert told(office.unit).withdrawn == 0


def test_a_text_that_came_out_on_one_account_says_where_it_stands_on_the_other(office: Office) -> None:
    made = office.signed()
    out(Publication.objects.filter(release=made, account=office.wechat))
    force(Publication.objects.filter(release=made, account=office.weibo), "missed")
    [row] = rows(office.unit)
    [weibo] = row.cells["weibo"]
    assert (weibo.out, weibo.words, weibo.numbers) == (False, "错过", {})


def test_pages_follow_each_other_without_a_gap_or_a_double(office: Office) -> None:
    with lifted():
        for number in range(1, 8):
            made = office.signed(office.approved(article(number)), on=[office.weibo])
            out(Publication.objects.filter(release=made))
    for number in range(1, 4):
        manual.register(
            entry(office, number, account=office.weibo, title=f"手工{number}"),
            person=office.people["releaser"],
            now=NOW,
        )
    whole = [(row.title, row.release) for row in rows(office.unit)]
    assert len(whole) == len(set(whole)) == 10
    for size in (1, 2, 3, 7):
        after, found = None, []
        while True:
            part, after = reportrows.page(office.unit, NOVEMBER, after=after, most=size)
            found += [(row.title, row.release) for row in part]
            if after is None:
                break
            assert reportrows.Mark.parse(str(after)) == after
        assert found == whole


@pytest.mark.parametrize("text", ["", "~", "2026~1~x", "2026-11-23T09:00~0~5", "x" * 400])
def test_a_mark_that_nobody_made_is_none(text: str) -> None:
    assert reportrows.Mark.parse(text) is None


# --- files --------------------------------------------------------------------------------------------------------


def test_the_sheet_opens_in_a_spreadsheet_and_runs_nothing(office: Office) -> None:
    made = office.signed(office.approved(article(title="@SUM(1+1)公告")))
    out(Publication.objects.filter(release=made))
    sample(publication(made, office.weibo).items.get(), {"reposts": 0})
    text = "".join(reportrows.as_csv(office.unit, NOVEMBER))
    assert text.startswith("\ufeff")
    head, line, note = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    row = dict(zip(head, line, strict=True))
    assert row["标题"].startswith("'@SUM")
    assert row["微博 转发"] == "0"
    assert row["微博 阅读"] == row["微信公众号 阅读"] == row["网站访问"] == "—"
    assert row["计划时间"] == "2026-11-23 09:30:00"
    assert "未统计" in note[0]


def test_the_book_holds_the_figures_and_the_rows(office: Office, release: Release) -> None:
    sample(publication(release, office.wechat).items.get(), {"reads": 1200})
    data = reportrows.as_xlsx(office.unit, NOVEMBER, told(office.unit))
    book = load_workbook(io.BytesIO(data), read_only=True)
    head = {row[0]: row[1] for row in book["汇总"].iter_rows(values_only=True)}
    assert head["单位"] == "河东区政府办公室"
    assert head["已发布条数"] == 1
    assert head["60 秒内准时"] == "100%"
    assert head["微博 阅读"] == "—"
    names, line = book["逐条"].iter_rows(values_only=True)
    assert dict(zip(names, line, strict=True))["微信公众号 阅读"] == 1200


@pytest.fixture
def twice(office: Office) -> Release:
    """Out on two 公众号 of the unit, on the second two seconds later and with fewer numbers."""
    second = add_wechat(office.unit, "hdfb")
    Account.objects.filter(pk=second.pk).update(name="河东发布")
    made = office.signed(on=[office.wechat, second])
    for account, late in ((office.wechat, timedelta(0)), (second, timedelta(seconds=2))):
        out(Publication.objects.filter(release=made, account=account), late=late)
    sample(publication(made, office.wechat).items.get(), {"reads": 1200, "shares": 3})
    sample(publication(made, second).items.get(), {"reads": 34})
    return made


SUM = {
    "微信公众号 实际时间": "2026-11-23 09:30:00",
    "微信公众号 阅读": 1234,
    "微信公众号 分享": 3,
    "说明": "微信公众号发到 2 个账号，分享只含 1 个账号的",
}


def test_two_accounts_of_one_channel_are_added_up_in_a_file_that_says_whose_numbers_are_lacking(
    office: Office, twice: Release
) -> None:
    [shown] = rows(office.unit)
    assert [entry.account.name for entry in shown.cells["wechat"]] == ["中国河东", "河东发布"]
    text = "".join(reportrows.as_csv(office.unit, NOVEMBER)).removeprefix("\ufeff")
    head, line, _ = list(csv.reader(io.StringIO(text)))
    row = dict(zip(head, line, strict=True))
    assert len(row) == len(head)
    assert {name: row[name] for name in SUM} == {name: str(value) for name, value in SUM.items()}
    book = load_workbook(io.BytesIO(reportrows.as_xlsx(office.unit, NOVEMBER, told(office.unit))), read_only=True)
    names, values = book["逐条"].iter_rows(values_only=True)
    assert {name: value for name, value in zip(names, values, strict=True) if name in SUM} == SUM
    head_line = next(line for line in book["汇总"].iter_rows(values_only=True) if line[0] == "微信公众号 阅读")
    assert head_line[1:3] == (1234, "2 篇中 2 篇有数字")


# --- the plan -----------------------------------------------------------------------------------------------------


def test_the_figures_are_found_by_an_index_and_scan_no_table(office: Office, release: Release) -> None:
    for found in (
        reportsource.came_out(office.unit, NOVEMBER),
        reportsource.items_out(office.unit, NOVEMBER),
        reportsource.posted_alone(office.unit, NOVEMBER),
        reportsource.posted_for_releases(office.unit, NOVEMBER),
    ):
        plan = found.explain()
        assert connection.vendor != "sqlite" or "SCAN" not in plan, plan
