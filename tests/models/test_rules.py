"""The rules that hold against a hand in the database: each trigger, met with plain SQL, on SQLite and PostgreSQL.

`proves` names the rule that a test shows; the last test says that none is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import pytest
from django.core import checks
from django.db import connection

from bot.models import Attempt, AuditEvent, Freeze, Item, PostRecord, Publication, Review
from bot.models.triggers import RULES, install, missing
from bot.services import editorial, people, releases
from tests.services.factories import NOW, Office, article, drop_rules, interpretation, policy, publication

from .sql import attempt_row, delete, insert, item_row, refused, review_row, run, update

F = TypeVar("F", bound=Callable[..., None])
PROVED: set[str] = set()


def proves(*rules: str) -> Callable[[F], F]:
    def note(test: F) -> F:
        PROVED.update(rules)
        return test

    return note


# --- four eyes ------------------------------------------------------------------------------------------


@proves("review_four_eyes")
def test_neither_who_wrote_an_edition_nor_who_submitted_it_can_review_it(office: Office) -> None:
    document = office.took()
    deputy = people.add_person(
        "deputy", name="郑拟", unit=office.unit, roles=["editor"], password=None, actor="test", now=NOW
    )
    editorial.submit(document, person=deputy, now=NOW)
    edition = document.current
    for person in (edition.author, edition.submitted_by):
        assert person is not None
        with refused("author may not review"):
            review_row(edition, person)
    assert edition.author_id != edition.submitted_by_id


def test_one_person_takes_one_step_of_an_edition(office: Office) -> None:
    edition = office.submitted().current
    review_row(edition, office.people["first"])
    with refused("(?i)unique"):
        review_row(edition, office.people["first"], step="second")


def test_one_step_is_taken_once(office: Office) -> None:
    edition = office.submitted().current
    review_row(edition, office.people["first"])
    with refused("(?i)unique"):
        review_row(edition, office.people["second"], step="first")


@proves("review_of_these_bytes")
def test_a_review_is_of_the_very_content_under_review(office: Office) -> None:
    edition = office.submitted().current
    with refused("under review and its hash"):
        review_row(edition, office.people["first"], content_hash="0" * 64)
    for finished in (office.took(article(2)).current, office.approved(article(3)).current):
        with refused("under review and its hash"):
            review_row(finished, office.people["releaser"], step="first")


@proves("review_kept", "review_not_deleted")
def test_a_review_is_neither_changed_nor_deleted(office: Office) -> None:
    office.approved()
    for review in Review.objects.all():
        for column, value in {"verdict": "return", "comment": "改过", "person_id": office.people["editor"].pk}.items():
            with refused("reviews are insert-only"):
                update(review, **{column: value})
        with refused("reviews are insert-only"):
            delete(review)
    with refused("reviews are insert-only"):
        run("DELETE FROM bot_review")


# --- evidence -------------------------------------------------------------------------------------------


@proves("audit_kept", "audit_not_deleted")
def test_the_audit_trail_is_neither_changed_nor_deleted(office: Office) -> None:
    line = AuditEvent.objects.order_by("sequence").first()
    assert line is not None
    for column, value in {"actor": "谁", "data": "{}", "mac": "0" * 64, "sequence": 999}.items():
        with refused("append-only"):
            update(line, **{column: value})
    with refused("append-only"):
        delete(line)
    with refused("append-only"):
        run("DELETE FROM bot_auditevent WHERE sequence > 1")


# --- editions -------------------------------------------------------------------------------------------


@proves("edition_starts_as_draft")
def test_an_edition_cannot_be_put_in_as_approved(office: Office) -> None:
    old = office.took().current
    row = {
        "document_id": old.document_id, "number": 2, "title": "标题", "content": json.dumps(old.content),
        "content_hash": old.content_hash, "author_id": old.author_id, "created_at": NOW,
        "submitted_by_id": old.author_id, "marker": "abcd1234",
    }  # fmt: skip
    for state in ("approved", "submitted", "second_passed"):
        with refused("editions start as drafts"):
            insert("bot_edition", state=state, **row)


@proves("edition_immutable")
@pytest.mark.parametrize(
    "changes",
    [
        {"content_hash": "0" * 64},
        {"content": '{"title": "改过"}'},
        {"title": "改过"},
        {"number": 9},
        {"marker": "zzzzzzzz"},
        {"marker": None, "state": "superseded"},
        {"submitted_by_id": None, "state": "superseded"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_an_edition_keeps_its_content_its_number_its_marker_and_who_handed_it_in(office: Office, changes) -> None:
    edition = office.submitted().current
    with refused("an edition does not change"):
        update(edition, **changes)


@proves("edition_immutable")
def test_an_author_cannot_be_exchanged_so_that_they_may_review(office: Office) -> None:
    edition = office.submitted().current
    for column in ("author_id", "submitted_by_id"):
        with refused("an edition does not change"):
            update(edition, **{column: office.people["final"].pk})


@proves("edition_superseded_for_good")
def test_a_superseded_edition_does_not_come_back_even_with_all_its_reviews(office: Office) -> None:
    old = office.approved().current
    office.took(article(summary="自12月2日起。"))
    assert old.reviews.count() == 3
    for state in ("approved", "submitted", "drafting"):
        with refused("does not come back"):
            update(old, state=state)


@proves("edition_approval_earned")
def test_an_approval_needs_every_step_by_different_people(office: Office) -> None:
    edition = office.submitted().current
    for step in ("first", "second"):
        with refused("approval needs every step"):
            update(edition, state="approved")
        review_row(edition, office.people[step], step=step)
    with refused("approval needs every step"):
        update(edition, state="approved")
    review_row(edition, office.people["final"], step="final")
    update(edition, state="approved")


@proves("edition_approval_earned")
def test_an_edition_that_somebody_returned_is_never_approved(office: Office) -> None:
    edition = office.submitted().current
    review_row(edition, office.people["first"], verdict="return")
    review_row(edition, office.people["second"], step="second")
    review_row(edition, office.people["final"], step="final")
    with refused("approval needs every step"):
        update(edition, state="approved")


@proves("edition_approval_earned")
def test_even_a_unit_whose_steps_were_cut_to_one_needs_two_people(office: Office) -> None:
    update(office.unit, steps='["first"]')
    edition = office.submitted().current
    review_row(edition, office.people["first"])
    with refused("approval needs every step"):
        update(edition, state="approved")


@proves("edition_policy_has_pair")
def test_a_policy_is_not_approved_without_its_interpretation_or_a_waiver(office: Office) -> None:
    document = office.took(policy())
    office.took(interpretation())
    editorial.submit(document, person=office.people["editor"], now=NOW)
    office.passes(document, "first", "second")
    edition = document.current
    review_row(edition, office.people["final"], step="final")
    run("UPDATE bot_document SET interprets_id = NULL")
    with refused("needs its interpretation or a waiver"):
        update(edition, state="approved")
    waiver = {"document_id": document.pk, "reason": "仅内部程序", "person_id": office.people["final"].pk, "at": NOW}
    insert("bot_waiver", rule="terms.other", **waiver)
    with refused("needs its interpretation or a waiver"):
        update(edition, state="approved")
    insert("bot_waiver", rule="pairing", **waiver)
    update(edition, state="approved")


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
        update(push, state="live", live_at=NOW)
    update(second, platform_id="2")
    update(push, state="live", live_at=NOW)


@pytest.mark.parametrize(
    "changes",
    [{"state": "published"}, {"state": "live", "live_at": None}, {"not_before": NOW}],
    ids=["unknown state", "live without its time", "before its instant"],
)
def test_a_publication_holds_only_what_the_domain_knows(office: Office, changes) -> None:
    push = publication(office.signed(), office.wechat)
    Item.objects.filter(publication=push).update(platform_id="1")
    with refused("(?i)check|constraint"):
        update(push, **changes)


@pytest.mark.parametrize("changes", [{"signed_by_id": None}, {"manifest_hash": ""}, {"sync": "whenever"}], ids=str)
def test_a_signature_is_complete_or_there_is_none(office: Office, changes) -> None:
    with refused("(?i)check|constraint"):
        update(office.signed(), **changes)


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


# --- the rules themselves -------------------------------------------------------------------------------


def test_every_rule_is_installed_and_none_is_unproved(office: Office) -> None:
    assert missing(connection) == []  # type: ignore[arg-type]
    assert {rule.name for rule in RULES} == PROVED


def test_a_database_without_a_rule_is_noticed_at_start_and_migrating_puts_it_back(office: Office) -> None:
    drop_rules(event="DELETE")
    gone = [rule.name for rule in RULES if rule.event == "DELETE"]
    assert missing(connection) == gone  # type: ignore[arg-type]
    found = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
    assert {error.msg for error in found} == {f"数据库缺少触发器 {name}" for name in gone}
    assert all(error.hint and "tongfa init" in error.hint for error in found)
    install()
    assert missing(connection) == []  # type: ignore[arg-type]


def test_a_rule_that_was_rewritten_to_allow_everything_is_noticed_at_start(office: Office) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "CREATE OR REPLACE FUNCTION tongfa_audit_kept() RETURNS trigger AS $$ BEGIN RETURN NEW; END $$ LANGUAGE plpgsql"
            )
        else:
            cursor.execute("DROP TRIGGER tongfa_audit_kept")
            cursor.execute(
                "CREATE TRIGGER tongfa_audit_kept BEFORE UPDATE ON bot_auditevent WHEN 0 BEGIN SELECT 1; END"
            )
    assert missing(connection) == ["audit_kept"]  # type: ignore[arg-type]
