"""Numbers of what people posted by hand: asked for where it is sure which post it is, on the plan of every other post."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot import channels
from bot.domain.channel import ChannelFault, Remedy, Sample
from bot.domain.delivery import State
from bot.domain.instants import BEIJING
from bot.models import Account, AuditEvent, Credential, ManualCount, ManualPost, ManualSample, Publication, Token
from bot.services import clock, exporting, manual, manualnumbers, measuring, trail
from bot.services.clock import Job
from bot.services.manualnumbers import Figures
from tests.console.world import attempt

from .by_hand import EARLIER, LINK, entry, only_by_hand
from .delivery_support import MINUTE, SECOND, Engine, T, fault
from .factories import NOW, Office, force

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MORNING = datetime(2026, 11, 24, 8, 30, tzinfo=BEIJING)


@pytest.fixture
def engine(office: Office, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(office, monkeypatch)


def enter(
    engine: Engine, number: int = 1, *, on: Account | None = None, known: bool = True, **changes: Any
) -> ManualPost:
    """A post of twenty minutes ago, on Weibo unless said otherwise. `known`: the platform tells which one it is."""
    account = on or engine.office.weibo
    post = manual.register(
        entry(engine.office, number, account=account, **changes), person=engine.office.people["releaser"], now=NOW
    ).post
    if known:
        engine.platform.recognised[post.url] = f"id-{number}"
    return post


def state(post: ManualPost) -> ManualCount:
    return ManualCount.objects.get(post=post)


def told(post: ManualPost) -> Figures:
    found = ManualPost.objects.select_related("account", "count").get(pk=post.pk)
    return manualnumbers.figures_of([found])[post.pk]


def measured(
    engine: Engine, account: Account, *answers: Sample | ChannelFault, at: datetime | None = None, **more: Any
) -> measuring.Pulled:
    """One round of an account when its next numbers are due, in which the platform gives this answer."""
    due = ManualCount.objects.filter(post__account=account, next_sample_at__isnull=False).order_by("next_sample_at")
    when = at or due[0].next_sample_at or NOW
    refusals = [one for one in answers if isinstance(one, ChannelFault)]
    samples = [one for one in answers if isinstance(one, Sample)]
    engine.platform.samples[account.slug] = [*refusals, *([] if refusals else [samples])]
    return measuring.measure_account(account.pk, now=lambda: when, **more)


def sample(number: int = 1, raw: str = "{}", **values: int | None) -> Sample:
    return Sample(f"id-{number}", values, raw)


# --- when ------------------------------------------------------------------------------------------------------


def test_an_entry_is_asked_about_on_the_plan_of_every_other_post_from_the_time_it_went_out(engine: Engine) -> None:
    post, article_ = enter(engine), enter(engine, 2, on=engine.office.wechat)
    assert state(post).next_sample_at == EARLIER + HOUR
    assert state(article_).next_sample_at == MORNING
    measured(engine, engine.office.weibo, sample(reposts=1))
    assert state(post).next_sample_at == EARLIER + 2 * HOUR


def test_what_went_out_days_ago_is_asked_about_the_next_morning_and_after_thirty_days_no_more(engine: Engine) -> None:
    post = enter(engine, posted_at=NOW - 29 * DAY)
    old = enter(engine, 2, posted_at=NOW - 31 * DAY)
    assert (state(post).next_sample_at, state(old).next_sample_at) == (MORNING, None)
    measured(engine, engine.office.weibo, sample(reposts=1), at=MORNING)
    assert state(post).next_sample_at == MORNING + DAY
    assert measured(engine, engine.office.weibo, at=MORNING + DAY).by_hand == 0
    assert state(post).next_sample_at is None


def test_the_clock_rings_for_the_account_as_it_does_for_what_the_machine_sent(engine: Engine) -> None:
    post = enter(engine)
    due = state(post).next_sample_at
    assert due is not None
    job = Job("measure", engine.office.weibo.pk)
    assert [one for one in clock.tick(due - SECOND).rings if one.kind == "measure"] == []
    assert [one for one in clock.tick(due).rings if one.kind == "measure"] == [job]
    assert [one for one in clock.tick(due + 30 * SECOND).rings if one.kind == "measure"] == []


def test_accounts_of_both_kinds_are_one_question(engine: Engine, django_assert_num_queries: Any) -> None:
    release = engine.signed(on=[engine.office.wechat])
    engine.go(T + MINUTE)
    Publication.objects.filter(release=release).update(next_sample_at=T)
    enter(engine)
    ManualCount.objects.update(next_sample_at=T)
    with django_assert_num_queries(1):
        assert set(measuring.due_accounts(T)) == {engine.office.wechat.pk, engine.office.weibo.pk}
    with django_assert_num_queries(1):
        assert measuring.due_accounts(NOW - DAY) == []


def test_an_entry_that_was_voided_is_followed_no_more(engine: Engine) -> None:
    post = enter(engine)
    due = state(post).next_sample_at
    manual.void(post, reason="没有发", person=engine.office.people["releaser"], now=NOW)
    assert measured(engine, engine.office.weibo, sample(reposts=1), at=due).by_hand == 0
    assert (engine.platform.calls, state(post).next_sample_at) == ([], None)


def test_what_takes_its_place_is_followed_anew(engine: Engine) -> None:
    post = enter(engine)
    right = entry(engine.office, 2, account=engine.office.weibo)
    new = manual.correct(post, right, reason="贴错", person=engine.office.people["releaser"], now=NOW).post
    assert state(new).next_sample_at == EARLIER + HOUR


def test_with_everything_all_of_the_last_thirty_days_are_asked_about(engine: Engine) -> None:
    enter(engine)
    enter(engine, 2, posted_at=NOW - 3 * DAY)
    enter(engine, 3, posted_at=NOW - 31 * DAY)
    done = measured(engine, engine.office.weibo, sample(reposts=1), sample(2, reposts=2), at=NOW, everything=True)
    assert (done.by_hand, done.samples) == (2, 2)


def test_of_today_a_vendor_that_reports_by_day_is_not_asked(engine: Engine) -> None:
    enter(engine, on=engine.office.wechat)
    assert measured(engine, engine.office.wechat, at=NOW, everything=True).by_hand == 0
    assert engine.platform.calls == []


# --- what ------------------------------------------------------------------------------------------------------


def test_numbers_are_kept_with_the_raw_answer_and_the_platforms_id(engine: Engine) -> None:
    post = enter(engine)
    done = measured(engine, engine.office.weibo, sample(raw='{"raw": 1}', reposts=3, comments=0))
    kept = ManualSample.objects.get()
    assert (done.samples, done.posts, done.by_hand, done.fault) == (1, 0, 1, "")
    assert (kept.post, kept.values, kept.raw) == (post, {"reposts": 3, "comments": 0}, '{"raw": 1}')
    assert (told(post).values, told(post).platform_id, told(post).note) == ({"reposts": 3, "comments": 0}, "id-1", "")


def test_not_reported_is_never_nought_and_what_was_once_reported_is_not_forgotten(engine: Engine) -> None:
    post = enter(engine)
    measured(engine, engine.office.weibo, sample(reposts=7, comments=None))
    measured(engine, engine.office.weibo, sample(reposts=None, attitudes=1))
    assert told(post).values == {"reposts": 7, "attitudes": 1}


def test_a_sample_of_something_else_is_not_kept_under_ours(engine: Engine) -> None:
    enter(engine)
    assert measured(engine, engine.office.weibo, sample(9, reposts=1)).samples == 0
    assert not ManualSample.objects.exists()


def test_a_post_that_is_no_longer_listed_is_marked_absent_and_keeps_its_numbers(engine: Engine) -> None:
    post = enter(engine)
    measured(engine, engine.office.weibo, sample(reposts=7))
    measured(engine, engine.office.weibo, Sample("id-1", {}, "", absent=True))
    figures = told(post)
    assert (figures.absent, figures.note, figures.values) == (True, "平台未列出，可能已删除或隐藏", {"reposts": 7})


def test_a_past_day_that_is_told_again_in_the_same_words_is_kept_once(engine: Engine) -> None:
    post = enter(engine, on=engine.office.wechat)
    days = [Sample("id-1", {"reads": 10 * n}, f'{{"day": {n}}}', stat_date=f"2026-11-2{n}") for n in (3, 4)]
    measured(engine, engine.office.wechat, days[0])
    measured(engine, engine.office.wechat, *days)
    revised = Sample("id-1", {"reads": 31}, '{"day": 3, "revised": true}', stat_date="2026-11-23")
    assert measured(engine, engine.office.wechat, revised, days[1]).samples == 1
    kept = ManualSample.objects.order_by("pk").values_list("stat_date", flat=True)
    assert list(kept) == ["2026-11-23", "2026-11-24", "2026-11-23"]
    assert (told(post).values, told(post).stat_date) == ({"reads": 40}, "2026-11-24")


def test_the_trail_tells_how_many_were_asked_about(engine: Engine) -> None:
    enter(engine)
    measured(engine, engine.office.weibo, sample(reposts=1))
    assert AuditEvent.objects.get(action="metrics.sampled").data["by_hand"] is True
    [line] = trail.tell({"account:lyhd": "账号"})[-1:]
    assert "手工发布内容" in line.what


# --- which post it is --------------------------------------------------------------------------------------------


def test_what_nobody_can_be_sure_of_is_not_measured_and_the_line_says_why(engine: Engine) -> None:
    post = enter(engine, known=False)
    done = measured(engine, engine.office.weibo, sample(reposts=1))
    assert (done.samples, engine.platform.asked("measure 2026-11-23")) == (0, 0)
    assert (told(post).values, told(post).note) == ({}, "认不准是哪一篇。")
    assert state(post).next_sample_at == EARLIER + 2 * HOUR  # perhaps then


def test_what_is_known_once_stays_known_and_is_not_asked_about_again(engine: Engine) -> None:
    post = enter(engine)
    measured(engine, engine.office.weibo, sample(reposts=1))
    engine.platform.recognised[post.url] = "id-of-another"
    measured(engine, engine.office.weibo, sample(reposts=2))
    assert (state(post).platform_id, told(post).values) == ("id-1", {"reposts": 2})
    assert len(engine.platform.shown) == 1


def test_one_that_is_known_has_its_numbers_while_its_neighbour_has_none(engine: Engine) -> None:
    known, unknown = enter(engine), enter(engine, 2, known=False)
    measured(engine, engine.office.weibo, sample(reposts=1))
    assert (told(known).values, told(unknown).values) == ({"reposts": 1}, {})


def test_a_vendor_that_reports_by_day_is_shown_all_of_the_day_and_what_the_machine_sent_on_it(engine: Engine) -> None:
    """So that what is the only one of its title among those that are due is not taken for the only one."""
    engine.by_publish()
    release = engine.signed(on=[engine.office.wechat])
    engine.go(T + MINUTE)
    first = enter(engine, on=engine.office.wechat, mode="publish")
    yesterday = enter(engine, 2, on=engine.office.wechat, mode="publish", posted_at=EARLIER - DAY)
    ManualCount.objects.filter(post=yesterday).update(next_sample_at=MORNING + DAY)
    later = enter(engine, 3, on=engine.office.wechat, mode="publish")
    ManualCount.objects.filter(post=later).update(next_sample_at=MORNING + DAY)
    Publication.objects.update(next_sample_at=None)
    measured(engine, engine.office.wechat)
    [(posts, ours)] = engine.platform.shown
    assert [post.url for post in posts] == [first.url, later.url]
    assert engine.platform.asked("recognise 2026-11-23") == 1
    sent = release.publications.get().items.get()
    assert [(one.posts[0].payload["title"], one.receipt.positions[0].platform_id) for one in ours] == [
        (sent.payload["title"], sent.platform_id)
    ]
    assert state(later).platform_id == ""  # nobody has asked about it yet


@pytest.mark.parametrize(
    ("outcome", "counts"), [("", 0), ("not_sent", 0), ("unknown", 1), ("refused", 0), ("accepted", 1)]
)
def test_what_may_have_left_is_ours_and_what_surely_did_not_is_not(engine: Engine, outcome: str, counts: int) -> None:
    push = engine.signed(on=[engine.office.wechat]).publications.get()
    if outcome:
        attempt(push, outcome=outcome)
    force(Publication.objects.filter(pk=push.pk), State.NEEDS_PERSON)
    enter(engine, on=engine.office.wechat, mode="publish")
    measured(engine, engine.office.wechat)
    assert [len(ours) for _, ours in engine.platform.shown] == [counts]


def test_days_are_asked_about_apart_only_where_the_vendor_reports_by_day(engine: Engine) -> None:
    for account in engine.office.accounts:
        for number, back in enumerate((1, 2), 1):
            mode = "publish" if account == engine.office.wechat else "share"
            enter(engine, number, on=account, mode=mode, posted_at=NOW - back * DAY)
        measured(engine, account, at=MORNING)
    assert [name for name, slug in engine.platform.calls if slug == "lyhd"] == [
        "recognise 2026-11-24",
        "measure 2026-11-24",
    ]
    assert sorted(name for name, slug in engine.platform.calls if slug == "zghd") == [
        "measure 2026-11-21", "measure 2026-11-22", "recognise 2026-11-21", "recognise 2026-11-22",
    ]  # fmt: skip


def test_what_was_given_to_copy_is_shown_as_well(engine: Engine) -> None:
    only_by_hand(engine.office, engine.office.wechat)
    release = engine.signed(on=[engine.office.wechat])
    task = release.manual_tasks.get()
    later = release.instant + MINUTE
    made = entry(engine.office, 1, account=engine.office.wechat, edition=task.edition, posted_at=release.instant)
    manual.register(made, person=engine.office.people["releaser"], now=later)
    measured(engine, engine.office.wechat)
    [((post,), _)] = engine.platform.shown
    assert post.text is not None
    assert post.text.payload["title"] == (task.payload or task.post.payload)["title"]


# --- who is not asked ----------------------------------------------------------------------------------------------


def test_an_account_without_secrets_is_not_asked_and_its_page_says_that_there_are_no_numbers(engine: Engine) -> None:
    post, article_ = enter(engine), enter(engine, 2, on=engine.office.wechat)
    Token.objects.all().delete()
    Credential.objects.all().delete()
    for account in engine.office.accounts:
        done = measured(engine, account, sample(reposts=1))
        assert (done.samples, done.by_hand, done.fault) == (0, 1, "")
    assert engine.platform.calls == []
    assert {told(one).note for one in (post, article_)} == {"账号没有接口凭据，平台不提供数字"}
    assert state(post).next_sample_at == EARLIER + 2 * HOUR  # secrets may come


def test_an_account_that_people_alone_post_on_is_asked_where_it_has_its_secrets(engine: Engine) -> None:
    only_by_hand(engine.office, engine.office.weibo)
    post = enter(engine)
    measured(engine, engine.office.weibo, sample(reposts=1))
    assert told(post).values == {"reposts": 1}


def test_a_channel_that_cannot_recognise_them_is_never_asked(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = dataclasses.replace(channels.kinds()["weibo"].spec, recognised_by="")
    monkeypatch.setattr(manualnumbers, "spec_of", lambda account: spec)
    post = enter(engine)
    assert state(post).next_sample_at is None
    assert measured(engine, engine.office.weibo, at=NOW, everything=True).by_hand == 0
    assert told(post).note == "平台不提供手工发布内容的数字"


# --- faults --------------------------------------------------------------------------------------------------------


def test_a_quota_that_names_its_end_is_waited_for(engine: Engine) -> None:
    post = enter(engine)
    until = NOW + 5 * HOUR
    done = measured(engine, engine.office.weibo, fault(Remedy.WAIT, "额度用完。", wait_until=until))
    assert (done.fault, state(post).next_sample_at, told(post).note) == ("额度用完。", until, "额度用完。")


def test_silence_is_asked_again_in_half_an_hour(engine: Engine) -> None:
    post = enter(engine)
    measured(engine, engine.office.weibo, fault(Remedy.UNKNOWN, "连不上。"))
    assert state(post).next_sample_at == EARLIER + HOUR + 30 * MINUTE
    measured(engine, engine.office.weibo, sample(reposts=1))
    assert (told(post).values, state(post).note) == ({"reposts": 1}, "")


def test_a_right_that_is_lacking_is_not_asked_for_again_and_again(engine: Engine) -> None:
    """48001 for one day is 48001 for every day: one call, and the next when the plan says so."""
    posts = [enter(engine, n, on=engine.office.wechat, mode="publish", posted_at=NOW - n * DAY) for n in (1, 2, 3)]
    done = measured(engine, engine.office.wechat, fault(Remedy.OPERATOR, "公众号没有这个接口的权限。"), at=MORNING)
    assert (done.by_hand, done.fault) == (3, "公众号没有这个接口的权限。")
    assert len([name for name, _ in engine.platform.calls if name.startswith("measure")]) == 1
    assert {state(post).next_sample_at for post in posts} == {MORNING + DAY}
    assert {told(post).note for post in posts} == {"公众号没有这个接口的权限。"}


def test_numbers_of_pushes_come_whatever_happens_to_those_of_people(engine: Engine) -> None:
    engine.signed(on=[engine.office.weibo])
    engine.go(T + MINUTE)
    enter(engine)
    push = Publication.objects.get()
    due = push.next_sample_at
    ManualCount.objects.update(next_sample_at=due)
    good = [Sample(push.items.get().platform_id, {"reposts": 1}, "{}")]
    engine.platform.samples["lyhd"] = [good, fault(Remedy.UNKNOWN, "连不上。")]
    done = measuring.measure_account(engine.office.weibo.pk, now=lambda: due)  # type: ignore[arg-type,return-value]
    assert (done.samples, done.posts, done.by_hand, done.fault) == (1, 1, 1, "连不上。")


# --- shown -----------------------------------------------------------------------------------------------------------


def test_the_sheet_has_them_beside_those_of_the_machine(engine: Engine) -> None:
    enter(engine)
    measured(engine, engine.office.weibo, sample(reposts=0, comments=None))
    [row] = exporting.rows(engine.office.unit)
    assert (row["reposts"], row["comments"], row["reads"], row["platform_id"]) == (0, None, None, "id-1")
    assert (row["sampled"], row["state"]) == ("2026-11-23 09:40:00", "手工发布（由人登记，未经系统核对）")


def test_the_sheet_says_why_there_are_none(engine: Engine) -> None:
    enter(engine, known=False)
    [row] = exporting.rows(engine.office.unit)
    assert row["state"].endswith("；还没有，2026-11-23 09:40 去取")
    measured(engine, engine.office.weibo)
    [row] = exporting.rows(engine.office.unit)
    assert row["state"].endswith("；认不准是哪一篇。")
    assert {row[name] for name in exporting.NUMBERS} == {None}


def test_a_long_book_is_read_in_few_questions(engine: Engine, django_assert_num_queries: Any) -> None:
    for number in range(1, 13):
        enter(engine, number)
    posts = list(manual.standing(engine.office.unit))
    with django_assert_num_queries(2):
        assert len(manualnumbers.figures_of(posts)) == 12


def test_an_entry_of_before_is_told_without_a_plan(engine: Engine) -> None:
    person = engine.office.people["releaser"]
    post = ManualPost.objects.create(
        unit=engine.office.unit, account=engine.office.wechat, mode="mass", title="旧登记", url=LINK.format(1),
        post_key="AbCdEfGh1", posted_at=EARLIER, posted_by=person, entered_by=person, entered_at=NOW,
    )  # fmt: skip
    assert told(post).note == "没有取"
