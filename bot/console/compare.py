"""与上一版比较: any two editions of a document, field by field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from bot.domain.delivery import State
from bot.domain.instants import show
from bot.domain.workflow import EditionState
from bot.models import Document, Edition, Item
from bot.services.documents import find_document

from . import changes, readers
from .document import EDITION_TONES
from .people import person


@dataclass(frozen=True, slots=True)
class Version:
    """One edition in the two lists to choose from. `public`: it is live on at least one account."""

    edition: Edition
    public: bool

    @property
    def standing(self) -> str:
        """已被新版本取代，曾审核通过，已公开"""
        passed = self.edition.approved_at and self.edition.status is not EditionState.APPROVED
        parts = [self.edition.status.label, "曾审核通过" if passed else "", "已公开" if self.public else ""]
        return "，".join(filter(None, parts))

    @property
    def words(self) -> str:
        """第 2 版 · 已通过，已公开 · 李拟 2026-11-23 09:00"""
        one = self.edition
        return f"第 {one.number} 版 · {self.standing} · {one.author.name} {show(one.created_at, seconds=False)}"


@require_safe
@readers.only
def compare_page(request: HttpRequest, external_id: str) -> HttpResponse:
    """`?from=1&to=3`; without them the last approved edition and the newest."""
    document = find_document(external_id, unit=person(request).unit)
    versions = _versions(document)
    new = _chosen(versions, request.GET.get("to", "")) or versions[0]
    old = _chosen(versions, request.GET.get("from", "")) or _before(versions, new)
    changed = changes.between(*_whole(document, old, new)) if old else ()
    context = {
        "document": document, "versions": versions, "old": old, "new": new, "changed": changed, "tones": EDITION_TONES,
        "added": sum(one.added for one in changed), "removed": sum(one.removed for one in changed),
        "backwards": old is not None and old.edition.number > new.edition.number,
    }  # fmt: skip
    return render(request, "compare.html", context)


def _versions(document: Document) -> Sequence[Version]:
    """All of them, newest first, without their contents."""
    live = Item.objects.filter(edition__document=document, publication__state=State.LIVE)
    public = set(live.values_list("edition_id", flat=True))
    found = document.editions.order_by("-number").select_related("author").defer("content")
    return [Version(edition, edition.pk in public) for edition in found]


def _chosen(versions: Sequence[Version], number: str) -> Version | None:
    """The one of that number; 404 where there is none."""
    if not number:
        return None
    for one in versions:
        if str(one.edition.number) == number:
            return one
    raise Http404


def _before(versions: Sequence[Version], new: Version) -> Version | None:
    """The last that was approved or is public before it, else the one before it; None for the first."""
    older = [one for one in versions if one.edition.number < new.edition.number]
    passed = (one for one in older if one.edition.approved_at or one.public)
    return next(passed, older[0] if older else None)


def _whole(document: Document, old: Version, new: Version) -> tuple[Edition, Edition]:
    """Both with their contents."""
    found = document.editions.in_bulk([old.edition.pk, new.edition.pk])
    return found[old.edition.pk], found[new.edition.pk]
