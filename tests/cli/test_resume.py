"""`tongfa release resume` of what is not on hold says why nothing moved, and what is to be done instead."""

from __future__ import annotations

from click.testing import CliRunner

from bot.cli.main import main
from tests.console.world import District, put


def said(number: int) -> str:
    result = CliRunner().invoke(main, ["release", "resume", str(number), "--as", "releaser"], catch_exceptions=False)
    return result.stdout


def test_what_waits_for_a_person_is_named(district: District) -> None:
    release = district.signed()
    assert "这张发布单没有暂停着的推送，没有改动" in said(release.pk)
    stuck = release.publications.get(account=district.accounts[1])
    put(stuck, "needs_person")
    words = said(release.pk)
    assert "已恢复 0 条推送" in words
    assert f"推送 {stuck.pk}（{stuck.account.name}）需人工处理" in words
    assert "tongfa release settle" in words
