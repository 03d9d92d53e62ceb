"""The metrics log as a sheet: nothing in it is executed, nothing unreported becomes 0."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from bot.models import Item, Publication, Release, SampleRecord
from bot.services import exporting
from bot.services.errors import Refused

from .factories import NOW, Office, article, force, publication

SENT = NOW + timedelta(minutes=30, milliseconds=12)
EVIL = '=HYPERLINK("http://evil.example","点我")'


@pytest.fixture
def release(office: Office) -> Release:
    """Signed and gone out on both accounts, with a title and a link that a spreadsheet would run."""
    made = office.signed(office.approved(article(title="@SUM(1+1)公告", external_id="-2+3")))
    Item.objects.update(platform_id="100001", url=EVIL)
    force(Publication.objects.all(), "live", live_at=SENT, sent_at=SENT)
    return made


def sample(release: Release, office: Office, values: dict[str, int | None], **changes: Any) -> None:
    item = publication(release, office.wechat).items.get()
    SampleRecord.objects.create(**{"item": item, "taken_at": NOW, "values": values, "raw": "{}", **changes})


def read_csv(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


@given(
    text=st.text(max_size=30)
    | st.sampled_from(["=1+1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", "\x00=1", "＝1+1", "＋1", "－1", "＠a"])
)
def test_no_cell_begins_with_what_a_spreadsheet_takes_for_a_formula(text: str) -> None:
    cell = exporting.safe(text)
    assert not cell.startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n", "\x00"))
    assert cell.removeprefix("'") == text.removeprefix("'")


def test_a_number_stays_a_number_and_nothing_stays_empty() -> None:
    assert [exporting.safe(value) for value in (0, 12, None, "")] == ["0", "12", "", ""]


def test_each_position_that_went_out_is_a_row_with_planned_and_actual_time(office: Office, release: Release) -> None:
    rows = list(exporting.rows(office.unit))
    assert [(row["account"], row["planned"], row["actual"], row["late_ms"]) for row in rows] == [
        (name, "2026-11-23 09:30:00", "2026-11-23 09:30:00", "12.0") for name in ("中国河东", "临沂河东")
    ]
    assert {row["state"] for row in rows} == {"已发布"}


def test_what_never_left_has_no_row_and_other_units_see_nothing(office: Office, release: Release) -> None:
    office.signed(office.approved(article(2)), instant=NOW + timedelta(days=1))
    assert len(list(exporting.rows(office.unit))) == 2
    assert list(exporting.rows(Office.make("township", prefix="t-").unit)) == []


def test_not_reported_is_kept_apart_from_nought(office: Office, release: Release) -> None:
    sample(release, office, {"reads": 0, "shares": None})
    row = next(exporting.rows(office.unit))
    assert (row["reads"], row["shares"], row["likes"]) == (0, None, None)


def test_the_newest_known_number_of_each_metric_counts(office: Office, release: Release) -> None:
    sample(release, office, {"reads": 10, "shares": 3}, stat_date="2026-11-23")
    sample(release, office, {"reads": 25, "shares": None}, stat_date="2026-11-24")
    row = next(exporting.rows(office.unit))
    assert (row["reads"], row["shares"], row["stat_date"]) == (25, 3, "2026-11-24")


def test_a_link_that_the_platform_has_not_told_is_said_to_be_missing(office: Office, release: Release) -> None:
    Item.objects.update(url="")
    assert {row["url"] for row in exporting.rows(office.unit)} == {"未取得"}


def test_csv_opens_in_a_spreadsheet_in_chinese_and_runs_nothing(
    office: Office, release: Release, tmp_path: Path
) -> None:
    sample(release, office, {"reads": 0})
    assert exporting.write(tmp_path / "out.csv", office.unit) == 2
    assert (tmp_path / "out.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    first, second = read_csv(tmp_path / "out.csv")
    assert (first["编号"], first["标题"], first["链接"]) == ("'-2+3", "'@SUM(1+1)公告", f"'{EVIL}")
    assert (first["阅读"], first["分享"], second["阅读"]) == ("0", "", "")


def test_xlsx_cells_are_text_not_formulas_and_numbers_are_numbers(
    office: Office, release: Release, tmp_path: Path
) -> None:
    sample(release, office, {"reads": 7})
    exporting.write(tmp_path / "out.xlsx", office.unit)
    header, first, second = load_workbook(tmp_path / "out.xlsx").active.iter_rows()
    names = [cell.value for cell in header]
    assert names == list(exporting.COLUMNS.values())
    cells = dict(zip(names, first, strict=True))
    assert (cells["链接"].value, cells["链接"].data_type) == (EVIL, "s")
    assert (cells["标题"].value, cells["标题"].data_type) == ("@SUM(1+1)公告", "s")
    assert (cells["阅读"].value, cells["阅读"].data_type) == (7, "n")
    assert dict(zip(names, second, strict=True))["阅读"].value is None


def test_another_kind_of_file_is_refused(office: Office, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"只能导出为 \.csv 或 \.xlsx"):
        exporting.write(tmp_path / "out.pdf", office.unit)
