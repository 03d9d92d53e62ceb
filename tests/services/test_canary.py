"""Planted secrets: unique values go in by every door and are looked for in every place where they must not come out."""

from __future__ import annotations

import io
import json
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.db import connection

from bot.channels.http import Http
from bot.channels.weibo.adapter import WeiboChannel
from bot.cli.main import main
from bot.domain.channel import ChannelFault, Grant
from bot.domain.secret import Secret
from bot.models import Account, Item, Publication
from bot.services import accounts, exporting, people, vault
from bot.services.errors import Refused
from bot.services.ports import AccountPorts, store_token
from config.logging import logging_settings
from tests.channels.stub import Say, Stub, running_stub

from .factories import NOW, Office, article, force, grant

CANARIES = {
    "app_secret": "canary-wechat-app-secret-8f2c1d",
    "callback_token": "canaryCallbackToken4b7e",
    "callback_aes_key": "canaryAesKey0123456789abcdefghijklmnopqrstu",
    "callback_aes_key_previous": "canaryOldAesKey0123456789abcdefghijklmnopqr",
    "weibo_secret": "canary-weibo-app-secret-77aa01",
    "access_token": "2.00canaryAccessTokenOfWeibo9x",
    "wechat_token": "99_canaryStableTokenOfWeChat-Zq",
    "password": "canary password of a person 3c",
}


def leaked(text: str) -> list[str]:
    return [name for name, value in CANARIES.items() if value in text]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that any logger writes, through the product's own formatter."""
    import logging.config

    settings = logging_settings("DEBUG")
    stream = io.StringIO()
    settings["handlers"]["stderr"]["stream"] = stream
    root = logging.getLogger()
    ours = logging.getLogger("bot")  # a command that ran in this process before has set it to WARNING
    before = (root.handlers[:], root.level, ours.level)
    ours.setLevel(logging.NOTSET)
    logging.config.dictConfig(settings)
    yield stream
    root.handlers[:], root.level = before[0], before[1]
    ours.setLevel(before[2])


@pytest.fixture
def platform() -> Iterator[Stub]:
    with running_stub() as stub:
        yield stub


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adapters try again without waiting."""
    monkeypatch.setitem(Http.__init__.__kwdefaults__, "sleep", lambda seconds: None)
    monkeypatch.setitem(WeiboChannel.__init__.__kwdefaults__, "sleep", lambda seconds: None)


@pytest.fixture
def planted(office: Office, platform: Stub) -> Office:
    """An office whose every secret is a canary."""
    wechat = accounts.add_account(
        "canary-wx", channel="wechat", name="中国河东", mode="mass", unit=office.unit,
        endpoints={"api": f"{platform.url}/wechat"}, options={"app_id": "wx-canary", "account_type": "subscription"},
        credentials={name: Secret(value) for name, value in CANARIES.items() if name.startswith(("app_", "callback_"))},
        actor="root", now=NOW,
    )  # fmt: skip
    weibo = accounts.add_account(
        "canary-wb", channel="weibo", name="临沂河东", mode="share", unit=office.unit,
        endpoints={"api": f"{platform.url}/weibo"},
        options={"app_key": "key", "uid": "2017000009", "safe_domain": "www.hedong.gov.cn", "rip": "203.0.113.7"},
        credentials={"app_secret": Secret(CANARIES["weibo_secret"]), "access_token": Secret(CANARIES["access_token"])},
        actor="root", now=NOW,
    )  # fmt: skip
    store_token(wechat, grant(CANARIES["wechat_token"]), now=NOW)
    store_token(weibo, grant(CANARIES["access_token"]), now=NOW)
    people.add_person(
        "canary", name="卫密", unit=office.unit, roles=["editor"], password=CANARIES["password"], actor="root", now=NOW
    )
    office.wechat, office.weibo = wechat, weibo
    return office


def whole_database() -> str:
    """Every column of every row of every table, bytes as they are."""
    parts: list[str] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                for value in row:
                    raw = bytes(value) if isinstance(value, bytes | memoryview) else None
                    parts.append(raw.decode("utf-8", "replace") if raw is not None else str(value))
    return "\n".join(parts)


def test_the_search_itself_finds_a_secret_that_is_there(planted: Office) -> None:
    """Otherwise the tests below would prove nothing."""
    assert leaked(f"token={CANARIES['access_token']}") == ["access_token"]
    Account.objects.filter(pk=planted.wechat.pk).update(name=CANARIES["app_secret"])
    assert leaked(whole_database()) == ["app_secret"]


def test_every_canary_is_really_in_use(planted: Office) -> None:
    held = {
        secret.reveal() for account in planted.accounts for secret in accounts.config_of(account).credentials.values()
    }
    held |= {AccountPorts(account).token(None).token.reveal() for account in planted.accounts}
    assert held == set(CANARIES.values()) - {CANARIES["password"]}
    assert people.find_person("canary").check_password(CANARIES["password"])


def test_no_row_of_any_table_holds_a_secret_in_clear(planted: Office) -> None:
    planted.signed(planted.approved(article(7)))
    assert leaked(whole_database()) == []


def test_no_command_prints_one(planted: Office, tmp_path: Path) -> None:
    release = planted.signed(planted.approved(article(7)))
    trail, sheet, book = (str(tmp_path / name) for name in ("trail.jsonl", "sheet.csv", "book.xlsx"))
    outputs = []
    for command in (
        ["account", "list"], ["account", "disable", "canary-wb", "--reason", "x"], ["user", "list"], ["document", "list", "--as", "editor"],
        ["document", "show", "HD-7", "--as", "editor"], ["release", "show", str(release.pk), "--as", "releaser"],
        ["audit", "verify"], ["audit", "export", trail], ["metrics", "show", "--as", "editor"],
        ["metrics", "export", sheet, "--as", "editor"], ["metrics", "export", book, "--as", "editor"],
    ):  # fmt: skip
        for extra in ([], ["--json"]):
            result = CliRunner().invoke(main, [*command, *extra])
            assert result.exit_code == 0, (command, result.output)
            outputs.append(result.output)
    assert leaked("\n".join(outputs)) == []
    assert leaked(Path(trail).read_text("utf-8")) == []


def test_adding_an_account_by_command_shows_only_the_names_of_its_secrets(planted: Office, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(CANARIES["app_secret"] + "\n", "utf-8")
    result = CliRunner().invoke(
        main,
        [
            "account", "add", "by-command", "--channel", "wechat", "--name", "中国河东", "--api-base", "http://127.0.0.1:9",
            "--set", "app_id=wx-by-command", "--secret-file", f"app_secret={tmp_path / 'secret'}", "--json",
        ],
    )  # fmt: skip
    assert json.loads(result.output)["credentials"] == ["app_secret"]
    assert leaked(result.output) == []
    added = accounts.find_account("by-command")
    assert accounts.config_of(added).credentials["app_secret"] == Secret(CANARIES["app_secret"])


def test_exports_hold_none(planted: Office, tmp_path: Path) -> None:
    planted.signed(planted.approved(article(7)))
    Item.objects.update(platform_id="1")
    force(Publication.objects.all(), "live", live_at=NOW, sent_at=NOW)
    exporting.write(tmp_path / "out.csv", planted.unit)
    exporting.write(tmp_path / "out.xlsx", planted.unit)
    assert leaked((tmp_path / "out.csv").read_text("utf-8")) == []
    from openpyxl import load_workbook

    cells = [str(cell.value) for row in load_workbook(tmp_path / "out.xlsx").active.iter_rows() for cell in row]
    assert leaked(" ".join(cells)) == []


ANSWERS = {
    "refused": {"errcode": 40001, "errmsg": f"invalid credential access_token={CANARIES['wechat_token']}"},
    "echo": Say({"error": CANARIES["access_token"], "error_code": 21332}, 400),
    "garbage": Say(f"<html>{CANARIES['wechat_token']}</html>".encode(), 502, "text/html"),
    "cut": Say({"a": "x" * 100}, cut=10),
    "nothing": Say(drop=True),
}


@pytest.mark.parametrize("answer", sorted(ANSWERS))
@pytest.mark.parametrize("slug", ["canary-wx", "canary-wb"])
def test_neither_messages_nor_tracebacks_nor_logs_hold_one_whatever_the_platform_answers(
    planted: Office, platform: Stub, log: io.StringIO, slug: str, answer: str
) -> None:
    platform.answer = lambda asked: (platform.asked.append(asked), _say(ANSWERS[answer]))[1]  # type: ignore[method-assign]
    account = accounts.find_account(slug)
    told: list[str] = []
    try:
        told += [f"{line.name} {line.message}" for line in accounts.check_account(account)]
    except ChannelFault as fault:
        told += [str(fault), repr(fault), fault.message, fault.detail, fault.code]
        logging.getLogger("bot.test").exception("check failed")
    assert platform.asked
    assert leaked("\n".join(told)) == []
    assert leaked(log.getvalue()) == []
    assert leaked(whole_database()) == []


def _say(answer: Say | dict[str, object]) -> Say:
    return answer if isinstance(answer, Say) else Say(answer)


def test_refusals_of_the_services_hold_none(planted: Office, log: io.StringIO) -> None:
    acts = (
        lambda: accounts.set_credential(planted.wechat, "none", Secret(CANARIES["app_secret"]), actor="root", now=NOW),
        lambda: vault.decrypt(vault.encrypt(Secret(CANARIES["app_secret"]), "a"), "b"),
        lambda: people.add_person(
            "canary",
            name="x",
            unit=planted.unit,
            roles=["editor"],
            password=CANARIES["password"],
            actor="root",
            now=NOW,
        ),
        lambda: AccountPorts(planted.weibo).token(None, refused=Secret(CANARIES["access_token"])),
    )
    for act in acts:
        with pytest.raises((Refused, ChannelFault)) as caught:
            act()
        logging.getLogger("bot.test").error("it said no", exc_info=caught.value)
        assert leaked("".join(traceback.format_exception(caught.value))) == []
    assert log.getvalue().count("it said no") == len(acts)
    assert leaked(log.getvalue()) == []


def test_what_carries_secrets_in_the_program_does_not_show_them(planted: Office) -> None:
    config = accounts.config_of(planted.wechat)
    shown = [
        repr(config),
        repr(accounts.channel_of(planted.wechat)),
        repr(Grant(Secret(CANARIES["wechat_token"]), NOW)),
    ]
    assert leaked(" ".join(shown)) == []
