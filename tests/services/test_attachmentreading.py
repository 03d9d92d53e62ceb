"""The gate reads attachments: what they say holds up an item as its own text does, and each file is read once."""

from __future__ import annotations

import pytest

from bot.domain.findings import Level
from bot.domain.workflow import EditionState
from bot.intake import reading
from bot.models import AttachmentReading, Document
from bot.services import attachmentfiles, attachmentreading, drafting, editorial
from bot.services.errors import Refused
from tests.intake import papers
from tests.intake.files import picture

from .factories import NOW, Office, article
from .test_attachments import attached

ID = "11010519491231002X"


def listing(name: str = "名单.xlsx") -> tuple[str, bytes]:
    return name, papers.book({"名单": [["姓名", "证号"], ["张三", ID]]})


def rules(document: Document) -> dict[str, Level]:
    found = editorial.check_document(document, now=NOW)
    return {one.rule: one.level for one in found if one.field == "attachments"}


def test_a_number_of_an_identity_card_in_a_list_stops_submission(office: Office) -> None:
    document = office.took()
    attached(office, document, listing())
    with pytest.raises(Refused) as refused:
        editorial.submit(document, person=office.people["editor"], now=NOW)
    assert any("附件“名单.xlsx”工作表“名单”第2行" in line for line in refused.value.details)
    assert document.current.status is EditionState.DRAFTING
    assert document.current.findings.filter(rule="pii.id_card").exists()


def test_it_is_in_the_margin_while_somebody_writes(office: Office) -> None:
    document = office.took()
    attached(office, document, listing())
    drafting.open_for(document, person=office.people["editor"], now=NOW)
    judged = drafting.judge(document, drafting.fields_of(document.current), accounts=[], now=NOW)
    (one,) = [found for found in judged.findings if found.rule == "pii.id_card"]
    assert judged.spots[list(judged.findings).index(one)].field == "", "there is no place for it in the text"


def test_what_cannot_be_read_is_for_a_person_and_stops_nothing(office: Office) -> None:
    document = office.took()
    attached(office, document, ("扫描.pdf", papers.scan()), ("照片.png", picture()))
    assert rules(document) == {"attached.unread": Level.WARN}
    editorial.submit(document, person=office.people["editor"], now=NOW)
    assert document.current.status is EditionState.SUBMITTED


def test_comments_revisions_and_authors_left_in_a_file_are_told(office: Office) -> None:
    document = office.took()
    remarked = papers.word("<w:p><w:t>正文</w:t></w:p>", comments="<w:comment><w:p><w:t>改</w:t></w:p></w:comment>")
    attached(office, document, ("方案.docx", remarked), ("附表.docx", papers.letter("文", author="李四")))
    assert rules(document) == {"attached.left": Level.WARN, "attached.author": Level.HINT}


def test_each_file_is_read_once_whoever_attaches_it(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    really = reading.read

    def counted(path, media_type):
        read.append(media_type)
        return really(path, media_type)

    monkeypatch.setattr(reading, "read", counted)
    one, other, (name, data) = office.took(), office.took(article(2)), listing()
    attached(office, one, (name, data))
    attached(office, other, ("另一个名字.xlsx", data))
    rules(one)
    assert len(read) == 1
    assert any("另一个名字" in found.message for found in editorial.check_document(other, now=NOW))


def test_without_attachments_nothing_is_asked(office: Office, django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        assert attachmentreading.of([], now=NOW) == ()


def test_a_reader_that_ran_out_of_time_is_asked_again_an_hour_later_and_not_before(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*_):
        raise reading.Unfinished

    document = office.took()
    with monkeypatch.context() as busy:
        busy.setattr(reading, "read", late)
        attached(office, document, listing())
        assert rules(document) == {"attached.unread": Level.WARN}
    files = document.current.article.attachments
    assert attachmentreading.of(files, now=NOW)[0].reading == attachmentreading.UNFINISHED
    later = NOW + attachmentreading.AGAIN_AFTER
    assert attachmentreading.of(files, now=later)[0].reading.parts
    assert AttachmentReading.objects.get().finished


def test_what_an_older_reader_read_is_read_anew(office: Office) -> None:
    document = office.took()
    attached(office, document, listing())
    old = {"parts": [], "left": [], "author": "", "unread": ""}
    AttachmentReading.objects.update(version=reading.VERSION - 1, said=old)
    assert rules(document) == {"pii.id_card": Level.BLOCK}


def test_a_lost_file_is_said_to_be_lost_and_read_when_it_is_back(office: Office) -> None:
    document = office.took()
    attached(office, document, listing())
    AttachmentReading.objects.all().delete()
    (file,) = document.current.article.attachments
    path = attachmentfiles.path_of(file.sha256)
    whole = path.read_bytes()
    path.unlink()
    assert rules(document) == {"attached.unread": Level.WARN}
    path.write_bytes(whole)
    assert rules(document) == {"pii.id_card": Level.BLOCK}
