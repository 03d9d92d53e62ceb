"""axe in a page of the browser: what WCAG 2.2 AA and good practice find wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What axe made of one page: a line for each element that breaks a rule; how many rules and elements pass."""

    violations: list[str]
    rules: int
    elements: int


def judged(page: Page) -> Judgement:
    """Every rule of `RULES` on the page as it stands."""
    found = Axe().run(page, options=RULES).response
    broken = [
        f"{one['id']}: {node['target']} {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]
    ]
    return Judgement(broken, len(found["passes"]), sum(len(one["nodes"]) for one in found["passes"]))


def violations(page: Page) -> list[str]:
    """One line for each element that breaks a rule."""
    return judged(page).violations
