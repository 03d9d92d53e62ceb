"""Excel workbooks: cells of every type, formulas never evaluated, bombs never unpacked."""

import tracemalloc
import zipfile
from datetime import date, datetime

import openpyxl
import pytest

from bot.intake import SourceError, open_source

from .files import listing
from .support import GOOD, good, read, read_xlsx, rejected, taken

HEAD = [*GOOD, "publish_date", "summary", "备注"]


def cells(date_cell=None, summary=None, remark=None, **changes):
    return [*good(**changes).values(), date_cell, summary, remark]


@pytest.mark.parametrize("cell", [date(2017, 6, 13), datetime(2017, 6, 13, 10), "2017年6月13日", 42899, None])
def test_date_cells_are_read_as_dates_numbers_or_text(tmp_path, cell):
    (row,) = read_xlsx(tmp_path, HEAD, cells(cell))
    assert taken(row).article.published_on == (cell and date(2017, 6, 13))


def test_numbers_become_text_without_a_decimal_point(tmp_path):
    (row,) = read_xlsx(tmp_path, HEAD, cells(id=2017001.0, summary=12.5))
    assert (taken(row).article.external_id, row.article.summary) == ("2017001", "12.5")


def test_a_formula_refuses_its_row_and_its_stored_result_is_not_taken(tmp_path):
    first, second = read_xlsx(tmp_path, HEAD, cells(summary='=HYPERLINK("http://e.x","点")'), cells(id="HD-2"))
    assert rejected(first).field == "summary"
    assert "公式" in first.reason
    assert first.value.startswith("=HYPERLINK")
    taken(second)


def test_a_formula_in_a_column_that_means_nothing_does_no_harm(tmp_path):
    (row,) = read_xlsx(tmp_path, HEAD, cells(remark="=1+1"))
    taken(row)


def test_error_cells_are_refused(tmp_path):
    (row,) = read_xlsx(tmp_path, HEAD, cells(summary="#REF!"))
    assert (rejected(row).field, row.value) == ("summary", "#REF!")


def test_a_banner_above_the_heading_merged_cells_and_blank_rows_are_understood(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    for line in (["河东区2017年信息公开目录"], [], HEAD, cells(), [], cells(id="HD-2")):
        sheet.append(line)
    sheet.merge_cells("A1:G1")
    sheet.row_dimensions[4].hidden = True
    book.save(tmp_path / "a.xlsx")
    assert [taken(row).number for row in open_source(tmp_path / "a.xlsx")] == [4, 6]


def test_the_first_visible_sheet_with_a_heading_is_read(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["说明"])
    hidden, data = book.create_sheet("旧"), book.create_sheet("数据")
    hidden.sheet_state = "hidden"
    for sheet, name in ((hidden, "OLD"), (data, "NEW")):
        sheet.append(HEAD)
        sheet.append(cells(id=name))
    book.save(tmp_path / "a.xlsx")
    source = open_source(tmp_path / "a.xlsx")
    assert [taken(row).article.external_id for row in source] == ["NEW"]
    assert source.total == 1
    assert source.ignored_columns == ("备注",)
    assert source.unread == ("Sheet",)


def test_other_sheets_that_hold_something_are_named_and_empty_ones_are_not(tmp_path):
    book = openpyxl.Workbook()
    second, _ = book.create_sheet("第二张"), book.create_sheet("空的")
    for sheet in (book.active, second):
        sheet.append(HEAD)
        sheet.append(cells(id=sheet.title))
    book.save(tmp_path / "a.xlsx")
    assert open_source(tmp_path / "a.xlsx").unread == ("第二张",)


def test_a_workbook_without_the_columns_names_them(tmp_path):
    with pytest.raises(SourceError, match="“类型”"):
        read_xlsx(tmp_path, ["编号", "标题"], ["1", "甲"])


def rezip(source, target, *, add=(), drop=(), replace=None):
    """Copy an archive with changes."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in drop:
                new.writestr(name, (replace or {}).get(name, old.read(name)))
        for name, data in add:
            new.writestr(name, data)
    return target


@pytest.fixture
def book(tmp_path):
    read_xlsx(tmp_path, HEAD, cells())
    return tmp_path / "items.xlsx"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"add": [("xl/media/bomb.bin", b"\0" * (30 << 20))]}, "压缩炸弹"),
        ({"add": [(f"xl/x{n}.bin", b"") for n in range(2_100)]}, "压缩炸弹"),
        ({"add": [("../../evil.xml", b"<a/>")]}, "内部结构异常"),
        ({"add": [("/etc/evil", b"x")]}, "内部结构异常"),
        ({"drop": ["xl/workbook.xml"]}, "不是Excel 文件"),
        ({"drop": ["xl/worksheets/sheet1.xml"]}, "缺少必需的列"),
        ({"replace": {"xl/workbook.xml": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'}}, "DTD"),
        ({"replace": {"xl/workbook.xml": '<!DOCTYPE x><x/>'.encode("utf-16")}}, "DTD"),
        ({"replace": {"xl/workbook.xml": b"not xml"}}, "损坏"),
    ],
)  # fmt: skip
def test_dangerous_or_damaged_workbooks_are_refused_before_they_are_unpacked(tmp_path, book, change, said):
    with pytest.raises(SourceError, match=said):
        list(open_source(rezip(book, tmp_path / "bad.xlsx", **change)))


@pytest.mark.parametrize("said", [100_000, 3])
def test_a_directory_that_would_take_seconds_to_read_is_not_read(tmp_path, monkeypatch, said):
    file = tmp_path / "bad.xlsx"
    file.write_bytes(listing(100_000, said=said))
    monkeypatch.setattr(zipfile.ZipInfo, "_decodeExtra", lambda _: pytest.fail("an entry was read"))
    with pytest.raises(SourceError, match="压缩炸弹"):
        list(open_source(file))


def test_truncated_workbooks_old_formats_and_other_zips_are_refused(tmp_path, book):
    data = book.read_bytes()
    for content in (data[: len(data) // 2], b"PK\x03\x04", b"\xd0\xcf\x11\xe0" + b"\0" * 600, b"id,title\n1,2\n"):
        with pytest.raises(SourceError):
            read(tmp_path / "bad.xlsx", content)


def test_memory_does_not_grow_with_the_rows(tmp_path):
    """The sheet is streamed; only the workbook's table of distinct texts is held (openpyxl), and what awaits collection."""
    _peak(tmp_path, rows=1)  # what the first reading of all loads
    assert _peak(tmp_path, rows=2_500) < _peak(tmp_path, rows=500) + (2 << 20)


def _peak(folder, *, rows):
    path = folder / f"{rows}.xlsx"
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append([*GOOD, "summary"])
    for n in range(rows):
        sheet.append([*good(id=n + 1).values(), "摘要" * 100 + str(n % 50)])
    book.save(path)
    tracemalloc.start()
    count = sum(1 for row in open_source(path) if taken(row))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == rows
    return peak
