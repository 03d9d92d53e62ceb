"""What stands beside the text while it is written: each finding with its place, a better word, and whether it may be let pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.findings import Finding
from bot.models import Person
from bot.services import waiving
from bot.services.drafting import Judged, Spot
from bot.services.waivers import Waived


@dataclass(frozen=True, slots=True)
class Line:
    """One finding. `instead`: what its words may be replaced by at once; `waivable`: the form to let its rule pass is here."""

    finding: Finding
    spot: Spot
    instead: str
    waived: bool
    waivable: bool


def lines(judged: Judged, waived: Waived, who: Person) -> Sequence[Line]:
    """In their order. What a rule finds is let pass together, so that only its first finding carries the form."""
    shown: set[str] = set()
    made = []
    for finding, spot in zip(judged.findings, judged.spots, strict=True):
        let_pass = finding in waived
        waivable = not let_pass and finding.rule not in shown and waiving.may_waive(finding, who)
        made.append(Line(finding, spot, _instead(finding, spot), let_pass, waivable))
        if waivable:
            shown.add(finding.rule)
    return made


def _instead(finding: Finding, spot: Spot) -> str:
    """Not where a number was masked in it: the stars would become text."""
    return finding.suggestion if spot.words and "*" not in finding.suggestion else ""
