"""Attachments in a backup: they go with it, and a restore proves each by its hash."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from bot.models import AttachmentFile, Person
from bot.services import archive, attachmentfiles, attachments, backing_up, documents, drafting, vault
from bot.services.errors import Refused
from tests.intake.files import PDF, docx

from .factories import NOW, Office, article
from .test_backup import Elsewhere, restored, saved, wiped


@pytest.fixture
def office(committed_db: None) -> Office:
    """An office with one document of two files."""
    made = Office.make()
    Person.objects.create(username="root", name="吴管", unit=made.unit, roles=["sysadmin"])
    document, editor = made.took(article(1)), made.people["editor"]
    drafting.open_for(document, person=editor, now=NOW)
    attachments.add(document, [("方案.pdf", PDF), ("表.docx", docx())], person=editor, now=NOW)
    drafting.save(
        document, drafting.fields_of(document.current), page=drafting.page_of(document), person=editor, now=NOW
    )
    return made


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    return tmp_path / "elsewhere"


def test_the_files_come_back_and_open(office: Office, tmp_path: Path, elsewhere: Path) -> None:
    file = saved(tmp_path)
    wiped()
    done = restored(file, elsewhere)
    assert (done.files, done.lost) == (2, 0)
    with Elsewhere(elsewhere):
        edition = documents.find_document("HD-1", unit=Person.objects.get(username="root").unit).current
        opened = [attachments.open_file(edition, one.sha256)[1] for one in edition.article.attachments]
        assert opened == [PDF, docx()]
        assert list(attachmentfiles.lost()) == []
        assert attachmentfiles.path_of(edition.article.attachments[0].sha256).stat().st_mode & 0o777 == 0o640


def test_a_backup_without_a_file_that_its_records_keep_restores_nothing(
    office: Office, tmp_path: Path, elsewhere: Path
) -> None:
    """Made by hand with the right key: hashes and MAC are in order, and yet a file is lacking."""
    file, less = saved(tmp_path), tmp_path / "less.tongfa"
    digest = AttachmentFile.objects.order_by("pk")[0].pk
    with archive.reading(file) as old, archive.writing(less) as new:
        for name in old.parts:
            if not name.endswith(digest):
                new.add(name, old.chunks(name))
        facts = {name: value for name, value in old.manifest.items() if name not in {"parts", "format"}}
        new.finish(facts, vault.audit_key())
    wiped()
    with pytest.raises(Refused, match=f"缺少附件 {digest[:12]}"):
        restored(less, elsewhere)
    assert not (elsewhere / attachmentfiles.FOLDER / digest[:2] / digest).exists()


def test_a_file_that_the_home_has_lost_is_named_and_keeps_no_backup_from_being_made(
    office: Office, tmp_path: Path, elsewhere: Path
) -> None:
    first, second = AttachmentFile.objects.order_by("pk").values_list("pk", flat=True)
    attachmentfiles.path_of(first).unlink()
    attachmentfiles.path_of(second).write_bytes(b"other")
    made = backing_up.make(tmp_path / "backup.tongfa", passphrase="a long passphrase for a test", now=NOW)
    assert (made.files, set(made.lost)) == (0, {first, second})
    wiped()
    done = restored(made.file, elsewhere)
    assert (done.files, done.lost) == (0, 2)


def test_what_is_half_written_is_not_part_of_it(office: Office, tmp_path: Path) -> None:
    digest = AttachmentFile.objects.order_by("pk")[0].pk
    (attachmentfiles.path_of(digest).parent / ".half.part").write_bytes(b"%PDF")
    with zipfile.ZipFile(saved(tmp_path)) as bundle:
        assert not [name for name in bundle.namelist() if name.endswith(".part")]
