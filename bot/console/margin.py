"""What stands beside the text while it is written: each finding with its place, a better word, and whether it may be let pass."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.domain.findings import Finding, Level
from bot.models import Person
from bot.services import editorial
from bot.services.drafting import Judged, Spot


@dataclass(frozen=True, slots=True)
class Line:
    """One finding. `instead`: what its words may be replaced by at once; `waivable`: the form to let its rule pass is here."""

    finding: Finding
    spot: Spot
    instead: str
    waived: bool
    waivable: bool


def lines(judged: Judged, waived: Collection[str], who: Person) -> Sequence[Line]:
    """In their order. A rule is let pass as a whole, so that only its first finding carries the form."""
    shown, made = set(waived), []
    for finding, spot in zip(judged.findings, judged.spots, strict=True):
        rule = finding.rule
        waivable = finding.level is not Level.HINT and rule not in shown and editorial.may_waive(rule, who)
        made.append(Line(finding, spot, _instead(finding, spot), rule in waived, waivable))
        if waivable:
            shown.add(rule)
    return made


def _instead(finding: Finding, spot: Spot) -> str:
    """Not where a number was masked in it: the stars would become text."""
    return finding.suggestion if spot.words and "*" not in finding.suggestion else ""
