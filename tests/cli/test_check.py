"""`tongfa check` and `tongfa submit`: the findings that the pages show, those of the accounts' platforms among them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.cli.main import main
from bot.services import documents, waiving
from tests.console.world import ARTICLES, District, now

LONG = replace(ARTICLES[0], title="关于调整河东区城区公交线路并增设部分站点的通告")  # 69 bytes; some accounts take 64
BYTES = "标题有 69 字节，有账号在超过 64 字节时被拒，请留意。"


def run(*words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--as", "editor"], catch_exceptions=False)


def told(*words: str, code: int = 0) -> dict[str, Any]:
    result = run(*words, "--json")
    assert result.exit_code == code, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def messages(checked: dict[str, Any]) -> list[str]:
    return [finding["message"] for finding in checked["findings"]]


def test_check_finds_what_an_account_s_platform_says_before_the_text_is_handed_in(district: District) -> None:
    district.document(LONG)
    assert BYTES in messages(told("check", "HD-1"))
    assert f"【建议】{BYTES}" in run("check", "HD-1").stdout


def test_submit_tells_what_remains_and_it_is_what_check_told(district: District) -> None:
    district.document(LONG)
    before = messages(told("check", "HD-1"))
    handed_in = run("submit", "HD-1")
    assert f"✓ HD-1：待初审\n    【建议】{BYTES}" in handed_in.stdout
    kept = [row.finding.message for row in documents.find_document("HD-1", unit=district.unit).current.findings.all()]
    assert set(before) == set(kept)


def test_several_are_checked_at_once_and_one_that_is_missing_stops_none(district: District) -> None:
    district.document(LONG)
    district.document(ARTICLES[1])
    first, missing, last = told("check", "HD-1", "HD-404", "HD-2", code=1)["checked"]
    assert BYTES in messages(first)
    assert (missing["id"], missing["code"]) == ("HD-404", "not_found")
    assert (last["id"], messages(last)) == ("HD-2", [])
    assert told("check", "HD-1", "HD-2")["ok"], "nothing that blocks"


@pytest.mark.parametrize(("waived", "code"), [(False, 1), (True, 0)])
def test_what_was_let_pass_with_a_reason_blocks_no_more(district: District, waived: bool, code: int) -> None:
    document = district.document(replace(ARTICLES[0], body_html="<p>联系人身份证号11010519491231002X。</p>"))
    found = told("check", "HD-1", code=1)["findings"]
    if waived:
        for rule in {finding["rule"] for finding in found if finding["level"] == "block"}:
            waiving.waive(document, rule, "示例号码", person=district.people["first"], now=now())
    result = run("check", "HD-1")
    assert result.exit_code == code
    assert ("（已写明理由，放行）" in result.stdout) is waived
