"""Signed bytes, attempts and publications: what a hand in the database is refused, on both databases."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from bot.domain.delivery import TRANSITIONS, State
from bot.domain.manifest import manifest
from bot.models import (
    Attempt,
    Deputy,
    Freeze,
    Item,
    Person,
    PortalGate,
    PostRecord,
    Publication,
    Release,
    Takedown,
    Unit,
    Withdrawal,
)
from bot.services import editorial, people, releases, settling, stops, voiding
from bot.services.errors import Refused
from tests.services.factories import NOW, Office, after_live, article, drop_rules, force, lifted, publication

from .sql import about_to_leave, attempt_row, delete, empty, holds, item_row, proves, refused, update
from .work import measured, rows_are_known

# --- rendered and signed bytes --------------------------------------------------------------------------


@proves("post_kept")
def test_a_rendered_post_does_not_change(office: Office) -> None:
    office.submitted()
    for post in PostRecord.objects.all():
        for changes in ({"payload": '{"status": "改过"}'}, {"hash": "0" * 64}):
            with refused("a rendered post does not change"):
                update(post, **changes)


@proves("item_signed_bytes_kept")
@pytest.mark.parametrize(
    "changes",
    [
        {"payload_hash": "0" * 64},
        {"payload_hash": ""},
        {"payload": '{"title": "改过"}'},
        {"payload": None},
        {"position": 5},
    ],
    ids=str,
)
def test_signed_bytes_and_their_order_do_not_change_while_the_signature_stands(office: Office, changes) -> None:
    item = publication(office.signed(), office.wechat).items.get()
    with refused("while the signature stands"):
        update(item, **changes)


@proves("item_signed_bytes_kept")
def test_a_signed_position_is_not_given_to_another_edition_or_publication(office: Office) -> None:
    other = office.approved(article(2)).current
    release = office.signed()
    item = publication(release, office.wechat).items.get()
    elsewhere = publication(office.planned(office.approved(article(3))), office.wechat)
    for changes in (
        {"edition_id": other.pk},
        {"publication_id": elsewhere.pk, "position": 5},
        {"account_id": office.weibo.pk},
    ):
        with refused("while the signature stands"):
            update(item, **changes)


def test_what_the_platform_answered_is_written_to_a_signed_position(office: Office) -> None:
    item = publication(office.signed(), office.wechat).items.get()
    update(item, platform_id="100001", url="https://mp.weixin.qq.com/s/a", published_at=NOW)


@proves("item_not_added_after_signing", "item_not_taken_out_after_signing")
def test_nothing_is_added_to_or_taken_out_of_what_was_signed(office: Office) -> None:
    other = office.approved(article(2)).current
    push = publication(office.signed(), office.wechat)
    with refused("needs a new signature"):
        item_row(push, other)
    with refused("needs a new signature"):
        delete(push.items.get())


@proves("item_not_moved_in_after_signing")
def test_nothing_is_moved_into_what_was_signed(office: Office) -> None:
    push = publication(office.signed(), office.wechat)
    other = publication(office.planned(office.approved(article(2))), office.wechat).items.get()
    with refused("needs a new signature"):
        update(other, publication_id=push.pk, position=1)


# --- one edition, one account, once ---------------------------------------------------------------------


def ended(push: Publication, outcome: str) -> None:
    """It was sent once, and ended so; "" is a call of which nobody knows."""
    attempt_row(push)
    if outcome:
        update(Attempt.objects.get(), outcome=outcome)


@proves("item_freed_when_called_off")
@pytest.mark.parametrize("state", [state for state in State if state is not State.CANCELLED])
def test_an_edition_is_not_free_again_while_its_push_is_not_called_off(office: Office, state: State) -> None:
    push = publication(office.signed(), office.wechat)
    Item.objects.filter(publication=push).update(platform_id="1")
    force(Publication.objects.filter(pk=push.pk), state, live_at=NOW)
    with refused("free again only when its push was called off"):
        update(push.items.get(), active=False)


@proves("item_freed_when_called_off")
def test_an_edition_is_free_again_neither_before_the_signature_nor_after_it_was_taken_back(office: Office) -> None:
    """Else it could be planned a second time, and both releases signed."""
    release = office.planned()
    item = publication(release, office.wechat).items.get()
    for _ in range(2):
        with refused("free again only when its push was called off"):
            update(item, active=False)
        office.signs(release)
        voiding.void_signature(release.pk, reason="改期", actor="test", now=NOW)


@proves("item_freed_when_called_off")
@pytest.mark.parametrize("outcome", ["", "unknown", "accepted", "refused"])
def test_an_edition_is_not_free_again_when_its_push_was_called_off_after_a_byte_may_have_left(
    office: Office, outcome: str
) -> None:
    push = publication(office.signed(), office.wechat)
    ended(push, outcome)
    force(Publication.objects.filter(pk=push.pk), "cancelled")
    with refused("nothing of it can have left"):
        update(push.items.get(), active=False)


@pytest.mark.parametrize("outcome", [None, "not_sent"])
def test_an_edition_is_free_again_when_its_push_was_called_off_and_nothing_left(
    office: Office, outcome: str | None
) -> None:
    push = publication(office.signed(), office.wechat)
    if outcome:
        ended(push, outcome)
    force(Publication.objects.filter(pk=push.pk), "cancelled")
    update(push.items.get(), active=False)


@proves("item_freed_when_called_off")
def test_an_edition_that_is_public_is_not_planned_again_whatever_is_tried(office: Office) -> None:
    document = office.approved()
    push = publication(office.signed(document), office.wechat)
    ended(push, "accepted")
    Item.objects.filter(publication=push).update(platform_id="1")
    force(Publication.objects.filter(pk=push.pk), "live", live_at=NOW)
    with refused("free again only when its push was called off"):
        update(push.items.get(), active=False)
    with pytest.raises(Refused, match="同一版本同一账号只发一次"):
        office.planned(document, on=[office.wechat], instant=NOW + timedelta(days=1))


@proves("item_kept_once_begun", "item_not_taken_out_once_begun")
@pytest.mark.parametrize("outcome", ["", "unknown", "accepted", "refused"])
def test_a_push_that_is_led_back_to_its_beginning_keeps_the_editions_that_may_have_left(
    office: Office, outcome: str
) -> None:
    """Planned and without a signature, where anything else may be put into it or taken out."""
    other = office.approved(article(2)).current
    push = publication(office.signed(), office.wechat)
    elsewhere = publication(office.planned(office.approved(article(3))), office.wechat)
    ended(push, outcome)
    force(Publication.objects.filter(pk=push.pk), "planned")
    update(push.release, signed_at=None, signed_by_id=None, manifest_hash="")
    item = push.items.get()
    for changes in (
        {"edition_id": other.pk},
        {"account_id": office.weibo.pk},
        {"publication_id": elsewhere.pk, "position": 5},
    ):
        with refused("what may have left stays with its edition"):
            update(item, **changes)
    with refused("what may have left is not taken out"):
        delete(item)


def test_what_was_proved_not_to_have_been_sent_may_be_taken_out_once_the_signature_fell(office: Office) -> None:
    push = publication(office.signed(), office.wechat)
    ended(push, "not_sent")
    force(Publication.objects.filter(pk=push.pk), "planned")
    update(push.release, signed_at=None, signed_by_id=None, manifest_hash="")
    delete(push.items.get())


@proves("item_starts_active")
def test_an_item_holds_its_edition_from_the_start(office: Office) -> None:
    """Else the same edition could be planned beside it."""
    document = office.approved()
    push = publication(office.planned(document), office.wechat)
    with refused("holds its edition from the start"):
        item_row(push, document.current, active=False, payload_hash="")


# --- the signature --------------------------------------------------------------------------------------


def sign_by_hand(release: Release, person: Person, **changes: Any) -> None:
    """With the manifest of what is in it now, unless `changes` say another."""
    pushes = release.publications.select_related("account").order_by("account_id", "lane")
    value = manifest(str(release.pk), release.signed_policy, [releases._fill(push) for push in pushes])
    row = {"signed_by_id": person.pk, "signed_at": NOW, "manifest": json.dumps(value), "manifest_hash": "0" * 64}
    update(release, **row | changes)


@proves("release_signer_four_eyes")
@pytest.mark.parametrize("state", ["planned", "held", "staged", "armed", "blocked"])
def test_who_wrote_or_submitted_an_edition_does_not_sign_it(office: Office, state: str) -> None:
    document = office.took()
    deputy = people.add_person(
        "deputy", name="郑拟", unit=office.unit, roles=["editor"], password=None, actor="test", now=NOW
    )
    editorial.submit(document, person=deputy, now=NOW)
    office.passes(document)
    release = office.planned(document)
    for push in release.publications.all():
        releases._fill(push)
    force(release.publications.all(), state)
    for author in (office.people["editor"], deputy):
        with refused("author may not sign"):
            sign_by_hand(release, author)
    holds(office.people["final"], "final", "releaser")
    sign_by_hand(release, office.people["final"])  # one of those who passed it may


@proves("release_signer_within_their_office")
def test_who_does_not_sign_for_the_unit_does_not_sign(office: Office) -> None:
    release = office.planned(office.approved())
    for push in release.publications.all():
        releases._fill(push)
    stranger = people.add_person(
        "stranger", name="外单位", unit=people.ensure_unit("else", "另一个单位", now=NOW, actor="test"),
        roles=["releaser"], password=None, actor="test", now=NOW,
    )  # fmt: skip
    for person in (office.people["final"], office.people["second"], stranger):
        with refused("who signs for the unit"):
            sign_by_hand(release, person)
    stand_in = Deputy.objects.create(
        principal=office.people["releaser"], deputy=office.people["second"], first_day=NOW.date(), last_day=NOW.date(),
        reason="出差", created_by=office.people["releaser"], created_at=NOW,
    )  # fmt: skip
    sign_by_hand(release, office.people["second"])
    update(stand_in, ended_at=NOW)
    update(release, title="another")  # what was signed stays signed
    with lifted("release_kept_while_signed"), refused("who signs for the unit"):
        update(release, signed_by_id=office.people["final"].pk)


@proves("release_signer_four_eyes")
def test_a_signature_is_not_put_under_an_authors_name_afterwards(office: Office) -> None:
    release = office.signed()
    with refused("author may not sign|signature stands"):
        update(release, signed_by_id=office.people["editor"].pk)
    with lifted("release_kept_while_signed"), refused("author may not sign"):
        update(release, signed_by_id=office.people["editor"].pk)


@proves("release_signed_by_who_is_active")
def test_who_was_taken_out_of_use_does_not_sign(office: Office) -> None:
    release = office.planned(office.approved())
    for push in release.publications.all():
        releases._fill(push)
    person = office.people["releaser"]
    type(person).objects.filter(pk=person.pk).update(is_active=False)
    with refused("taken out of use does not sign"):
        sign_by_hand(release, person)
    holds(office.people["final"], "final", "releaser")
    sign_by_hand(release, office.people["final"])
    with lifted("release_kept_while_signed"), refused("taken out of use does not sign"):
        update(release, signed_by_id=person.pk)


def test_a_signature_stays_when_the_signer_is_taken_out_of_use_later(office: Office) -> None:
    release, person = office.signed(), office.people["releaser"]
    type(person).objects.filter(pk=person.pk).update(is_active=False)
    update(release, title="另题")
    attempt_row(publication(release, office.wechat))


@proves("freeze_lifted_by_a_person")
def test_a_freeze_is_not_lifted_by_nobody(office: Office) -> None:
    freeze = Freeze.objects.create(unit=office.unit, reason="演练", person=office.people["releaser"], at=NOW)
    with refused("lifted by a person"):
        update(freeze, lifted_at=NOW)
    update(freeze, lifted_at=NOW, lifted_by_id=freeze.person_id)
    with refused("lifted by a person"):
        update(freeze, lifted_by_id=None)


@proves("freeze_kept")
def test_a_freeze_keeps_whose_it_is_and_a_lifted_one_does_not_come_back(office: Office) -> None:
    freeze = Freeze.objects.create(unit=office.unit, reason="演练", person=office.people["releaser"], at=NOW)
    other = Unit.objects.create(code="other", name="另一个单位", steps=["first"])
    for change in (
        {"unit_id": other.pk},
        {"reason": "没有"},
        {"at": NOW + timedelta(days=1)},
        {"person_id": office.people["editor"].pk},
    ):
        with refused("a freeze is lifted"):
            update(freeze, **change)
    update(freeze, lifted_at=NOW, lifted_by_id=freeze.person_id)
    with refused("a freeze is lifted"):
        update(freeze, lifted_at=None)


@proves("attempt_not_signed_by_an_author")
def test_no_attempt_of_what_an_author_signed_all_the_same(office: Office) -> None:
    """Signed while it stood where nothing is signed."""
    release = office.signed()
    with lifted("release_kept_while_signed", "release_signer_four_eyes", "release_signer_within_their_office"):
        update(release, signed_by_id=office.people["editor"].pk)
    for kind in ("first", "again", "probe"):
        with refused("author may not sign"):
            attempt_row(publication(release, office.wechat), kind=kind)


@proves("release_kept_while_signed")
@pytest.mark.parametrize(
    "changes",
    [
        {"manifest": "{}"},
        {"manifest": None},
        {"manifest_hash": "0" * 64},
        {"instant": NOW + timedelta(hours=2)},
        {"signed_at": NOW - timedelta(hours=2)},
    ],
    ids=str,
)
def test_manifest_and_instant_do_not_change_while_the_signature_stands(office: Office, changes) -> None:
    release = office.signed()
    with refused("does not change while the signature stands"):
        update(release, **changes)
    voiding.void_signature(release.pk, reason="改期", actor="test", now=NOW)
    if changes.get("signed_at") is None:
        update(release, **changes)


@proves("release_kept_while_signed")
def test_a_signed_release_stays_with_its_unit_and_its_signer(office: Office) -> None:
    release, other = office.signed(), Office.make("township", prefix="t-")
    for changes in ({"unit_id": other.unit.pk}, {"signed_by_id": other.people["releaser"].pk}):
        with refused("does not change while the signature stands"):
            update(release, **changes)


def test_a_signed_release_may_be_called_off_and_told_otherwise(office: Office) -> None:
    release = office.signed()
    update(release, title="别的名称", cancelled_at=NOW, cancel_reason="作废")
    release.refresh_from_db()
    release.save()  # all columns, unchanged


@proves("publication_kept_while_signed")
@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "publish"},
        {"lane": 3},
        {"key": "another"},
        {"instant": NOW},
        {"instant": NOW + timedelta(hours=1), "not_before": NOW + timedelta(hours=1)},
        {"instant": NOW, "not_before": NOW},
        {"promised_at": NOW - timedelta(days=1)},
    ],
    ids=str,
)
def test_mode_lane_and_instant_of_a_signed_push_do_not_change(office: Office, changes) -> None:
    release = office.signed()
    push = publication(release, office.wechat)
    for state in ("planned", "staged", "needs_person", "held"):
        force(Publication.objects.filter(pk=push.pk), state)
        with refused("does not change while the signature stands"):
            update(push, **changes)
    voiding.void_signature(release.pk, reason="改期", actor="test", now=NOW)
    update(push, **changes)


@proves("publication_kept_while_signed")
def test_a_signed_push_goes_to_no_other_account_or_release_and_none_is_put_into_a_signed_one(office: Office) -> None:
    release = office.signed()
    push = publication(release, office.wechat)
    other = office.planned(office.approved(article(2)), on=[office.weibo])
    for changes in ({"account_id": office.weibo.pk, "lane": 1}, {"release_id": other.pk}):
        with refused("does not change while the signature stands"):
            update(push, **changes)
    with refused("does not change while the signature stands"):
        update(publication(other, office.weibo), release_id=release.pk, lane=1)


@proves("publication_kept_while_signed")
def test_not_before_moves_later_only(office: Office) -> None:
    push = publication(office.signed(), office.wechat)
    later = push.not_before + timedelta(minutes=1)
    update(push, not_before=later)
    with refused("does not change while the signature stands"):
        update(push, not_before=push.not_before)


@proves("publication_kept_while_signed")
@pytest.mark.parametrize("state", ["missed", "needs_person"])
def test_two_people_who_send_it_again_give_it_a_later_instant_never_an_earlier_one(office: Office, state: str) -> None:
    push = publication(office.signed(), office.wechat)
    update(push, not_before=push.instant + timedelta(hours=2))
    force(Publication.objects.filter(pk=push.pk), state)
    push.refresh_from_db()
    earlier = push.instant - timedelta(minutes=1)
    with refused("does not change while the signature stands"):
        update(push, state="planned", instant=earlier, not_before=earlier)
    now = push.instant + timedelta(hours=1)
    settling.settle_again(
        push, person=office.people["releaser"], second=office.people["final"], reason="后台没有", now=now
    )
    push.refresh_from_db()
    assert (push.state, push.instant, push.not_before) == ("planned", now, now)


# --- attempts -------------------------------------------------------------------------------------------


def test_an_attempt_may_be_made_of_what_was_signed_and_approved(office: Office) -> None:
    attempt_row(publication(office.signed(), office.wechat))
    assert Attempt.objects.count() == 1


@proves("attempt_signed")
def test_no_attempt_without_a_signature(office: Office) -> None:
    release = office.planned()
    with refused("no attempt without"):
        attempt_row(publication(release, office.wechat))
    Item.objects.filter(publication__release=release).update(payload_hash="a" * 64)  # as if it had been signed
    with refused("no attempt without a signature"):
        attempt_row(publication(release, office.wechat))


@proves("attempt_signed")
@pytest.mark.parametrize("changes", [{"signed_at": None}, {"cancelled_at": NOW}])
def test_no_attempt_after_the_signature_fell_or_the_release_was_called_off(office: Office, changes) -> None:
    release = office.signed()
    update(release, **changes)
    with refused("no attempt without a signature"):
        attempt_row(publication(release, office.wechat))


@proves("attempt_approved_at_every_position")
def test_no_attempt_with_one_position_whose_edition_is_not_approved_any_more(office: Office) -> None:
    documents = [office.approved(article(number)) for number in (1, 2, 3)]
    push = publication(office.signed(*documents), office.wechat)
    update(documents[2].current, state="superseded")
    with refused("at every position"):
        attempt_row(push)


@proves("attempt_approved_at_every_position")
def test_no_attempt_of_other_bytes_than_the_signed_ones(office: Office) -> None:
    push = publication(office.signed(office.approved(article(1)), office.approved(article(2))), office.wechat)
    signed = list(push.items.order_by("position").values_list("payload_hash", flat=True))
    for hashes in ([], signed[:1], [signed[0], "0" * 64]):
        with refused("at every position"):
            attempt_row(push, payload_hashes=json.dumps(hashes))


@proves("attempt_named_in_the_manifest")
@pytest.mark.parametrize("kind", ["first", "again", "probe"])
def test_an_attempt_names_the_signed_hashes_in_their_order_and_no_others(office: Office, kind: str) -> None:
    push = publication(office.signed(office.approved(article(1)), office.approved(article(2))), office.wechat)
    one, two = push.items.order_by("position").values_list("payload_hash", flat=True)
    for hashes in ([two, one], [one, two, "0" * 64], [one, two, one], [[one], [two]]):
        with refused("at every position"):
            attempt_row(push, kind=kind, payload_hashes=json.dumps(hashes))
    attempt_row(push, kind=kind)


def _entry(manifest: dict[str, Any], slug: str) -> dict[str, Any]:
    return next(entry for entry in manifest["publications"] if entry["account"] == slug)


def _without_entry(manifest: dict[str, Any], slug: str) -> None:
    manifest["publications"].remove(_entry(manifest, slug))


def _in_other_order(manifest: dict[str, Any], slug: str) -> None:
    _entry(manifest, slug)["items"].reverse()


@pytest.mark.parametrize("kind", ["first", "again", "probe"])
@pytest.mark.parametrize(
    "tamper",
    [
        _without_entry,
        _in_other_order,
        lambda manifest, slug: manifest.pop("publications"),
        lambda manifest, slug: _entry(manifest, slug).pop("items"),
        lambda manifest, slug: _entry(manifest, slug)["items"].pop(),
        lambda manifest, slug: _entry(manifest, slug)["items"].append({"edition": "", "payload": "", "marker": ""}),
        lambda manifest, slug: _entry(manifest, slug).update(mode="publish"),
        lambda manifest, slug: _entry(manifest, slug).update(lane=1),
        lambda manifest, slug: _entry(manifest, slug)["items"][0].update(payload="0" * 64),
        lambda manifest, slug: _entry(manifest, slug)["items"][1].update(edition="0" * 64),
    ],
)
@proves("attempt_named_in_the_manifest")
def test_no_attempt_of_bytes_that_the_signed_manifest_does_not_name(office: Office, tamper, kind: str) -> None:
    release = office.signed(office.approved(article(1)), office.approved(article(2)))
    manifest = release.manifest
    tamper(manifest, office.wechat.slug)
    with lifted("release_kept_while_signed"):
        update(release, manifest=json.dumps(manifest))
    with refused("no attempt of other bytes than the signed manifest names"):
        attempt_row(publication(release, office.wechat), kind=kind)


@proves("attempt_named_in_the_manifest")
def test_each_push_of_a_lane_is_found_in_the_manifest(office: Office) -> None:
    documents = [office.approved(article(number)) for number in (1, 2, 3)]
    release = office.signed(*documents, on=[office.weibo])
    for lane in range(3):
        attempt_row(publication(release, office.weibo, lane=lane))
        update(Attempt.objects.latest("pk"), outcome="accepted")


def test_an_attempt_costs_the_database_no_more_among_many_releases(office: Office) -> None:
    """The rules look at one push of the manifest, by keys: no table is read as a whole."""
    push = publication(office.signed(), office.wechat)
    about_to_leave(push)
    rows_are_known()
    with measured() as alone:
        attempt_row(push)
    other = office.planned(office.approved(article(2)), on=[office.wechat])
    for lane in range(1, 401):
        empty(other, office.wechat, lane)
    rows_are_known()
    with measured() as among:
        attempt_row(push)
    assert among.done < alone.done + 200, (among, alone)


def test_an_attempt_of_a_large_release_walks_its_manifest_once(office: Office) -> None:
    release = office.signed()
    push = publication(release, office.wechat)
    about_to_leave(push)
    signed = release.manifest["publications"]
    took = {}
    for others in (0, 50, 200):
        manifest = {"publications": [entry | {"lane": 9} for entry in signed[:1] * others] + signed}
        with lifted("release_kept_while_signed"):
            update(release, manifest=json.dumps(release.manifest | manifest))
        with measured() as work:
            attempt_row(push)
        took[others] = work.done
    assert took[200] - took[0] <= 6 * (took[50] - took[0]), took


@proves("attempt_approved_at_every_position")
def test_no_attempt_of_nothing(office: Office) -> None:
    release = office.signed()
    with lifted("publication_not_added_after_signing"):
        Publication.objects.create(
            release=release, account=office.wechat, mode="mass", lane=9, instant=release.instant,
            not_before=release.instant, key="empty",
        )  # fmt: skip
    with refused("at every position"):
        attempt_row(publication(release, office.wechat, lane=9))


@proves("attempt_not_frozen")
def test_no_attempt_while_a_freeze_stands_and_again_when_it_is_lifted(office: Office) -> None:
    push = publication(office.signed(), office.wechat)
    freeze = Freeze.objects.create(unit=office.unit, reason="演练", person=office.people["releaser"], at=NOW)
    with refused("tongfa: frozen"):
        attempt_row(push)
    update(freeze, lifted_at=NOW, lifted_by_id=freeze.person_id)
    attempt_row(push)


@proves("attempt_not_frozen")
def test_a_freeze_of_another_unit_stops_nothing_here(office: Office) -> None:
    other = Office.make("township", prefix="t-")
    stops.freeze(other.unit, person=other.people["releaser"], reason="演练", now=NOW)
    attempt_row(publication(office.signed(), office.wechat))


@proves("attempt_not_before_the_portal")
@pytest.mark.parametrize("state", ["shut", "asking", "held"])
def test_no_attempt_while_the_gate_of_its_release_is_shut(office: Office, state: str) -> None:
    release = office.signed(sync=after_live())
    update(PortalGate.objects.get(), state=state)
    for account in office.accounts:
        for kind in ("first", "again", "probe"):
            with refused("no attempt before the portal page is live"):
                attempt_row(publication(release, account), kind=kind)


@proves("attempt_not_before_the_portal")
@pytest.mark.parametrize("state", ["open", "waived"])
def test_an_attempt_may_be_made_once_the_gate_lets_it_through(office: Office, state: str) -> None:
    release = office.signed(sync=after_live())
    update(PortalGate.objects.get(), state=state, live_at=NOW, effective=release.instant)
    attempt_row(publication(release, office.wechat))


@proves("attempt_not_before_the_portal")
def test_the_gate_of_another_release_opens_nothing_here_and_a_missing_gate_is_shut(office: Office) -> None:
    release = office.signed(sync=after_live())
    other = office.signed(office.approved(article(2)), instant=NOW + timedelta(days=1), sync=after_live())
    update(PortalGate.objects.get(release=other), state="open", live_at=NOW, effective=other.instant)
    with refused("no attempt before the portal page is live"):
        attempt_row(publication(release, office.wechat))
    drop_rules(event="DELETE")
    delete(PortalGate.objects.get(release=release))
    with refused("no attempt before the portal page is live"):
        attempt_row(publication(release, office.wechat))


@proves("gate_not_deleted", "gate_stays_with_its_release")
def test_a_gate_is_neither_taken_away_nor_given_to_another_release(office: Office) -> None:
    office.signed(sync=after_live())
    other = office.signed(office.approved(article(2)), instant=NOW + timedelta(days=1))
    with refused("a gate is not taken away"):
        delete(PortalGate.objects.get())
    with refused("a gate belongs to one release"):
        update(PortalGate.objects.get(), release_id=other.pk)


@proves("gate_decided_by_a_person")
@pytest.mark.parametrize("state", ["asking", "held"])
def test_when_time_was_up_only_a_named_person_lets_it_through(office: Office, state: str) -> None:
    release = office.signed(sync=after_live())
    gate = PortalGate.objects.get()
    update(gate, state=state)
    with refused("a person decides"):
        update(gate, state="waived", effective=release.instant)
    update(gate, state="waived", effective=release.instant, decided_by_id=office.people["releaser"].pk)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "ajar"},
        {"seen": "perhaps"},
        {"state": "open"},
        {"state": "waived"},
        {"state": "open", "effective": NOW},
    ],
    ids=str,
)
def test_a_gate_holds_only_what_the_domain_knows(office: Office, changes) -> None:
    """An open one has its proof and its instant."""
    office.signed(sync=after_live())
    with refused("(?i)check|constraint"):
        update(PortalGate.objects.get(), **changes)


@proves("release_policy_kept_while_signed")
@pytest.mark.parametrize(
    "changes",
    [
        {"sync": "at_time", "policy": None},
        {
            "policy": '{"kind": "after_live", "url": "https://x.example/", "title": "别的标题", "wait": 60, "then": "go"}'
        },
    ],
    ids=["no gate any more", "another page"],
)
def test_the_sync_policy_does_not_change_while_the_signature_stands(office: Office, changes) -> None:
    release = office.signed(sync=after_live())
    with refused("another sync policy needs a new signature"):
        update(release, **changes)
    update(release, signed_at=None, signed_by_id=None, manifest_hash="")
    update(release, **changes)


@proves("release_policy_kept_while_signed")
def test_no_gate_is_put_before_a_release_that_was_signed_without_one(office: Office) -> None:
    with refused("another sync policy needs a new signature"):
        update(office.signed(), sync="after_live", policy="{}")


@proves("attempt_starts_open")
@pytest.mark.parametrize("outcome", ["accepted", "not_sent", "refused", "unknown"])
def test_an_attempt_begins_without_an_outcome(office: Office, outcome: str) -> None:
    with refused("intent before effect"):
        attempt_row(publication(office.signed(), office.wechat), outcome=outcome)


@proves("attempt_outcome_kept", "attempt_not_deleted")
def test_an_outcome_is_written_once_and_no_attempt_disappears(office: Office) -> None:
    attempt_row(publication(office.signed(), office.wechat))
    attempt = Attempt.objects.get()
    update(attempt, outcome="unknown", answered_at=NOW)
    for changes in ({"outcome": ""}, {"outcome": "not_sent"}, {"answer": "改过"}):
        with refused("an outcome is written once"):
            update(attempt, **changes)
    with refused("attempts are append-only"):
        delete(attempt)


def test_a_publication_and_an_account_have_one_open_attempt_at_a_time(office: Office) -> None:
    documents = [office.approved(article(number)) for number in (1, 2)]
    release = office.signed(*documents, on=[office.weibo])
    one, other = publication(release, office.weibo), publication(release, office.weibo, lane=1)
    attempt_row(one)
    for push, number in ((one, 2), (other, 1)):
        with refused("(?i)unique"):
            attempt_row(push, number=number)
    update(Attempt.objects.get(), outcome="accepted")
    attempt_row(other)


# --- publications ---------------------------------------------------------------------------------------


@proves("publication_live_needs_ids")
def test_live_needs_a_platform_id_at_every_position(office: Office) -> None:
    push = publication(office.signed(office.approved(article(1)), office.approved(article(2))), office.wechat)
    first, second = push.items.order_by("position")
    update(first, platform_id="1")
    with refused("live needs a platform id"):
        force(Publication.objects.filter(pk=push.pk), "live", live_at=NOW)
    update(second, platform_id="2")
    force(Publication.objects.filter(pk=push.pk), "live", live_at=NOW)


def two_decided_to_withdraw(push: Publication) -> None:
    """So that this arrow is open, too (test_rules_withdrawing)."""
    people = Person.objects.filter(username__in=["editor", "releaser"]).order_by("username")
    made = Withdrawal.objects.create(
        release=push.release, reason="有误", notice_kind="withdrawal", notice="撤回", asked_by=people[0], asked_at=NOW,
        confirmed_by=people[1], confirmed_at=NOW,
    )  # fmt: skip
    Takedown.objects.create(withdrawal=made, publication=push)


@proves("publication_follows_the_table")
@pytest.mark.parametrize("state", State)
def test_a_state_is_reached_by_the_delivery_tables_arrows_only(office: Office, state: State) -> None:
    push = publication(office.signed(), office.wechat)
    Item.objects.filter(publication=push).update(platform_id="1", withdrawn_at=NOW)
    two_decided_to_withdraw(push)
    force(Publication.objects.filter(pk=push.pk), state, live_at=NOW)
    for target in set(State) - {state}:
        if target in {to for (source, _), to in TRANSITIONS.items() if source is state}:
            with transaction.atomic():
                update(push, state=target)
                transaction.set_rollback(True)
        else:
            with refused("no such step in the delivery table"):
                update(push, state=target)


@proves("publication_starts_planned")
def test_a_publication_starts_as_planned(office: Office) -> None:
    push = publication(office.planned(), office.wechat)
    with refused("publications start as planned"):
        Publication.objects.create(
            release=push.release, account=push.account, mode=push.mode, lane=9, instant=NOW, not_before=NOW, key="k" * 32,
            state="staged",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "changes"),
    [("published", {}), ("live", {"live_at": None}), ("planned", {"not_before": NOW})],
    ids=["unknown state", "live without its time", "before its instant"],
)
def test_a_publication_holds_only_what_the_domain_knows(office: Office, state: str, changes) -> None:
    push = publication(office.signed(), office.wechat)
    Item.objects.filter(publication=push).update(platform_id="1")
    with refused("(?i)check|constraint"):
        force(Publication.objects.filter(pk=push.pk), state, **changes)


@pytest.mark.parametrize("changes", [{"signed_by_id": None}, {"manifest_hash": ""}], ids=str)
def test_a_signature_is_complete_or_there_is_none(office: Office, changes) -> None:
    release = office.signed()
    with lifted("release_kept_while_signed"), refused("(?i)check|constraint"):
        update(release, **changes)


@pytest.mark.parametrize("changes", [{"sync": "whenever"}, {"sync": "after_live"}, {"policy": "{}"}], ids=str)
def test_a_sync_policy_is_one_that_the_domain_knows_and_complete(office: Office, changes) -> None:
    with refused("(?i)check|constraint"):
        update(office.planned(), **changes)


def test_the_same_edition_is_active_once_per_account(office: Office) -> None:
    document = office.approved()
    office.planned(document)
    other = office.planned(office.approved(article(2)), instant=NOW + timedelta(days=1))
    with refused("(?i)unique"):
        item_row(publication(other, office.wechat), document.current, payload_hash="")


@pytest.mark.parametrize("state", ["submitted", "first_passed", "returned"])
def test_beyond_drafting_an_edition_has_a_marker_and_somebody_who_submitted_it(office: Office, state: str) -> None:
    edition = office.took().current
    with refused("(?i)check|constraint"):
        update(edition, state=state)
    with refused("(?i)check|constraint"):
        update(edition, state=state, marker="abcd1234")
    update(edition, state=state, marker="abcd1234", submitted_by_id=edition.author_id)
