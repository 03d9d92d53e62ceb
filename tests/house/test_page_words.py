"""What services say is read on pages: it says in words what to do, and sends no staff to a shell."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BOT, PAGES = ROOT / "bot", ROOT / "templates" / "console"
SHELL = re.compile(r"tongfa (release|submit|review|document|account (set|enable))\b|--(set|waive|resend|go)\b")
DOCTOR = {"health.py"}  # its checks are read in the shell in which `tongfa doctor` was run


def said(path: Path) -> Iterator[str]:
    """Every string of a module but its docstrings; of an f-string, its fixed parts."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    silent = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in silent:
            yield node.value


def test_no_refusal_reason_or_remedy_names_a_command_that_a_page_does() -> None:
    modules = [*(BOT / "services").rglob("*.py"), *(BOT / "domain").rglob("*.py"), *(BOT / "console").rglob("*.py")]
    found = [
        (path.name, words) for path in modules if path.name not in DOCTOR for words in said(path) if SHELL.search(words)
    ]
    assert found == []


#: Read by whoever runs the machine: before there is a home, in rehearsal, and when the trail does not add up.
FOR_WHO_RUNS_IT = {
    "not_ready.html",
    "rehearsal.html",
    "rehearsal_backstage.html",
    "trail_check.html",
    "down.html",
    "wechat.html",
    "weibo.html",
}


def test_no_page_of_staff_names_a_command() -> None:
    pages = [path for path in PAGES.rglob("*.html") if path.name not in FOR_WHO_RUNS_IT]
    assert len(pages) > 50
    assert [path.name for path in pages if re.search(r"tongfa [a-z]+", path.read_text(encoding="utf-8"))] == []
