"""附件 on the pages: added while writing, listed, downloaded as nothing but a file, within the unit alone."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from bot.console.attachments import told
from bot.models import Document, Draft, Edition
from bot.services import attachmentfiles, attachmentreading, attachments, drafting, editorial
from tests.intake.files import PDF, docx

from .world import ARTICLES, District, now

Login = Callable[[str], Client]
PART = {"HTTP_HX_REQUEST": "true"}


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def sent(client: Client, *files: tuple[str, bytes], follow: bool = False, **headers: str) -> str:
    uploads = [SimpleUploadedFile(name, data, "application/octet-stream") for name, data in files]
    answer = client.post("/edit/attach/HD-1", {"files": uploads}, follow=follow, **headers)
    assert answer.status_code == 200
    return answer.content.decode()


def with_file(district: District, name: str = "方案.pdf") -> Document:
    document, editor = district.document(), district.people["editor"]
    drafting.open_for(document, person=editor, now=now())
    attachments.add(document, [(name, PDF)], person=editor, now=now())
    drafting.save(
        document, drafting.fields_of(document.current), page=drafting.page_of(document), person=editor, now=now()
    )
    return document


def address(edition: Edition) -> str:
    return f"/files/{edition.pk}/{edition.article.attachments[0].sha256}"


def test_files_are_added_to_the_draft_and_taken_out_again_without_leaving_the_page(
    district: District, as_: Login
) -> None:
    district.document()
    client = as_("editor")
    assert "拖入文件" in page(client, "/edit/of/HD-1")
    shown = sent(client, ("方案.pdf", PDF), ("表.docx", docx()), **PART)
    assert 'id="files"' in shown
    assert "<html" not in shown
    assert "已添加“方案.pdf”、“表.docx”" in shown
    assert "还在草稿里" in shown
    digest = Draft.objects.get().attachments[0]["sha256"]
    shown = client.post("/edit/detach/HD-1", {"file": digest}, **PART).content.decode()
    assert "已从草稿移除“方案.pdf”" in shown
    assert [one["name"] for one in Draft.objects.get().attachments] == ["表.docx"]


def test_without_script_the_page_comes_back_and_says_the_same(district: District, as_: Login) -> None:
    district.document()
    client = as_("editor")
    page(client, "/edit/of/HD-1")
    assert "已添加“方案.pdf”" in sent(client, ("方案.pdf", PDF), follow=True)
    digest = Draft.objects.get().attachments[0]["sha256"]
    assert "已从草稿移除" in client.post("/edit/detach/HD-1", {"file": digest}, follow=True).content.decode()


def test_what_is_refused_is_said_beside_the_files_and_none_was_added(district: District, as_: Login) -> None:
    district.document()
    client = as_("editor")
    page(client, "/edit/of/HD-1")
    shown = sent(client, ("好.pdf", PDF), ("坏.pdf", b"<script>"), **PART)
    assert "没有添加任何附件" in shown
    assert "坏.pdf" in shown
    assert Draft.objects.get().attachments == []
    assert "没有收到文件" in client.post("/edit/attach/HD-1", {}, **PART).content.decode()


def test_a_file_beyond_the_limit_is_not_read(district: District, as_: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    district.document()
    client = as_("editor")
    page(client, "/edit/of/HD-1")
    monkeypatch.setattr(attachments, "MOST_BYTES", 10)
    monkeypatch.setattr(attachments, "add", None)
    assert "没有添加任何附件" in sent(client, ("大.pdf", PDF), **PART)


def test_the_document_page_lists_the_files_of_each_edition(district: District, as_: Login) -> None:
    document = with_file(district)
    shown = page(as_("first"), "/documents/HD-1")
    assert f'<a href="{address(document.current)}">方案.pdf</a>' in shown
    assert "附件请到门户查看" in shown
    assert "方案.pdf</a>" not in page(as_("first"), "/documents/HD-1?edition=1")


def test_reviewers_find_them_with_what_changed(district: District, as_: Login) -> None:
    district.approved()
    document = with_file(district)
    editorial.submit(document, person=district.people["editor"], now=now())
    shown = page(as_("first"), f"/reviews/{document.current.pk}")
    assert address(document.current) in shown
    assert "请逐个打开核对" in shown
    changes = shown[shown.index("改了什么") : shown.index('id="channels"')]
    assert re.search(r"附件 <small>增 \d+ 字", changes)
    assert "方案.pdf（" in changes


def test_a_download_is_the_bytes_as_a_file_that_nothing_opens_by_itself(district: District, as_: Login) -> None:
    document = with_file(district, '关于“公交”的方案;a"b.pdf')
    answer = as_("second").get(address(document.current))
    assert answer.content == PDF
    name = document.current.article.attachments[0].name
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="')
    assert answer.headers["Content-Disposition"].endswith(f"filename*=UTF-8''{quote(name, safe='')}")
    assert answer.headers["Content-Disposition"].isascii()
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_file_is_found_through_its_own_edition_and_unit_alone(district: District, as_: Login) -> None:
    document = with_file(district)
    client = as_("editor")
    assert client.get(f"/files/{document.editions.get(number=1).pk}/{'0' * 64}").status_code == 404
    digest = document.current.article.attachments[0].sha256
    assert client.get(f"/files/{document.editions.get(number=1).pk}/{digest}").status_code == 404
    other = District.make("luozhuang", "罗庄区政府办公室")
    stranger = Client()
    stranger.force_login(other.people["editor"])
    assert stranger.get(address(document.current)).status_code == 404
    assert Client().get(address(document.current)).status_code == 302


def test_a_draft_is_for_editors_its_files_too(district: District, as_: Login) -> None:
    district.document()
    client = as_("editor")
    page(client, "/edit/of/HD-1")
    sent(client, ("方案.pdf", PDF), **PART)
    path = f"/files/draft/{Draft.objects.get().attachments[0]['sha256']}/HD-1"
    assert client.get(path).content == PDF
    assert as_("first").get(path).status_code == 403
    assert client.get(f"/files/draft/{'0' * 64}/HD-1").status_code == 404


def test_a_damaged_file_is_not_handed_out(district: District, as_: Login) -> None:
    document = with_file(district)
    attachmentfiles.path_of(document.current.article.attachments[0].sha256).write_bytes(b"other")
    answer = as_("editor").get(address(document.current))
    assert answer.status_code == 409
    assert "丢失或已损坏" in answer.content.decode()
    assert "Content-Disposition" not in answer.headers


def test_whoever_may_not_write_finds_no_form_and_is_refused(district: District, as_: Login) -> None:
    with_file(district)
    assert as_("first").post("/edit/attach/HD-1", {}).status_code == 403
    assert as_("first").post("/edit/detach/HD-1", {"file": "x"}).status_code == 403
    assert "移除附件" not in page(as_("first"), "/documents/HD-1")


def test_the_portal_phone_names_them(district: District, as_: Login) -> None:
    document = with_file(district)
    assert "附件：方案.pdf" in page(as_("editor"), f"/frames/phone/{document.current.pk}/portal")


@pytest.mark.parametrize("name", ["HD/1?x=1#y", "临东 1 号"])
def test_any_id_of_a_source_system_has_its_files(district: District, as_: Login, name: str) -> None:
    from django.urls import reverse

    district.document(dataclasses.replace(ARTICLES[0], external_id=name))
    client = as_("editor")
    page(client, reverse("edit", args=[name]))
    client.post(reverse("attach", args=[name]), {"files": [SimpleUploadedFile("a.pdf", PDF)]})
    digest = Draft.objects.get().attachments[0]["sha256"]
    assert client.get(reverse("draft-file", args=[digest, name])).content == PDF


def test_a_file_that_an_older_reader_has_read_is_not_called_unread(
    district: District, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = with_file(district).current.article.attachments
    attachmentreading.of(files, now=now())
    (before,) = told(files).values()
    monkeypatch.setattr(attachmentreading.intake, "VERSION", attachmentreading.intake.VERSION + 1)
    assert (before != "送审时检查", list(told(files).values())) == (True, ["旧版程序检查过"])
