"""Kept files: a line of the book of them is neither changed, taken away nor replaced, by whatever hand."""

from __future__ import annotations

import pytest
from django.db import connection

from bot.models import AttachmentFile, Edition
from tests.services.factories import NOW, Office, article

from .sql import delete, insert, proves, refused, run, update


@pytest.fixture
def kept(office: Office) -> AttachmentFile:
    insert("bot_attachmentfile", **row(office))
    return AttachmentFile.objects.get()


def row(office: Office, **changes: object) -> dict[str, object]:
    plain = {"sha256": "a" * 64, "size": 5, "media_type": "application/pdf", "added_at": NOW}
    return {**plain, "added_by_id": office.people["editor"].pk, **changes}


@proves("attachmentfile_kept")
def test_what_is_known_of_a_file_does_not_change(kept: AttachmentFile) -> None:
    for column, value in {"size": 6, "media_type": "text/html", "sha256": "b" * 64}.items():
        with refused("a kept file does not change"):
            update(kept, **{column: value})


@proves("attachmentfile_not_deleted")
def test_a_file_is_not_taken_out_of_the_book(kept: AttachmentFile) -> None:
    with refused("a kept file is not taken away"):
        delete(kept)


@proves("attachmentfile_not_replaced")
def test_no_other_file_takes_its_place(office: Office, kept: AttachmentFile) -> None:
    """SQLite: as a program that asked for nothing would try it."""
    with refused("kept files are not replaced"):
        insert("bot_attachmentfile", **row(office, size=6))
    if connection.vendor == "sqlite":
        run("PRAGMA recursive_triggers=OFF")
        with refused("kept files are not replaced"):
            names, marks = ", ".join(row(office)), ", ".join(["%s"] * 5)
            values = row(office, size=6, added_at=NOW.isoformat(" ")).values()
            run(f"REPLACE INTO bot_attachmentfile ({names}) VALUES ({marks})", *values)
        run("PRAGMA recursive_triggers=ON")
    assert AttachmentFile.objects.get().size == 5


def test_attachments_of_an_edition_do_not_change_behind_its_hash(office: Office) -> None:
    edition = office.took(article()).current
    evil = '{"attachments": [{"name": "x.pdf", "sha256": "", "size": 1, "media_type": ""}]}'
    with refused("an edition does not change"):
        update(edition, content=evil)
    assert Edition.objects.get(pk=edition.pk).article.attachments == ()
