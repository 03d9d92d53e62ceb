"""CSV as offices really hand it in, and as nobody should."""

import codecs
import tracemalloc

import pytest

from bot.intake import SourceError, open_source

from .support import csv_text, good, notes, read, read_csv, rejected, taken

ROW = good(title="关于印发《要点》的通知")


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_the_usual_encodings_are_recognised(tmp_path, codec):
    (row,) = read(tmp_path / "a.csv", csv_text([ROW]).encode(codec))
    assert taken(row).article.title == ROW["title"]
    assert taken(row).cleaned == ()


def test_big_endian_utf16_with_a_mark_is_recognised(tmp_path):
    (row,) = read(tmp_path / "a.csv", codecs.BOM_UTF16_BE + csv_text([ROW]).encode("utf-16-be"))
    assert taken(row).article.title == ROW["title"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found_from_the_heading(tmp_path, delimiter):
    (row,) = read(tmp_path / "a.csv", csv_text([ROW | {"summary": "甲,乙;丙"}], delimiter))
    assert taken(row).article.summary == "甲,乙;丙"


def test_excels_separator_line_is_skipped(tmp_path):
    (row,) = read(tmp_path / "a.csv", "sep=;\n" + csv_text([ROW], ";"))
    taken(row)


def test_columns_come_in_any_order_under_chinese_headings_and_unknown_ones_are_listed(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "原文链接（必填）,备注,*标题,类型,发文字号, 编号 \nhttp://a.cn/,随便,甲,解读,临东政发〔2017〕1号,X1\n"
    )
    source = open_source(path)
    (row,) = source
    article = taken(row).article
    assert (article.external_id, article.title, article.document_number) == ("X1", "甲", "临东政发〔2017〕1号")
    assert source.ignored_columns == ("备注",)


def test_missing_columns_are_named_in_both_languages(tmp_path):
    with pytest.raises(SourceError, match="“编号”\\(id\\)、“原文链接”\\(source_url\\)"):
        read(tmp_path / "a.csv", "标题,类型\n甲,解读\n")


def test_two_columns_with_one_meaning_are_refused(tmp_path):
    with pytest.raises(SourceError, match="两列都是“标题”"):
        read(tmp_path / "a.csv", "id,title,标题,kind,url\n1,甲,乙,解读,http://a.cn\n")


def test_row_numbers_are_those_of_a_spreadsheet(tmp_path):
    text = csv_text([good(summary="一\n二\n三"), good(id="", title="缺编号")])
    first, second = read(tmp_path / "a.csv", text)
    assert (first.number, second.number) == (2, 3)


def test_blank_rows_are_passed_over_but_counted(tmp_path):
    head, row = csv_text([ROW]).splitlines()
    (only,) = read(tmp_path / "a.csv", f"{head}\n\n,,,\n{row}\n\n")
    assert taken(only).number == 4


def test_rows_too_long_or_too_short_are_refused_and_the_rest_goes_on(tmp_path):
    head, row = csv_text([ROW]).splitlines()
    long, short, spare, fine = read(
        tmp_path / "a.csv", f"{head}\n{row},多了\n甲,乙\n{row},,\n{row.replace('HD-1', 'HD-2')}\n"
    )
    assert "5 列" in rejected(long).reason
    assert "2 列" in rejected(short).reason
    taken(spare)
    taken(fine)


@pytest.mark.parametrize(
    "fault", ['HD-9,"没有关上的引号,disclosure,http://a.cn/', 'HD-9,"甲"乙,disclosure,http://a.cn/']
)
def test_an_unbalanced_quote_costs_one_row_and_not_the_file(tmp_path, fault):
    rows = [good(id=f"HD-{n}", title=f'第"{n}"号, 通知') for n in range(1, 5)]
    lines = csv_text(rows).splitlines()
    lines.insert(2, fault)
    result = read(tmp_path / "a.csv", "\n".join(lines) + "\n")
    assert "双引号" in rejected(result[1]).reason
    assert [taken(row).article.external_id for row in (result[0], *result[2:])] == ["HD-1", "HD-2", "HD-3", "HD-4"]


def test_a_quote_left_open_at_the_end_is_a_refused_row(tmp_path):
    first, last = read(tmp_path / "a.csv", csv_text([ROW]) + 'HD-2,"甲')
    taken(first)
    rejected(last)


def test_zero_bytes_are_removed_and_recorded(tmp_path):
    (row,) = read(tmp_path / "a.csv", csv_text([ROW]).replace("要点", "要\0点"))
    assert taken(row).article.title == ROW["title"]
    assert "U+0000" in notes(row, "title")


def test_a_body_of_200_000_characters_passes_the_csv_reader(tmp_path):
    (row,) = read_csv(tmp_path, good(body="文" * 190_000))
    assert len(taken(row).article.body_html) == 190_007


def test_an_endless_line_is_one_refused_row(tmp_path):
    head, row = csv_text([ROW]).splitlines()
    first, second = read(tmp_path / "a.csv", f"{head}\n{'x' * 3_000_000}\n{row}\n")
    rejected(first)
    assert taken(second).number == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "空"),
        (b"\n\n \n", "表头"),
        (b"PK\x03\x04abc", "Excel"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "旧版"),
        (b"%PDF-1.4", "PDF"),
        (b"id,title\xff\xfe\x81", "编码"),
        ("id,title".encode("utf-16-le"), "空字节"),
        (b"<html><body>404</body></html>", "缺少必需的列"),
    ],
)
def test_files_that_are_no_table_are_refused_as_a_whole(tmp_path, content, said):
    with pytest.raises(SourceError, match=said):
        read(tmp_path / "a.csv", content)


def test_unknown_endings_and_missing_files_are_refused_and_what_is_possible_is_listed(tmp_path):
    with pytest.raises(SourceError, match=r"\.csv、\.docx"):
        open_source(tmp_path / "a.exe")
    with pytest.raises(SourceError, match="找不到"):
        open_source(tmp_path / "a.csv")
    (tmp_path / "dir.csv").mkdir()
    with pytest.raises(SourceError, match="找不到"):
        open_source(tmp_path / "dir.csv")


def test_a_file_that_vanishes_while_it_is_read_is_reported(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(csv_text([ROW]))
    source = open_source(path)
    path.unlink()
    with pytest.raises(SourceError, match="中途"):
        list(source)


def test_the_given_name_chooses_the_source_of_a_temporary_file(tmp_path):
    (row,) = read(tmp_path / "upload.tmp", csv_text([ROW]), name="目录.CSV")
    taken(row)


def test_defaults_fill_only_what_the_file_leaves_empty(tmp_path):
    first, second = read(
        tmp_path / "a.csv", csv_text([good(unit=""), good(id="HD-2", unit="教体局")]), defaults={"unit": "区政府办"}
    )
    assert [taken(row).article.unit for row in (first, second)] == ["区政府办", "教体局"]


def test_ten_thousand_rows_stream_with_flat_memory(tmp_path):
    path = tmp_path / "many.csv"
    path.write_text(csv_text(good(id=f"HD-{n}", summary="摘要" * 300) for n in range(10_000)))
    source = open_source(path)
    assert source.total == 10_000
    tracemalloc.start()
    count = sum(1 for row in source if taken(row))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 10_000
    assert peak < 8 << 20 < path.stat().st_size


@pytest.mark.parametrize("heading", ["原文网址", "网页地址", "文章链接"])
def test_what_offices_call_the_address_of_a_page_is_understood(tmp_path, heading):
    (row,) = read(tmp_path / "a.csv", f"编号,类型,文章标题,正文内容,{heading}\nX1,公告,甲,乙,http://a.cn/\n".encode())
    assert taken(row).article.source_url == "http://a.cn/"
    assert (row.article.title, row.article.body_html) == ("甲", "<p>乙</p>")
