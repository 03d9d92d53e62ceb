"""What was signed as a whole: its pushes, its manifest, and the intents made of it, whatever a hand in the database does."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from bot.models import Attempt, Item, Publication, Release
from bot.models.triggers import WALKED
from bot.services import voiding
from tests.services.factories import NOW, Office, article, force, lifted, publication

from .sql import attempt_row, delete, empty, insert, item_row, proves, refused, run, update
from .work import measured, rows_are_known

# --- the intent -----------------------------------------------------------------------------------------


@proves("attempt_intent_kept")
@pytest.mark.parametrize(
    "changes",
    [
        {"payload_hashes": json.dumps(["0" * 64])},
        {"key": "another"},
        {"number": 9},
        {"kind": "probe"},
        {"fence": 99},
        {"owner": "somebody"},
        {"intent_at": NOW - timedelta(days=1)},
        {"send_by": NOW + timedelta(days=365)},
        {"id": 987654},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_an_attempt_was_meant_to_send_does_not_change_while_nobody_knows_its_outcome(
    office: Office, changes: dict[str, Any]
) -> None:
    attempt_row(publication(office.signed(), office.wechat))
    with refused("an intent does not change"):
        update(Attempt.objects.get(), **changes)


@proves("attempt_intent_kept")
def test_an_open_attempt_is_given_to_no_other_push_account_or_batch(office: Office) -> None:
    unsigned = publication(office.planned(office.approved(article(2))), office.wechat)
    attempt_row(publication(office.signed(), office.wechat))
    for changes in ({"publication_id": unsigned.pk}, {"account_id": office.weibo.pk}, {"batch_id": 1}):
        with refused("an intent does not change"):
            update(Attempt.objects.get(), **changes)


def test_the_answer_is_written_to_an_open_attempt(office: Office) -> None:
    attempt_row(publication(office.signed(), office.wechat))
    update(Attempt.objects.get(), sent_at=NOW, last_byte_at=NOW, answered_at=NOW, outcome="accepted", answer="{}")


@proves("attempt_of_its_push")
@pytest.mark.parametrize("column", ["account_id", "key"])
def test_an_attempt_has_the_account_and_the_key_of_its_push(office: Office, column: str) -> None:
    """Under another account it would not count as that account's one open attempt."""
    push = publication(office.signed(), office.wechat)
    with refused("the account and the key of its push"):
        attempt_row(push, **{column: office.weibo.pk if column == "account_id" else "f" * 32})


@proves("attempt_of_what_is_about_to_leave")
@pytest.mark.parametrize("kind", ["first", "again", "probe"])
def test_an_attempt_begins_where_the_engine_begins_one(office: Office, kind: str) -> None:
    """Armed, or in doubt for a replay of the same key."""
    push = publication(office.signed(), office.wechat)
    right = "unknown" if kind == "probe" else "armed"
    for state in ("planned", "staging", "staged", "armed", "sending", "unknown", "held", "missed", "cancelled", "gone"):
        if state != right:
            force(Publication.objects.filter(pk=push.pk), state)
            with refused("not about to leave"):
                attempt_row(push, ready=False, kind=kind)
    force(Publication.objects.filter(pk=push.pk), right)
    attempt_row(push, ready=False, kind=kind)


@proves("attempt_after_its_signature")
def test_no_intent_is_dated_before_its_signature_or_after_its_end(office: Office) -> None:
    push = publication(office.signed(), office.wechat)
    for changes in ({"intent_at": NOW - timedelta(seconds=1)}, {"send_by": NOW - timedelta(seconds=1)}):
        with refused("an intent comes after its signature"):
            attempt_row(push, **changes)


# --- the signature --------------------------------------------------------------------------------------


@proves("release_starts_unsigned")
def test_no_release_is_put_in_signed(office: Office) -> None:
    release = office.signed()
    editor = office.people["editor"].pk
    row = {
        "unit_id": release.unit_id, "title": "x", "instant": NOW, "sync": "at_time", "created_by_id": editor,
        "created_at": NOW, "manifest": "{}", "manifest_hash": "x", "cancel_reason": "",
    }  # fmt: skip
    for signed in ({"signed_by_id": editor, "signed_at": NOW}, {"signed_by_id": office.people["releaser"].pk}):
        with refused("a release starts without a signature"):
            insert("bot_release", **row | signed)


@proves("release_cancelled_for_good")
def test_a_release_that_was_called_off_does_not_come_back(office: Office) -> None:
    release = office.signed()
    update(release, cancelled_at=NOW)
    with refused("does not come back"):
        update(release, cancelled_at=None)


@proves("item_signed_bytes_kept")
def test_calling_a_release_off_for_a_moment_frees_none_of_its_bytes(office: Office) -> None:
    release = office.signed()
    update(release, cancelled_at=NOW)
    with refused("while the signature stands"):
        update(publication(release, office.wechat).items.get(), payload_hash="e" * 64)


@proves("item_signed_bytes_kept", "item_not_added_after_signing", "item_not_taken_out_after_signing")
@pytest.mark.parametrize("state", ["staged", "armed", "sending", "unknown", "confirming", "live", "needs_person"])
def test_what_began_to_leave_keeps_its_bytes_without_a_signature_too(office: Office, state: str) -> None:
    """A manifest that is signed anew does not name it any more, so nothing would compare it."""
    other = office.approved(article(2)).current
    push = publication(office.signed(), office.wechat)
    Item.objects.filter(publication=push).update(platform_id="1")
    force(Publication.objects.filter(pk=push.pk), state, live_at=NOW)
    update(push.release, signed_at=None, signed_by_id=None, manifest_hash="")
    with refused("signed bytes do not change"):
        update(push.items.get(), payload_hash="e" * 64)
    with refused("needs a new signature"):
        item_row(push, other)
    with refused("needs a new signature"):
        delete(push.items.get())


def unsigned(release: Release) -> dict[str, Any]:
    """The signature is taken away by hand; what it was, to be put back."""
    kept = {
        "signed_at": release.signed_at,
        "signed_by_id": release.signed_by_id,
        "manifest_hash": release.manifest_hash,
    }
    update(release, signed_at=None)
    return kept


@proves("release_signed_as_its_manifest_says")
@pytest.mark.parametrize("change", ["bytes", "edition", "order", "added", "taken out", "push added", "mode", "lane"])
def test_nothing_is_changed_behind_a_signature_that_is_put_back(office: Office, change: str) -> None:
    release = office.signed(office.approved(article(1)), office.approved(article(2)))
    push = publication(release, office.wechat)
    other = office.approved(article(3)).current
    kept = unsigned(release)
    one, two = push.items.order_by("position")
    if change == "bytes":
        update(one, payload='{"title": "never approved"}', payload_hash="e" * 64)
    elif change == "edition":
        update(one, edition_id=other.pk)
    elif change == "order":
        for item, position in ((one, 9), (two, 0), (one, 1)):
            update(item, position=position)
    elif change == "added":
        item_row(push, other)
    elif change == "taken out":
        delete(two)
    elif change == "push added":
        empty(release, office.wechat, 9)
    else:
        update(push, **{"mode": "publish"} if change == "mode" else {"lane": 7})
    with refused("what is signed is what the manifest names"):
        update(release, **kept)


@proves("release_signed_as_its_manifest_says")
def test_a_manifest_names_every_push_once_and_no_other(office: Office) -> None:
    release = office.signed()
    first, second = release.manifest["publications"]
    kept = unsigned(release)
    for entries in ([], [first], [first, first], [first, second, second], [first, second, {**second, "lane": 4}]):
        with refused("what is signed is what the manifest names"):
            update(release, manifest=json.dumps(release.manifest | {"publications": entries}), **kept)
    with refused("what is signed is what the manifest names"):
        update(release, manifest=None, **kept)
    update(release, manifest=json.dumps(release.manifest), **kept)


def test_what_is_called_off_or_out_already_is_not_named_when_the_rest_is_signed_anew(office: Office) -> None:
    release = office.signed()
    force(Publication.objects.filter(pk=publication(release, office.weibo).pk), "needs_person")
    voiding.void_signature(release.pk, reason="改期", actor="test", now=NOW)
    signed = office.signs(Release.objects.get(pk=release.pk))
    assert [entry["account"] for entry in signed.manifest["publications"]] == [office.wechat.slug]


# --- crowds ---------------------------------------------------------------------------------------------


@proves("publication_not_added_after_signing", "publication_not_taken_out_after_signing")
def test_no_push_is_put_into_a_signed_release_or_taken_out_of_it(office: Office) -> None:
    release = office.signed()
    with refused("needs a new signature"):
        empty(release, office.wechat, 9)
    with lifted("item_not_taken_out_after_signing"):
        run(f"DELETE FROM bot_item WHERE publication_id = {publication(release, office.wechat).pk}")
    with refused("needs a new signature"):
        delete(publication(release, office.wechat))


@proves("attempt_approved_at_every_position")
def test_in_a_release_of_any_size_an_attempt_names_each_hash_at_its_place_and_no_more(office: Office) -> None:
    """Beyond `WALKED` pushes too, where the manifest is not walked for each attempt."""
    release = office.signed(office.approved(article(1)), office.approved(article(2)), on=[office.wechat])
    push = publication(release, office.wechat)
    one, two = push.items.order_by("position").values_list("payload_hash", flat=True)
    with lifted("publication_not_added_after_signing"):
        for lane in range(1, WALKED + 1):
            empty(release, office.wechat, lane)
    for hashes in ([two, "e" * 64, one], [two, one], [one, two, "e" * 64], [one], []):
        with refused("approvals of these very bytes, at every position"):
            attempt_row(push, payload_hashes=json.dumps(hashes))
    attempt_row(push)


def test_a_release_of_two_thousand_pushes_is_signed_in_one_pass(office: Office) -> None:
    """The manifest is walked once: four times the pushes cost four times as much, not sixteen times."""
    release = office.planned(on=[office.wechat])
    took = {}
    for count in (500, 2000):
        with transaction.atomic():
            for lane in range(release.publications.count(), count):
                empty(release, office.wechat, lane)
            entry = {"account": office.wechat.slug, "mode": "mass", "items": []}
            item = publication(release, office.wechat).items.get()
            update(item, payload="{}", payload_hash="a" * 64)
            named = [{"edition": item.edition.content_hash, "payload": "a" * 64}]
            entries = [entry | {"lane": lane, "items": [] if lane else named} for lane in range(count)]
            rows_are_known()
            with measured() as work:
                update(
                    release, signed_at=NOW, signed_by_id=office.people["releaser"].pk, manifest_hash="-",
                    manifest=json.dumps({"publications": entries}),
                )  # fmt: skip
            took[count] = work.done
            transaction.set_rollback(True)
    assert took[2000] < 5 * took[500], took
