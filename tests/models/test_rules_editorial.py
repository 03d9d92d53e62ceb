"""Four eyes, evidence and editions: what a hand in the database is refused, with plain SQL, on both databases."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from bot.models import AuditEvent, Deputy, Person, Review
from bot.services import editorial, people
from tests.services.factories import NOW, Office, article, drop_rules, interpretation, lifted, policy

from .sql import delete, holds, insert, proves, refused, review_row, run, update

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


@proves("review_by_who_is_active")
def test_who_was_taken_out_of_use_does_not_review(office: Office) -> None:
    edition, person = office.submitted().current, office.people["first"]
    Person.objects.filter(pk=person.pk).update(is_active=False)
    with refused("taken out of use does not review"):
        review_row(edition, person)
    Person.objects.filter(pk=person.pk).update(is_active=True)
    review_row(edition, person)


def test_one_person_takes_one_step_of_an_edition(office: Office) -> None:
    edition, person = office.submitted().current, office.people["first"]
    holds(person, "first", "second")
    review_row(edition, person)
    update(edition, state="first_passed")
    with refused("(?i)unique"):
        review_row(edition, person, step="second")


def test_one_step_is_taken_once(office: Office) -> None:
    edition = office.submitted().current
    review_row(edition, office.people["first"])
    holds(office.people["second"], "first")
    with refused("(?i)unique"):
        review_row(edition, office.people["second"], step="first")


# --- whose office it is ---------------------------------------------------------------------------------


@proves("review_taken_in_turn")
def test_a_review_is_of_the_step_that_is_due(office: Office) -> None:
    edition = office.submitted().current
    for early in ("second", "final"):
        with refused("of the step that is due"):
            review_row(edition, office.people[early], step=early)
    update(edition, state="first_passed")
    for wrong in ("first", "final"):
        with refused("of the step that is due"):
            review_row(edition, office.people[wrong], step=wrong)
    review_row(edition, office.people["second"], step="second")


@proves("review_within_its_office")
def test_a_review_is_given_by_who_holds_its_step_in_the_unit(office: Office) -> None:
    edition, person = office.submitted().current, office.people["first"]
    for wrong in ("second", "final", "releaser"):
        with refused("who holds its step"):
            review_row(edition, office.people[wrong])
    stranger = people.add_person(
        "stranger", name="外单位", unit=people.ensure_unit("else", "另一个单位", now=NOW, actor="test"), roles=["first"],
        password=None, actor="test", now=NOW,
    )  # fmt: skip
    with refused("who holds its step"):
        review_row(edition, stranger)
    holds(person)
    with refused("who holds its step"):
        review_row(edition, person)
    holds(person, "editor", "first")
    review_row(edition, person)


@proves("review_within_its_office")
@pytest.mark.parametrize(
    ("first", "last", "changes", "may"),
    [
        (0, 0, {}, True),
        (-3, 2, {}, True),
        (1, 2, {}, False),
        (-2, -1, {}, False),
        (0, 0, {"ended_at": NOW}, False),
    ],
)
def test_a_deputy_holds_the_step_on_the_days_of_the_deputyship_by_beijings_date(
    office: Office, first: int, last: int, changes: dict[str, object], may: bool
) -> None:
    edition, deputy = office.submitted().current, office.people["releaser"]
    night = datetime(2027, 3, 1, 16, 30, tzinfo=UTC)  # the second of March in Beijing
    second = date(2027, 3, 2)
    Deputy.objects.create(
        **{
            "principal": office.people["first"], "deputy": deputy, "first_day": second + timedelta(days=first),
            "last_day": second + timedelta(days=last), "reason": "出差", "created_by": office.people["first"],
            "created_at": NOW, **changes,
        }
    )  # fmt: skip
    if not may:
        with refused("who holds its step"):
            review_row(edition, deputy, at=night)
        return
    Person.objects.filter(pk=office.people["first"].pk).update(is_active=False)
    with refused("who holds its step"):
        review_row(edition, deputy, at=night)
    Person.objects.filter(pk=office.people["first"].pk).update(is_active=True)
    review_row(edition, deputy, at=night)


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


@proves("audit_not_replaced")
@pytest.mark.parametrize("recursive", [True, False])
def test_no_line_of_the_audit_trail_is_replaced(office: Office, recursive: bool) -> None:
    """REPLACE deletes; whether SQLite then asks the triggers is a setting, which another program has not."""
    columns = [field.column for field in AuditEvent._meta.concrete_fields]
    changed = ", ".join("'谁'" if name == "actor" else name for name in columns)
    source = f"({', '.join(columns)}) SELECT {changed} FROM bot_auditevent WHERE sequence = 1"
    if connection.vendor == "sqlite":
        run(f"PRAGMA recursive_triggers={'ON' if recursive else 'OFF'}")
        for word in ("REPLACE", "INSERT OR REPLACE"):
            with refused("append-only"):
                run(f"{word} INTO bot_auditevent {source}")
        run("PRAGMA recursive_triggers=ON")
    with refused("append-only"):
        run(f"INSERT INTO bot_auditevent {source} ON CONFLICT (sequence) DO UPDATE SET actor = '谁'")
    assert AuditEvent.objects.get(sequence=1).actor != "谁"


def test_replacing_asks_the_rules_against_deleting_on_every_connection(office: Office) -> None:
    """With the line's own rule away the one against deleting still refuses. PostgreSQL knows no such statement."""
    if connection.vendor != "sqlite":
        with pytest.raises(DatabaseError, match="REPLACE"), transaction.atomic():
            run("REPLACE INTO bot_auditevent (sequence) VALUES (1)")
        return
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA recursive_triggers").fetchone() == (1,)
    columns = ", ".join(field.column for field in AuditEvent._meta.concrete_fields)
    with lifted("audit_not_replaced"), refused("append-only"):
        run(f"REPLACE INTO bot_auditevent ({columns}) SELECT {columns} FROM bot_auditevent WHERE sequence = 1")
    review = office.approved().current.reviews.get(step="first")
    columns = ", ".join(field.column for field in Review._meta.concrete_fields)
    drop_rules(event="INSERT")
    with refused("insert-only"):
        run(f"REPLACE INTO bot_review ({columns}) SELECT {columns} FROM bot_review WHERE id = %s", review.pk)


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
        update(edition, state=f"{step}_passed")
    with refused("approval needs every step"):
        update(edition, state="approved")
    review_row(edition, office.people["final"], step="final")
    update(edition, state="approved")


@proves("edition_approval_earned")
def test_an_edition_that_somebody_returned_is_never_approved(office: Office) -> None:
    edition = office.submitted().current
    review_row(edition, office.people["first"], verdict="return")
    update(edition, state="first_passed")
    review_row(edition, office.people["second"], step="second")
    update(edition, state="second_passed")
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
    waiver = {
        "document_id": document.pk,
        "covers": "[]",
        "reason": "仅内部程序",
        "person_id": office.people["final"].pk,
        "at": NOW,
    }
    insert("bot_waiver", rule="terms.other", **waiver)
    with refused("needs its interpretation or a waiver"):
        update(edition, state="approved")
    insert("bot_waiver", rule="pairing", **waiver)
    update(edition, state="approved")
