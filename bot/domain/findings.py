"""Findings: what a check found, worded for staff."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """What a finding does to the item: block stops submission, warn needs a look, hint is advice."""

    BLOCK = "block"
    WARN = "warn"
    HINT = "hint"

    @property
    def label(self) -> str:
        """The word staff use."""
        return {"block": "必须修改", "warn": "请核对", "hint": "建议"}[self.value]


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of one check.

    `rule` is a stable dotted id (`pii.id_card`, `terms.typo`); `field` names the Article field or channel
    field; `start`/`end` are offsets in characters into that field's text (0, 0 when the whole field is
    meant); `found` is the matched text, masked where it is personal data; `suggestion` may be "".
    `message` is a complete Chinese sentence: what is wrong and what to do. `source` cites the rule.
    """

    rule: str
    level: Level
    message: str
    field: str = ""
    start: int = 0
    end: int = 0
    found: str = ""
    suggestion: str = ""
    source: str = ""


def blocking(findings: Iterable[Finding]) -> list[Finding]:
    """Only those that stop the item."""
    return [finding for finding in findings if finding.level is Level.BLOCK]
