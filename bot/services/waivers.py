"""What has been let pass in a document, to be asked finding by finding."""

from __future__ import annotations

from bot.domain.findings import Finding
from bot.models import Document, Waiver

PAIRING = "pairing"
"""The waiver of a policy's interpretation. It is about the document, for review and release too (trigger)."""
_OF_PAIRING = frozenset({"pairing.no_interpretation"})


def waiver_rule(rule: str) -> str:
    """The name under which what this rule finds is let pass."""
    return PAIRING if rule in _OF_PAIRING else rule


class Waived:
    """`finding in waived`: somebody has let this very finding pass."""

    def __init__(self, document: Document) -> None:
        rows = document.waivers.select_related("person").order_by("pk")
        self._by_rule: dict[str, Waiver] = {one.rule: one for one in rows}

    def __contains__(self, finding: object) -> bool:
        return isinstance(finding, Finding) and self.of(finding) is not None

    def of(self, finding: Finding) -> Waiver | None:
        """The waiver that covers it, with who gave it."""
        rule = waiver_rule(finding.rule)
        found = self._by_rule.get(rule)
        return found if found and (rule == PAIRING or finding.key in found.covers) else None

    @property
    def pairing(self) -> Waiver | None:
        """The waiver of the interpretation."""
        return self._by_rule.get(PAIRING)
