"""Documents: import, link, new editions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from bot.domain.article import Article
from bot.domain.delivery import State
from bot.domain.instants import require_aware
from bot.domain.post import Asset
from bot.domain.typography import quoted
from bot.domain.workflow import EditionState, Role
from bot.intake import Rejected, Row, Taken, noted
from bot.models import AssetRecord, AssetUse, Document, Edition, Item, ManualTask, Person, Unit
from bot.proofing import propose_policy

from . import audit, catalogue, urgentcare
from .errors import NotFound, Refused
from .people import require
from .voiding import void_signature

if TYPE_CHECKING:
    from django.db.models import QuerySet

COMMIT_EVERY = 200  # rows: write transactions stay short on SQLite
MOST_SHEETS = 10  # named as not read
CREATED, UPDATED, UNCHANGED, REJECTED = "created", "updated", "unchanged", "rejected"


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of one row. `notes` say what was cleaned; the rest is set for rejected rows."""

    number: int
    external_id: str
    result: str
    notes: tuple[str, ...] = ()
    field: str = ""
    value: str = ""
    reason: str = ""
    remedy: str = ""


@dataclass(slots=True)
class ImportReport:
    """Counts of an import; the lines themselves are handed to `each` as they happen, so memory stays flat."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    linked: int = 0
    rows: list[RowResult] = field(default_factory=list)

    def count(self, result: RowResult, *more: RowResult) -> None:
        """Add one row; unchanged and untouched rows are counted, not kept. `more`: what else was wrong with it."""
        setattr(self, result.result, getattr(self, result.result) + 1)
        if result.result == REJECTED or result.notes:
            self.rows += [result, *more]

    @property
    def total(self) -> int:
        """Rows seen."""
        return self.created + self.updated + self.unchanged + self.rejected


def _chunks(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, size)):
        yield chunk


def import_rows(
    rows: Iterable[Row], *, person: Person, now: datetime, each: Callable[[RowResult], None] | None = None
) -> ImportReport:
    """Take documents from an intake source. A bad row is reported; the rest goes on.

    Commits every 200 rows: a broken-off import has taken whole rows only, and importing again goes on from
    there (the same content twice changes nothing).
    """
    require_aware(now)
    require(person, Role.EDITOR)
    report = ImportReport()
    for chunk in _chunks(rows, COMMIT_EVERY):
        with audit.serialised():
            results = _take_chunk(chunk, person, now)
            report.linked += _link_waiting(person.unit)
        for result, *more in results:
            report.count(result, *more)
            if each:
                each(result)
    with audit.serialised():
        data = {name: getattr(report, name) for name in (CREATED, UPDATED, UNCHANGED, REJECTED)}
        audit.append(person.username, "documents.imported", f"unit:{person.unit.code}", data, now=now)
    return report


def _take_chunk(rows: Sequence[Row], person: Person, now: datetime) -> list[list[RowResult]]:
    """What became of each row, of one that is refused all that is wrong with it. One transaction's worth of rows, with a handful of queries: it holds the write lock of SQLite."""
    taken = [row for row in rows if isinstance(row, Taken)]
    keep_assets((asset for row in taken for asset in row.assets), unit=person.unit)
    known = _known([row.article.external_id for row in taken], person.unit)
    fresh = [row.article for row in taken if row.article.external_id not in known]
    _create_all(fresh, person, now)
    return [
        [_refused(one) for one in (row, *row.others)]
        if isinstance(row, Rejected)
        else [_result(row, known, person, now)]
        for row in rows
    ]


def _known(external_ids: list[str], unit: Unit) -> dict[str, str]:
    """External id -> content hash of the newest edition, for those that exist."""
    found = Edition.objects.filter(document__unit=unit, document__external_id__in=external_ids).order_by("number")
    return dict(found.values_list("document__external_id", "content_hash"))


def _create_all(articles: Sequence[Article], person: Person, now: datetime) -> None:
    documents = Document.objects.bulk_create(
        Document(
            unit=person.unit, external_id=article.external_id, kind=article.kind, is_policy=propose_policy(article),
            interprets_external=article.interprets, created_by=person, created_at=now, title=article.title, changed_at=now,
        )
        for article in articles
    )  # fmt: skip
    editions = Edition.objects.bulk_create(
        _edition(document, 1, article, person, now) for document, article in zip(documents, articles, strict=True)
    )
    catalogue.note_created(zip(documents, editions, strict=True))
    audit.append_all([_created(person, article.external_id, 1, article.hash) for article in articles], now=now)


def _edition(document: Document, number: int, article: Article, person: Person, now: datetime) -> Edition:
    return Edition(
        document=document, number=number, title=article.title, content=article.content(),
        content_hash=article.hash, author=person, created_at=now,
    )  # fmt: skip


def _created(person: Person, external_id: str, number: int, content_hash: str) -> audit.Entry:
    data = {"number": number, "hash": content_hash, "unit": person.unit.code}
    return audit.Entry(person.username, "edition.created", f"document:{external_id}", data)


def _refused(row: Rejected) -> RowResult:
    return RowResult(
        row.number,
        row.external_id,
        REJECTED,
        field=row.field,
        value=row.value,
        reason=row.reason,
        remedy=row.remedy,
    )


def _result(row: Taken, known: dict[str, str], person: Person, now: datetime) -> RowResult:
    article = row.article
    notes = tuple(map(noted, row.cleaned))
    if article.external_id not in known:
        return RowResult(row.number, article.external_id, CREATED, notes)
    if article.hash == known[article.external_id]:
        return RowResult(row.number, article.external_id, UNCHANGED, notes)
    try:
        return RowResult(row.number, article.external_id, save_article(article, person=person, now=now), notes)
    except Refused as refused:  # nothing of the row was written; the others go on
        return RowResult(row.number, article.external_id, REJECTED, field="external_id", reason=refused.message)


def empty_words(report: ImportReport, name: str) -> str:
    """What to say where a file of that name held nothing to import; "" where it held something."""
    if report.total:
        return ""
    sheet = name.lower().endswith((".csv", ".xlsx", ".xlsm"))
    what = "文件里只有表头，没有数据行" if sheet else "文件里没有可以导入的内容"
    return f"{what}，没有导入任何内容。请检查是否选错文件。"


def unread_words(sheets: Sequence[str]) -> str:
    """What to say of the sheets of a workbook that were not read; "" where there is none."""
    if not sheets:
        return ""
    names = "、".join(sheets[:MOST_SHEETS]) + ("等" if len(sheets) > MOST_SHEETS else "")
    return f"另有 {len(sheets)} 张工作表没有读取：{names}。一个文件只读一张；要导入它们，请分别另存为文件。"


def keep_assets(assets: Iterable[Asset], *, unit: Unit) -> None:
    """Store pictures by their hash; a picture already there is the same picture. They are this unit's, too."""
    for asset in assets:
        record, _ = AssetRecord.objects.get_or_create(
            sha256=asset.sha256, defaults={"media_type": asset.media_type, "name": asset.name, "data": asset.data}
        )
        AssetUse.objects.get_or_create(asset=record, unit=unit)


def save_article(article: Article, *, person: Person, now: datetime, whole: bool = False) -> str:
    """Create the document or a new edition of it; returns created, updated or unchanged.

    `whole`: the article tells of attachments and cover too. What comes from a file or from the portal does not, and then
    those of the newest edition stay.
    """
    require_aware(now)
    document = Document.objects.filter(unit=person.unit, external_id=article.external_id).first()
    if document is None:
        _create_all([article], person, now)
        return CREATED
    current = document.current
    if not whole:
        known = current.article
        article = replace(article, attachments=known.attachments, cover=known.cover)
    if current.content_hash == article.hash:
        return UNCHANGED
    _new_edition(document, article, person, now)
    _refresh_identity(document, article)
    return UPDATED


def _refresh_identity(document: Document, article: Article) -> None:
    document.kind = article.kind
    if document.interprets_external != article.interprets:
        document.interprets_external, document.interprets = article.interprets, None
    document.save(update_fields=["kind", "interprets_external", "interprets"])


def _new_edition(document: Document, article: Article, person: Person, now: datetime) -> Edition:
    """A change is a new edition: it takes the place of the older ones and voids what was signed of them."""
    urgentcare.require_free(document)
    older = document.editions.exclude(state=EditionState.SUPERSEDED).order_by("-number").first()
    if older is not None:
        supersede(older, person=person, now=now)
    edition = _edition(document, document.editions.count() + 1, article, person, now)
    edition.save(force_insert=True)
    catalogue.note_created([(document, edition)])
    catalogue.note_changed([document.pk], now=now)
    audit.append_all([_created(person, document.external_id, edition.number, edition.content_hash)], now=now)
    return edition


def supersede(edition: Edition, *, person: Person, now: datetime) -> None:
    """Retire an edition. Signed releases that hold it and have not sent a byte lose their signature."""
    require_aware(now)
    void_waiting(edition, reason=f"{quoted(edition.title[:40])}内容有修改", person=person, now=now)
    urgentcare.note_changed(edition, person=person, now=now)
    Edition.objects.filter(pk=edition.pk).update(state=EditionState.SUPERSEDED)
    catalogue.note_changed([edition.document_id], now=now)


def void_waiting(edition: Edition, *, reason: str, person: Person, now: datetime) -> None:
    """Take back the signature of every release in which this edition still waits to be sent."""
    require_aware(now)
    waiting = Item.objects.filter(edition=edition, active=True).exclude(
        publication__state__in=[State.CONFIRMING, State.LIVE, State.GONE, State.WITHDRAWN, State.CANCELLED]
    )
    by_hand = ManualTask.objects.filter(edition=edition, done_at__isnull=True, release__cancelled_at__isnull=True)
    found = {*waiting.values_list("publication__release_id", flat=True), *by_hand.values_list("release_id", flat=True)}
    for release_id in found:
        void_signature(release_id, reason=reason, actor=person.username, now=now)


def _link_waiting(unit: Unit) -> int:
    """Link interpretations to documents that have come in by now, in whatever order."""
    waiting = Document.objects.filter(unit=unit, interprets__isnull=True).exclude(interprets_external="")
    targets = dict(
        Document.objects.filter(
            unit=unit, external_id__in=list(waiting.values_list("interprets_external", flat=True))
        ).values_list("external_id", "pk")
    )
    linked = 0
    for document in waiting:
        target = targets.get(document.interprets_external)
        if target and target != document.pk:
            Document.objects.filter(pk=document.pk).update(interprets_id=target)
            linked += 1
    return linked


def link(external_id: str, *, unit: Unit) -> None:
    """Link one document to what it interprets, and to it the interpretations that waited for it."""
    document = find_document(external_id, unit=unit)
    if document.interprets_external and document.interprets_id is None:
        target = Document.objects.filter(unit=unit, external_id=document.interprets_external).exclude(pk=document.pk)
        Document.objects.filter(pk=document.pk).update(interprets=target.first())
    waiting = Document.objects.filter(unit=unit, interprets__isnull=True, interprets_external=external_id)
    waiting.exclude(pk=document.pk).update(interprets=document)


def find_document(external_id: str, *, unit: Unit) -> Document:
    """A document of this unit by its external id."""
    try:
        return Document.objects.select_related("unit", "interprets").get(unit=unit, external_id=external_id)
    except Document.DoesNotExist:
        raise NotFound("文件", external_id) from None


def documents_of(unit: Unit) -> QuerySet[Document]:
    """All documents of a unit, oldest first."""
    return Document.objects.filter(unit=unit).order_by("pk")
