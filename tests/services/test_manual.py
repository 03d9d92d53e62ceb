"""手工发布登记: what people posted themselves takes the account's quota, is never sent again, and is never rewritten."""

from __future__ import annotations

from datetime import date, timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bot.domain.delivery import State
from bot.domain.instants import BEIJING
from bot.models import AuditEvent, ManualPost, Reservation
from bot.services import addresses, audit, exporting, manual, quotas, settling, trail
from bot.services.errors import NotFound, Refused
from tests.console.world import put

from .by_hand import EARLIER, LINK, entry
from .factories import NOW, Office, add_wechat, article, force, publication

TODAY = date(2026, 11, 23)


def enter(office: Office, number: int = 1, *, knowing: bool = False, **changes: object) -> manual.Entered:
    return manual.register(entry(office, number, **changes), person=office.people["releaser"], now=NOW, knowing=knowing)


def refusal(code: str, office: Office, **changes: object) -> Refused:
    with pytest.raises(Refused) as caught:
        enter(office, **changes)
    assert caught.value.code == code
    assert not ManualPost.objects.exists()
    return caught.value


def taken(office: Office) -> int:
    [(_, count)] = quotas.used(office.wechat, "mass", NOW)
    return count


# --- what may be entered ------------------------------------------------------------------------------------


def test_a_post_is_entered_with_its_people_time_and_address_and_the_trail_tells_it(office: Office) -> None:
    done = enter(office, note="领导要求")
    post = ManualPost.objects.get()
    assert (post, done.over, done.stopped) == (done.post, False, [])
    assert (post.posted_at, post.entered_at, post.post_key) == (EARLIER, NOW, "AbCdEfGh1")
    [told] = trail.tell({"account:zghd": "账号"})[-1:]
    assert (told.who, "停水通知之1" in told.what, LINK.format(1) in told.detail) == ("孙签", True, True)
    assert audit.verify_chain()[2] is None


def test_what_has_not_been_posted_yet_is_not_entered(office: Office) -> None:
    assert "还没有到" in refusal("future", office, posted_at=NOW + timedelta(minutes=1)).message


def test_a_mistyped_year_is_noticed(office: Office) -> None:
    refusal("old", office, posted_at=NOW - timedelta(days=400))


def test_what_has_no_document_here_needs_a_title(office: Office) -> None:
    refusal("title", office, title=" ")


@pytest.mark.parametrize(
    "url", ["", "mp.weixin.qq.com/s/AbCdEfGh1", "https://weibo.com/2017000001/a", "javascript:alert(1)"]
)
def test_an_address_is_that_of_a_post_on_this_platform(office: Office, url: str) -> None:
    refusal("url", office, url=url)


def test_a_mode_is_one_of_the_channel(office: Office) -> None:
    refusal("mode", office, mode="share")


def test_only_duty_and_releasers_enter_and_void(office: Office) -> None:
    with pytest.raises(Refused, match="权限") as caught:
        manual.register(entry(office), person=office.people["editor"], now=NOW)
    assert caught.value.code == "role"
    post = enter(office).post
    with pytest.raises(Refused, match="权限"):
        manual.void(post, reason="错了", person=office.people["editor"], now=NOW)


def test_what_another_unit_entered_or_sent_is_known_but_never_named(office: Office) -> None:
    other = Office.make("street", prefix="s-")
    post = enter(office, title="尚未公开的人事安排", posted_at=NOW - timedelta(days=1)).post
    push = publication(office.signed(), office.wechat)
    put(push, "live")
    push.items.update(**addresses.columns(office.wechat, LINK.format(9)), published_at=EARLIER)
    waiting = publication(other.signed(), other.wechat)
    force(waiting.__class__.objects.filter(pk=waiting.pk), "missed")
    waiting.refresh_from_db()
    who = other.people["releaser"]
    with pytest.raises(Refused) as entered:
        manual.register(entry(other, 1), person=who, now=NOW)
    told = [entered.value]
    for number in (1, 9):
        with pytest.raises(Refused) as settled:
            settling.settle_live(waiting, urls=[LINK.format(number)], person=who, now=NOW)
        told.append(settled.value)
    assert [one.code for one in told] == ["known", "urls", "urls"]
    for one in told:
        assert "其他单位" in one.message
        assert "人事安排" not in one.message
        assert f"第 {post.pk} 条" not in one.message
        assert f"推送 {push.pk}" not in one.message


def test_the_same_post_is_entered_once_however_its_address_was_typed(office: Office) -> None:
    enter(office)
    with pytest.raises(Refused, match="已登记（第") as caught:
        enter(office, url=LINK.format(1) + "?from=timeline")
    assert caught.value.code == "known"


def test_what_the_machine_sent_is_not_entered_as_made_by_hand(office: Office) -> None:
    release = office.signed()
    push = publication(release, office.wechat)
    put(push, "live")
    push.items.update(**addresses.columns(office.wechat, LINK.format(9)), published_at=EARLIER)
    refused = refusal("known", office, url=LINK.format(9))
    assert f"系统发出的推送 {push.pk}" in refused.message
    edition = push.items.get().edition
    assert "请在那张发布单里登记链接" in refusal("edition", office, edition=edition).message


def test_what_the_machine_sent_is_known_whatever_day_is_entered(office: Office) -> None:
    push = publication(office.signed(), office.wechat)
    put(push, "live")
    push.items.update(**addresses.columns(office.wechat, LINK.format(9)), published_at=EARLIER)
    for days in (3, 300):
        typed = LINK.format(9) + "?from=timeline"
        assert "系统发出" in refusal("known", office, url=typed, posted_at=NOW - timedelta(days=days)).message


def test_what_the_machine_sent_before_its_posts_were_known_by_their_addresses_is_known_too(office: Office) -> None:
    for push in office.signed().publications.all():
        put(push, "live")
        link = LINK.format(9) if push.account == office.wechat else "https://m.weibo.cn/status/Pq9Xyz"
        push.items.update(url=link, published_at=EARLIER)
    editor = SimpleNamespace(connection=connection)
    import_module("bot.migrations.0033_which_post_an_item_is").know_their_posts(apps, editor)
    refusal("known", office, url=LINK.format(9))
    refusal("known", office, account=office.weibo, url="https://weibo.com/2017000001/Pq9Xyz")


def test_what_the_machine_sent_for_another_unit_is_not_named(office: Office) -> None:
    other = Office.make("street", prefix="s-")
    push = publication(other.signed(), other.wechat)
    put(push, "live")
    push.items.update(**addresses.columns(other.wechat, LINK.format(9)), published_at=EARLIER)
    told = refusal("known", office, url=LINK.format(9)).message
    assert "其他单位" in told
    assert f"推送 {push.pk}" not in told


def test_a_post_of_the_machine_is_found_by_an_index(office: Office) -> None:
    with CaptureQueriesContext(connection) as asked:
        addresses.of_the_machine(office.wechat, "AbCdEfGh9")
    [query] = asked.captured_queries
    with connection.cursor() as cursor:
        if connection.vendor != "sqlite":
            cursor.execute("SET LOCAL enable_seqscan = off")
        plan = "EXPLAIN " if connection.vendor != "sqlite" else "EXPLAIN QUERY PLAN "
        cursor.execute(plan + query["sql"])
        assert "item_by_post" in str(cursor.fetchall())


# --- its share of the quota ---------------------------------------------------------------------------------


def test_it_takes_the_slot_of_its_day_and_a_release_of_that_day_is_not_signed(office: Office) -> None:
    enter(office)
    assert taken(office) == 1
    release = office.planned()
    with pytest.raises(Refused, match="已用完") as caught:
        office.signs(release)
    assert caught.value.code == "quota"
    assert "2026-11-24" in caught.value.message


def test_yesterdays_post_takes_yesterdays_slot(office: Office) -> None:
    enter(office, posted_at=NOW - timedelta(days=1))
    assert taken(office) == 0
    office.signed()


def test_publishing_without_pushing_to_followers_takes_none(office: Office) -> None:
    enter(office, mode="publish")
    assert taken(office) == 0


def test_articles_of_one_message_take_one_slot_and_no_more_than_fit(office: Office) -> None:
    for number in range(1, 9):
        assert not enter(office, number).over
    assert taken(office) == 1
    with pytest.raises(Refused, match="最多 8 篇"):
        enter(office, 9)


def test_a_second_message_of_the_day_is_a_fact_and_is_said_to_be_over_the_quota(office: Office) -> None:
    enter(office)
    assert enter(office, 2, posted_at=EARLIER + timedelta(minutes=5)).over
    assert taken(office) == 1


def test_calls_are_not_counted_for_what_nobody_called(office: Office) -> None:
    enter(office, account=office.weibo)
    rules = {rule.period: used for rule, used in quotas.used(office.weibo, "share", EARLIER)}
    assert rules == {"hour": 1, "day": 0}


def test_a_monthly_quota_is_shared_too(office: Office) -> None:
    service = add_wechat(office.unit, "fwh", kind="service")
    enter(office, account=service)
    assert [(rule.period, used) for rule, used in quotas.used(service, "mass", NOW)] == [("month", 1)]


# --- releases in the way ------------------------------------------------------------------------------------


def test_a_signed_release_that_holds_the_slot_is_named_first_and_nothing_is_entered(office: Office) -> None:
    release = office.signed()
    refused = refusal("clash", office)
    assert f"发布单 {release.pk}" in refused.details[0]
    assert "签发作废" in refused.details[0]
    release.refresh_from_db()
    assert release.signed


def test_entered_all_the_same_it_voids_the_signature_holds_everything_and_has_the_slot(office: Office) -> None:
    release = office.signed()
    done = enter(office, knowing=True)
    release.refresh_from_db()
    assert not release.signed
    assert {push.status for push in release.publications.all()} == {State.HELD}
    assert {push.held_by for push in release.publications.all()} == {"machine"}  # so that people are alarmed
    assert "额度已由手工发布用去" in release.publications.first().reason
    assert [clash.release for clash in done.stopped] == [release]
    assert not done.over
    assert Reservation.objects.get(released_at__isnull=True).manual_post == done.post
    with pytest.raises(Refused, match="已用完"):
        office.signs(release)


def test_a_release_whose_push_may_have_left_is_left_alone(office: Office) -> None:
    from tests.console.world import attempt

    release = office.signed()
    push = publication(release, office.wechat)
    attempt(push, outcome="unknown")
    force(push.__class__.objects.filter(pk=push.pk), "unknown")
    done = enter(office)
    release.refresh_from_db()
    assert (release.signed, done.over, done.stopped) == (True, True, [])


def test_an_edition_that_was_posted_by_hand_is_not_sent_by_a_release_that_waits_for_it(office: Office) -> None:
    release = office.signed(on=[office.weibo])
    edition = publication(release, office.weibo).items.get().edition
    entered = {"account": office.weibo, "edition": edition, "mode": "share"}
    assert "已在“临沂河东”手工发布" in refusal("clash", office, **entered).details[0]
    enter(office, knowing=True, **entered)
    release.refresh_from_db()
    assert not release.signed
    with pytest.raises(Refused, match="手工发布，未签发") as caught:
        office.signs(release)
    assert caught.value.code == "by_hand"


def test_an_edition_that_was_posted_by_hand_is_not_planned_for_that_account_again(office: Office) -> None:
    document = office.approved()
    enter(office, edition=document.current)
    with pytest.raises(Refused, match="同一版本同一账号只发一次"):
        office.planned(document)
    office.planned(document, on=[office.weibo])


def test_an_unsigned_release_is_named_too(office: Office) -> None:
    release = office.planned()
    edition = publication(release, office.wechat).items.get().edition
    assert "登记后它不能签发" in refusal("clash", office, edition=edition).details[0]


# --- nothing is rewritten -----------------------------------------------------------------------------------


def test_a_mistake_is_voided_with_a_reason_and_gives_back_what_it_took(office: Office) -> None:
    post = enter(office).post
    manual.void(post, reason="登记错账号", person=office.people["releaser"], now=NOW)
    post = manual.find_post(post.pk, unit=office.unit)
    assert (post.stands, post.void.reason, taken(office)) == (False, "登记错账号", 0)
    assert manual.on_days(office.unit, TODAY, TODAY) == []
    office.signed()
    with pytest.raises(Refused, match="已作废"):
        manual.void(post, reason="再来", person=office.people["releaser"], now=NOW)
    assert AuditEvent.objects.filter(action="manual.voided").count() == 1


def test_a_reason_is_needed(office: Office) -> None:
    post = enter(office).post
    with pytest.raises(Refused, match="须写明原因"):
        manual.void(post, reason=" ", person=office.people["releaser"], now=NOW)


def test_a_correction_is_a_new_line_that_voids_the_old(office: Office) -> None:
    old = enter(office).post
    right = entry(office, 1, posted_at=EARLIER - timedelta(minutes=1))
    new = manual.correct(old, right, reason="时间填错", person=office.people["releaser"], now=NOW).post
    assert (new.corrects, old.pk) == (old, new.pk - 1)
    assert [line.pk for line in manual.book(office.unit)] == [new.pk, old.pk]
    assert [post.pk for post in manual.on_days(office.unit, TODAY, TODAY)] == [new.pk]
    assert taken(office) == 1


def test_a_correction_that_is_refused_leaves_the_old_line_standing(office: Office) -> None:
    old = enter(office).post
    with pytest.raises(Refused, match="还没有到"):
        manual.correct(
            old,
            entry(office, posted_at=NOW + timedelta(hours=1)),
            reason="改",
            person=office.people["releaser"],
            now=NOW,
        )
    assert manual.find_post(old.pk, unit=office.unit).stands


def test_another_article_of_the_message_goes_on_holding_the_slot(office: Office) -> None:
    first = enter(office, 1).post
    enter(office, 2)
    manual.void(first, reason="没有发", person=office.people["releaser"], now=NOW)
    assert taken(office) == 1


# --- elsewhere ----------------------------------------------------------------------------------------------


def test_a_calendar_asks_for_days_of_beijing(office: Office) -> None:
    late = NOW.astimezone(BEIJING).replace(hour=0, minute=5)
    enter(office, 1, posted_at=late)
    enter(office, 2, posted_at=late - timedelta(minutes=10))
    assert [post.title for post in manual.on_days(office.unit, TODAY, TODAY)] == ["停水通知之1"]
    assert len(manual.on_days(office.unit, TODAY - timedelta(days=1), TODAY)) == 2


def test_it_is_counted_among_what_went_out_and_its_numbers_are_not_reported(office: Office) -> None:
    enter(office)
    [row] = exporting.rows(office.unit)
    assert (row["title"], row["url"]) == ("停水通知之1", LINK.format(1))
    assert row["state"].startswith("手工发布")
    assert {row[name] for name in exporting.NUMBERS} == {None}


def test_a_link_that_stands_in_the_book_is_not_given_to_a_push(office: Office) -> None:
    enter(office, posted_at=NOW - timedelta(days=1))
    push = publication(office.signed(), office.wechat)
    force(push.__class__.objects.filter(pk=push.pk), "missed")
    push.refresh_from_db()
    with pytest.raises(Refused, match="已登记为手工发布"):
        settling.settle_live(push, urls=[LINK.format(1)], person=office.people["releaser"], now=NOW)


def test_a_unit_never_sees_or_uses_anothers(office: Office) -> None:
    other = Office.make("street", prefix="s-")
    post = enter(office).post
    who = other.people["releaser"]
    assert manual.book(other.unit) == manual.on_days(other.unit, TODAY, TODAY) == []
    for act in (
        lambda: manual.find_post(post.pk, unit=other.unit),
        lambda: manual.void(post, reason="错", person=who, now=NOW),
        lambda: manual.register(entry(office, 2), person=who, now=NOW),
        lambda: manual.register(entry(other, 2, posted_by=office.people["releaser"]), person=who, now=NOW),
        lambda: manual.register(
            entry(other, 2, edition=office.approved(article(7)).current, posted_by=who), person=who, now=NOW
        ),
    ):
        with pytest.raises(NotFound):
            act()
    assert ManualPost.objects.count() == 1
