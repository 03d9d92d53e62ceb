"""Documents as answers; reads only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from bot.domain.article import Kind
from bot.domain.findings import Finding, Level
from bot.domain.workflow import EditionState
from bot.models import Document, Edition, Review, Unit
from bot.services.pushing import Pushed
from bot.services.waivers import Waived

from .shapes.documents import (
    ContentOut,
    DocumentLine,
    DocumentPage,
    DocumentWhole,
    Findings,
    Found,
    Reviewed,
    Submission,
    Taken,
    TakenTogether,
)


def editions(
    unit: Unit, *, kind: Kind | None, state: EditionState | None, since: datetime | None, after: int
) -> QuerySet[Edition]:
    """Newest editions of the unit's documents, in the order of their making; only the newest is not superseded.

    The unit is asked row by row: joined, a database may read and sort all documents of it for every page.
    """
    mine = Document.objects.filter(pk=OuterRef("document_id"), unit=unit)
    found = Edition.objects.filter(Exists(mine.filter(kind=kind) if kind else mine), pk__gt=after)
    found = found.filter(state=state) if state else found.exclude(state=EditionState.SUPERSEDED)
    if since is not None:
        found = found.filter(pk__in=_changed(since))
    return found.select_related("document").defer("content").order_by("pk")


def _changed(since: datetime) -> QuerySet[Edition, int]:
    """Each part is read in an index of its own."""
    made = Edition.objects.filter(created_at__gte=since).values_list("pk")
    submitted = Edition.objects.filter(submitted_at__gte=since).values_list("pk")
    return made.union(submitted, Review.objects.filter(at__gte=since).values_list("edition_id"))  # type: ignore[return-value]


def page(found: Sequence[Edition], limit: int) -> DocumentPage:
    """`found` holds one more than the page where there is another page."""
    shown = found[:limit]
    return DocumentPage(
        documents=[line(edition.document, edition) for edition in shown],
        next=shown[-1].pk if len(found) > limit else None,
    )


def line(document: Document, edition: Edition) -> DocumentLine:
    """A document in a list."""
    return DocumentLine(
        cursor=edition.pk,
        id=document.external_id,
        kind=Kind(document.kind),
        title=edition.title,
        state=edition.status,
        edition=edition.number,
        is_policy=document.is_policy,
        interprets=document.interprets_external or None,
        content_hash=edition.content_hash,
        created_at=edition.created_at,
        submitted_at=edition.submitted_at,
        approved_at=edition.approved_at,
    )


def whole(document: Document) -> DocumentWhole:
    """A document with everything."""
    edition = document.current
    content = {name: edition.content.get(name) for name in ContentOut.model_fields}
    content["attachments"] = edition.content.get("attachments", [])
    reviews = edition.reviews.select_related("person").order_by("at", "pk")
    releases = edition.items.order_by("publication__release_id").values_list("publication__release_id", flat=True)
    return DocumentWhole(
        **line(document, edition).model_dump(),
        content=ContentOut.model_validate(content),
        interpretations=list(document.interpretations.order_by("pk").values_list("external_id", flat=True)),
        reviews=[_review(review) for review in reviews],
        posts=_posts(edition),
        releases=list(releases.distinct()),
    )


def _review(review: Review) -> Reviewed:
    return Reviewed.model_validate(
        {
            "step": review.step,
            "verdict": review.verdict,
            "comment": review.comment,
            "person": review.person.name,
            "at": review.at,
        }
    )


def _posts(edition: Edition) -> dict[str, str]:
    return dict(edition.posts.order_by("account_id").values_list("account__slug", "hash"))


def submitted(document: Document, edition: Edition) -> Submission:
    """An edition that was just frozen."""
    return Submission(
        document=document.external_id,
        edition=edition.number,
        state=edition.status,
        content_hash=edition.content_hash,
        marker=edition.marker or "",
        posts=_posts(edition),
    )


def findings(document: Document, gate: Iterable[Finding]) -> Findings:
    """Those of the gate now, and those of the accounts' posts as they were kept at the last submission."""
    edition, waived = document.current, Waived(document)
    kept = edition.findings.filter(account__isnull=False).select_related("account").order_by("pk")
    found = [_found(one, waived) for one in gate]
    found += [_found(row.finding, waived, row.account.slug if row.account else None) for row in kept]
    return Findings(
        document=document.external_id,
        edition=edition.number,
        state=edition.status,
        blocked=_blocked(found),
        findings=found,
    )


def _found(finding: Finding, waived: Waived, account: str | None = None) -> Found:
    return Found(
        rule=finding.rule, level=finding.level, message=finding.message, field=finding.field, start=finding.start,
        end=finding.end, found=finding.found, suggestion=finding.suggestion, source=finding.source, account=account,
        waived=finding in waived,
    )  # fmt: skip


def _blocked(found: Iterable[Found]) -> bool:
    return any(one.level is Level.BLOCK and not one.waived for one in found)


def taken(pushed: Sequence[Pushed]) -> TakenTogether:
    """A document that was handed in, and the interpretation that came with it."""
    first, *others = [_taken(one) for one in pushed]
    return TakenTogether(document=first, interpretation=others[0] if others else None)


def _taken(one: Pushed) -> Taken:
    waived = Waived(one.document)
    found = [_found(finding, waived) for finding in one.findings]
    return Taken.model_validate(
        {
            "id": one.document.external_id,
            "result": one.result,
            "edition": one.edition.number,
            "state": one.edition.status,
            "is_policy": one.document.is_policy,
            "interprets": one.document.interprets_external or None,
            "notes": list(one.notes),
            "blocked": _blocked(found),
            "findings": found,
        }
    )
