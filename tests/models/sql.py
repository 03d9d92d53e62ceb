"""A hand in the database: plain SQL that goes around every line of the services. The same text on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

import pytest
from django.db import IntegrityError, connection, transaction

from bot.models import Account, Edition, Person, Publication, Release
from tests.services.factories import NOW, force

F = TypeVar("F", bound=Callable[..., None])
#: names of the rules that some test shows; test_rules_installed.py says that none is left out
PROVED: set[str] = set()


def proves(*rules: str) -> Callable[[F], F]:
    """Note which triggers a test shows."""

    def note(test: F) -> F:
        PROVED.update(rules)
        return test

    return note


def run(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [value.isoformat(" ") if isinstance(value, datetime) else value for value in values])


def insert(table: str, **columns: Any) -> None:
    names, marks = ", ".join(f'"{name}"' for name in columns), ", ".join("%s" for _ in columns)
    run(f"INSERT INTO {table} ({names}) VALUES ({marks})", *columns.values())


def update(row: Any, **columns: Any) -> None:
    """UPDATE the row behind a record."""
    table, key = row._meta.db_table, row._meta.pk.column
    sets = ", ".join(f'"{name}" = %s' for name in columns)
    run(f'UPDATE {table} SET {sets} WHERE "{key}" = %s', *columns.values(), row.pk)


def delete(row: Any) -> None:
    run(f'DELETE FROM {row._meta.db_table} WHERE "{row._meta.pk.column}" = %s', row.pk)


@contextmanager
def refused(why: str) -> Iterator[None]:
    """The database itself refuses what happens inside, saying `why`; the test's transaction goes on."""
    with pytest.raises(IntegrityError, match=why), transaction.atomic():
        yield


def holds(person: Person, *roles: str) -> None:
    """These are the person's roles from now on."""
    Person.objects.filter(pk=person.pk).update(roles=list(roles))


def review_row(edition: Edition, person: Person, step: str = "first", **changes: Any) -> None:
    row = {
        "edition_id": edition.pk, "step": step, "person_id": person.pk, "verdict": "pass", "comment": "",
        "content_hash": edition.content_hash, "post_hashes": "{}", "at": NOW,
    }  # fmt: skip
    insert("bot_review", **row | changes)


def about_to_leave(publication: Publication, kind: str = "first") -> None:
    """In the one state in which the engine opens an attempt of this kind."""
    row = Publication.objects.filter(pk=publication.pk)
    state = "unknown" if kind == "probe" else "armed"
    if not row.filter(state=state).exists():
        force(row, state)


def attempt_row(publication: Publication, *, ready: bool = True, **changes: Any) -> None:
    """The intent of a public call, with the hashes that were signed; of a push that is about to leave if `ready`."""
    if ready:
        about_to_leave(publication, changes.get("kind", "first"))
    hashes = publication.items.order_by("position").values_list("payload_hash", flat=True)
    row = {
        "publication_id": publication.pk, "account_id": publication.account_id, "number": 1, "kind": "first", "fence": 1,
        "owner": "", "key": publication.key, "payload_hashes": "[" + ", ".join(f'"{h}"' for h in hashes) + "]",
        "intent_at": NOW, "send_by": NOW, "outcome": "", "code": "", "message": "", "answer": "",
    }  # fmt: skip
    insert("bot_attempt", **row | changes)


def item_row(publication: Publication, edition: Edition, **changes: Any) -> None:
    post = edition.posts.get(account=publication.account)
    row = {
        "publication_id": publication.pk, "position": 7, "account_id": publication.account_id, "edition_id": edition.pk,
        "post_id": post.pk, "active": True, "payload": "{}", "payload_hash": "f" * 64, "platform_id": "", "url": "",
    }  # fmt: skip
    insert("bot_item", **row | changes)


def empty(release: Release, account: Account, lane: int) -> None:
    """A push of nothing, by hand."""
    insert(
        "bot_publication", release_id=release.pk, account_id=account.pk, mode="mass", lane=lane, instant=NOW,
        not_before=NOW, key=f"{lane:032d}", state="planned", reason="", fence=0, staged="{}", stage_faults=0, crashes=0,
        stop_event="", stop_reason="", ids="{}", since="", looks=0, absents=0, held_by="", doubt=False,
    )  # fmt: skip
