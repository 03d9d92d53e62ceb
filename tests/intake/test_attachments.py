"""Attachments are what their bytes are, whatever their names say; what could harm a reader is not taken."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.domain.hashing import sha256
from bot.intake import attachments
from bot.intake.attachments import AttachmentError, clean_name, named_apart, pixels, take

from .files import OLE, PDF, container, docx, listing, noise, picture


@pytest.mark.parametrize(
    ("data", "name", "kept"),
    [
        (PDF, "实施方案.pdf", "实施方案.pdf"),
        (PDF, "实施方案.exe", "实施方案.pdf"),
        (docx(), "申请表.zip", "申请表.docx"),
        (container("xl/workbook.xml"), "汇总表.xlsx", "汇总表.xlsx"),
        (container("ppt/presentation.xml"), "图解.pptx", "图解.pptx"),
        (container("OFD.xml", "Doc_0/Document.xml"), "公文.ofd", "公文.ofd"),
        (picture("JPEG"), "现场.png", "现场.jpg"),
        (picture("GIF"), "流程.gif", "流程.png"),
        (picture("WEBP"), "流程.webp", "流程.jpg"),
        (picture("WEBP", lossless=True), "流程.webp", "流程.png"),
        (picture("BMP"), "流程.bmp", "流程.png"),
    ],
)
def test_the_type_is_that_of_the_content_and_the_name_follows(data: bytes, name: str, kept: str) -> None:
    found = take(data, name)
    assert found.attachment.name == kept
    assert found.attachment.sha256 == sha256(found.data)
    assert found.attachment.size == len(found.data)
    assert attachments.ENDINGS[found.attachment.media_type] == kept.rpartition(".")[2]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "空文件"),
        (b"<html><script>alert(1)</script>", "不是可以附的类型"),
        (b"MZ\x90\x00", "不是可以附的类型"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "不是可以附的类型"),
        (OLE, "旧版办公文件"),
        (PDF[:-7], "没有结尾"),
        (docx("word/vbaProject.bin"), "带有宏"),
        (container("a.txt"), "是压缩包"),
        (b"PK\x03\x04broken", "已损坏"),
        (picture()[:40], "已损坏"),
    ],
)
def test_what_is_not_taken_says_why_and_what_to_do(data: bytes, why: str) -> None:
    with pytest.raises(AttachmentError, match=why) as told:
        take(data, "a.pdf")
    assert "请" in str(told.value) or "可以附" in str(told.value)


def test_a_file_that_is_too_large_is_not_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "MOST_BYTES", 10)
    with pytest.raises(AttachmentError, match="超过"):
        take(PDF, "a.pdf")


def test_a_container_that_would_fill_the_disk_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "MOST_UNPACKED", 1000)
    with pytest.raises(AttachmentError, match="压缩炸弹"):
        take(container("word/document.xml", content=b" " * 2000), "a.docx")


@pytest.mark.parametrize("said", [100_000, 3])
def test_a_directory_that_would_take_seconds_to_read_is_not_read(said: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(_: object) -> None:
        raise AssertionError("an entry was read")

    monkeypatch.setattr(zipfile.ZipInfo, "_decodeExtra", read)
    with pytest.raises(AttachmentError, match="压缩炸弹"):
        take(listing(100_000, said=said), "a.docx")


def test_a_container_with_too_many_parts_is_not_taken() -> None:
    with pytest.raises(AttachmentError, match="压缩炸弹"):
        take(listing(attachments.MOST_MEMBERS + 1, said=3), "a.docx")
    with pytest.raises(AttachmentError, match="是压缩包"):
        take(listing(attachments.MOST_MEMBERS, said=3), "a.docx")


def test_a_container_behind_a_password_is_not_taken() -> None:
    out = BytesIO(docx())
    with zipfile.ZipFile(out, "a") as archive:
        archive.infolist()[0].flag_bits |= 0x1
        archive.writestr("more.xml", b"<x/>")
    with pytest.raises(AttachmentError, match="密码"):
        take(out.getvalue(), "a.docx")


def test_a_picture_that_grew_past_the_limit_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    data = noise("WEBP", mode="RGBA")
    monkeypatch.setattr(attachments, "MOST_BYTES", 2 * len(data))
    with pytest.raises(AttachmentError, match="JPG"):
        take(data, "a.webp")


def test_what_a_lossy_picture_never_had_is_not_kept_at_great_length() -> None:
    data = noise("WEBP")
    assert len(take(data, "a.webp").data) < 4 * len(data)


def test_the_pixels_of_a_file_are_told_by_its_head_alone() -> None:
    whole = picture("PNG", (400, 300))
    assert pixels(whole) == pixels(whole[:60]) == 120_000
    assert [pixels(data) for data in (PDF, docx(), b"", picture()[:10])] == [0, 0, 0, 0]


def test_a_photograph_does_not_say_where_and_with_what_it_was_taken() -> None:
    found = take(picture("JPEG", exif=True), "a.jpg")
    assert b"SECRET-CAMERA" not in found.data
    assert found.note
    assert not Image.open(BytesIO(found.data)).getexif()


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\文档\\方案.pdf", "方案.pdf"),
        ('a<b>:"c|d?.pdf', "a_b___c_d_.pdf"),
        ("\u202efdp.exe", "fdp.pdf"),
        ("  . .pdf", "附件.pdf"),
        ("con.pdf", "附件con.pdf"),
        ("第一行\n第二行.pdf", "第一行 第二行.pdf"),
        ("", "附件.pdf"),
        ("长" * 300 + ".pdf", "长" * 80 + ".pdf"),
        ("临东政办字〔2017〕41号.pdf", "临东政办字〔2017〕41号.pdf"),
    ],
)
def test_names_are_such_that_every_system_saves_them(name: str, kept: str) -> None:
    assert clean_name(name, "pdf") == kept


@settings(max_examples=60, deadline=None)
@given(name=st.text(st.characters(exclude_categories=("Cs",)), max_size=120))
def test_whatever_the_name_it_is_one_plain_line_with_its_ending_and_cleaning_it_again_changes_nothing(
    name: str,
) -> None:
    kept = clean_name(name, "pdf")
    assert kept.endswith(".pdf")
    assert not set(kept) & set('<>:"/\\|?*\n\r\t\0\u202e')
    assert not kept.startswith((".", " "))
    assert clean_name(kept, "pdf") == kept


def test_a_second_file_of_the_same_name_is_numbered() -> None:
    assert named_apart("表.docx", set()) == "表.docx"
    assert named_apart("表.docx", {"表.docx"}) == "表（2）.docx"
    assert named_apart("Form.docx", {"form.docx", "form（2）.docx"}) == "Form（3）.docx"


def test_a_container_of_a_later_zip_version_is_refused_in_words() -> None:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("word/document.xml", "x")
    data = bytearray(file.getvalue())
    data[data.index(b"PK\x01\x02") + 6] = 99  # the version needed to read it: 9.9
    with pytest.raises(attachments.AttachmentError, match="已损坏，打不开"):
        attachments._container(bytes(data))
