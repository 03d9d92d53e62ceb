"""Quota: taken at signing on the Beijing calendar, refused with the next free day, given back when nothing was sent."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from bot.domain.channel import Absent, Remedy, Unknown
from bot.domain.channel import Refused as RefusedByPlatform
from bot.domain.delivery import State
from bot.domain.instants import to_beijing
from bot.models import Account, Attempt, Publication, Release, Reservation
from bot.models import Counter as CallCounter
from bot.services import editorial, quotas, releases, stops
from bot.services.errors import Refused
from bot.services.ports import AccountPorts

from .delivery_support import MINUTE, NO_ANSWER, SECOND, Engine
from .factories import HALF_HOUR, NOW, Office, add_wechat, article, force, lifted, publication

T = NOW + HALF_HOUR
DAY = timedelta(days=1)


def sign_on(office: Office, account: Account, number: int, instant=T):  # type: ignore[no-untyped-def]
    return office.signed(office.approved(article(number)), on=[account], instant=instant)


def refused(office: Office, account: Account, number: int, instant=T) -> str:  # type: ignore[no-untyped-def]
    release = office.planned(office.approved(article(number)), on=[account], instant=instant)
    before = Reservation.objects.count()
    with pytest.raises(Refused) as caught:
        office.signs(release)
    release.refresh_from_db()
    assert (caught.value.code, release.signed, Reservation.objects.count()) == ("quota", False, before)
    return caught.value.message


def windows(account: Account) -> list[tuple[str, int]]:
    held = Reservation.objects.filter(account=account, released_at__isnull=True)
    return list(held.order_by("window", "slot").values_list("window", "slot"))


def test_a_signature_takes_one_slot_of_its_day(office: Office) -> None:
    sign_on(office, office.wechat, 1)
    assert windows(office.wechat) == [("2026-11-23", 1)]


def test_a_plan_takes_nothing_yet(office: Office) -> None:
    office.planned()
    assert windows(office.wechat) == []


def test_a_second_mass_send_on_one_day_is_refused_naming_the_next_free_day(office: Office) -> None:
    sign_on(office, office.wechat, 1)
    message = refused(office, office.wechat, 2, T + timedelta(hours=5))
    assert "账号“中国河东”当日的群发额度（1 次）已用完，未签发，什么都没有发出" in message
    assert "最近可用的日期是 2026-11-24（例如 2026-11-24 14:30:00）" in message


def test_the_next_free_day_skips_days_that_are_taken(office: Office) -> None:
    for day in (0, 1, 2, 4):
        sign_on(office, office.wechat, day + 1, T + day * DAY)
    assert "最近可用的日期是 2026-11-26" in refused(office, office.wechat, 9)


def test_the_day_changes_at_midnight_in_beijing(office: Office) -> None:
    last = NOW.replace(hour=15, minute=59, second=59)  # 23:59:59
    sign_on(office, office.wechat, 1, last)
    sign_on(office, office.wechat, 2, last + timedelta(seconds=1))
    assert windows(office.wechat) == [("2026-11-23", 1), ("2026-11-24", 1)]


def test_a_service_account_has_four_mass_sends_a_month(office: Office) -> None:
    service = add_wechat(office.unit, "fwh", kind="service")
    for day in range(4):
        sign_on(office, service, day + 1, T + day * DAY)
    assert windows(service) == [("2026-11", slot) for slot in (1, 2, 3, 4)]
    message = refused(office, service, 9, T + 5 * DAY)
    assert "当月的群发额度（4 次）已用完" in message
    assert "最近可用的日期是 2026-12-01（例如 2026-12-01 09:30:00）" in message
    sign_on(office, service, 10, T + 10 * DAY)
    assert windows(service)[-1] == ("2026-12", 1)


def test_publishing_without_a_push_takes_no_quota(office: Office) -> None:
    assert quotas.quotas_of(office.wechat, "publish") == ()


def test_weibo_counts_by_the_hour_and_by_the_day(office: Office) -> None:
    sign_on(office, office.weibo, 1)
    assert windows(office.weibo) == [("2026-11-23", 1), ("2026-11-23T09", 1)]
    assert [(rule.period, taken) for rule, taken in quotas.used(office.weibo, "share", T)] == [("hour", 1), ("day", 1)]


def test_a_full_hour_names_the_next_hour(office: Office) -> None:
    push = publication(sign_on(office, office.weibo, 1), office.weibo)
    Reservation.objects.bulk_create(
        Reservation(account=office.weibo, mode="share", window="2026-11-23T09", slot=slot, publication=push)
        for slot in range(2, 31)
    )
    assert "最近可用的时段从 2026-11-23 10:00 开始" in refused(office, office.weibo, 2)


def test_every_post_of_a_lane_takes_its_own_slot(office: Office) -> None:
    documents = [office.approved(article(number)) for number in (1, 2, 3)]
    office.signed(*documents, on=[office.weibo])
    assert windows(office.weibo)[:3] == [("2026-11-23", slot) for slot in (1, 2, 3)]


def test_a_refused_signature_takes_nothing_on_any_account(office: Office) -> None:
    sign_on(office, office.wechat, 1)
    release = office.planned(office.approved(article(2)))  # both accounts; only WeChat's day is used up
    with pytest.raises(Refused):
        office.signs(release)
    assert windows(office.weibo) == []


def test_cancelling_gives_the_day_back(office: Office) -> None:
    release = sign_on(office, office.wechat, 1)
    stops.cancel(release, person=office.people["releaser"], reason="改期", now=NOW)
    assert windows(office.wechat) == []
    sign_on(office, office.wechat, 2)
    assert windows(office.wechat) == [("2026-11-23", 1)]


def test_holding_keeps_it(office: Office) -> None:
    stops.hold(sign_on(office, office.wechat, 1), person=office.people["releaser"], reason="等", now=NOW)
    assert "已用完" in refused(office, office.wechat, 2)


def tried(release: Release, account: Account, outcome: str, code: str = "") -> Publication:
    """A push of which one attempt ended so."""
    push = publication(release, account)
    hashes = list(push.items.values_list("payload_hash", flat=True))
    with lifted("attempt_of_what_is_about_to_leave"):
        Attempt.objects.create(
            publication=push, account=push.account, number=1, fence=1, key=push.key, payload_hashes=hashes,
            intent_at=NOW, send_by=NOW,
        )  # fmt: skip
    if outcome:
        Attempt.objects.update(outcome=outcome, code=code)
    return push


@pytest.mark.parametrize(
    ("outcome", "code", "kept"),
    [
        ("not_sent", "", False),
        ("unknown", "", True),
        ("", "", True),
        ("refused", "41040", False),
        ("refused", "45028", True),
    ],
)
def test_what_the_platform_may_have_counted_is_not_given_back(
    office: Office, outcome: str, code: str, kept: bool
) -> None:
    """It counts what succeeds: what was clearly refused did not, unless because the quota was gone already."""
    release = sign_on(office, office.wechat, 1)
    push = tried(release, office.wechat, outcome, code)
    stops.cancel(release, person=office.people["releaser"], reason="停", now=NOW)
    assert bool(windows(office.wechat)) is kept
    assert push.items.get().active is (outcome != "not_sent")  # an edition of which a byte may have left goes once


def test_a_refusal_that_is_in_doubt_keeps_its_slot(office: Office) -> None:
    release = sign_on(office, office.wechat, 1)
    push = tried(release, office.wechat, "refused", "40007")
    Publication.objects.filter(pk=push.pk).update(doubt=True)
    stops.cancel(release, person=office.people["releaser"], reason="停", now=NOW)
    assert windows(office.wechat)


def test_a_year_without_a_free_day_is_said_plainly(office: Office) -> None:
    push = publication(sign_on(office, office.wechat, 1), office.wechat)
    Reservation.objects.bulk_create(
        Reservation(account=office.wechat, mode="mass", window=f"{T + day * DAY:%Y-%m-%d}", slot=1, publication=push)
        for day in range(1, quotas.LOOK_AHEAD + 1)
    )
    assert "一年内没有空余" in refused(office, office.wechat, 2)


# --- what a release needs of one window --------------------------------------------------------------------


def refused_release(office: Office, release: Release) -> str:
    with pytest.raises(Refused) as caught:
        office.signs(release)
    assert (caught.value.code, windows(office.wechat), windows(office.weibo)) == ("quota", [], [])
    return caught.value.message


def test_more_than_any_day_takes_is_to_be_split_and_names_no_date(office: Office) -> None:
    release = office.planned(*(office.approved(article(n)) for n in range(1, 10)), on=[office.wechat])
    message = refused_release(office, release)
    assert "账号“中国河东”当日的群发额度（1 次）最多供发 1 次，未签发，什么都没有发出" in message
    assert "本发布单在 2026-11-23 就要发 2 次（每次至多 8 篇），改到哪一天都放不下" in message
    assert "请拆成几张发布单" in message
    assert "最近可用" not in message


def test_who_plans_so_much_is_told_before_anybody_signs(office: Office) -> None:
    nine = [office.approved(article(n)) for n in range(1, 10)]
    (words,) = quotas.outlook(list(office.planned(*nine, on=[office.wechat]).publications.all()))
    assert "改到哪一天都放不下" in words
    fits = office.planned(office.approved(article(10)), on=[office.wechat])
    assert quotas.outlook(list(fits.publications.all())) == []


def test_the_next_date_has_room_for_all_that_the_release_needs(office: Office) -> None:
    """A service account with three of four taken this month: two more fit into the next month only."""
    service = add_wechat(office.unit, "fwh", kind="service")
    for day in range(3):
        sign_on(office, service, day + 1, T + day * DAY)
    nine = [office.approved(article(n)) for n in range(11, 20)]
    with pytest.raises(Refused) as caught:
        office.signs(office.planned(*nine, on=[service], instant=T + 4 * DAY))
    assert "当月的群发额度（4 次）不够" in caught.value.message
    assert "2026-11 还可签发 1 次，本发布单需要 2 次" in caught.value.message
    assert "最近可用的日期是 2026-12-01" in caught.value.message


def test_the_next_date_suits_every_account_of_the_release(office: Office) -> None:
    """The 24th is free on one account and taken on the other."""
    other = add_wechat(office.unit, "second")
    sign_on(office, office.wechat, 1)
    sign_on(office, other, 2, T + DAY)
    release = office.planned(office.approved(article(3)), on=[office.wechat, other])
    with pytest.raises(Refused, match="最近可用的日期是 2026-11-25"):
        office.signs(release)


# --- calls that are counted already --------------------------------------------------------------------------


def spent(office: Office, count: int) -> None:
    CallCounter.objects.create(account=office.weibo, bucket="weibo.calls", window="2026-11-23", count=count)


def test_calls_that_are_used_up_leave_nothing_to_sign_for_today(office: Office) -> None:
    spent(office, 100)
    today, tomorrow = quotas.calendar(office.weibo, "share", date(2026, 11, 23), 2, now=NOW)
    assert (today.free, tomorrow.free) == (0, 25)
    message = refused_release(office, office.planned(on=[office.weibo]))
    assert "账号“临沂河东”当日的接口调用额度（100 次，每条微博约用 4 次）已用完" in message
    assert "2026-11-23 还可签发 0 次，本发布单需要 1 次" in message
    assert "最近可用的日期是 2026-11-24" in message


def test_calls_that_are_left_pay_for_so_many_posts(office: Office) -> None:
    spent(office, 90)
    (today,) = quotas.calendar(office.weibo, "share", date(2026, 11, 23), 1, now=NOW)
    assert today.free == 2
    three = office.planned(*(office.approved(article(n)) for n in (1, 2, 3)), on=[office.weibo])
    assert "额度（100 次，每条微博约用 4 次）不够" in refused_release(office, three)
    sign_on(office, office.weibo, 4)
    assert quotas.calendar(office.weibo, "share", date(2026, 11, 23), 1, now=NOW)[0].free == 1


def test_what_has_been_sent_is_in_the_count_already(office: Office) -> None:
    push = publication(sign_on(office, office.weibo, 1), office.weibo)
    spent(office, 92)
    assert quotas.calendar(office.weibo, "share", date(2026, 11, 23), 1, now=NOW)[0].free == 1
    force(type(push).objects.filter(pk=push.pk), State.CONFIRMING, sent_at=T)
    assert quotas.calendar(office.weibo, "share", date(2026, 11, 23), 1, now=NOW)[0].free == 2


def test_a_day_of_weibo_posts_is_no_more_than_its_calls_pay_for(office: Office) -> None:
    """The hour would take 30; a day's calls pay for 25."""
    release = office.planned(*(office.approved(article(n)) for n in range(1, 27)), on=[office.weibo])
    assert "最多供发 25 次" in refused_release(office, release)


# --- the calendar -------------------------------------------------------------------------------------------


def test_the_calendar_says_what_is_taken_and_what_is_free_on_each_day(office: Office) -> None:
    for number, day in enumerate((0, 2), start=1):
        sign_on(office, office.wechat, number, T + day * DAY)
    days = quotas.calendar(office.wechat, "mass", date(2026, 11, 22), 5, now=NOW)
    assert [(day.date.day, day.free, day.past) for day in days] == [
        (22, 1, True), (23, 0, False), (24, 1, False), (25, 0, False), (26, 1, False)
    ]  # fmt: skip
    (window,) = days[1].windows
    assert (window.period, window.name, window.used, window.count) == ("day", "2026-11-23", 1, 1)


def test_a_service_account_shows_its_month_on_every_day_of_it(office: Office) -> None:
    account = add_wechat(office.unit, "fwh", kind="service")
    sign_on(office, account, 1)
    days = quotas.calendar(account, "mass", date(2026, 11, 29), 3, now=NOW)
    assert [(day.windows[0].name, day.free) for day in days] == [("2026-11", 3), ("2026-11", 3), ("2026-12", 4)]


def test_weibo_shows_the_fullest_hour_of_a_day_besides_the_day(office: Office) -> None:
    sign_on(office, office.weibo, 1)
    (day,) = quotas.calendar(office.weibo, "share", date(2026, 11, 23), 1, now=NOW)
    assert day.busiest is not None
    assert (day.busiest.name, day.busiest.used, day.busiest.count) == ("2026-11-23T09", 1, 30)


def test_a_mode_without_a_quota_is_free_without_a_number(office: Office) -> None:
    (day,) = quotas.calendar(office.wechat, "publish", date(2026, 11, 23), 1, now=NOW)
    assert (day.free, day.windows, day.busiest) == (None, (), None)


def test_a_year_of_weibo_costs_two_queries(office: Office, django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    with django_assert_num_queries(2):
        assert len(quotas.calendar(office.weibo, "share", date(2026, 1, 1), 366, now=NOW)) == 366


def test_a_whole_year_costs_one_query(office: Office, django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    with django_assert_num_queries(1):
        assert len(quotas.calendar(office.wechat, "mass", date(2026, 1, 1), 366, now=NOW)) == 366


def test_the_calls_of_this_hour_and_day_are_our_own_count(office: Office) -> None:
    AccountPorts(office.weibo).spend("calls", limit=100, period="day")
    day = to_beijing(datetime.now(UTC)).date()
    assert quotas.calls_spent(office.weibo, now=datetime.now(UTC)) == {f"calls {day}": 1}


# --- what goes out later than it was signed for ------------------------------------------------------------

EVENING = datetime(2026, 11, 23, 15, 50, tzinfo=UTC)  # 23:50 in Beijing
PAST_MIDNIGHT = EVENING + timedelta(minutes=15)


def held_in_the_evening(office: Office) -> Release:
    release = office.signed(office.approved(article(1)), on=[office.wechat], instant=EVENING)
    stops.hold(release, person=office.people["releaser"], reason="等一等", now=EVENING - timedelta(minutes=1))
    return release


def test_resumed_past_midnight_it_takes_a_slot_of_the_day_on_which_it_goes(office: Office) -> None:
    release = held_in_the_evening(office)
    stops.resume(release, person=office.people["releaser"], now=PAST_MIDNIGHT)
    assert ("2026-11-24", 1) in windows(office.wechat)
    assert "已用完" in refused(office, office.wechat, 2, PAST_MIDNIGHT + timedelta(hours=9))


def test_it_is_not_resumed_into_a_day_that_is_promised_to_another(office: Office) -> None:
    release = held_in_the_evening(office)
    sign_on(office, office.wechat, 2, PAST_MIDNIGHT + timedelta(hours=9))
    with pytest.raises(Refused, match="已签给别的发布，没有发出"):
        stops.resume(release, person=office.people["releaser"], now=PAST_MIDNIGHT)
    assert [one.status for one in release.publications.all()] == [State.HELD]


def test_what_an_outage_carries_past_midnight_is_held_where_the_day_is_taken(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(office, monkeypatch)
    release = office.signed(office.approved(article(1)), on=[office.wechat], instant=EVENING)
    sign_on(office, office.wechat, 2, PAST_MIDNIGHT + timedelta(hours=9))
    engine.clock.wait_until(PAST_MIDNIGHT)
    engine.go(PAST_MIDNIGHT + timedelta(minutes=2))
    late = release.publications.get()
    assert (late.status, engine.platform.sent) == (State.HELD, [])
    assert "已签给别的发布" in late.reason


# --- what a public call costs where calls are counted --------------------------------------------------------------


def counted(account: Account) -> dict[str, int]:
    return dict(CallCounter.objects.filter(account=account).values_list("window", "count"))


def test_each_attempt_is_a_call_of_the_day_on_which_it_is_made(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Staged in the evening for midnight: the platform counts it in the new day."""
    engine = Engine(office, monkeypatch)
    midnight = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
    engine.signed(instant=midnight)
    engine.go(midnight - 16 * SECOND)
    assert counted(office.weibo) == {}
    engine.go(midnight + MINUTE)
    assert counted(office.weibo) == {"2026-11-24": 1}
    assert counted(office.wechat) == {}  # counts what succeeds, not calls


def test_another_try_of_the_machine_is_another_call(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(office, monkeypatch)
    wait = RefusedByPlatform("20016", Remedy.WAIT, "发布过于频繁，", T + 10 * MINUTE)
    engine.platform.answers["lyhd"] = [wait]
    engine.platform.looks["lyhd"] = [Absent("时间线上没有")]
    release = engine.signed(on=[office.weibo])
    engine.go(T + 20 * MINUTE)
    assert engine.weibo(release).attempts.count() == 2
    assert counted(office.weibo) == {"2026-11-23": 2}


# --- what was never used is free again ------------------------------------------------------------------------


def test_struck_out_at_the_last_moment_and_moved_to_another_day_it_gives_its_day_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edited between the intents and T: provably unsent, but its attempt was open when the signature became void."""
    engine = Engine(office, monkeypatch)
    release = engine.signed(on=[office.wechat])
    document = release.publications.get().items.get().edition.document
    editor = office.people["editor"]

    def edited() -> None:
        for policy in (True, False):
            editorial.set_policy(document, policy, reason="核对", person=editor, now=engine.clock.now())

    engine.clock.at(T - SECOND, edited)
    engine.go(T + MINUTE)
    assert not engine.platform.sent
    now = engine.clock.now()
    release.refresh_from_db()
    releases.reschedule(release, instant=T + timedelta(days=1), person=engine.releaser, now=now)
    release.refresh_from_db()
    releases.sign(release, person=engine.releaser, now=now)
    engine.signed(office.approved(article(8), now=now), instant=now + timedelta(hours=2), on=[office.wechat])


def test_a_replay_past_midnight_that_finds_the_first_call_gives_the_new_day_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(office, monkeypatch)
    midnight = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
    release = engine.signed(on=[office.wechat], instant=midnight - 30 * SECOND)
    known = Unknown("45065", "平台说这个编号的群发以前已经接收过。", {"msg_id": "77"})
    engine.platform.answers["zghd"] = [NO_ANSWER, known]
    engine.go(midnight + 10 * MINUTE)
    assert engine.wechat(release).status is State.LIVE
    now = engine.clock.now()
    engine.signed(office.approved(article(8), now=now), instant=now + timedelta(hours=9), on=[office.wechat])


def test_several_accounts_cost_no_more_than_one(office: Office, django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    other = add_wechat(office.unit, "second")
    sign_on(office, other, 1)
    with django_assert_num_queries(1):
        first, second = quotas.calendars([(office.wechat, "mass"), (other, "mass")], date(2026, 11, 23), 2, now=NOW)
    assert [day.free for day in first] == [1, 1]
    assert [day.free for day in second] == [0, 1]


def test_a_window_says_whether_it_counts_posts_or_calls(office: Office) -> None:
    (day,) = quotas.calendar(office.weibo, "share", date(2026, 11, 23), 1, now=NOW)
    assert [window.calls for window in day.windows] == [True]
    (day,) = quotas.calendar(office.wechat, "mass", date(2026, 11, 23), 1, now=NOW)
    assert [window.calls for window in day.windows] == [False]
