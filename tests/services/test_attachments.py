"""附件: part of what is approved, kept by their hash, never handed out damaged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.workflow import EditionState
from bot.models import AttachmentFile, AuditEvent, Document, Draft, Person, PostRecord
from bot.services import attachmentfiles, attachments, audit, documents, drafting, editorial, health, people, trail
from bot.services.errors import NotFound, Refused
from tests.intake.files import PDF, docx, picture

from .factories import NOW, Office, article


def writing(office: Office, document: Document, who: str = "editor") -> Person:
    person = office.people[who]
    drafting.open_for(document, person=person, now=NOW)
    return person


def attached(office: Office, document: Document, *files: tuple[str, bytes]) -> None:
    """Add files and save the working copy as an edition."""
    person = writing(office, document)
    attachments.add(document, files or [("方案.pdf", PDF)], person=person, now=NOW)
    assert (
        drafting.save(
            document, drafting.fields_of(document.current), page=drafting.page_of(document), person=person, now=NOW
        )
        == "updated"
    )


def names(document: Document) -> list[str]:
    return [one.name for one in document.current.article.attachments]


def test_a_file_is_in_the_draft_until_it_is_saved_and_then_part_of_the_edition_and_its_hash(office: Office) -> None:
    document = office.took()
    before = document.current
    person = writing(office, document)
    attachments.add(document, [("方案.pdf", PDF), ("表.docx", docx())], person=person, now=NOW)
    assert document.current == before
    drafting.save(document, drafting.fields_of(before), page=drafting.page_of(document), person=person, now=NOW)
    assert names(document) == ["方案.pdf", "表.docx"]
    assert document.current.number == 2
    assert document.current.content_hash == document.current.article.hash != before.content_hash
    assert not Draft.objects.exists()


def test_typing_and_autosave_do_not_lose_files(office: Office) -> None:
    document = office.took()
    person = writing(office, document)
    attachments.add(document, [("方案.pdf", PDF)], person=person, now=NOW)
    fields = drafting.fields_of(document.current) | {"summary": "另一个摘要。"}
    draft = drafting.keep(document, fields, page=drafting.page_of(document), person=person, now=NOW)
    assert [one["name"] for one in draft.attachments] == ["方案.pdf"]


def test_the_bytes_lie_in_the_home_by_their_hash_and_in_no_message(office: Office) -> None:
    document = office.took()
    attached(office, document)
    (one,) = document.current.article.attachments
    path = attachmentfiles.path_of(one.sha256)
    assert path.read_bytes() == PDF
    assert path.stat().st_mode & 0o777 == 0o640
    assert [found.name for found in path.parent.iterdir()] == [one.sha256], "nothing half-written is left"
    assert AttachmentFile.objects.get().size == len(PDF)


def test_approvals_hold_for_these_files_and_no_others(office: Office) -> None:
    document = office.took()
    attached(office, document)
    editorial.submit(document, person=office.people["editor"], now=NOW)
    approved = office.passes(document)
    assert approved.status is EditionState.APPROVED
    attached(office, document, ("补充.docx", docx()))
    approved.refresh_from_db()
    assert approved.status is EditionState.SUPERSEDED
    assert document.current.status is EditionState.DRAFTING
    assert names(document) == ["方案.pdf", "补充.docx"]


def test_what_is_imported_again_keeps_the_files_and_is_no_new_edition(office: Office) -> None:
    document = office.took(article())
    attached(office, document)
    assert documents.save_article(article(), person=office.people["editor"], now=NOW) == documents.UNCHANGED
    changed = article(summary="另一个摘要。")
    assert documents.save_article(changed, person=office.people["editor"], now=NOW) == documents.UPDATED
    assert names(document) == ["方案.pdf"]


def test_a_returned_edition_is_taken_up_again_with_its_files(office: Office) -> None:
    from bot.domain.workflow import Verdict

    document = office.took()
    attached(office, document)
    editorial.submit(document, person=office.people["editor"], now=NOW)
    editorial.review(document, person=office.people["first"], verdict=Verdict.RETURN, comment="缺公章", now=NOW)
    editorial.submit(document, person=office.people["editor"], now=NOW)
    assert names(document) == ["方案.pdf"]


def test_taking_a_file_out_leaves_it_to_the_editions_that_name_it(office: Office) -> None:
    document = office.took()
    attached(office, document)
    old = document.current
    (one,) = old.article.attachments
    person = writing(office, document)
    attachments.remove(document, one.sha256, person=person, now=NOW)
    drafting.save(document, drafting.fields_of(old), page=drafting.page_of(document), person=person, now=NOW)
    assert names(document) == []
    assert attachments.open_file(old, one.sha256) == (one, PDF)
    with pytest.raises(NotFound):
        attachments.open_file(document.current, one.sha256)


def test_under_review_nothing_is_added_or_taken_out(office: Office) -> None:
    document = office.took()
    attached(office, document)
    person = writing(office, document)
    editorial.submit(document, person=person, now=NOW)
    digest = document.current.article.attachments[0].sha256
    document.refresh_from_db()
    with pytest.raises(Refused, match="正在审核"):
        attachments.add(document, [("另.pdf", PDF + b"%%EOF")], person=person, now=NOW)
    with pytest.raises(Refused, match="正在审核"):
        attachments.remove(document, digest, person=person, now=NOW)


def test_only_an_editor_who_has_the_draft_open_adds_files(office: Office) -> None:
    document = office.took()
    with pytest.raises(Refused, match="没有拟稿权限"):
        attachments.add(document, [("a.pdf", PDF)], person=office.people["first"], now=NOW)
    with pytest.raises(Refused, match="重新打开编辑页"):
        attachments.add(document, [("a.pdf", PDF)], person=office.people["editor"], now=NOW)
    writing(office, document)
    other = people.add_person(
        "li2", name="李二", unit=office.unit, roles=["editor"], password=None, actor="test", now=NOW
    )
    with pytest.raises(Refused, match="李拟接着编辑"):
        attachments.add(document, [("a.pdf", PDF)], person=other, now=NOW)


def test_of_several_files_all_are_added_or_none(office: Office) -> None:
    document = office.took()
    person = writing(office, document)
    with pytest.raises(Refused, match=r"“坏\.doc”.*旧版办公文件.*没有添加任何附件"):
        attachments.add(
            document, [("好.pdf", PDF), ("坏.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")], person=person, now=NOW
        )
    assert Draft.objects.get().attachments == []
    assert not AttachmentFile.objects.exists()


def test_the_same_content_is_named_and_the_same_name_numbered(office: Office) -> None:
    document = office.took()
    person = writing(office, document)
    attachments.add(document, [("方案.pdf", PDF)], person=person, now=NOW)
    with pytest.raises(Refused, match=r"与已有的附件“方案\.pdf”内容完全相同"):
        attachments.add(document, [("别名.pdf", PDF)], person=person, now=NOW)
    attachments.add(document, [("方案.pdf", PDF.replace(b"1.7", b"1.6"))], person=person, now=NOW)
    assert [one["name"] for one in Draft.objects.get().attachments] == ["方案.pdf", "方案（2）.pdf"]


def test_there_are_only_so_many_and_so_large_together(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    document = office.took()
    person = writing(office, document)
    monkeypatch.setattr(attachments, "MOST_FILES", 1)
    files = [("a.pdf", PDF), ("b.docx", docx())]
    with pytest.raises(Refused, match="最多 1 个附件"):
        attachments.add(document, files, person=person, now=NOW)
    monkeypatch.setattr(attachments, "MOST_FILES", 9)
    monkeypatch.setattr(attachments, "MOST_TOGETHER", 10)
    with pytest.raises(Refused, match="合计最多"):
        attachments.add(document, files, person=person, now=NOW)


def test_a_file_that_two_documents_have_is_kept_once(office: Office) -> None:
    first, second = office.took(article(1)), office.took(article(2))
    attached(office, first)
    attached(office, second)
    assert AttachmentFile.objects.count() == 1


def test_what_is_damaged_or_lost_is_not_handed_out_the_doctor_says_so_and_adding_it_again_heals_it(
    office: Office,
) -> None:
    document = office.took()
    attached(office, document)
    (one,) = document.current.article.attachments
    path = attachmentfiles.path_of(one.sha256)
    path.write_bytes(b"%PDF-1.7 other")
    with pytest.raises(Refused, match="丢失或已损坏，没有给出"):
        attachments.open_file(document.current, one.sha256)
    assert list(attachmentfiles.lost()) == [one.sha256]
    told = next(found for found in health.examine(now=NOW, ask_platforms=False) if found.code == "files")
    assert told.warning
    assert "1 个文件丢失" in told.message
    path.unlink()
    assert attachmentfiles.missing() == [one.sha256]
    other = office.took(article(2))
    attached(office, other)
    assert attachmentfiles.missing() == []
    assert list(attachmentfiles.lost()) == []


def test_the_trail_says_who_added_and_took_out_which_file(office: Office) -> None:
    document = office.took()
    person = writing(office, document)
    attachments.add(document, [("方案.pdf", PDF)], person=person, now=NOW)
    digest = Draft.objects.get().attachments[0]["sha256"]
    attachments.remove(document, digest, person=person, now=NOW)
    said = [one.what for one in trail.tell({f"document:{document.external_id}": "本文件"})]
    assert "本文件：在草稿里添加附件“方案.pdf”" in said
    assert "本文件：从草稿里移除附件“方案.pdf”" in said
    assert AuditEvent.objects.get(action="attachment.added").data["sha256"] == digest
    assert audit.verify_chain()[2] is None


def test_the_article_names_the_files_and_where_to_get_them_and_the_status_does_not(office: Office) -> None:
    document = office.took()
    attached(office, document, ("申请表.docx", docx()), ("现场.jpg", picture("JPEG")))
    editorial.submit(document, person=office.people["editor"], now=NOW)
    payloads = {one.account.channel: one.payload for one in PostRecord.objects.select_related("account")}
    content = payloads["wechat"]["content"]
    for words in ("申请表.docx", "现场.jpg", "附件请到门户查看：点击文末“阅读原文”。", article().source_url):
        assert words in content
    assert "附件" not in payloads["weibo"]["status"]


def test_a_post_of_an_edition_without_files_is_rendered_as_before(office: Office) -> None:
    one, other = office.submitted(article(1)), replace(article(1), attachments=())
    assert other.hash == one.current.content_hash
    assert "附件请到门户查看" not in PostRecord.objects.filter(account=office.wechat)[0].payload["content"]


def test_more_pixels_than_somebody_can_wait_for_are_not_written_anew(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = office.took()
    person = writing(office, document)
    monkeypatch.setattr(attachments, "MOST_PIXELS", 9_999)
    monkeypatch.setattr(attachments.intake.pictures, "take", lambda *_: pytest.fail("one was decoded"))
    two = [("甲.png", picture(size=(100, 50))), ("乙.png", picture(size=(100, 50), colour="red"))]
    with pytest.raises(Refused, match="分几次添加") as refused:
        attachments.add(document, two, person=person, now=NOW)
    assert refused.value.code == "pixels"
    assert not AttachmentFile.objects.exists()
