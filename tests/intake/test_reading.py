"""Reading attachments: all text a reader of the file can find, what was left in it, and never more than a bounded effort."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.attached import Reading
from bot.intake import reading
from bot.intake.reading import child, limits

from . import papers
from .papers import DOCX, OFD, PDF, PPTX, XLSX


@pytest.fixture
def read(tmp_path: Path):
    def reads(data: bytes, media_type: str) -> Reading:
        path = tmp_path / "file"
        path.write_bytes(data)
        return child.read(path, media_type)

    return reads


def said(found: Reading) -> dict[str, str]:
    return {part.where: part.text for part in found.parts}


# --- Word -----------------------------------------------------------------------------------------------------


def test_a_document_is_read_with_its_tables_a_row_a_line(read) -> None:
    found = read(papers.letter("第一段。", "第二段。", rows=[("姓名", "电话"), ("张三", "13800138000")]), DOCX)
    assert said(found) == {"正文": "第一段。\n第二段。\n姓名\t电话\n张三\t13800138000"}
    assert (found.left, found.author, found.unread) == ((), "", "")
    assert found.parts[0].unit == "段"


def test_headers_notes_and_comments_are_text_too(read) -> None:
    body = "<w:p><w:r><w:t>正文</w:t></w:r></w:p>"
    found = read(
        papers.word(
            body,
            header1="<w:p><w:t>内部资料</w:t></w:p>",
            footnotes="<w:footnote><w:p><w:t>脚注文字</w:t></w:p></w:footnote>",
            comments="<w:comment><w:p><w:t>张三身份证要核实</w:t></w:p></w:comment>",
        ),
        DOCX,
    )
    assert said(found) == {"正文": "正文", "页眉": "内部资料", "脚注": "脚注文字", "批注": "张三身份证要核实"}
    assert found.left == ("1 条批注",)


def test_what_was_deleted_but_not_accepted_and_what_is_hidden_is_read_and_named(read) -> None:
    body = (
        "<w:p><w:r><w:t>公开</w:t></w:r><w:del><w:r><w:delText>不公开</w:delText></w:r></w:del></w:p>"
        "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>藏着的</w:t></w:r></w:p>"
        '<w:p><w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>明的</w:t></w:r></w:p>'
    )
    found = read(papers.word(body), DOCX)
    assert said(found)["正文"] == "公开不公开\n藏着的\n明的"
    assert found.left == ("1 处没有接受的修订", "1 处隐藏文字")


def test_a_text_box_is_read_once_though_older_programs_get_it_twice(read) -> None:
    box = "<w:txbxContent><w:p><w:t>框里</w:t></w:p></w:txbxContent>"
    body = f"<w:p><w:t>前</w:t><m><Choice>{box}</Choice><Fallback>{box}</Fallback></m></w:p>"
    assert said(read(papers.word(body), DOCX))["正文"] == "前 框里"


def test_tab_stops_are_no_text(read) -> None:
    body = "<w:p><w:pPr><w:tabs><w:tab/></w:tabs></w:pPr><w:t>甲</w:t><w:tab/><w:t>乙</w:t></w:p>"
    assert said(read(papers.word(body), DOCX))["正文"] == "甲\t乙"


@pytest.mark.parametrize(
    ("author", "named"), [("李四", "李四"), ("Administrator", ""), ("微软用户", ""), ("python-docx", "")]
)
def test_a_person_in_the_properties_is_named_a_program_is_not(read, author: str, named: str) -> None:
    assert read(papers.letter("文", author=author), DOCX).author == named


# --- spreadsheets, slides, OFD ----------------------------------------------------------------------------------


def test_every_sheet_is_read_row_by_row_as_the_program_numbers_them(read) -> None:
    found = read(papers.book({"名单": [["姓名", "电话"], [], ["张三", 13800138000.0]], "说明": [["无"]]}), XLSX)
    assert said(found) == {"工作表“名单”": "姓名\t电话\n\n张三\t13800138000", "工作表“说明”": "无"}
    assert found.left == ()


def test_hidden_sheets_are_read_and_hidden_rows_named(read) -> None:
    rows = {"公开": [["一"], ["二"]], "底稿": [["371312199001011234"]]}
    found = read(papers.book(rows, hidden="底稿", hidden_row=2, note="请删"), XLSX)
    assert said(found)["工作表“底稿”"] == "371312199001011234"
    assert found.left == ("隐藏的工作表“底稿”", "隐藏的行或列", "1 条批注")
    assert "请删" in said(found)["批注"]


def test_slides_are_read_with_what_the_speaker_notes(read) -> None:
    found = read(papers.slides("首页", "次页", notes="此处不得外传"), PPTX)
    assert said(found) == {"第1页": "首页", "第2页": "次页", "第1份演讲者备注": "此处不得外传"}
    assert found.left == ("1 页演讲者备注",)


def test_more_than_nine_slides_keep_their_order(read) -> None:
    found = read(papers.slides(*(f"第{n}张" for n in range(1, 13))), PPTX)
    assert [part.text for part in found.parts] == [f"第{n}张" for n in range(1, 13)]


def test_the_national_fixed_layout_is_read(read) -> None:
    found = read(papers.ofd("临东政办字〔2017〕1号", "附表", author="王五"), OFD)
    assert said(found) == {"第1页": "临东政办字〔2017〕1号", "第2页": "附表"}
    assert (found.author, found.unread) == ("王五", "")
    assert "扫描件" in read(papers.ofd("", ""), OFD).unread


# --- PDF ------------------------------------------------------------------------------------------------------


def test_the_text_layer_is_read_page_by_page_with_remarks_and_author(read) -> None:
    found = read(papers.pdf("371312199001011234", "Tel 0539-8381234", author="Zhao Liu", remark="check"), PDF)
    assert {where: text.strip() for where, text in said(found).items()} == {
        "第1页": "371312199001011234", "第2页": "Tel 0539-8381234",
    }  # fmt: skip
    assert (found.left, found.author, found.unread) == (("1 处批注",), "Zhao Liu", "")


def test_a_scan_is_said_to_be_one_and_pages_without_text_are_named(read) -> None:
    assert "扫描件" in read(papers.scan(), PDF).unread
    found = read(papers.pdf("one", "", "three"), PDF)
    assert found.unread == "的第2页没有文字，多半是扫描的，系统读不到"
    assert set(said(found)) == {"第1页", "第3页"}


# --- bounds -----------------------------------------------------------------------------------------------------


def test_a_picture_is_not_read_and_it_says_so(read) -> None:
    assert read(b"\x89PNG", "image/png").unread == child.PICTURE


@pytest.mark.parametrize("media_type", [DOCX, XLSX, PPTX, OFD, PDF])
@given(data=st.binary(max_size=300))
def test_whatever_the_bytes_they_are_a_reading(tmp_path_factory, media_type: str, data: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "file"
    path.write_bytes(data)
    assert child.read(path, media_type).unread


def test_definitions_that_expand_are_not_read(read) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]><w:document/>'
    assert "外部定义" in read(papers.zipped({"word/document.xml": bomb}), DOCX).unread


def test_what_unpacks_to_too_much_is_not_read(read) -> None:
    assert read(papers.zipped({"word/document.xml": b" " * (50 << 20)}), DOCX).unread


def test_of_a_very_long_file_the_beginning_is_read_and_said_to_be_only_that(read) -> None:
    dice = random.Random(1)  # what repeats itself would be taken for a bomb
    long = "".join(chr(dice.randrange(0x4E00, 0x9FA5)) for _ in range(limits.MOST_LETTERS + 5))
    found = read(papers.letter(long, "尾"), DOCX)
    assert sum(len(part.text) for part in found.parts) == limits.MOST_LETTERS
    assert found.unread.startswith("太长")


def test_it_is_read_in_a_process_of_its_own_and_comes_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(papers.letter("第一段。", author="李四"))
    found = reading.read(path, DOCX)
    assert found == child.read(path, DOCX)
    assert reading.from_json(reading.as_json(found)) == found


def test_one_that_takes_too_long_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "WALL_SECONDS", 0.001)
    path = tmp_path / "file"
    path.write_bytes(papers.scan())
    with pytest.raises(reading.Unfinished):
        reading.read(path, PDF)


@pytest.mark.parametrize("program", ["/bin/false", "/nowhere/python"])
def test_one_that_dies_or_never_begins_is_unfinished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr(reading.sys, "executable", program)
    with pytest.raises(reading.Unfinished):
        reading.read(tmp_path / "file", PDF)
