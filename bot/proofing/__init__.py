"""The gate for official text: an article in, findings out.

One file per kind of check in `checks/`; a check is a pure function `(Article, Context) -> Iterator[Finding]`.
A new one is a file there and a line in `CHECKS`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date

from bot.domain.article import Article
from bot.domain.attached import Attached
from bot.domain.findings import Finding, Level

from . import rules
from .checks.attached import check_attached
from .checks.classified import check_classified
from .checks.pairing import check_pairing
from .checks.pii import check_pii
from .checks.source import check_source, propose_policy
from .checks.terms import check_terms
from .checks.texts import check_texts
from .context import PORTAL_HOSTS, Context, Pair, texts_of
from .masks import hide_long_numbers
from .rules import TermBook
from .text import plain_text

__all__ = ["CHECKS", "PORTAL_HOSTS", "Context", "Pair", "TermBook", "check", "plain_text", "propose_policy"]

Check = Callable[[Article, Context], Iterator[Finding]]

#: Every check, in the order in which staff read the results.
CHECKS: tuple[Check, ...] = (
    check_classified, check_pii, check_attached, check_texts, check_source, check_pairing, check_terms,
)  # fmt: skip

#: At most so many findings of one rule in one field; the last one says how many more there are.
MOST_OF_A_KIND = 50

_ORDER = {Level.BLOCK: 0, Level.WARN: 1, Level.HINT: 2}


def check(
    article: Article,
    *,
    pair: Pair,
    today: date,
    portal_hosts: frozenset[str] = PORTAL_HOSTS,
    terms: TermBook | None = None,
    attached: tuple[Attached, ...] = (),
) -> list[Finding]:
    """Everything the gate has to say about an article and the files attached to it (as they were read), blocks first.

    `today` is the date in Asia/Shanghai; `terms` defaults to the packaged rules. Offsets count characters of
    the named field's plain text (`plain_text` for `body_html`). No finding repeats a personal number in clear.
    Never raises, whatever the text.
    """
    context = Context(pair, today, terms or rules.packaged(), portal_hosts, texts_of(article), attached)
    found = [_discreet(finding) for each in CHECKS for finding in each(article, context)]
    return sorted(_capped(found), key=lambda finding: _ORDER[finding.level])


def _discreet(finding: Finding) -> Finding:
    """The same finding without long numbers in clear: words around an error may contain one."""
    if finding.rule.startswith("pii."):  # masked where it was made
        return finding
    return replace(
        finding,
        message=hide_long_numbers(finding.message),
        found=hide_long_numbers(finding.found),
        suggestion=hide_long_numbers(finding.suggestion),
    )


def _capped(findings: Iterable[Finding]) -> list[Finding]:
    findings = list(findings)
    total = Counter(_kind(finding) for finding in findings)
    seen: Counter[tuple[str, Level, str]] = Counter()
    kept: list[Finding] = []
    for finding in findings:
        kind = _kind(finding)
        seen[kind] += 1
        if seen[kind] == MOST_OF_A_KIND < total[kind]:
            more = f"同类问题还有{total[kind] - MOST_OF_A_KIND}处未逐一列出，请通篇检查。"
            finding = replace(finding, message=finding.message + more)
        if seen[kind] <= MOST_OF_A_KIND:
            kept.append(finding)
    return kept


def _kind(finding: Finding) -> tuple[str, Level, str]:
    return finding.rule, finding.level, finding.field
