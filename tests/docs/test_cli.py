"""docs/reference/cli.md against the commands themselves, which are run here for their JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.cli.main import COMMANDS, HELP, main
from bot.models import Publication
from bot.services import accounts
from scripts.generate_docs import commands
from tests.console.world import fresh_home

from .pages import blocks, read, rows, sections

PAGE = read("docs/reference/cli.md")
SECTIONS = dict(sections(PAGE, 3))
LOOPBACK = "http://127.0.0.1:9"
ROWS = """id,kind,title,summary,source_url,linked_document,unit
A-1,notice,关于调整城区公交线路的通知,自12月1日起调整部分站点。,http://www.hedong.gov.cn/a/1.html,,河东区人民政府办公室
A-2,service,新生儿落户怎么办,带齐材料，到户籍所在地派出所办理。,http://www.hedong.gov.cn/a/2.html,,河东区公安分局
A-3,notice,没有链接的通知,没有链接的信息不能推送。,,,河东区人民政府办公室
"""


EVERYWHERE = {"ok", "environment"}


# --- what the page says ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Field:
    """One documented field: its type, whether it may be missing, and the structure it refers to."""

    name: str
    type: str

    @property
    def optional(self) -> bool:
        return self.type.endswith("?")

    @property
    def structure(self) -> str:
        found = re.search(r"\[([a-z ]+)\]", self.type)
        return found[1] if found else ""


def fields_of(text: str) -> list[list[Field]]:
    """The field tables of a section, one list for each."""
    tables: list[list[Field]] = []
    for row in rows(text):
        if row[0] == "JSON field":
            tables.append([])
        elif tables and len(row) == 3 and re.fullmatch(r"`\w+`|\(all of it\)", row[0]):
            tables[-1].append(Field(row[0].strip("`"), row[1]))
    return tables


def structure(name: str) -> list[Field]:
    return fields_of(SECTIONS[name])[0]


def flattened(fields: Sequence[Field]) -> list[Field]:
    """A document that is one structure has that structure's fields."""
    return structure(fields[0].structure) if fields[0].name == "(all of it)" else list(fields)


TYPES: Mapping[str, tuple[type, ...]] = {
    "text": (str,), "instant": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "object": (dict,), "list": (list,),
}  # fmt: skip


def complaints(value: Mapping[str, Any], fields: Sequence[Field], where: str = "") -> Iterator[str]:
    """How a document differs from its table."""
    known = {field.name: field for field in fields}
    yield from (f"{where}{name} is not documented" for name in value if name not in known)
    for name, field in known.items():
        if name in value:
            yield from _of_value(value[name], field, f"{where}{name}")
        elif not field.optional:
            yield f"{where}{name} is documented and missing"


def _of_value(value: Any, field: Field, where: str) -> Iterator[str]:
    plain = field.type.removesuffix("?")
    if value is None:
        if "or null" not in plain:
            yield f"{where} is null"
        return
    word = re.sub(r" or null| of .*", "", plain).split(" ")[0]
    wanted = TYPES.get(word, (dict,))
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        yield f"{where} is {type(value).__name__}, documented as {field.type}"
    elif field.structure:
        for index, element in enumerate(value if isinstance(value, list) else [value]):
            yield from complaints(element, structure(field.structure), f"{where}[{index}].")


def differences(words: str, document: Mapping[str, Any]) -> list[str]:
    """[] when the document fits one of the section's tables; else what is wrong with the nearest."""
    body = {name: value for name, value in document.items() if name not in EVERYWHERE}
    tables = fields_of(SECTIONS[words])
    found = [list(complaints(body, flattened(fields))) for fields in tables]
    return min(found, key=len) if found else [f"{words} has no table"]


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
def shell(tmp_path: Path, db: None, settings: Any) -> Iterator[Shell]:
    """Quick passwords: what they are hashed with is not what this is about."""
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
    shell("account", "authorize", "wb", "--as", "root2")
    monkeypatch.setattr(accounts, "finish_authorization", lambda **_: accounts.find_account("wb"))
    shell("account", "authorize", "wb", "--as", "root2", "--state", "s", "--code", "c")
    approved(shell, tmp_path)
    shell("document", "list", "--as", "wang")
    shell("document", "show", "A-1", "--as", "wang")
    shell("document", "policy", "A-2", "--as", "wang", "--no", "--reason", "便民服务")
    release = shell("release", "plan", "--as", "zhou", "--at", "+2h", "--item", "A-1", "--item", "A-2")
    number = str(release["id"])
    shell("release", "sign", number, "--as", "zhou")
    assert shell("release", "show", number, "--as", "zhou")["signed"] is True
    assert shell("release", "hold", number, "--as", "qian", "--reason", "核对")["stopped"] == 3
    assert shell("release", "resume", number, "--as", "zhou")["resumed"] == 3
    shell("release", "freeze", "--as", "qian", "--reason", "演习")
    shell("release", "freeze", "--as", "zhou", "--lift")
    went_out(release["publications"][0]["id"])
    assert len(shell("release", "list", "--as", "zhou")["releases"][0]["publications"][0]["attempts"]) == 1
    stuck(release["publications"][1]["id"])
    shell("release", "settle", str(release["publications"][1]["id"]), "--as", "zhou", "--cancel", "不再发布")
    shell("release", "cancel", number, "--as", "zhou", "--reason", "不再发布")
    after_the_release(shell, tmp_path)
    assert shell.ran == {words for words in commands() if fields_of(SECTIONS[words])}


def went_out(pk: int) -> None:
    """As the engine leaves it: an attempt with its answer, live with ids."""
    from tests.console.world import attempt, put

    Publication.objects.filter(pk=pk).update(state="armed")
    made = attempt(
        Publication.objects.get(pk=pk), outcome="accepted", sent_at=datetime.now(UTC), answered_at=datetime.now(UTC)
    )
    put(made.publication, "live", ids={"msg_id": "1"})


def stuck(pk: int) -> None:
    Publication.objects.filter(pk=pk).update(state="missed", reason="错过")


def after_the_release(shell: Shell, tmp_path: Path) -> None:
    assert shell("metrics", "show", "--as", "zhou")["items"]
    shell("metrics", "pull", "--all", code=3)
    shell("metrics", "export", str(tmp_path / "numbers.xlsx"), "--as", "zhou")
    shell("audit", "verify")
    shell("audit", "export", str(tmp_path / "trail.jsonl"))
    shell("doctor", "--offline")
    shell("account", "disable", "wb", "--reason", "换号")
    shell("user", "disable", "qian")


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
    assert INSTANT.convert("2026-11-24T09:00:00", None, None) == datetime(2026, 11, 24, 1, tzinfo=UTC)
