"""改编: another release takes the place of one of which nothing has left, in one transaction."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.delivery import State
from bot.models import AuditEvent, Item, Release, Reservation
from bot.services import releases, replanning, stops
from bot.services.errors import Refused

from .factories import HALF_HOUR, NOW, Office, after_live, article, force

pytestmark = pytest.mark.django_db


@pytest.fixture
def office() -> Office:
    return Office.make()


def anew(office: Office, release: Release, **changes: Any) -> Release:
    given: dict[str, Any] = {
        "title": "改编的一张", "instant": release.instant, "accounts": office.accounts, "person": office.people["editor"],
        "now": NOW,
        "documents": list(dict.fromkeys(i.edition.document for i in Item.objects.filter(publication__release=release))),
    }  # fmt: skip
    return replanning.replan(release, **given | changes)


def refused(office: Office, release: Release, **changes: Any) -> Refused:
    lines, held = AuditEvent.objects.count(), list(release.publications.order_by("pk").values_list("state", "fence"))
    with pytest.raises(Refused) as caught:
        anew(office, release, **changes)
    release.refresh_from_db()
    assert AuditEvent.objects.count() == lines
    assert list(release.publications.order_by("pk").values_list("state", "fence")) == held
    assert Release.objects.count() == 1
    return caught.value


def test_items_order_accounts_modes_instant_and_policy_change_together(office: Office) -> None:
    one, two = office.approved(article(1)), office.approved(article(2))
    release = office.planned(one, two)
    later = NOW + timedelta(hours=1)
    fresh = anew(
        office, release, documents=[two, one], accounts=[office.wechat], modes={"zghd": "publish"}, instant=later,
        sync=after_live(),
    )  # fmt: skip
    push = fresh.publications.get()
    assert (push.account, push.mode, push.instant) == (office.wechat, "publish", later)
    assert [item.edition.document for item in push.items.order_by("position")] == [two, one]
    assert fresh.sync == "after_live"
    assert {old.state for old in release.publications.all()} == {"cancelled"}
    assert release.cancel_reason == f"改编为发布单 {fresh.pk}"


def test_a_signature_is_void_its_slots_are_free_and_the_new_one_is_signed_for_itself(office: Office) -> None:
    release = office.signed()
    assert Reservation.objects.filter(released_at__isnull=True).exists()
    fresh = anew(office, release)
    assert not release.signed
    assert release.signed_at is None
    assert not Reservation.objects.filter(released_at__isnull=True).exists()
    assert not fresh.signed
    office.signs(fresh)
    fresh.refresh_from_db()
    assert fresh.signed  # the day's only 群发 is its own now
    assert not release.preflights.filter(next_at__isnull=False).exists()


def test_what_a_person_held_or_the_machine_prepared_can_still_be_planned_anew(office: Office) -> None:
    release = office.signed()
    wechat, weibo = release.publications.order_by("pk")
    force(type(wechat).objects.filter(pk=wechat.pk), "staged")
    stops.hold(release, person=office.people["releaser"], reason="核对", now=NOW, only=weibo.pk)
    assert anew(office, release).publications.count() == 2


def test_the_trail_tells_both_halves(office: Office) -> None:
    release = office.signed()
    fresh = anew(office, release)
    old = [event.action for event in AuditEvent.objects.filter(subject=f"release:{release.pk}").order_by("sequence")]
    assert old[-2:] == ["release.voided", "release.replaced"]
    assert AuditEvent.objects.filter(subject=f"release:{fresh.pk}", action="release.planned").exists()


@pytest.mark.parametrize("state", [State.ARMED, State.SENDING, State.UNKNOWN, State.CONFIRMING, State.LIVE,
                                   State.NEEDS_PERSON, State.MISSED, State.GONE])  # fmt: skip
def test_refused_where_anything_left_is_leaving_or_waits_for_a_person(state: State, office: Office) -> None:
    release = office.signed()
    one = release.publications.order_by("pk")[0]
    Item.objects.filter(publication=one).update(platform_id="1")
    force(type(one).objects.filter(pk=one.pk), state, live_at=NOW)
    assert refused(office, release).code == "under_way"
    assert release.signed


def test_what_plan_refuses_leaves_the_old_one_signed_as_it_was(office: Office) -> None:
    release = office.signed()
    assert refused(office, release, instant=NOW - HALF_HOUR).code == "past"
    assert refused(office, release, documents=[]).code == "empty"
    assert refused(office, release, documents=[office.submitted(article(7))]).code == "not_approved"
    assert refused(office, release, modes={"zghd": "pigeon"}).code == "mode"
    assert release.signed
    assert Reservation.objects.filter(released_at__isnull=True).exists()


def test_a_signature_is_taken_back_only_by_whoever_was_shown_it(office: Office) -> None:
    release = office.planned()
    before = releases.as_seen(release)
    office.signs(release)
    assert refused(office, release, seen=before).code == "changed"
    assert release.signed
    assert anew(office, release, seen=releases.as_seen(release)).pk != release.pk


def test_a_called_off_release_is_not_planned_anew(office: Office) -> None:
    release = office.signed()
    stops.cancel(release, person=office.people["releaser"], reason="不发", now=NOW)
    assert refused(office, release, documents=[office.approved(article(3))]).code == "under_way"


@pytest.mark.parametrize("who", ["first", "final"])
def test_only_who_may_plan(who: str, office: Office) -> None:
    release = office.planned()
    assert refused(office, release, person=office.people[who]).code == "role"


def test_an_edition_that_is_in_a_third_release_is_refused_and_nothing_is_lost(office: Office) -> None:
    first, second = office.approved(article(1)), office.approved(article(2))
    release = office.planned(first)
    office.planned(second)
    with pytest.raises(Refused) as caught:
        anew(office, release, documents=[first, second])
    assert caught.value.code == "once"
    release.refresh_from_db()
    assert release.cancelled_at is None
    assert {one.state for one in release.publications.all()} == {"planned"}
    assert Item.objects.filter(publication__release=release, active=True).count() == 2


def test_it_can_be_done_again_and_again(office: Office) -> None:
    release = office.signed()
    for _ in range(3):
        release = office.signs(anew(office, release))
    assert Release.objects.filter(cancelled_at__isnull=True).count() == 1
    assert releases.find_release(release.pk, unit=office.unit).signed
