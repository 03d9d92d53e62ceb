"""What lists and search know of documents: their newest title and state, and the words in them.

Derived from the editions, in the transaction that changes an edition; `rebuild` makes all of it anew (after an upgrade, a
restore).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import OuterRef, Subquery

from bot.domain.instants import require_aware
from bot.domain.scripts import spelled_out
from bot.models import Document, Edition, Person, SavedView, search

from .errors import Refused

TOGETHER = 200
MOST_VIEWS = 20
_TAG = re.compile(r"<[^>]+>")
WORDS = ("title", "document_number", "index_number", "unit", "category", "summary")


def words_of(document: Document, content: dict[str, object]) -> str:
    """Everything by which a document is found."""
    body = _TAG.sub(" ", spelled_out(str(content.get("body_html", ""))))
    return " ".join([document.external_id, *(str(content.get(name) or "") for name in WORDS), body])


def note_created(pairs: Iterable[tuple[Document, Edition]]) -> None:
    """New documents, or new editions of old ones: index their words."""
    search.put((document.pk, words_of(document, edition.content)) for document, edition in pairs)


def note_changed(documents: Iterable[int], *, now: datetime) -> None:
    """An edition of these has another state, or there is a new one: the lists follow."""
    require_aware(now)
    newest = Edition.objects.filter(document=OuterRef("pk")).order_by("-number")
    Document.objects.filter(pk__in=list(documents)).update(
        title=Subquery(newest.values("title")[:1]), state=Subquery(newest.values("state")[:1]), changed_at=now
    )


def rebuild(each: Callable[[int], None] | None = None) -> int:
    """Index every document anew, some at a time. Returns how many."""
    done, last = 0, 0
    while True:
        some = list(Document.objects.filter(pk__gt=last).order_by("pk")[:TOGETHER])
        if not some:
            return done
        with transaction.atomic():
            _index(some)
        done, last = done + len(some), some[-1].pk
        if each:
            each(done)


def _index(documents: Sequence[Document]) -> None:
    newest: dict[int, Edition] = {}
    for edition in Edition.objects.filter(document__in=documents).order_by("number"):
        newest[edition.document_id] = edition
    note_created((document, newest[document.pk]) for document in documents if document.pk in newest)


def save_view(person: Person, page: str, name: str, query: str) -> SavedView:
    """Keep a set of filters under a name; the same name again takes the new filters."""
    if not name.strip():
        raise Refused("name", "请给这个视图起个名字，没有保存。")
    if person.views.filter(page=page).exclude(name=name.strip()[:40]).count() >= MOST_VIEWS:
        raise Refused("many", f"最多保存 {MOST_VIEWS} 个视图，没有保存。请先删去不用的。")
    view, _ = SavedView.objects.update_or_create(
        person=person, page=page, name=name.strip()[:40], defaults={"query": query[:500]}
    )
    return view


def drop_view(person: Person, pk: int) -> None:
    """Forget it."""
    SavedView.objects.filter(person=person, pk=pk).delete()
