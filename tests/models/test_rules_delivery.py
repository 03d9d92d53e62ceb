"""Signed bytes, attempts and publications: what a hand in the database is refused, on both databases."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import transaction

from bot.domain.delivery import TRANSITIONS, State
from bot.models import Attempt, Freeze, Item, PortalGate, PostRecord, Publication
from bot.services import releases
from tests.services.factories import NOW, Office, after_live, article, drop_rules, force, publication

from .sql import attempt_row, delete, item_row, proves, refused, update

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
    for changes in ({"edition_id": other.pk}, {"publication_id": elsewhere.pk}, {"account_id": office.weibo.pk}):
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


@proves("attempt_approved_at_every_position")
def test_no_attempt_of_nothing(office: Office) -> None:
    release = office.signed()
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
    update(freeze, lifted_at=NOW)
    attempt_row(push)


@proves("attempt_not_frozen")
def test_a_freeze_of_another_unit_stops_nothing_here(office: Office) -> None:
    other = Office.make("township", prefix="t-")
    releases.freeze(other.unit, person=other.people["releaser"], reason="演练", now=NOW)
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


@proves("publication_follows_the_table")
@pytest.mark.parametrize("state", State)
def test_a_state_is_reached_by_the_delivery_tables_arrows_only(office: Office, state: State) -> None:
    push = publication(office.signed(), office.wechat)
    Item.objects.filter(publication=push).update(platform_id="1")
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
    push = publication(office.signed(), office.wechat)
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
    with refused("(?i)check|constraint"):
        update(office.signed(), **changes)


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
