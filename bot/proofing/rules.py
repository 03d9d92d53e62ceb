"""The word rules of `bot/data/terms.csv`: loading, vetting, and one pass over a text.

The file is the publisher's house style (domain.md 3.4) and is edited by people: columns wrong, right, kind,
note; `wrong` may start with `re:`; `note` holds `sev=`, `match=`, `src=` and a remark.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from ahocorasick_rs import AhoCorasick

from bot.domain.findings import Level

TERMS_FILE = Path(__file__).resolve().parent.parent / "data" / "terms.csv"

_VALID_FROM = re.compile(r"valid[_ ]from\s*≈?\s*(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?")
# A repeated group that itself ends in a repeat, (a+)+, can take exponential time: such a rule is refused.
_RUNAWAY = re.compile(r"[+*}]\)(?:[+*]|\{)")
_MAX_PATTERN = 300
# Expressions run on windows, so that even a quadratic one stays linear in the length of the text.
_STEP, _REACH = 1000, 200


class BadRule(ValueError):
    """A row of the rule file cannot be used; the text says which and why, in Chinese."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row. `pattern` is None for a literal; `match` is literal, re, context, date_aware or field."""

    line: int
    wrong: str
    right: str
    kind: str
    level: Level
    match: str
    source: str
    remark: str = ""
    valid_from: date | None = None
    pattern: re.Pattern[str] | None = None

    @property
    def advice(self) -> bool:
        """Whether `right` is no replacement text (empty or in brackets)."""
        return not self.right or self.right.startswith(("（", "("))


@dataclass(frozen=True, slots=True)
class Match:
    """A rule's match at `start:end` of the text it was given; `right` with groups filled in, "" for advice."""

    rule: Rule
    start: int
    end: int
    text: str
    right: str


class TermBook:
    """All rules, compiled once. Immutable; safe to share between threads."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        rules = tuple(rules)
        self.rules = rules
        self._literals = tuple(rule for rule in rules if rule.pattern is None)
        self._patterns = tuple(rule for rule in rules if rule.pattern is not None)
        self._automaton = AhoCorasick([rule.wrong for rule in self._literals])

    def find(self, text: str) -> list[Match]:
        """Every match in order of place; one that lies inside a longer, no milder match is left out."""
        found = [*self._find_literals(text), *(m for rule in self._patterns for m in _find_pattern(rule, text))]
        return _outermost(found)

    def _find_literals(self, text: str) -> Iterator[Match]:
        for index, start, end in self._automaton.find_matches_as_indexes(text, overlapping=True):
            rule = self._literals[index]
            yield Match(rule, start, end, rule.wrong, "" if rule.advice else rule.right)


def load(path: Path = TERMS_FILE) -> TermBook:
    """Read a rule file. Raises BadRule naming the line."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return TermBook([_rule(line, row) for line, row in enumerate(csv.DictReader(file), 2)])


@lru_cache(maxsize=1)
def packaged() -> TermBook:
    """The rules that come with the product."""
    return load()


def _rule(line: int, row: dict[str, str]) -> Rule:
    parts = [part.strip() for part in row["note"].split(";")]
    note = dict(part.split("=", 1) for part in parts if "=" in part and part.split("=")[0] in {"sev", "match", "src"})
    remark = "; ".join(part for part in parts if part.split("=")[0] not in {"sev", "match", "src"})
    try:
        level = Level(note["sev"])
    except (KeyError, ValueError) as error:
        raise BadRule(f"用语表第{line}行：级别 sev 只能是 block、warn 或 hint。") from error
    if not row["wrong"].removeprefix("re:"):
        raise BadRule(f"用语表第{line}行：wrong 一栏是空的。")
    wrong, match = row["wrong"], note.get("match", "literal")
    return Rule(
        line=line,
        wrong=wrong,
        right=row["right"],
        kind=row["kind"],
        level=Level.HINT if match == "context" else level,  # a context rule cannot know; it may only hint
        match=match,
        source=note.get("src", ""),
        remark=remark,
        valid_from=_valid_from(remark),
        pattern=_compiled(line, wrong.removeprefix("re:"), row["right"]) if wrong.startswith("re:") else None,
    )


def _valid_from(remark: str) -> date | None:
    found = _VALID_FROM.search(remark)
    return date(int(found[1]), int(found[2] or 1), int(found[3] or 1)) if found else None


def _compiled(line: int, expression: str, right: str) -> re.Pattern[str]:
    if len(expression) > _MAX_PATTERN or _RUNAWAY.search(expression):
        raise BadRule(f"用语表第{line}行：正则表达式过长或含嵌套重复，可能使检查卡住，请改写。")
    try:
        pattern = re.compile(expression)
        pattern.sub(right, "")  # refuses a replacement that names a group the expression does not have
    except re.error as error:
        raise BadRule(f"用语表第{line}行：正则表达式或替换文字写法有误（{error}）。") from error
    return pattern


def _find_pattern(rule: Rule, text: str) -> Iterator[Match]:
    """Matches that start in each window; look-behinds still see the text before it."""
    assert rule.pattern is not None  # noqa: S101 - callers pass expression rules only
    position = 0
    while position < len(text):
        stop = position + _STEP
        following = stop
        for match in rule.pattern.finditer(text, position, min(len(text), stop + _REACH)):
            if match.start() >= stop:
                break
            if match.end() > match.start():
                following = max(following, match.end())
                yield Match(rule, *match.span(), match[0], "" if rule.advice else match.expand(rule.right))
        position = following


_RANK = {Level.HINT: 0, Level.WARN: 1, Level.BLOCK: 2}


def _outermost(found: list[Match]) -> list[Match]:
    kept: list[Match] = []
    for match in sorted(found, key=lambda m: (m.start, -m.end, -_RANK[m.rule.level], m.rule.line)):
        if not any(_covers(other, match) for other in reversed(kept[-8:])):
            kept.append(match)
    return kept


def _covers(outer: Match, inner: Match) -> bool:
    inside = outer.start <= inner.start and inner.end <= outer.end
    return inside and _RANK[outer.rule.level] >= _RANK[inner.rule.level]
