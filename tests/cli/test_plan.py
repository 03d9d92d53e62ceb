"""`tongfa release plan` says at once what signing would refuse."""

from __future__ import annotations

import json

from click.testing import CliRunner

from bot.cli.main import main
from tests.console.world import ARTICLES, District


def plan(external_id: str, *more: str) -> str:
    words = ["release", "plan", "--as", "editor", "--at", "+40m", "--item", external_id, *more]
    result = CliRunner().invoke(main, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_where_the_days_mass_message_is_used_up_it_warns_and_names_the_next_date(district: District) -> None:
    district.signed()
    for article in ARTICLES[1:]:
        district.approved(article)
    (words,) = json.loads(plan("HD-2", "--json"))["warnings"]
    assert "账号“中国河东”当日的群发额度（1 次）已用完" in words
    assert "最近可用的日期是" in words
    assert f"注意：{words}现在这样签不了。" in plan("HD-3")


def test_where_it_can_be_signed_it_warns_of_nothing(district: District) -> None:
    district.approved()
    assert json.loads(plan("HD-1", "--json"))["warnings"] == []
