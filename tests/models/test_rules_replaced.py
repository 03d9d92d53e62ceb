"""No row takes the place of another: REPLACE, UPDATE OR REPLACE, and an INSERT of what exists, on both databases.

The statements run as another program would run them on SQLite: without recursive_triggers and without foreign keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.db.models import F, Model

from bot.models import (
    Account,
    AssetRecord,
    Attempt,
    Document,
    Edition,
    Freeze,
    Item,
    ManualPost,
    ManualTask,
    ManualVoid,
    Person,
    PortalGate,
    PostRecord,
    Publication,
    Release,
    Review,
    TakedownCall,
    Unit,
    Urgency,
    UrgentWord,
    Waiver,
)
from tests.services.factories import NOW, Office, after_live, article, lifted, publication

from .sql import attempt_row, delete, proves, refused, run
from .test_rules_urgent import asked
from .test_rules_withdrawing import call_row, decided

INSERTED = (
    "review_not_replaced", "review_one_per_step", "review_one_step_per_person", "edition_not_replaced",
    "postrecord_not_replaced", "waiver_not_replaced", "release_not_replaced", "publication_not_replaced",
    "item_not_replaced", "item_once", "portalgate_not_replaced", "freeze_not_replaced", "freeze_once",
    "attempt_not_replaced", "attempt_single_flight", "attempt_one_per_account", "takedowncall_not_replaced",
    "takedowncall_single_flight",
    "attempt_not_replaced", "attempt_single_flight", "attempt_one_per_account", "manualpost_not_replaced",
    "manualvoid_not_replaced", "manualtask_not_replaced", "urgency_not_replaced", "urgency_once", "urgentword_not_replaced",
)  # fmt: skip
MOVED = (
    "edition_not_moved_over", "waiver_not_moved_over", "release_not_moved_over", "publication_not_moved_over",
    "item_not_moved_over", "portalgate_not_moved_over", "freeze_not_moved_over", "urgency_not_moved_over",
)  # fmt: skip
#: record, columns that make it its own
KEYS: list[tuple[type[Model], tuple[str, ...]]] = [
    (Review, ("id",)), (Review, ("edition_id", "step")), (Review, ("edition_id", "person_id")),
    (Edition, ("id",)), (Edition, ("document_id", "number")), (Edition, ("marker",)),
    (PostRecord, ("id",)), (PostRecord, ("edition_id", "account_id")),
    (Waiver, ("id",)), (Waiver, ("document_id", "rule")),
    (Release, ("id",)),
    (Publication, ("id",)), (Publication, ("key",)), (Publication, ("release_id", "account_id", "lane")),
    (Item, ("id",)), (Item, ("publication_id", "position")), (Item, ("edition_id", "account_id")),
    (PortalGate, ("id",)), (PortalGate, ("release_id",)),
    (Freeze, ("id",)), (Freeze, ("unit_id",)),
    (Attempt, ("id",)), (Attempt, ("publication_id", "number")), (Attempt, ("account_id",)),
    (TakedownCall, ("id",)), (TakedownCall, ("takedown_id", "number")), (TakedownCall, ("takedown_id",)),
    (ManualPost, ("id",)), (ManualVoid, ("id",)), (ManualVoid, ("post_id",)),
    (Urgency, ("id",)), (Urgency, ("edition_id",)), (UrgentWord, ("id",)), (UrgentWord, ("urgency_id", "place")),
    (UrgentWord, ("urgency_id", "person_id")),
    (ManualTask, ("id",)), (ManualTask, ("release_id", "account_id", "lane", "position")),
]  # fmt: skip


@pytest.fixture
def full(office: Office) -> Office:
    """One row of each kind at least."""
    release = office.signed(sync=after_live())
    office.planned(office.approved(article(2)))
    person = office.people["releaser"]
    Waiver.objects.create(
        document=office.approved(article(3)), rule="pairing", reason="仅内部程序", person=person, at=NOW
    )
    PortalGate.objects.update(state="open", live_at=NOW, effective=NOW)
    attempt_row(publication(release, office.wechat))
    call_row(decided(office, 77))
    _by_hand(office)
    asked(office, 6)
    asked(office, 7)
    Freeze.objects.create(unit=office.unit, reason="演练", person=person, at=NOW)
    return office


def _by_hand(office: Office) -> None:
    """A line of the book that was voided, and a task of a release that nobody has signed."""
    person, edition = office.people["releaser"], office.approved(article(4)).current
    post = ManualPost.objects.create(
        unit=office.unit, account=office.wechat, mode="mass", title="停水通知", url="https://mp.weixin.qq.com/s/AbCdEfGh",
        post_key="AbCdEfGh", posted_at=NOW, posted_by=person, entered_by=person, entered_at=NOW,
    )  # fmt: skip
    ManualVoid.objects.create(post=post, reason="登记错了", person=person, at=NOW)
    ManualTask.objects.create(
        release=office.planned(edition.document, on=[office.wechat]), account=office.weibo, mode="share", position=0,
        edition=edition, post=edition.posts.get(account=office.weibo),
    )  # fmt: skip


@contextmanager
def another_program() -> Iterator[None]:
    """Its connection has asked SQLite for nothing."""
    if connection.vendor == "sqlite":
        run("PRAGMA recursive_triggers=OFF")
    yield
    if connection.vendor == "sqlite":
        run("PRAGMA recursive_triggers=ON")


def copied(row: Model, **changes: str) -> str:
    """The columns of a row and an INSERT's source that makes it anew, changed."""
    columns = [field.column for field in row._meta.concrete_fields]
    values = ", ".join(changes.get(name, f'"{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    return f'INTO {row._meta.db_table} ({names}) SELECT {values} FROM {row._meta.db_table} WHERE "id" = {row.pk}'


@contextmanager
def concerning(what: str) -> Iterator[None]:
    """A failure says which of the cases it was: they share one `full` office, which none of them may change."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"Concerning {what}.")
        raise


@proves(*INSERTED)
def test_no_row_is_put_into_the_place_of_another(full: Office) -> None:
    """A row of the same id, or of another id and the same key; every other key of it is its own."""
    for model, key in KEYS:
        with concerning(f"{model.__name__} by {'+'.join(key)}"):
            _stays_in_its_place(model, key)


def _stays_in_its_place(model: Any, key: tuple[str, ...]) -> None:
    row = model.objects.order_by("pk")[0]
    own = {
        "id": "987654",
        "key": "'another key'",
        "number": "77",
        "marker": "'zzzzzzzz'",
        "lane": "55",
        "step": "'none'",
    }
    fresh = {name: value for name, value in own.items() if name not in key}
    with another_program():
        for word in ("INSERT", *(("REPLACE", "INSERT OR REPLACE") if connection.vendor == "sqlite" else ())):
            with refused("tongfa: "):
                run(f"{word} {copied(row, **fresh)}")
    assert model.objects.filter(pk=row.pk).exists()


@proves("attempt_not_replaced", "release_not_replaced")
def test_what_nobody_knows_of_a_call_is_not_replaced_by_a_fresh_one(office: Office) -> None:
    """SQLite: the evidence, and with it the single flight, would be gone."""
    release = office.signed()
    attempt_row(publication(release, office.wechat))
    attempt = Attempt.objects.get()
    Attempt.objects.update(outcome="unknown")
    word = "REPLACE" if connection.vendor == "sqlite" else "INSERT"
    with another_program():
        with refused("attempts are append-only"):
            run(f"{word} {copied(attempt, outcome=repr(''))}")
        with refused("tongfa: "):
            run(f"{word} {copied(release, manifest_hash=repr('evil'))}")
    assert Attempt.objects.get().outcome == "unknown"
    assert Release.objects.get(pk=release.pk).manifest_hash == release.manifest_hash


@proves(*MOVED)
def test_no_row_is_moved_over_another(full: Office) -> None:
    """UPDATE OR REPLACE deletes what stands in the way, too."""
    for model in (Waiver, PortalGate, Freeze):
        _second(full, model)
    for model in (Edition, Waiver, Release, Publication, Item, PortalGate, Freeze, Urgency):
        with concerning(model.__name__):
            _is_not_moved_over(model)


def _is_not_moved_over(model: Any) -> None:
    first, second = model.objects.order_by("pk")[:2]
    replacing = " OR REPLACE" if connection.vendor == "sqlite" else ""
    with another_program(), refused("tongfa: "):
        run(f"UPDATE{replacing} {model._meta.db_table} SET id = {first.pk} WHERE id = {second.pk}")
    assert model.objects.filter(pk__in=[first.pk, second.pk]).count() == 2


def _second(office: Office, model: Any) -> None:
    if model is Waiver:
        person = office.people["releaser"]
        document = office.approved(article(8))
        Waiver.objects.create(document=document, rule="pairing", reason="仅内部程序", person=person, at=NOW)
        return
    Freeze.objects.update(lifted_at=NOW, lifted_by=F("person"))
    if model is Freeze:
        Freeze.objects.create(unit=office.unit, reason="又一次", person=office.people["releaser"], at=NOW)
    else:
        office.signed(office.approved(article(5)), on=[office.weibo], sync=after_live())


@proves("publication_not_moved_over")
def test_a_push_without_a_signature_does_not_take_the_key_of_a_signed_one(office: Office) -> None:
    signed = publication(office.signed(), office.wechat)
    other = publication(office.planned(office.approved(article(2))), office.wechat)
    replacing = " OR REPLACE" if connection.vendor == "sqlite" else ""
    with another_program(), refused("pushes are not replaced"):
        run(f"UPDATE{replacing} bot_publication SET key = '{signed.key}' WHERE id = {other.pk}")
    assert Publication.objects.filter(pk=signed.pk).exists()


@proves("post_not_deleted", "waiver_not_deleted", "freeze_not_deleted")
def test_rendered_posts_waivers_and_freezes_are_not_taken_away(full: Office) -> None:
    for model in (PostRecord, Waiver, Freeze):
        for row in model.objects.all():
            with refused("taken away"):
                delete(row)


@proves(
    *(f"{name}_not_deleted" for name in ("release", "edition", "document", "account", "unit", "person", "assetrecord"))
)
@pytest.mark.parametrize("model", [Release, Edition, Document, Account, Unit, Person, AssetRecord])
def test_what_everything_else_stands_on_is_not_taken_away_by_whom_no_foreign_key_stops(
    full: Office, model: type[Model]
) -> None:
    rows = list(model._default_manager.all())
    assert rows
    with another_program():
        for row in rows:
            with refused("taken away"):
                delete(row)


def test_the_rules_and_not_only_the_indexes_refuse(full: Office) -> None:
    """With them lifted a REPLACE on such a connection goes through: it is they that hold it back."""
    if connection.vendor != "sqlite":
        return
    review = Review.objects.order_by("pk")[0]
    names = (
        "review_not_replaced",
        "review_one_per_step",
        "review_one_step_per_person",
        "review_of_these_bytes",
        "review_taken_in_turn",
    )
    with another_program(), lifted(*names):
        run(f"REPLACE {copied(review, comment=repr('改过'))}")
    assert Review.objects.get(pk=review.pk).comment == "改过"
