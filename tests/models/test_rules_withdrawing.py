"""Taking down: what a hand in the database is refused, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from bot.domain.engine.withdrawing import ARROWS, Stage
from bot.models import Item, Person, Publication, Takedown, TakedownCall, Withdrawal
from tests.services.factories import NOW, Office, article, force, lifted, publication

from .sql import delete, insert, proves, refused, update


def asked(office: Office, number: int = 1) -> Takedown:
    """One push of a live release that somebody wants down."""
    push = publication(office.signed(office.approved(article(number)), on=[office.weibo]), office.weibo)
    Item.objects.filter(publication=push).update(platform_id="1")
    force(Publication.objects.filter(pk=push.pk), "live", live_at=NOW)
    made = Withdrawal.objects.create(
        release=push.release, reason="有误", notice_kind="withdrawal", notice="撤回", asked_by=office.people["editor"],
        asked_at=NOW,
    )  # fmt: skip
    return Takedown.objects.create(withdrawal=made, publication=push)


def confirm(takedown: Takedown, person: Person) -> None:
    Withdrawal.objects.filter(pk=takedown.withdrawal_id).update(confirmed_by=person, confirmed_at=NOW)


def decided(office: Office, number: int = 1) -> Takedown:
    """Confirmed by another person, about to be called."""
    takedown = asked(office, number)
    confirm(takedown, office.people["releaser"])
    update(takedown, stage="waiting")
    takedown.refresh_from_db()
    return takedown


def call_row(takedown: Takedown, **changes: Any) -> None:
    row = {
        "takedown_id": takedown.pk, "number": 1, "fence": 1, "intent_at": NOW, "outcome": "", "code": "", "message": "",
    }  # fmt: skip
    insert("bot_takedowncall", **row | changes)


@proves("takedown_starts_asked")
def test_nothing_is_put_in_that_is_past_its_asking(office: Office) -> None:
    takedown = asked(office)
    with refused("starts with an asking"):
        insert(
            "bot_takedown", withdrawal_id=takedown.withdrawal_id, publication_id=takedown.publication_id, stage="waiting",
            reason="", fence=0, looks=0, before="{}", evidence="",
        )  # fmt: skip


@proves("takedown_by_two")
@pytest.mark.parametrize("stage", sorted(ARROWS[Stage.ASKED] - {Stage.DROPPED}))
def test_nothing_goes_on_that_two_people_have_not_decided_on(office: Office, stage: str) -> None:
    takedown = asked(office)
    with refused("two people have not decided on"):
        update(takedown, stage=stage)
    confirm(takedown, office.people["releaser"])
    update(takedown, stage=stage)


@proves("takedown_follows_the_table")
@pytest.mark.parametrize("stage", Stage)
def test_a_stage_is_reached_by_the_tables_arrows_only(office: Office, stage: Stage) -> None:
    takedown = decided(office)
    with lifted("takedown_follows_the_table"):
        Takedown.objects.filter(pk=takedown.pk).update(stage=stage, done_at=NOW if stage is Stage.DONE else None)
    for target in set(Stage) - {stage}:
        done = {"stage": target, "done_at": NOW if target is Stage.DONE else None}
        if target in ARROWS[stage]:
            with transaction.atomic():
                update(takedown, **done)
                transaction.set_rollback(True)
        else:
            with refused("no such step in taking down"):
                update(takedown, **done)


@proves("withdrawal_kept_once_decided")
@pytest.mark.parametrize(
    "changes",
    [{"reason": "别的"}, {"notice": "别的"}, {"confirmed_at": NOW + timedelta(days=1)}, {"confirmed_by_id": None}],
)
def test_what_two_people_decided_does_not_change(office: Office, changes: dict[str, Any]) -> None:
    takedown = decided(office)
    with refused("what two people decided does not change"):
        update(takedown.withdrawal, **changes)
    update(takedown.withdrawal, ended_at=NOW)


@proves("takedowncall_of_a_decision")
@pytest.mark.parametrize("stage", sorted(set(Stage) - {Stage.WAITING}))
def test_a_call_is_made_only_of_what_is_about_to_be_taken_down(office: Office, stage: Stage) -> None:
    takedown = decided(office)
    with lifted("takedown_follows_the_table"):
        Takedown.objects.filter(pk=takedown.pk).update(stage=stage, done_at=NOW if stage is Stage.DONE else None)
    with refused("not about to be made"):
        call_row(takedown)


@proves("takedowncall_of_a_decision")
def test_a_call_needs_the_two_people_whatever_the_stage_says(office: Office) -> None:
    takedown = asked(office)
    with lifted("takedown_by_two"):
        Takedown.objects.filter(pk=takedown.pk).update(stage="waiting")
    with refused("not about to be made"):
        call_row(takedown)


@proves("takedowncall_starts_open")
def test_a_call_starts_without_an_outcome(office: Office) -> None:
    with refused("intent before effect"):
        call_row(decided(office), outcome="withdrawn")


@proves("takedowncall_intent_kept", "takedowncall_outcome_kept", "takedowncall_not_deleted")
def test_an_intent_stays_an_outcome_is_written_once_and_no_call_is_taken_away(office: Office) -> None:
    call_row(decided(office))
    call = TakedownCall.objects.get()
    for changes in ({"number": 2}, {"intent_at": NOW - timedelta(days=1)}, {"fence": 9}):
        with refused("an intent does not change"):
            update(call, **changes)
    update(call, outcome="unknown", answered_at=NOW)
    with refused("an outcome is written once"):
        update(call, outcome="withdrawn")
    with refused("append-only"):
        delete(call)


@proves("publication_withdrawn_by_two")
def test_a_push_is_withdrawn_by_two_people_and_with_every_article_down(office: Office) -> None:
    takedown = asked(office)
    push = takedown.publication
    assert push is not None
    Item.objects.filter(publication=push).update(withdrawn_at=NOW)
    with refused("withdrawn needs two people"):
        update(push, state="withdrawn")
    confirm(takedown, office.people["releaser"])
    Item.objects.filter(publication=push).update(withdrawn_at=None)
    with refused("every article down"):
        update(push, state="withdrawn")
    Item.objects.filter(publication=push).update(withdrawn_at=NOW)
    update(push, state="withdrawn")
