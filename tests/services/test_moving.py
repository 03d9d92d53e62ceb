"""What moving a release would mean is said before anybody does it, and is what then happens."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from bot.models import Release
from bot.services import moving, releases
from bot.services.errors import Refused

from .factories import HALF_HOUR, NOW, Office, add_wechat, article, force

T = NOW + HALF_HOUR  # Monday, 09:30 in Beijing
DAY = timedelta(days=1)


def foresee(release: Release, instant: datetime) -> moving.Prospect:
    release.refresh_from_db()
    return moving.foresee(release, instant, now=NOW)


def test_a_signature_is_said_to_be_lost_and_nothing_is_changed(office: Office) -> None:
    release = office.signed()
    prospect = foresee(release, T + DAY)
    assert prospect.voids
    assert (prospect.refusal, prospect.warnings, prospect.better) == ("", (), None)
    release.refresh_from_db()
    assert release.signed
    assert release.instant == T


def test_without_a_signature_there_is_none_to_lose(office: Office) -> None:
    assert not foresee(office.planned(), T + DAY).voids


def test_a_full_quota_is_said_with_the_next_working_day_that_has_room(office: Office) -> None:
    """Tuesday and Wednesday are taken: Thursday it is."""
    for number, day in ((1, DAY), (2, 2 * DAY)):
        office.signed(office.approved(article(number)), instant=T + day, on=[office.wechat])
    prospect = foresee(office.planned(office.approved(article(3)), on=[office.wechat]), T + DAY)
    assert any("额度（1 次）已用完" in warning and "2026-11-24" in warning for warning in prospect.warnings)
    assert prospect.better == T + 3 * DAY
    assert not prospect.refusal


def test_its_own_slot_is_free_to_itself(office: Office) -> None:
    """Later on the same day it needs no other."""
    assert foresee(office.signed(on=[office.wechat]), T + timedelta(hours=3)).warnings == ()


def test_a_month_that_it_stays_in_costs_a_service_account_nothing(office: Office) -> None:
    account = add_wechat(office.unit, "fwh", kind="service")
    for number in range(1, 5):
        last = office.signed(office.approved(article(number)), on=[account])
    assert foresee(last, T + DAY).warnings == ()
    extra = office.planned(office.approved(article(5)), on=[account])
    assert "2026-11 还可签发 0 次" in foresee(extra, T + DAY).warnings[0]
    assert foresee(extra, T + DAY).better == T + 8 * DAY  # Tuesday, 1 December


def test_a_day_off_is_said_with_the_next_working_day(office: Office) -> None:
    prospect = foresee(office.planned(), T + 5 * DAY)
    assert prospect.warnings == ("11月28日（周六）休息，不是工作日。",)
    assert prospect.better == T + 7 * DAY


def test_a_year_whose_holidays_are_not_known_is_said_to_be_so(office: Office) -> None:
    prospect = foresee(office.planned(), datetime(2035, 10, 1, 1, 30, tzinfo=NOW.tzinfo))
    assert "2035 年的放假调休安排还没有收录" in prospect.note


@pytest.mark.parametrize("instant", [NOW - HALF_HOUR, NOW + timedelta(seconds=5)])
def test_what_would_be_refused_is_said_with_the_earliest_and_then_is_refused(office: Office, instant: datetime) -> None:
    release = office.planned()
    prospect = foresee(release, instant)
    assert "最早可改到" in prospect.refusal
    assert prospect.earliest >= releases.earliest(NOW)
    assert prospect.earliest.second == 0
    with pytest.raises(Refused) as refused:
        releases.reschedule(release, instant=instant, person=office.people["editor"], now=NOW)
    assert refused.value.message == prospect.refusal
    assert foresee(release, prospect.earliest).refusal == ""


@pytest.mark.parametrize("state", ["armed", "sending", "live", "unknown", "needs_person"])
def test_what_may_have_left_is_fixed_and_says_why(office: Office, state: str) -> None:
    release = office.signed()
    release.publications.get(account=office.weibo).items.update(platform_id="1")
    force(release.publications.filter(account=office.weibo), state, live_at=NOW)
    prospect = foresee(release, T + DAY)
    assert prospect.fixed
    assert "不能整单改期" in prospect.refusal
    assert "不能整单改期" in moving.why_fixed(release, list(release.publications.all()))


def test_its_own_instant_is_no_move(office: Office) -> None:
    release = office.signed()
    assert foresee(release, T).unchanged
    with pytest.raises(Refused, match="没有变"):
        releases.reschedule(release, instant=T, person=office.people["editor"], now=NOW)
    release.refresh_from_db()
    assert release.signed


def test_a_signature_that_the_person_was_not_told_of_is_not_taken_back(office: Office) -> None:
    """Signed by somebody while the question was on the screen."""
    release = office.planned()
    shown = foresee(release, T + DAY)
    office.signs(release)
    with pytest.raises(Refused, match="刚刚有人改动过") as refused:
        releases.reschedule(release, instant=T + DAY, person=office.people["editor"], now=NOW, seen=shown.seen)
    assert refused.value.code == "changed"
    release.refresh_from_db()
    assert release.signed
    seen = foresee(release, T + DAY).seen
    assert not releases.reschedule(release, instant=T + DAY, person=office.people["editor"], now=NOW, seen=seen).signed


def test_looking_ahead_two_months_costs_no_more_questions_than_a_day(
    office: Office, django_assert_max_num_queries
) -> None:  # type: ignore[no-untyped-def]
    for number in range(1, 4):
        office.signed(office.approved(article(number)), instant=T + number * DAY, on=[office.wechat])
    release = office.planned(office.approved(article(9)))
    with django_assert_max_num_queries(7):
        assert moving.foresee(release, T + DAY, now=NOW).better == T + 4 * DAY
