"""docs/reference/cli.md against the commands themselves, which are run here for their JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import bot.rendering.render  # noqa: F401 - its cover is replaced below
from bot import channels
from bot.cli.main import COMMANDS, HELP, main
from bot.domain.instants import beijing_date
from bot.models import Publication, Takedown
from bot.services import accounts
from scripts.generate_docs import commands
from tests.console.world import fresh_home
from tests.services.factories import draw_tiny_covers, force

from .fields import EVERYWHERE, PAGE, SECTIONS, differences, fields_of
from .pages import blocks

LOOPBACK = "http://127.0.0.1:9"
ROWS = """id,kind,title,summary,source_url,linked_document,unit
A-1,notice,关于调整城区公交线路的通知,自12月1日起调整部分站点。,http://www.hedong.gov.cn/a/1.html,,河东区人民政府办公室
A-2,service,新生儿落户怎么办,带齐材料，到户籍所在地派出所办理。,http://www.hedong.gov.cn/a/2.html,,河东区公安分局
A-3,notice,没有链接的通知,没有链接的信息不能推送。,,,河东区人民政府办公室
"""


# --- the page by itself -----------------------------------------------------------------------------------


def test_every_command_has_its_section_and_no_section_is_of_another():
    documented = {heading for heading in SECTIONS if heading.startswith("tongfa ")}
    assert documented == set(commands())


def test_every_command_of_the_entry_point_is_in_the_help():
    assert set(COMMANDS) == set(HELP)


def test_options_are_listed_once_for_each_command():
    """The tables are drawn from the code (test_generated); here they are counted against it."""
    for words, command in commands().items():
        listed = re.findall(r"^\| `(--[a-z-]+)", SECTIONS[words], re.MULTILINE)
        assert sorted(listed) == sorted(
            param.opts[0] for param in command.params if param.param_type_name == "option"
        ), words


def test_the_help_of_a_new_account_names_every_way_of_publishing():
    (mode,) = [param for param in commands()["tongfa account add"].params if param.name == "mode"]
    for kind in channels.kinds().values():
        assert all(known.name in str(getattr(mode, "help", "")) for known in kind.spec.modes)


def test_commands_with_json_have_fields_and_an_example():
    for words, command in commands().items():
        speaks_json = any("--json" in param.opts for param in command.params)
        assert bool(fields_of(SECTIONS[words])) == speaks_json, words
        assert any(block.language == "json" for block in blocks(SECTIONS[words])) == speaks_json, words


@pytest.mark.parametrize("words", [words for words in commands() if fields_of(SECTIONS[words])])
def test_every_example_fits_its_table(words):
    for block in blocks(SECTIONS[words]):
        if block.language == "json":
            document = json.loads(block.text)
            assert set(document) >= EVERYWHERE
            assert differences(words, document) == []


def test_a_field_that_is_not_documented_is_noticed():
    """The comparison itself works."""
    assert differences("tongfa user disable", {"username": "x", "active": False, "more": 1}) == [
        "more is not documented"
    ]
    assert differences("tongfa user disable", {"username": "x"}) == ["active is documented and missing"]
    assert differences("tongfa user disable", {"username": "x", "active": "no"})


# --- the commands themselves ------------------------------------------------------------------------------


class Shell:
    """Runs commands with --json and holds their answers against the page."""

    def __init__(self) -> None:
        self.ran: set[str] = set()

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(main, [*words, "--json"], catch_exceptions=False)

    def __call__(self, *words: str, code: int = 0) -> dict[str, Any]:
        result = self.run(*words)
        assert result.exit_code == code, result.output
        document: dict[str, Any] = json.loads(result.stdout)
        assert document["ok"] is (code == 0)
        assert document["environment"] == "rehearsal"
        name = next(name for name in commands() if " ".join(["tongfa", *words, ""]).startswith(f"{name} "))
        assert differences(name, document) == [], name
        self.ran.add(name)
        return document

    def refused(self, *words: str) -> dict[str, Any]:
        """Status 1 with the document that all refusals share."""
        result = self.run(*words)
        document: dict[str, Any] = json.loads(result.stdout)
        assert result.exit_code == 1
        assert set(document) == {*EVERYWHERE, "code", "message", "details"}
        return document


@pytest.fixture
def shell(tmp_path: Path, db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """Quick passwords and covers: neither is what this is about."""
    draw_tiny_covers(monkeypatch)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with fresh_home(tmp_path / "home"):
        yield Shell()


def people(shell: Shell, tmp_path: Path) -> None:
    shell("init")
    for username, role in {
        "wang": "editor",
        "li": "first",
        "zhao": "second",
        "sun": "final",
        "zhou": "releaser",
        "qian": "duty",
    }.items():
        shell("user", "add", username, "--name", username.title(), "--role", role)
    shell("user", "add", "root2", "--role", "sysadmin")
    secret = tmp_path / "secret"
    secret.write_text("rehearsal-secret\n")
    given = ["--secret-file", f"app_secret={secret}"]
    shell(
        "account",
        "add",
        "wx",
        "--channel",
        "wechat",
        "--name",
        "中国河东",
        "--mode",
        "mass",
        "--api-base",
        f"{LOOPBACK}/wechat",
        "--set",
        "app_id=wx1",
        *given,
    )
    options = [
        f"--set={name}={value}"
        for name, value in {
            "app_key": "k",
            "uid": "2017000001",
            "safe_domain": "www.hedong.gov.cn",
            "rip": "203.0.113.7",
        }.items()
    ]
    shell(
        "account",
        "add",
        "wb",
        "--channel",
        "weibo",
        "--name",
        "临沂河东",
        "--api-base",
        f"{LOOPBACK}/weibo",
        *options,
        *given,
    )


def approved(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "items.csv"
    file.write_text(ROWS, "utf-8")
    report = shell("import", str(file), "--as", "wang", code=3)
    assert (report["created"], report["rejected"]) == (2, 1)
    shell("check", "A-1", "--as", "wang")
    shell("check", str(file), "--as", "wang", code=1)
    shell("submit", "A-1", "A-2", "nobody", "--as", "wang", code=3)
    shell("review", "A-1", "--as", "zhao", "--pass", code=1)
    for reviewer in ("li", "zhao", "sun"):
        shell("review", "A-1", "A-2", "--as", reviewer, "--pass")


def test_the_whole_job_by_commands_answers_as_documented(shell, tmp_path, monkeypatch):
    """From init to the export of numbers, without the web and without a platform."""
    people(shell, tmp_path)
    shell("user", "list")
    shell("account", "list")
    shell("account", "check", "wx", code=3)
    shell("account", "quota", "wb", "--days", "2")
    changed(shell)
    shell("account", "authorize", "wb", "--as", "root2")
    monkeypatch.setattr(accounts, "finish_authorization", lambda **_: accounts.find_account("wb"))
    shell("account", "authorize", "wb", "--as", "root2", "--state", "s", "--code", "c")
    approved(shell, tmp_path)
    shell("document", "list", "--as", "wang")
    shell("document", "show", "A-1", "--as", "wang")
    in_chinese(shell)
    shell("document", "policy", "A-2", "--as", "wang", "--no", "--reason", "便民服务")
    release = shell("release", "plan", "--as", "zhou", "--at", "+2h", "--item", "A-1", "--item", "A-2")
    number = str(release["id"])
    assert shell("release", "reschedule", number, "--as", "zhou", "--at", "+3h")["signed"] is False
    shell("release", "sign", number, "--as", "zhou")
    assert shell.refused("account", "set", "wx", "--as", "root2", "--mode", "publish")["code"] == "signed"
    assert shell("release", "check", number, "--as", "zhou", code=3)["preflights"]  # no platform is there
    shown = shell("release", "show", number, "--as", "zhou")
    assert shown["signed"] is True
    assert any(row["checks"] for row in shown["preflights"])
    told(shell, shown["alarms"][0]["id"], tmp_path)
    assert shell("release", "hold", number, "--as", "qian", "--reason", "核对")["stopped"] == 3
    assert shell("release", "resume", number, "--as", "zhou")["resumed"] == 3
    shell("release", "freeze", "--as", "qian", "--reason", "演习")
    shell("release", "freeze", "--as", "zhou", "--lift")
    went_out(release["publications"][0]["id"])
    assert len(shell("release", "list", "--as", "zhou")["releases"][0]["publications"][0]["attempts"]) == 1
    withdrawn(shell, number)
    stuck(release["publications"][1]["id"])
    shell("release", "settle", str(release["publications"][1]["id"]), "--as", "zhou", "--cancel", "不再发布")
    shell("release", "cancel", number, "--as", "zhou", "--reason", "不再发布")
    gated(shell)
    after_the_release(shell, tmp_path)
    saved_and_restored(shell, tmp_path, monkeypatch)
    assert shell.ran == {words for words in commands() if fields_of(SECTIONS[words])}


def changed(shell: Shell) -> None:
    """The account moves and is called otherwise; a second row of it is refused."""
    moved = shell("account", "set", "wx", "--as", "root2", "--name", "河东发布", "--api-base", f"{LOOPBACK}/moved",
                  "--set", "open_comment=1")  # fmt: skip
    assert (moved["name"], set(moved["endpoints"].values())) == ("河东发布", {f"{LOOPBACK}/moved"})
    assert (moved["options"]["app_id"], moved["options"]["open_comment"]) == ("wx1", "1")
    assert shell.refused("account", "set", "wx", "--as", "zhou", "--mode", "publish")["code"] == "role"
    assert shell.refused("account", "set", "wx", "--as", "root2", "--set", "app_id=wx2")["code"] == "identity"
    again = (
        "account",
        "add",
        "wx2",
        "--channel",
        "wechat",
        "--name",
        "河东",
        "--set",
        "app_id=wx1",
        "--api-base",
        LOOPBACK,
    )
    assert shell.refused(*again)["code"] == "known"


def in_chinese(shell: Shell) -> None:
    """States, roles and channels by the names that staff see; what is unknown is refused with the list."""
    by_name = shell("document", "list", "--as", "wang", "--state", "已通过")
    assert by_name["documents"] == shell("document", "list", "--as", "wang", "--state", "approved")["documents"]
    assert by_name["documents"]
    for wrong in (
        ("document", "list", "--as", "wang", "--state", "通过了"),
        ("user", "add", "x", "--role", "写稿"),
        ("account", "add", "x", "--channel", "抖音", "--name", "x"),
    ):
        answer = shell.run(*wrong)
        assert answer.exit_code == 2
        assert "可用的有" in answer.output
    assert shell("user", "add", "hand", "--role", "拟稿", "--role", "值班")["roles"] == ["duty", "editor"]
    shown = CliRunner().invoke(main, ["document", "show", "A-1", "--as", "wang"]).output
    assert "初审" in shown
    assert "pass" not in shown


def withdrawn(shell: Shell, number: str) -> None:
    """What is public is asked to come down, taken back, asked anew, and in the end left."""
    shown = shell("withdraw", "show", number, "--as", "wang")
    assert [one["by_machine"] for one in shown["channels"]] == [True]
    draft = shell("withdraw", "draft", number, "--as", "wang", "--kind", "更正启事")["notice"]
    ask = ("withdraw", "ask", number, "--as", "wang", "--portal", "--reason", "数字有误", "--notice")
    assert shell.refused(*ask, draft, "--all")["code"] == "notice"
    target = str(shown["channels"][0]["publication"])
    first = shell(*ask, "数字有误，现予撤回。", "--target", target)
    assert shell.refused("withdraw", "confirm", str(first["id"]), "--as", "wang")["code"] == "role"
    shell("withdraw", "drop", str(first["id"]), "--as", "wang")
    second = shell(*ask, "数字有误，现予撤回。", "--all")
    shell("withdraw", "confirm", str(second["id"]), "--as", "zhou")
    parts = {bool(one["publication"]): str(one["id"]) for one in second["parts"]}
    shell("withdraw", "done", parts[False], "--as", "qian", "--evidence", "10:19 门户已撤下，打开显示说明页")
    Takedown.objects.filter(pk=parts[True]).update(stage="refused")
    shell("withdraw", "again", parts[True], "--as", "zhou", "--reason", "打开链接仍看得到")
    Takedown.objects.filter(pk=parts[True]).update(stage="refused")
    shell("withdraw", "look", parts[True], "--as", "qian")
    Takedown.objects.filter(pk=parts[True]).update(stage="still_public")
    assert len(shell("withdraw", "list", "--as", "qian")["withdrawals"]) == 1
    shell("withdraw", "leave", parts[True], "--as", "zhou", "--reason", "已无影响")
    shell("withdraw", "correct", str(second["id"]), "--as", "wang", "--old", "A-1", "--new", "A-2", "--reason", "另见")
    shell("withdraw", "state", str(second["id"]), "--as", "zhou", code=3)
    assert len(shell("withdraw", "show", number, "--as", "zhou")["withdrawals"]) == 2


def gated(shell: Shell) -> None:
    """A release that waits for its page, whose time is up."""
    from bot.models import PortalGate

    page = "https://www.hedong.gov.cn/a/2.html"
    planned = shell(
        "release", "plan", "--as", "zhou", "--at", "+3h", "--account", "wb", "--item", "A-2", "--after-live", page,
        "--wait", "90s", "--then", "hold",
    )  # fmt: skip
    number = str(planned["id"])
    assert (planned["gate"]["url"], planned["gate"]["wait"], planned["gate"]["then"]) == (page, 90, "hold")
    assert planned["gate"]["title"] == "新生儿落户怎么办"
    shell("release", "sign", number, "--as", "zhou")
    assert shell.refused("release", "gate", number, "--as", "zhou", "--go")["code"] == "waiting"
    PortalGate.objects.update(state="asking", next_at=None, seen="not_yet", words="网页打不开（HTTP 404）", asked=9)
    assert shell("release", "gate", number, "--as", "qian", "--hold")["decision"] == "hold"
    assert shell("release", "gate", number, "--as", "zhou", "--go")["resumed"] == 0
    assert shell("release", "show", number, "--as", "zhou")["gate"]["decided_by"] == "zhou"
    assert shell.run("release", "gate", number, "--as", "zhou").exit_code == 2
    assert shell.run("release", "plan", "--as", "zhou", "--at", "+3h", "--item", "A-1", "--expect", "x").exit_code == 2


def told(shell: Shell, alarm: int, tmp_path: Path) -> None:
    """The failed pre-flight stands before people; nobody can be reached here."""
    assert shell("alarm", "list", "--as", "qian")["alarms"]
    assert shell("alarm", "read", str(alarm), "--as", "qian")["read_by"] == "qian"
    assert shell.refused("alarm", "read", str(alarm), "--as", "qian")["code"] == "read"
    shell("alarm", "list", "--as", "qian", "--all")
    assert shell.refused("notify", "test", "--as", "qian")["code"] == "nobody"
    folder = tmp_path / "home"
    (folder / "hook.sign").write_text("a-signing-secret\n")
    (folder / "notify.toml").write_text(
        f'[[target]]\nname = "hook"\nkind = "webhook"\naddress = "{LOOPBACK}/hook"\nsign_file = "hook.sign"\n'
    )
    assert shell("notify", "test", "--as", "qian", code=3)["targets"][0]["ok"] is False


def went_out(pk: int) -> None:
    """As the engine leaves it: an attempt with its answer, live with ids."""
    from tests.console.world import attempt, put

    force(Publication.objects.filter(pk=pk), "armed")
    made = attempt(
        Publication.objects.get(pk=pk), outcome="accepted", sent_at=datetime.now(UTC), answered_at=datetime.now(UTC)
    )
    put(made.publication, "live", ids={"msg_id": "1"})


def stuck(pk: int) -> None:
    force(Publication.objects.filter(pk=pk), "missed", reason="错过")


def after_the_release(shell: Shell, tmp_path: Path) -> None:
    assert shell("metrics", "show", "--as", "zhou")["items"]
    shell("metrics", "pull", "--all", code=3)
    shell("metrics", "export", str(tmp_path / "numbers.xlsx"), "--as", "zhou")
    today = beijing_date(datetime.now(UTC))
    days = ("--from", str(today), "--to", str(today + timedelta(days=1)))  # the release was at three hours from now
    assert shell("report", "show", *days, "--as", "zhou")["figures"]["published"] == 2
    shell("report", "export", str(tmp_path / "report.csv"), "--as", "zhou")
    shell("audit", "verify")
    shell("audit", "index", "--anew")
    shell("audit", "export", str(tmp_path / "trail.jsonl"))
    shell("doctor", "--offline", code=3)  # no clock runs here
    shell("account", "disable", "wb", "--reason", "换号")
    shell("account", "enable", "wb")
    given = shell("token", "add", "门户网站", "--person", "wang", "--right", "documents:write", "--right", "查看指标")
    assert given["secret"] not in CliRunner().invoke(main, ["token", "list"]).output
    assert shell("token", "list")["tokens"] == [given["token"]]
    assert (
        shell.refused("token", "add", "门户网站", "--person", "wang", "--right", "documents:read")["code"] == "exists"
    )
    assert shell("token", "revoke", str(given["token"]["id"]))["token"]["state"] == "revoked"
    (tmp_path / "secret").write_text("reset-secret", "utf-8")
    shell("account", "credential", "wb", "--secret-file", f"app_secret={tmp_path / 'secret'}")
    shell("user", "disable", "qian")
    shell("user", "enable", "qian")


def saved_and_restored(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Back up, and restore what can be without leaving this database: restoring itself is in tests/services/test_backup.py."""
    from bot.services import restoring
    from bot.services.reconciling import Reconciled

    file = str(tmp_path / "backup.zip")
    made = shell("backup", file)
    assert made["keys"] is False
    assert shell.refused("backup", file)["code"] == "exists"
    assert shell.run("backup", str(tmp_path / "other"), "--with-keys").exit_code == 2
    assert shell.refused("restore", file, "--as", "root2")["code"] == "not_empty"
    done = restoring.Restored(datetime.now(UTC), 7, 3, "f" * 64, False, Reconciled(1, 2, 0, 1), 2, 0)
    monkeypatch.setattr(restoring, "restore", lambda *_, **__: done)
    assert shell("restore", file, "--as", "root2")["held"] == 2


def test_a_refusal_is_one_document_with_a_stable_word(shell, tmp_path):
    people(shell, tmp_path)
    assert shell.refused("release", "show", "7", "--as", "zhou")["code"] == "not_found"
    assert shell.refused("document", "list", "--as", "nobody")["code"] == "not_found"
    assert shell.refused("init", "--live")["code"] == "fixed"


def test_the_first_example_of_the_page_is_a_refusal_as_they_all_are():
    example = json.loads(next(block.text for block in blocks(PAGE) if block.language == "json"))
    assert set(example) == {*EVERYWHERE, "code", "message", "details"}


@pytest.mark.parametrize("words", [["release", "plan"], ["review", "A-1", "--as", "x"], ["nothing"]])
def test_wrong_usage_is_status_two_and_no_document(words, shell):
    result = shell.run(*words)
    assert result.exit_code == 2
    assert result.stdout == ""


def test_a_broken_chain_is_told_as_documented(shell, tmp_path, monkeypatch):
    from bot.domain.chain import Break
    from bot.services import audit

    people(shell, tmp_path)
    monkeypatch.setattr(audit, "verify_chain", lambda: (17, "x", Break(18, "第 18 条与链不符")))
    assert shell("audit", "verify", code=1)["broken_at"] == 18


def test_an_instant_may_be_said_relative_to_now():
    from bot.cli.common import INSTANT

    given = INSTANT.convert("+10m", None, None)
    assert timedelta(minutes=9, seconds=59) < given - datetime.now(UTC) < timedelta(minutes=10, seconds=2)
    assert INSTANT.convert("2026-11-24T09:00+08:00", None, None) == datetime(2026, 11, 24, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-12-01T09:00:00", "2026-12-01 09:00"])
def test_an_instant_without_an_offset_is_wrong_usage_and_says_how_to_write_it(text, shell):
    result = shell.run("release", "plan", "--as", "x", "--item", "A-1", "--at", text)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "没有写时区" in result.stderr
    assert f"请写成 {text.replace(' ', 'T')}+08:00" in result.stderr


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-01", "20261201", "2026-W49-1", "0001-01-01T00:00:00+08:00", "9999-12-31T23:59-08:00", "2026-13-01T09:00Z",
        "+infd", "+nand", "+99999999999d", "+999999999d", "+1e9d", "+-5m", "+5", "+m", "+", "+٣m", "tomorrow", "",
    ],
)  # fmt: skip
def test_nonsense_and_what_would_overflow_is_wrong_usage_too(text, shell):
    result = shell.run("release", "plan", "--as", "x", "--item", "A-1", "--at", text)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "不是有效的时刻" in result.stderr
    assert "2026-12-01T09:00+08:00" in result.stderr


def test_a_calendar_beyond_the_end_of_time_is_wrong_usage(shell, tmp_path):
    people(shell, tmp_path)
    assert shell.run("account", "quota", "wb", "--from", "9999-12-31").exit_code == 2
