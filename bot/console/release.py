"""发布单: the whole story of one release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from bot.domain.instants import milliseconds
from bot.models import Attempt, Item, Publication, Release
from bot.services import gating
from bot.services.accounts import spec_of
from bot.services.measuring import latest_values
from bot.services.releases import find_release

from . import board, chips, story
from .people import now, person

METRIC_WORDS = {
    "reads": "阅读",
    "shares": "分享",
    "likes": "点赞",
    "recommends": "在看",
    "comments": "评论",
    "favourites": "收藏",
    "reposts": "转发",
    "attitudes": "赞",
}
OUTCOMES = {
    "": ("还没有结果", "busy", "eye"),
    "not_sent": ("没有发出", "wait", "undo"),
    "accepted": ("平台已受理", "good", "check"),
    "refused": ("平台拒绝，没有发出", "bad", "cross"),
    "unknown": ("结果不明", "doubt", "question"),
}
KINDS = {"first": "首次发送", "again": "再次发送", "probe": "核对（同一编号重放，不会重复发布）"}


@dataclass(frozen=True, slots=True)
class Place:
    """One position of a publication."""

    item: Item
    reviewers: Sequence[str]
    metrics: Sequence[tuple[str, int | None]]


@dataclass(frozen=True, slots=True)
class Try:
    """One public call."""

    attempt: Attempt
    kind: str
    outcome: chips.Chip
    took_ms: float | None


@dataclass(frozen=True, slots=True)
class Push:
    """One publication with everything that is known of it."""

    publication: Publication
    chip: chips.Chip
    channel: str
    mode: str
    after_page: float | None
    places: Sequence[Place]
    tries: Sequence[Try]


@require_GET
def release_page(request: HttpRequest, pk: int) -> HttpResponse:
    """The page; another unit's releases do not exist here."""
    return render(request, "release.html", _story(request, pk))


def _story(request: HttpRequest, pk: int) -> dict[str, object]:
    who, at = person(request), now()
    release = find_release(pk, unit=who.unit)
    publications, told = _publications(release), gating.story(release)
    subjects = {f"release:{release.pk}": "发布单"}
    subjects |= {f"publication:{one.pk}": _name(one, publications) for one in publications}
    return {
        "now": at,
        "release": release,
        "standing": chips.standing(release, publications, at),
        "says": chips.public_words(publications),
        "pushes": [_push(publication, told) for publication in publications],
        "gate": told,
        "sentences": story.tell(subjects),
        "frozen": board.frozen(who.unit),
        "tail": story.tail,
    }


def _publications(release: Release) -> list[Publication]:
    items = Item.objects.select_related("edition__document", "post").order_by("position")
    found = release.publications.select_related("account").prefetch_related(
        Prefetch("items", items), "items__edition__reviews__person", "attempts"
    )
    return list(found.order_by("account_id", "lane"))


def _name(publication: Publication, all_of_them: Sequence[Publication]) -> str:
    several = sum(other.account_id == publication.account_id for other in all_of_them) > 1
    return f"{publication.account.name} 第 {publication.lane + 1} 条" if several else publication.account.name


def _push(publication: Publication, told: gating.GateStory | None) -> Push:
    spec = spec_of(publication.account)
    return Push(
        publication,
        chips.chip(publication.status),
        spec.label,
        spec.mode(publication.mode).label,
        gating.after_page(publication, told),
        [_place(item, spec.metrics) for item in publication.items.all()],
        [_try(attempt) for attempt in sorted(publication.attempts.all(), key=lambda one: one.number)],
    )


def _place(item: Item, metrics: Sequence[str]) -> Place:
    reviews = sorted(item.edition.reviews.all(), key=lambda review: review.at)
    values = latest_values(item) if item.platform_id else {}
    shown = [(METRIC_WORDS[name], values.get(name)) for name in metrics if name in METRIC_WORDS]
    return Place(item, [review.person.name for review in reviews if review.verdict == "pass"], shown if values else ())


def _try(attempt: Attempt) -> Try:
    label, tone, icon = OUTCOMES[attempt.outcome]
    sent, answered = attempt.sent_at, attempt.answered_at
    took = milliseconds(answered - sent) if sent and answered else None
    return Try(attempt, KINDS.get(attempt.kind, attempt.kind), chips.Chip(label, tone, icon), took)
