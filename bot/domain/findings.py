"""Findings: what a check found, worded for staff."""

from __future__ import annotations

import hashlib
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

    @property
    def key(self) -> str:
        """What was found, by rule, field and words: the same after every check of the same text, another for other words."""
        words = "\0".join((self.rule, self.field, self.found, self.message))
        return hashlib.sha256(words.encode()).hexdigest()[:16]


#: What the first part of a rule's id is about, for staff: the ids themselves are for programs.
_ABOUT = {
    "classified": "涉密与公开属性",
    "pii": "个人信息",
    "texts": "文字格式",
    "source": "来源与文号",
    "pairing": "配套解读与日期",
    "terms": "用词",
    "attached": "附件",
    "render": "渠道稿生成",
}


def about(rule: str) -> str:
    """What a rule is about, in staff's words."""
    return _ABOUT.get(rule.partition(".")[0], "平台的限制")


def blocking(findings: Iterable[Finding]) -> list[Finding]:
    """Only those that stop the item."""
    return [finding for finding in findings if finding.level is Level.BLOCK]
