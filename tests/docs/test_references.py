"""Other references against the code: finding rules, control calls, ADR form."""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator, Mapping

import click
import pytest

from bot.cli.demo import PASSWORD, PEOPLE
from bot.domain.delivery import State
from bot.domain.workflow import EditionState
from bot.proofing.rules import TERMS_FILE
from bot.proofing.rules import load as load_terms
from bot.rehearsal.control import HANDLERS
from bot.rehearsal.defaults import default_accounts
from bot.rehearsal.faults import KNOWN
from scripts.generate_docs import commands

from .pages import PAGES, ROOT, blocks, named, read

RULE = re.compile(r"(?:attached|classified|pairing|pii|source|texts|render|weibo)\.[a-z_]+")
SOURCES = ["bot/proofing/checks", "bot/rendering", "bot/channels/weibo/checks.py", "bot/channels/weibo/pictures.py"]


def constants(name: str) -> Iterator[ast.AST]:
    path = ROOT / name
    for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
        yield from ast.walk(ast.parse(file.read_text("utf-8")))


def rules_in_code() -> set[str]:
    """Rule ids are literals in the checks; WeChat's are built from a first argument; terms come from the rule file."""
    found = {
        node.value for name in SOURCES for node in constants(name)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and RULE.fullmatch(node.value)
    }  # fmt: skip
    for node in constants("bot/channels/wechat/checking.py"):
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) in {"_finding", "self._note"}
            and isinstance(node.args[0], ast.Constant)
        ):
            found.add(f"wechat.{node.args[0].value}")
    return found


def test_every_rule_of_the_gate_is_explained_and_none_that_does_not_exist():
    documented = {
        name for name in named(read("docs/reference/findings.md")) if "." in name and not name.startswith("terms.")
    }
    assert documented == rules_in_code()


def test_every_kind_of_term_is_listed():
    """The house's rule file is data: a new kind in it needs a line in the page."""
    page = set(named(read("docs/reference/findings.md")))
    kinds = {f"terms.{rule.kind}" for rule in load_terms(TERMS_FILE).rules}
    kinds -= {"terms.classified_marker", "terms.disclosure_attribute"}  # they have checks of their own
    assert {name for name in page if name.startswith("terms.")} == kinds
    with TERMS_FILE.open(encoding="utf-8-sig", newline="") as file:
        assert next(csv.reader(file)) == ["wrong", "right", "kind", "note"]


def test_the_drill_page_uses_calls_and_faults_that_exist():
    page = read("docs/how-to/run-a-drill.md")
    calls = set(re.findall(r"_control/([a-z/]+)", page))
    assert calls
    assert calls <= {name for _, name in HANDLERS}
    faults = set(re.findall(r'"fault": "(\w+)"', page))
    assert faults
    assert faults <= set(KNOWN)


def test_every_decision_has_the_four_parts():
    for page in sorted((ROOT / "docs" / "adr").glob("[0-9]*.md")):
        text = page.read_text("utf-8")
        heads = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert heads == ["Context", "Decision", "Alternatives weighed", "Consequences"], page.name
        assert re.match(rf"# {int(page.name[:4])}\. ", text), page.name


def test_the_rehearsal_page_names_every_fault_and_every_control_call():
    page = read("docs/reference/rehearsal.md")
    words = set(re.findall(r"`(\w+)`", page))
    assert set(KNOWN) <= words
    assert {name for _, name in HANDLERS} <= set(re.findall(r"`([a-z/]+)`", page))


def test_what_the_web_process_believes_of_a_proxy_is_said_by_the_command_and_by_the_way_to_go_live():
    web = read("docs/reference/cli.md").partition("### tongfa run web")[2].partition("\n### ")[0]
    for page in (web, read("docs/how-to/go-live.md")):
        assert "`TONGFA_TRUSTED_PROXY`" in page
        assert "`X-Forwarded-For`" in page


def test_the_tutorial_gives_people_to_the_role_that_minds_them():
    rows = dict(re.findall(r"^\| (\S+管理员) \| (.+) \|$", read("docs/tutorial.zh-CN.md"), re.MULTILINE))
    assert {role for role, part in rows.items() if "人员" in part} == {"安全管理员"}
    assert {"系统管理员", "审计管理员"} < rows.keys()


def test_the_page_on_a_rehearsal_home_names_the_accounts_that_the_servers_know():
    page = read("docs/how-to/make-a-rehearsal-home.md")
    known = default_accounts()
    (wechat,), (weibo,) = known["wechat"], known["weibo"]
    for given in (
        f"app_id={wechat['id']} ", f"original_id={wechat['gh_id']} ", f"WX_SECRET={wechat['secret']} ",
        f"app_key={weibo['app_key']} ", f"uid={weibo['id']} ", f"WB_SECRET={weibo['app_secret']} ", f"WB_TOKEN={weibo['token']}\n",
    ):  # fmt: skip
        assert given in page
    assert "--api-base" not in page, "a rehearsal home knows its own servers"


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_both_readmes_give_the_login_of_the_demo_and_targets_that_exist(name):
    page, makefile = read(name), read("Makefile")
    assert f"`{PASSWORD}`" in page
    assert "`zhou`" in page
    assert "zhou" in {username for username, _, _ in PEOPLE}
    targets = set(re.findall(r"(?:^|`)make ([a-z]+)", page, re.MULTILINE))
    assert {"demo", "test"} <= targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def test_both_readmes_have_the_same_parts():
    """One is the other in another language: as many headings, steps and rows."""
    english, chinese = read("README.md"), read("README.zh-CN.md")
    for pattern in (r"^#+ ", r"^\d\. ", r"^\| ", r"^```"):
        counts = [len(re.findall(pattern, page, re.MULTILINE)) for page in (english, chinese)]
        assert counts[0] == counts[1], pattern


def test_the_tutorial_explains_every_state_that_staff_can_see():
    page = read("docs/tutorial.zh-CN.md")
    labels = [state.label for state in State] + [state.label for state in EditionState]
    assert [label for label in labels if label not in page] == []


def test_the_people_of_the_tutorial_the_drills_and_the_cases_are_those_of_the_demo():
    demo = {username for username, _, _ in PEOPLE}
    for name in ("docs/tutorial.zh-CN.md", "docs/how-to/run-a-drill.md", "docs/how-to/settle-a-case.md"):
        assert set(re.findall(r"--(?:as|second) ([a-z]+)", read(name))) <= demo, name


def test_commands_in_pages_exist_with_their_options():
    """Every `tongfa …` line of a code block can be typed: command and options are real."""
    known = commands()
    wrong = []
    for page in PAGES:
        for block in blocks(page.read_text("utf-8")):
            for line in block.text.replace("\\\n", " ").splitlines():
                wrong += [f"{page.name}: {line}" for _ in wrong_words(line.split("#")[0], known)]
    assert not wrong


def wrong_words(line: str, known: Mapping[str, click.Command]) -> Iterator[str]:
    found = re.match(r"\s*(?:\$ )?(tongfa .*)", line)
    if not found or "COMMAND" in line:
        return
    words = found[1].strip()
    name = next((name for name in sorted(known, key=len, reverse=True) if f"{words} ".startswith(f"{name} ")), "")
    if not name:
        yield words
        return
    options = {option for param in known[name].params for option in (*param.opts, *param.secondary_opts)}
    yield from (option for option in re.findall(r"(?<= )--[a-z-]+", words) if option not in options)
