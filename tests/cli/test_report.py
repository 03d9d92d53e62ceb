"""`tongfa report`: the figures and files of the page 数据与报表, for a period that is said in words of the calendar."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from openpyxl import load_workbook

from bot.cli.main import main
from bot.domain.instants import beijing_date
from bot.models import SampleRecord
from tests.console.world import District, now, put


def run(*words: Any) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, words), "--as", "releaser"], catch_exceptions=False)


def told(*words: Any, code: int = 0) -> dict[str, Any]:
    result = run(*words, "--json")
    assert result.exit_code == code, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def released(district: District) -> None:
    """One text on both accounts; WeChat told of 1234 reads and nothing else."""
    release = district.signed(title="公交调整")
    for publication in release.publications.all():
        put(publication, "live")
    item = release.publications.get(account=district.accounts[0]).items.get()
    SampleRecord.objects.create(item=item, taken_at=now(), values={"reads": 1234, "shares": None}, raw="{}")


def these_days() -> tuple[str, ...]:
    """Today and tomorrow: the instant of the release is some hours ahead."""
    today = beijing_date(now())
    return "--from", str(today), "--to", str(today + timedelta(days=1))


def this_month() -> str:
    return beijing_date(now()).strftime("%Y-%m")


def test_a_period_is_told_in_figures_and_rows(district: District) -> None:
    released(district)
    shown = told("show", *these_days())
    assert shown["figures"]["published"] == 1
    assert {one["channel"]: one["total"] for one in shown["figures"]["reads"]} == {"wechat": 1234, "weibo": None}
    (row,) = shown["items"]
    assert [post["account"] for post in row["posts"]] == ["wx", "wb"]
    assert row["posts"][0]["numbers"]["reads"] == 1234
    assert row["posts"][0]["numbers"]["shares"] is None
    text = run("show", *these_days()).stdout
    assert "已发布条数：1" in text
    assert "关于调整城区公交线路的通知" in text


def test_without_a_period_it_is_this_month(district: District) -> None:
    assert told("show")["period"] == told("show", "--month", this_month())["period"]


@pytest.mark.parametrize(
    ("words", "name", "days"),
    [
        (["--month", "2024-02"], "2024年2月", ("2024-02-01", "2024-02-29")),
        (["--quarter", "2026Q4"], "2026年第4季度", ("2026-10-01", "2026-12-31")),
        (["--quarter", "2026q1"], "2026年第1季度", ("2026-01-01", "2026-03-31")),
        (["--from", "2026-11-03", "--to", "2026-11-05"], "2026年11月3日至2026年11月5日", ("2026-11-03", "2026-11-05")),
    ],
)
def test_a_period_is_a_month_a_quarter_or_two_days(
    district: District, words: list[str], name: str, days: tuple[str, str]
) -> None:
    period = told("show", *words)["period"]
    assert (period["name"], period["first"], period["last"]) == (name, *days)
    assert "没有发布的内容" in run("show", *words).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--month", "2026-13"], "“2026-13”不是月份，--month 请写成 2026-11"),
        (["--month", "202611"], "不是月份"),
        (["--month", "0001-01"], "年份须在 2000 至 2199 之间"),
        (["--quarter", "2026Q5"], "“2026Q5”不是季度，--quarter 请写成 2026Q4"),
        (["--quarter", "2026-4"], "不是季度"),
        (["--from", "2026-11-31", "--to", "2026-12-01"], "“2026-11-31”不是日期，--from 请写成"),
        (["--from", "2026-11-02", "--to", "2026-11-01"], "开始日期在结束日期之后"),
        (["--from", "2020-01-01", "--to", "2026-11-01"], "一次最多统计 366 天"),
        (["--from", "2026-11-02"], "--from 和 --to 要同时写"),
        (["--month", "2026-11", "--quarter", "2026Q4"], "只能写一种"),
    ],
)
def test_a_period_that_is_none_is_wrong_usage_and_says_how_to_write_it(
    district: District, tmp_path: Path, words: list[str], said: str
) -> None:
    file = tmp_path / "out.csv"
    for result in (run("show", *words, "--json"), run("export", file, *words, "--json")):
        assert (result.exit_code, result.stdout) == (2, "")
        assert said in result.stderr.replace("\n", "")
    assert not file.exists()


def test_both_kinds_of_file_hold_the_rows(district: District, tmp_path: Path) -> None:
    released(district)
    table, book = tmp_path / "out.csv", tmp_path / "out.XLSX"
    assert told("export", table, *these_days())["rows"] == 1
    assert told("export", book, *these_days())["rows"] == 1
    head, row, _ = csv.reader(table.read_text("utf-8-sig").splitlines())
    assert dict(zip(head, row, strict=True))["微信公众号 阅读"] == "1234"
    assert load_workbook(book)["逐条"].max_row == 2


def test_another_ending_and_a_place_that_cannot_be_written_are_refused(district: District, tmp_path: Path) -> None:
    assert told("export", tmp_path / "out.pdf", code=1)["code"] == "suffix"
    refused = told("export", tmp_path / "no such folder" / "out.csv", code=1)
    assert refused["code"] == "file"
    assert "没有导出" in refused["message"]


def test_who_may_not_read_sees_no_figures(district: District) -> None:
    from bot.services import people

    people.add_person(
        "only-admin", name="管", unit=district.unit, roles=["sysadmin"], password=None, actor="t", now=now()
    )
    result = CliRunner().invoke(main, ["report", "show", "--as", "only-admin", "--json"], catch_exceptions=False)
    assert result.exit_code == 1
