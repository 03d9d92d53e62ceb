"""应急通道: what a hand in the database is refused, with plain SQL, on both databases."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from bot.domain.urgent import ARROWS, OPEN, Stage
from bot.models import Edition, Publication, Release, Urgency, UrgentWord
from bot.services import urgent
from tests.services.factories import NOW, Office, article, lifted, publication

from .sql import attempt_row, delete, insert, proves, refused, review_row, update

CARRIES = "without approvals of these very bytes"


def asked(office: Office, number: int = 1) -> Urgency:
    """The first word, by the editor."""
    document = office.took(article(number))
    return urgent.propose(
        document, modes={office.weibo.slug: "share"}, instant=None, reason="汛情紧急", seen=document.current.content_hash,
        person=office.people["editor"], now=NOW,
    )  # fmt: skip


def released(office: Office, number: int = 1) -> Publication:
    """Both words; the push that they carry."""
    urgency = asked(office, number)
    release = urgent.confirm(urgency, seen=urgency.digest, person=office.people["releaser"], now=NOW)
    return publication(release, office.weibo)


def word_row(urgency: Urgency, person: Any, **changes: Any) -> None:
    row = {
        "urgency_id": urgency.pk, "place": 2, "person_id": person.pk, "decides": True, "digest": urgency.digest,
        "manifest_hash": "f" * 64, "at": NOW,
    }  # fmt: skip
    insert("bot_urgentword", **row | changes)


def urgency_row(edition: Edition, **changes: Any) -> None:
    row = {
        "unit_id": edition.document.unit_id, "edition_id": edition.pk, "content_hash": edition.content_hash,
        "post_hashes": "{}", "modes": "{}", "reason": "急", "digest": "d" * 64, "stage": "asked",
    }  # fmt: skip
    insert("bot_urgency", **row | changes)


# --- the attempt ----------------------------------------------------------------------------------------------


@proves("attempt_approved_at_every_position")
def test_two_words_about_these_very_bytes_carry_an_attempt_without_approvals(office: Office) -> None:
    attempt_row(released(office))


@proves("attempt_approved_at_every_position")
@pytest.mark.parametrize("state", ["returned", "superseded", "drafting"])
def test_no_words_carry_what_was_returned_or_replaced(office: Office, state: str) -> None:
    push = released(office)
    update(push.items.get().edition, state=state)
    with refused(CARRIES):
        attempt_row(push)


@pytest.mark.parametrize("state", ["first_passed", "second_passed"])
def test_reviews_that_go_on_meanwhile_stop_nothing(office: Office, state: str) -> None:
    push = released(office)
    update(push.items.get().edition, state=state)
    attempt_row(push)


@proves("attempt_approved_at_every_position")
@pytest.mark.parametrize(
    "changes", [{"digest": "e" * 64}, {"manifest_hash": "e" * 64}, {"decides": False}], ids=lambda one: next(iter(one))
)
def test_a_word_on_something_else_carries_nothing(office: Office, changes: dict[str, Any]) -> None:
    push = released(office)
    with lifted("urgentword_kept"):
        for word in UrgentWord.objects.filter(place=2):
            update(word, **changes)
    with refused(CARRIES):
        attempt_row(push)


@proves("attempt_approved_at_every_position")
def test_one_person_is_not_two_and_one_word_is_none(office: Office) -> None:
    push = released(office)
    first, second = UrgentWord.objects.order_by("place")
    with lifted("urgentword_kept", "urgentword_not_deleted"):
        update(second, person_id=office.people["final"].pk)  # not the one who signed
        with refused(CARRIES):
            attempt_row(push)
        update(second, person_id=office.people["releaser"].pk)
        delete(first)
    with refused(CARRIES):
        attempt_row(push)


@proves("attempt_approved_at_every_position")
@pytest.mark.parametrize(
    "changes",
    [
        {"content_hash": "0" * 64},
        {"post_hashes": json.dumps({"lyhd": "0" * 64})},
        {"post_hashes": json.dumps({"zghd": "0" * 64})},
        {"digest": "0" * 64},
    ],
)
def test_words_about_other_bytes_carry_nothing(office: Office, changes: dict[str, Any]) -> None:
    push = released(office)
    with lifted("urgency_kept"):
        update(push.release.urgency, **changes)
    with refused(CARRIES):
        attempt_row(push)


@proves("attempt_approved_at_every_position")
def test_the_words_of_another_notice_carry_nothing_and_an_ordinary_release_needs_its_approvals(office: Office) -> None:
    push, other = released(office), released(office, 2)
    with lifted("release_urgent_from_the_start"):
        free = asked(office, 3)
        update(push.release, urgency_id=free.pk)
        with refused(CARRIES):
            attempt_row(push)
        update(push.release, urgency_id=None)
    with refused(CARRIES):
        attempt_row(push)
    attempt_row(other)


# --- the mark -------------------------------------------------------------------------------------------------


@proves("release_urgent_from_the_start")
def test_the_mark_is_neither_set_afterwards_nor_taken_away(office: Office) -> None:
    ordinary, push = office.planned(), released(office, 2)
    with refused("neither set nor taken away"):
        update(ordinary, urgency_id=asked(office, 3).pk)
    with refused("neither set nor taken away"):
        update(push.release, urgency_id=None)


@proves("release_urgent_as_asked")
def test_an_urgent_release_begins_with_a_first_word_of_its_own_unit(office: Office) -> None:
    urgency = asked(office)
    given: dict[str, Any] = {"title": "x", "instant": NOW, "created_by": office.people["editor"], "created_at": NOW}
    with refused("comes from a first word"), transaction.atomic():
        Release.objects.create(unit=Office.make("town", prefix="t-").unit, urgency=urgency, **given)
    with lifted("urgentword_not_deleted"):
        urgency.words.all().delete()
    with refused("comes from a first word"), transaction.atomic():
        Release.objects.create(unit=office.unit, urgency=urgency, **given)


@proves("release_urgent_signed_by_the_second")
def test_an_urgent_release_is_signed_by_the_second_word_and_by_nobody_else(office: Office) -> None:
    push = released(office)
    release = push.release
    signed = {
        "signed_at": release.signed_at,
        "signed_by_id": release.signed_by_id,
        "manifest_hash": release.manifest_hash,
    }
    update(release, signed_at=None, signed_by_id=None, manifest_hash="")
    for changes in ({"signed_by_id": office.people["final"].pk}, {"manifest_hash": "a" * 64}):
        with refused("signed by the second word"):
            update(release, **signed | changes)
    update(release, **signed)


# --- the urgency ----------------------------------------------------------------------------------------------


@proves("urgency_starts_asked", "urgency_of_these_bytes")
def test_urgent_are_only_notices_that_were_handed_in(office: Office) -> None:
    edition = office.submitted().current
    with refused("starts with an asking"):
        urgency_row(edition, stage="released", review_by=NOW)
    for changes in ({"content_hash": "0" * 64}, {"unit_id": Office.make("town", prefix="t-").unit.pk}):
        with refused("urgent are only notices"):
            urgency_row(edition, **changes)
    update(edition.document, kind="service")
    with refused("urgent are only notices"):
        urgency_row(edition)
    with refused("urgent are only notices"):
        urgency_row(office.took(article(2)).current)
    update(edition.document, kind="notice")
    urgency_row(edition)


@proves("urgency_kept", "urgency_not_deleted")
def test_what_is_urgent_does_not_change(office: Office) -> None:
    urgency = asked(office)
    for column, value in {
        "reason": "别的", "instant": NOW, "digest": "e" * 64, "modes": "{}", "post_hashes": "{}", "content_hash": "e" * 64,
    }.items():  # fmt: skip
        with refused("what is urgent does not change"):
            update(urgency, **{column: value})
    with refused("not taken away"):
        delete(urgency)
    push = released(office, 2)
    with refused("what is urgent does not change"):
        update(push.release.urgency, review_by=NOW + timedelta(days=9))


@proves("urgency_follows_the_table")
@pytest.mark.parametrize("stage", Stage)
def test_a_stage_is_reached_by_the_tables_arrows_only(office: Office, stage: Stage) -> None:
    push = released(office)
    urgency = push.release.urgency
    assert urgency is not None
    ended = lambda one: None if one in OPEN else NOW  # noqa: E731
    with lifted("urgency_goes_on_as_it_happened"):
        with lifted("urgency_follows_the_table"):
            update(urgency, stage=stage, ended_at=ended(stage))
        for target in set(Stage) - {stage} - ARROWS.get(stage, frozenset()):
            with refused("no such step of an urgent notice"):
                update(urgency, stage=target, ended_at=ended(target))


@proves("urgency_goes_on_as_it_happened")
def test_released_are_two_words_reviewed_are_reviews_and_returned_is_a_return(office: Office) -> None:
    urgency = asked(office)
    with refused("released by two words"):
        update(urgency, stage="released", review_by=NOW)
    owed = released(office, 2).release.urgency
    with refused("reviewed by reviews"):
        update(owed, stage="reviewed", ended_at=NOW)
    with refused("reviewed by reviews"):
        update(owed, stage="returned")


@proves("urgency_goes_on_as_it_happened")
def test_what_was_called_off_opens_again_as_returned_only_when_it_was_returned_or_replaced(office: Office) -> None:
    urgency = released(office).release.urgency
    assert urgency is not None
    update(urgency, stage="called_off", ended_at=NOW)
    with refused("reviewed by reviews"):
        update(urgency, stage="returned", ended_at=None)
    update(urgency.edition, state="superseded")
    update(urgency, stage="returned", ended_at=None)


@proves("review_not_by_who_asked")
def test_whoever_asked_reviews_it_only_once_that_is_over(office: Office) -> None:
    document, first = office.submitted(), office.people["first"]
    urgency = urgent.propose(
        document, modes={office.weibo.slug: "share"}, instant=None, reason="汛情紧急", seen=document.current.content_hash,
        person=first, now=NOW,
    )  # fmt: skip
    with refused("asked for it urgently may not review"):
        review_row(document.current, first)
    update(urgency, stage="withdrawn", ended_at=NOW)
    review_row(document.current, first)


# --- the words ------------------------------------------------------------------------------------------------


@proves("urgentword_on_these_bytes")
def test_a_word_is_given_on_what_is_asked_as_it_stands(office: Office) -> None:
    urgency, signer = asked(office), office.people["releaser"]
    with refused("a word is given on what is asked"):
        word_row(urgency, signer, digest="e" * 64)
    update(urgency.edition, state="returned")
    with refused("a word is given on what is asked"):
        word_row(urgency, signer)
    update(urgency.edition, state="submitted")
    for changes, back in (({"is_policy": True}, {"is_policy": False}), ({"kind": "service"}, {"kind": "notice"})):
        update(urgency.edition.document, **changes)
        with refused("a word is given on what is asked"):
            word_row(urgency, signer)
        update(urgency.edition.document, **back)
    update(urgency, stage="withdrawn", ended_at=NOW)
    with refused("a word is given on what is asked"):
        word_row(urgency, signer)


@proves("urgentword_by_another")
def test_the_second_word_is_that_of_another_who_is_no_author_and_one_decides(office: Office) -> None:
    urgency = asked(office)
    with refused("that of another|stays given"):
        word_row(urgency, office.people["editor"])
    with refused("that of another"):
        word_row(urgency, office.people["final"], decides=False)
    with lifted("urgentword_kept"):
        update(urgency.words.get(), person_id=office.people["first"].pk)
    with refused("that of another"):  # who wrote it
        word_row(urgency, office.people["editor"])
    word_row(urgency, office.people["final"])


@proves("urgentword_kept", "urgentword_not_deleted")
def test_a_word_stays_given(office: Office) -> None:
    word = asked(office).words.get()
    for column, value in {
        "person_id": office.people["final"].pk,
        "digest": "e" * 64,
        "decides": True,
        "at": NOW,
    }.items():
        with refused("a word stays given"):
            update(word, **{column: value})
    with refused("a word stays given"):
        delete(word)


def test_the_first_word_names_no_manifest_and_the_second_does(office: Office) -> None:
    urgency = asked(office)
    with pytest.raises(IntegrityError), transaction.atomic():
        word_row(urgency, office.people["final"], manifest_hash="")
