"""What takes a signature away, and the honest answers of hold, cancel and freeze."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bot.domain.delivery import State
from bot.domain.timeline import STAGE_AHEAD
from bot.models import AuditEvent, Freeze, Item, Publication, Release, Reservation
from bot.services import stops
from bot.services.errors import Refused
from bot.services.voiding import is_frozen

from .factories import HALF_HOUR, NOW, Office, add_weibo, article, force, publication

T = NOW + HALF_HOUR
LATER = NOW + timedelta(minutes=1)


def refusal(act: Any, *args: Any, **kwargs: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        act(*args, **kwargs)
    return caught.value


def titles(push: Publication) -> list[str]:
    return [item.edition.title for item in push.items.select_related("edition").order_by("position")]


def states(release: Release) -> set[str]:
    return set(release.publications.values_list("state", flat=True))


# --- void on change -------------------------------------------------------------------------------------


def test_a_change_of_content_takes_edition_signature_and_quota_back_and_holds_the_rest(office: Office) -> None:
    documents = [office.approved(article(number)) for number in (1, 2)]
    release = office.signed(*documents)
    old = documents[0].current
    office.took(article(1, summary="自12月2日起。"), now=LATER)
    release.refresh_from_db()
    old.refresh_from_db()
    assert (old.state, release.signed, release.manifest_hash, release.signed_by) == ("superseded", False, "", None)
    assert states(release) == {"held"}
    assert set(release.publications.values_list("next_at", flat=True)) == {None}
    assert all("签发已作废" in push.reason and "未发出" in push.reason for push in release.publications.all())
    assert set(Reservation.objects.values_list("released_at", flat=True)) == {LATER}
    assert AuditEvent.objects.get(action="release.voided").subject == f"release:{release.pk}"


def test_the_quota_of_what_somebody_had_held_before_is_given_back_too(office: Office) -> None:
    release = office.signed()
    stops.hold(release, person=office.people["releaser"], reason="等一等", now=NOW)
    office.took(article(summary="改过。"), now=LATER)
    assert not Reservation.objects.filter(released_at__isnull=True).exists()


def test_a_change_after_it_went_out_voids_nothing(office: Office) -> None:
    release = office.signed()
    Item.objects.update(platform_id="1")
    force(Publication.objects.all(), "live", live_at=NOW)
    office.took(article(summary="更正。"))
    release.refresh_from_db()
    assert release.signed
    assert states(release) == {"live"}


def test_a_partial_release_keeps_what_is_public_and_holds_what_is_not(office: Office) -> None:
    release = office.signed()
    force(Publication.objects.filter(account=office.wechat), "confirming")
    office.took(article(summary="改过。"))
    release.refresh_from_db()
    assert not release.signed
    assert publication(release, office.wechat).state == "confirming"
    assert publication(release, office.weibo).state == "held"


def test_a_void_release_is_neither_resumed_nor_signed_until_it_is_composed_anew(office: Office) -> None:
    release = office.signed()
    office.took(article(summary="改过。"))
    release.refresh_from_db()
    assert refusal(stops.resume, release, person=office.people["releaser"], now=NOW).code == "unsigned"
    assert refusal(office.signs, release).code == "not_approved"
    assert office.signed(office.approved(article(summary="改过。"))).signed


def test_the_same_content_imported_again_voids_nothing(office: Office) -> None:
    release = office.signed()
    office.took(article())
    release.refresh_from_db()
    assert release.signed


# --- hold, cancel, freeze -------------------------------------------------------------------------------


def test_hold_pauses_everything_with_its_reason_and_resume_takes_it_up_again(office: Office) -> None:
    release = office.signed()
    answer = stops.hold(release, person=office.people["releaser"], reason="领导核对", now=NOW)
    assert answer.message == "已发出 0 条，已拦下 2 条，在途 0 条。"
    assert states(release) == {"held"}
    assert publication(release, office.wechat).reason == "孙签暂停：领导核对"
    assert stops.resume(release, person=office.people["releaser"], now=LATER) == 2
    assert states(release) == {"planned"}
    assert publication(release, office.wechat).next_at == T - STAGE_AHEAD


def test_one_publication_may_be_held_alone(office: Office) -> None:
    release = office.signed()
    only = publication(release, office.weibo)
    stops.hold(release, person=office.people["releaser"], reason="核对", now=NOW, only=only.pk)
    assert (publication(release, office.weibo).state, publication(release, office.wechat).state) == ("held", "planned")
    assert stops.resume(release, person=office.people["releaser"], now=NOW, only=only.pk) == 1


def test_the_answer_counts_what_is_out_and_what_is_on_its_way(office: Office) -> None:
    release = office.signed(*[office.approved(article(number)) for number in (1, 2, 3)], on=[office.weibo])
    for lane, state in enumerate(["confirming", "unknown", "staged"]):
        force(Publication.objects.filter(release=release, lane=lane), state)
    answer = stops.hold(release, person=office.people["releaser"], reason="核对", now=NOW)
    assert (answer.sent, answer.stopped, answer.in_flight) == (1, 1, 1)


def test_cancel_is_for_good_and_gives_editions_and_quota_back(office: Office) -> None:
    document = office.approved()
    release = office.signed(document)
    answer = stops.cancel(release, person=office.people["releaser"], reason="改期", now=NOW)
    release.refresh_from_db()
    assert (answer.stopped, states(release), release.cancel_reason) == (2, {"cancelled"}, "改期")
    assert not release.signed
    assert refusal(office.signs, release).code == "cancelled"
    assert office.signed(document).signed


def test_cancel_also_ends_what_was_held_and_what_was_never_signed(office: Office) -> None:
    held = office.signed(office.approved(article(1)))
    stops.hold(held, person=office.people["releaser"], reason="核对", now=NOW)
    planned = office.planned(office.approved(article(2)))
    for release in (held, planned):
        stops.cancel(release, person=office.people["releaser"], reason="不发了", now=NOW)
        assert states(release) == {"cancelled"}
    assert not Item.objects.filter(active=True).exists()


@pytest.mark.parametrize("act", [stops.hold, stops.cancel])
def test_stopping_needs_a_reason_and_the_role(office: Office, act: Any) -> None:
    release = office.signed()
    assert refusal(act, release, person=office.people["releaser"], reason=" ", now=NOW).code == "reason"
    assert refusal(act, release, person=office.people["editor"], reason="停", now=NOW).code == "role"
    assert states(release) == {"planned"}


def test_a_freeze_stops_the_unit_says_what_it_did_and_stands_until_it_is_lifted(office: Office) -> None:
    releaser = office.people["releaser"]
    release = office.signed()
    waiting = office.planned(office.approved(article(2)), instant=T + timedelta(days=1))
    answer = stops.freeze(office.unit, person=releaser, reason="突发事件", now=NOW)
    assert (answer.sent, answer.stopped, answer.in_flight) == (0, 2, 0)
    assert is_frozen(office.unit)
    assert refusal(stops.freeze, office.unit, person=releaser, reason="再停", now=NOW).code == "frozen"
    assert refusal(office.signs, waiting).code == "frozen"
    assert refusal(stops.resume, release, person=releaser, now=NOW).code == "frozen"
    stops.unfreeze(office.unit, person=releaser, now=LATER)
    assert states(release) == {"held"}
    assert stops.resume(release, person=releaser, now=LATER) == 2
    assert refusal(stops.unfreeze, office.unit, person=releaser, now=LATER).code == "not_frozen"


def test_a_freeze_counts_what_went_out_today_by_beijing_s_calendar(office: Office) -> None:
    """At 07:00 in Beijing it is still yesterday in Greenwich."""
    early = NOW - timedelta(hours=2)
    release = office.signed(instant=early, now=early - HALF_HOUR)
    Item.objects.update(platform_id="1")
    force(Publication.objects.filter(release=release), "live", live_at=early)
    answer = stops.freeze(office.unit, person=office.people["releaser"], reason="突发", now=early)
    assert answer.sent == 2


def test_a_freeze_leaves_other_units_alone(office: Office) -> None:
    other = Office.make("township", prefix="t-")
    release = other.signed()
    stops.freeze(office.unit, person=office.people["releaser"], reason="突发", now=NOW)
    assert states(release) == {"planned"}
    assert Freeze.objects.get().unit == office.unit


# --- a policy and its interpretation -----------------------------------------------------------------------------


def test_the_interpretation_of_a_policy_that_waits_is_not_called_off_alone(office: Office) -> None:
    release = office.signed(*office.approved_pair(), on=[office.weibo])
    policy, interpretation = release.publications.order_by("lane")
    refused = refusal(
        stops.cancel, release, person=office.people["releaser"], reason="解读有误", now=NOW, only=interpretation.pk
    )
    assert "使它单独公开" in refused.message
    assert states(release) == {"planned"}
    assert policy.pk != interpretation.pk


def test_what_is_called_off_is_not_held(office: Office) -> None:
    release = office.signed()
    stops.cancel(release, person=office.people["releaser"], reason="不发了", now=NOW)
    before = AuditEvent.objects.count()
    with pytest.raises(Refused, match="已经作废，没有可以暂停的推送"):
        stops.hold(release, person=office.people["releaser"], reason="等一等", now=NOW)
    assert AuditEvent.objects.count() == before


def test_held_alone_it_holds_its_policy_too(office: Office) -> None:
    release = office.signed(*office.approved_pair(), on=[office.weibo])
    interpretation = release.publications.order_by("lane")[1]
    answer = stops.hold(release, person=office.people["releaser"], reason="解读有误", now=NOW, only=interpretation.pk)
    assert answer.stopped == 2
    assert states(release) == {"held"}


# --- the answer is judged when it stands -------------------------------------------------------------------------


def test_a_wish_that_had_to_wait_for_the_database_past_the_instant_promises_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody freezes two seconds before T; another writer holds the database until after it."""
    release = office.signed(on=[office.weibo])
    at = NOW + timedelta(seconds=2)
    force(release.publications.all(), State.SENDING, instant=at, not_before=at)
    steady = iter([100.0])
    monkeypatch.setattr(stops, "monotonic", lambda: next(steady, 104.0))
    answer = stops.freeze(office.unit, person=office.people["releaser"], reason="突发事件", now=NOW)
    assert (answer.stopped, answer.in_flight) == (0, 1)


def test_a_freeze_stands_before_anything_else_of_it_is_written(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing down thousands takes a minute; every sender's last look reads the freeze itself."""
    office.signed(on=[office.weibo])
    seen: list[int] = []
    stop_one = stops._stop_one

    def watched(*given: Any) -> object:
        seen.append(AuditEvent.objects.filter(action="unit.frozen").count())
        return stop_one(*given)

    monkeypatch.setattr(stops, "_stop_one", watched)
    stops.freeze(office.unit, person=office.people["releaser"], reason="突发事件", now=NOW)
    assert seen == [1]
    actions = list(AuditEvent.objects.order_by("sequence").values_list("action", flat=True))
    assert actions[-1] == "unit.freeze_reached"


def test_a_large_release_is_held_in_parts_what_is_on_its_way_first(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = [add_weibo(office.unit, f"w{number}") for number in range(5)]
    release = office.signed(on=accounts)
    flying = release.publications.order_by("-pk")[0]
    force(release.publications.filter(pk=flying.pk), State.SENDING)
    order: list[int] = []
    stop_one = stops._stop_one
    monkeypatch.setattr(stops, "AT_ONCE", 2)
    monkeypatch.setattr(stops, "_stop_one", lambda one, *given: (order.append(one.pk), stop_one(one, *given))[1])
    answer = stops.hold(release, person=office.people["releaser"], reason="核对", now=NOW)
    assert flying.pk in order[:2]
    assert len(order) == 5
    assert answer.stopped == 5
    assert states(release) == {"held", "sending"}


def interrupted(office: Office, release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    """A freeze whose process dies after the freeze stands and before the first push is written."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    stop_one = stops._stop_one
    monkeypatch.setattr(stops, "_stop_one", killed)
    with pytest.raises(KeyboardInterrupt):
        stops.freeze(office.unit, person=office.people["releaser"], reason="突发事件", now=NOW)
    monkeypatch.setattr(stops, "_stop_one", stop_one)
    assert is_frozen(office.unit)
    assert states(release) == {"planned"}


def test_an_interrupted_freeze_is_finished_by_another(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    release = office.signed()
    interrupted(office, release, monkeypatch)
    answer = stops.freeze(office.unit, person=office.people["releaser"], reason="突发事件", now=LATER)
    assert answer.stopped == release.publications.count()
    assert Freeze.objects.count() == 1
    assert (
        refusal(stops.freeze, office.unit, person=office.people["releaser"], reason="再来", now=LATER).code == "frozen"
    )


def test_what_an_interrupted_freeze_did_not_reach_is_held_before_it_is_lifted(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = office.signed()
    interrupted(office, release, monkeypatch)
    stops.unfreeze(office.unit, person=office.people["releaser"], now=LATER)
    assert states(release) == {"held"}
    assert set(release.publications.values_list("held_by", flat=True)) == {"person"}


def test_rows_are_locked_while_a_stop_is_written_where_the_database_has_such_locks(office: Office) -> None:
    """A worker that takes a lease between the reading and the writing would undo the whole part (SQLite has one writer)."""
    release = office.signed(on=[office.weibo])
    with CaptureQueriesContext(connection) as asked:
        stops.hold(release, person=office.people["releaser"], reason="核对", now=NOW)
    locked = any("FOR UPDATE" in query["sql"] and "bot_publication" in query["sql"] for query in asked)
    assert locked is connection.features.has_select_for_update
