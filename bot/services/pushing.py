"""A document that another system hands in, alone or with its interpretation: both are taken, or neither."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot import proofing
from bot.domain.article import Article, Kind
from bot.domain.findings import Finding
from bot.domain.instants import require_aware
from bot.domain.workflow import Role
from bot.intake import LABELS, Record, Rejected, Taken, noted
from bot.intake.assemble import assemble
from bot.models import Document, Edition, Person, Unit

from . import audit, editorial
from .apicalls import Answer, Keep
from .documents import find_document, keep_assets, link, save_article
from .errors import Refused
from .people import require


class Unfit(Refused):
    """A field that intake does not take; `field` is its name, with the part of the call it is in. Nothing was saved."""

    def __init__(self, row: Rejected, part: str) -> None:
        self.field = part + row.field
        what = LABELS.get(row.field, "内容")
        super().__init__(
            "rejected", f"{row.external_id}：{what}“{row.value}”——{row.reason}{row.remedy}未保存任何内容。"
        )


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of one document. `findings` are those of the gate for official text over what was taken."""

    document: Document
    edition: Edition
    result: str
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]


def read(fields: Mapping[str, Any], interpretation: Mapping[str, Any] | None = None) -> list[Taken]:
    """The fields as articles, cleaned as an imported file is. Raises Unfit. Touches no record."""
    rows = [_taken(fields)]
    if interpretation is not None:
        explained = rows[0].article.external_id
        named = {**interpretation, "kind": str(Kind.INTERPRETATION), "interprets": explained}
        if rows[0].article.kind is Kind.INTERPRETATION:
            raise Refused("pair", "政策解读不能再带解读，未保存任何内容。请分别报送。")
        rows.append(_taken(named, "interpretation."))
    return rows


def _taken(fields: Mapping[str, Any], part: str = "") -> Taken:
    row = assemble(Record(1, fields))
    if isinstance(row, Rejected):
        raise Unfit(row, part)
    return row


def push(
    rows: Sequence[Taken], *, person: Person, now: datetime, keep: Keep, told: Callable[[list[Pushed]], Answer]
) -> Answer:
    """Take all of them in one transaction, in order. `told` turns what came of it into the answer, which `keep` keeps.

    The checks run before: they take their time, and a write holds up everybody.
    """
    require_aware(now)
    require(person, Role.EDITOR)
    found = [_findings(row.article, rows, person.unit, now) for row in rows]
    with audit.serialised():
        pushed = [_save(row, findings, person, now) for row, findings in zip(rows, found, strict=True)]
        answer = told(pushed)
        keep(answer)
    return answer


def _save(row: Taken, findings: Sequence[Finding], person: Person, now: datetime) -> Pushed:
    keep_assets(row.assets, unit=person.unit)
    result = save_article(row.article, person=person, now=now)
    link(row.article.external_id, unit=person.unit)
    document = find_document(row.article.external_id, unit=person.unit)
    notes = tuple(map(noted, row.cleaned))
    return Pushed(document, document.current, result, notes, tuple(findings))


def _findings(article: Article, rows: Sequence[Taken], unit: Unit, now: datetime) -> list[Finding]:
    """The gate, with the counterpart from the same call and from the records."""
    said = editorial.pair_within(article, {row.article.external_id: row.article for row in rows})
    known = Document.objects.filter(unit=unit, external_id=article.external_id).first()
    held = Document.objects.filter(unit=unit, interprets_external=article.external_id)
    pair = proofing.Pair(
        is_policy=known.is_policy if known else said.is_policy,
        interpretation_ids=tuple(sorted({*said.interpretation_ids, *held.values_list("external_id", flat=True)})),
        interpreted=said.interpreted or _interpreted(article, unit),
        waived=known is not None and known.waivers.filter(rule="pairing").exists(),
    )
    return editorial.check_article(article, pair, now=now)


def _interpreted(article: Article, unit: Unit) -> Article | None:
    target = Document.objects.filter(unit=unit, external_id=article.interprets).first() if article.interprets else None
    return target.current.article if target else None
