"""axe in a page of the browser: what WCAG 2.2 AA and good practice find wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
RULES = {"runOnly": [*WCAG, "best-practice"]}
#: What keeps the rules is thousands of elements, and bringing them here cost more than finding them: they stay in the page.
BROKEN = """found.violations.flatMap(one =>
    one.nodes.map(node => `${one.id}: ${node.target} ${node.html.slice(0, 120)} ${node.failureSummary}`))"""
RUN = f"""options => axe.run({{resultTypes: ["violations"], ...options}}).then(found => JSON.stringify({BROKEN}))"""
JUDGE = f"""options => axe.run(options).then(found => JSON.stringify({{violations: {BROKEN},
    rules: found.passes.length, elements: found.passes.reduce((sum, one) => sum + one.nodes.length, 0)}}))"""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What axe made of one page: a line for each element that breaks a rule; how many rules and elements pass."""

    violations: list[str]
    rules: int
    elements: int


def judged(page: Page) -> Judgement:
    """Every rule of `RULES` on the page as it stands, with the count of what keeps them."""
    page.evaluate(AXE_SCRIPT)
    return Judgement(**json.loads(page.evaluate(JUDGE, RULES)))


def violations(page: Page, rules: Mapping[str, Any] = RULES) -> list[str]:
    """One line for each element that breaks a rule. `rules`: axe's options."""
    page.evaluate(AXE_SCRIPT)
    found: list[str] = json.loads(page.evaluate(RUN, dict(rules)))
    return found
