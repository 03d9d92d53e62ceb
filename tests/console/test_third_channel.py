"""A number that only a third kind of channel has stands, by the word in its spec, wherever numbers are shown."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from django.test import Client
from openpyxl import load_workbook

from bot.cli.main import main
from bot.models import Release, SampleRecord
from bot.services import exporting

from .third import becomes_third
from .world import District, now, put

Login = Callable[[str], Client]
KNOWN = {"shown": 1234, "comments": None}


@pytest.fixture
def release(district: District, monkeypatch: pytest.MonkeyPatch) -> Release:
    """Out on WeChat and on the third, which has told how often it ran."""
    made = district.signed(title="公交调整")
    for push in made.publications.all():
        put(push, "live")
    third = becomes_third(district.accounts[1], monkeypatch)
    item = made.publications.get(account=third).items.get()
    SampleRecord.objects.create(item=item, taken_at=now(), values=KNOWN, raw="{}")
    return made


def command(*words: Any) -> str:
    result = CliRunner().invoke(main, [*map(str, words), "--as", "releaser"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def page(client: Client, address: str) -> str:
    return str(client.get(address).content.decode())


def test_on_the_page_of_the_release(release: Release, as_: Login) -> None:
    shown = page(as_("releaser"), f"/releases/{release.pk}")
    assert "播放 <b>1,234</b>" in shown
    assert "评论 <b>—</b>" in shown


def test_on_the_page_of_figures_and_in_its_files(release: Release, as_: Login, tmp_path: Path) -> None:
    shown = page(as_("releaser"), "/data")
    assert "播放 <b>1,234</b>" in shown
    assert "村村屏不提供阅读数，播放见逐条" in shown
    assert "播放 1234" in command("report", "show")
    command("report", "export", tmp_path / "a.csv")
    [row, *_] = rows(tmp_path / "a.csv")
    assert row["村村屏 播放"] == "1234"
    assert "微信公众号 播放" not in row


def test_among_the_numbers_of_the_command_line(release: Release, tmp_path: Path) -> None:
    table = command("metrics", "show")
    assert "播放" in table
    assert "1234" in table
    by_account = {row["account"]: row for row in json.loads(command("metrics", "show", "--json"))["items"]}
    assert by_account["河东村村屏"]["shown"] == 1234
    assert by_account["中国河东"]["shown"] is None
    command("metrics", "export", tmp_path / "a.csv")
    assert {row["账号"]: row["播放"] for row in rows(tmp_path / "a.csv")} == {"中国河东": "", "河东村村屏": "1234"}
    command("metrics", "export", tmp_path / "a.xlsx")
    head, *lines = load_workbook(tmp_path / "a.xlsx").active.iter_rows(values_only=True)
    assert sorted(line[head.index("播放")] or 0 for line in lines) == [0, 1234]


def test_a_unit_without_such_an_account_has_no_column_of_it(district: District, release: Release) -> None:
    other = District.make("hexi", "河西区政府办公室")
    assert "播放" not in exporting.numbers_of(other.unit).values()


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))
