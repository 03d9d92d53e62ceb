"""Other references against the code: finding rules, control calls, ADR form."""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator

from bot.proofing.rules import TERMS_FILE
from bot.proofing.rules import load as load_terms
from bot.rehearsal.control import HANDLERS
from bot.rehearsal.faults import KNOWN

from .pages import ROOT, named, read

RULE = re.compile(r"(?:classified|pairing|pii|source|texts|render|weibo)\.[a-z_]+")
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
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"_finding", "self._note"} and isinstance(node.args[0], ast.Constant):
            found.add(f"wechat.{node.args[0].value}")
    return found


def test_every_rule_of_the_gate_is_explained_and_none_that_does_not_exist():
    documented = {name for name in named(read("docs/reference/findings.md")) if "." in name and not name.startswith("terms.")}
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
    assert calls and calls <= {name for _, name in HANDLERS}
    faults = set(re.findall(r'"fault": "(\w+)"', page))
    assert faults and faults <= set(KNOWN)


def test_every_decision_has_the_four_parts():
    for page in sorted((ROOT / "docs" / "adr").glob("[0-9]*.md")):
        text = page.read_text("utf-8")
        heads = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert heads == ["Context", "Decision", "Alternatives weighed", "Consequences"], page.name
        assert re.match(rf"# {int(page.name[:4])}\. ", text), page.name
