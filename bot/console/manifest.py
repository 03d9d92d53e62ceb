"""清单: what a signature would stand for, to be read before it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Prefetch

from bot.domain.channel import ModeSpec
from bot.domain.hashing import content_hash
from bot.domain.instants import require_aware
from bot.domain.workflow import Step
from bot.models import Account, Document, Item, Person, Publication, Release
from bot.services import forecasting, gating, trail
from bot.services.accounts import spec_of
from bot.services.releases import credit_line
from bot.services.voiding import is_frozen

from . import acts


@dataclass(frozen=True, slots=True)
class Position:
    """One article or post: what it is, who passed it, and the line that signing draws into it."""

    item: Item
    reviewers: Sequence[tuple[str, str]]
    credit: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One push of the manifest."""

    publication: Publication
    channel: str
    mode: ModeSpec
    positions: Sequence[Position]


def pushes_of(release: Release) -> list[Publication]:
    """The pushes with everything that a reader or a signer is shown: a handful of questions, however many there are."""
    items = Item.objects.select_related("edition__document__unit", "edition__author", "post").order_by("position")
    found = release.publications.select_related("account").prefetch_related(
        Prefetch("items", items), "items__edition__reviews__person", "attempts"
    )
    return list(found.order_by("account_id", "lane"))


def page(release: Release, who: Person, at: datetime) -> dict[str, Any]:
    """The context of the page on which a release is signed."""
    require_aware(at)
    publications = pushes_of(release)
    case = acts.Case(release, publications, gating.story(release), who, is_frozen(who.unit), at)
    signing = next((act for act in acts.acts(case).others if act.name == "release-sign"), acts.acts(case).primary)
    chosen = documents_of(publications)
    return {
        "now": at,
        "release": release,
        "entries": [_entry(one) for one in publications],
        "gate": case.told,
        "notes": forecasting.outlook(
            who.unit, documents=chosen, accounts=accounts_of(publications), modes=modes_of(publications),
            instant=release.instant, now=at, instead_of=release,
        ).notes,
        "seen": _seen(release, publications),
        "why_not": signing.why_not if signing is not None else "",
        "tail": trail.tail,
    }  # fmt: skip


def documents_of(publications: Sequence[Publication]) -> list[Document]:
    """The documents of a release in their order."""
    positions = [item for one in publications for item in one.items.all()]
    return list(dict.fromkeys(item.edition.document for item in positions))


def accounts_of(publications: Sequence[Publication]) -> list[Account]:
    """The accounts of a release."""
    return list(dict.fromkeys(one.account for one in publications))


def modes_of(publications: Sequence[Publication]) -> dict[str, str]:
    """How each account publishes, by slug."""
    return {one.account.slug: one.mode for one in publications}


def seen(release: Release) -> str:
    """A hash of everything that the page shows: what was read is what is signed."""
    return _seen(release, pushes_of(release))


def _seen(release: Release, publications: Sequence[Publication]) -> str:
    shown = [
        [
            one.pk, one.account.slug, one.mode, one.lane, one.instant.isoformat(),
            [[item.edition.content_hash, item.post.hash] for item in one.items.all()],
        ]
        for one in publications
    ]  # fmt: skip
    return content_hash({"release": release.pk, "sync": release.signed_policy, "pushes": shown})


def _entry(publication: Publication) -> Entry:
    spec = spec_of(publication.account)
    positions = [_position(item) for item in publication.items.all()]
    return Entry(publication, spec.label, spec.mode(publication.mode), positions)


def _position(item: Item) -> Position:
    reviews = sorted(item.edition.reviews.all(), key=lambda review: (review.at, review.pk))
    passed = [(Step(review.step).label, review.person.name) for review in reviews if review.verdict == "pass"]
    return Position(item, passed, credit_line(item.edition))
