"""An account whose channel this process does not have: its folder was added after the start, or removed."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner
from django.test import Client

from bot.cli.main import main
from bot.models import Account
from bot.services import health
from bot.services.accounts import spec_of
from bot.services.errors import Refused

from .world import ARTICLES, District, now

Login = Callable[[str], Client]
GONE = "渠道程序不在"


@pytest.fixture
def screens(district: District) -> Account:
    """A third account of the unit, of a channel that is not there, and a release that was signed before."""
    district.signed()
    made = district._weibo("screens", "http://127.0.0.1:9")
    Account.objects.filter(pk=made.pk).update(channel="bulletin", mode="show", name="河东村村屏")
    made.refresh_from_db()
    return made


@pytest.mark.parametrize(
    "page",
    ["/", "/documents", "/documents/HD-1", "/releases", "/reviews", "/data", "/manual", "/manual/new", "/accounts", "/exceptions"],
)  # fmt: skip
def test_no_page_is_lost_because_of_it(district: District, screens: Account, as_: Login, page: str) -> None:
    assert as_("releaser").get(page).status_code == 200


@pytest.mark.parametrize("page", ["/calendar", "/releases/new"])
def test_where_nothing_is_planned_without_it_what_to_do_is_said(
    district: District, screens: Account, as_: Login, page: str
) -> None:
    answer = as_("releaser").get(page)
    assert answer.status_code == 200 or (answer.status_code == 409 and GONE in answer.content.decode())


def test_the_desk_and_the_list_of_accounts_say_so(district: District, screens: Account, as_: Login) -> None:
    for page in ("/", "/accounts"):
        shown = as_("releaser").get(page).content.decode()
        assert GONE in shown
        assert "重新启动 tongfa up" in shown


def test_its_own_page_is_a_refusal_with_what_to_do(district: District, screens: Account, as_: Login) -> None:
    answer = as_("releaser").get("/accounts/screens")
    assert answer.status_code == 409
    assert "请系统管理员恢复渠道目录，或停用这个账号" in answer.content.decode()
    with pytest.raises(Refused, match="什么也没有发出"):
        spec_of(screens)


def test_the_doctor_names_the_account_and_what_to_do(district: District, screens: Account) -> None:
    lines = [line for line in health.examine(now=now(), ask_platforms=True) if line.code == "channel"]
    assert "screens" in lines[0].message
    assert "停用这个账号" in lines[0].remedy
    assert not lines[0].ok


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["account", "list"], 0),
        (["account", "check", "screens"], 1),
        (["submit", ARTICLES[0].external_id, "--as", "editor"], 1),
        (["report", "show", "--as", "releaser"], 0),
    ],
)
def test_commands_answer_and_do_not_break(district: District, screens: Account, words: list[str], code: int) -> None:
    result = CliRunner().invoke(main, [*words, "--json"], catch_exceptions=False)
    assert result.exit_code == code
    assert json.loads(result.stdout)["ok"] is (code == 0)
    told = CliRunner().invoke(main, words, catch_exceptions=False)
    assert (GONE in told.output or "不存在" in told.output) is (words[0] != "report")


def test_once_disabled_the_others_go_on(district: District, screens: Account, as_: Login) -> None:
    assert CliRunner().invoke(main, ["account", "disable", "screens", "--reason", "停用"]).exit_code == 0
    assert as_("releaser").get("/").status_code == 200
    assert not [line for line in health.examine(now=now(), ask_platforms=False) if line.code == "channel"]
