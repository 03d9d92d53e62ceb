"""清单: what a signature would stand for, to be read before it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects

from bot.domain.channel import ModeSpec
from bot.domain.hashing import content_hash
from bot.domain.instants import require_aware
from bot.domain.workflow import Step
from bot.models import Account, Document, Edition, Item, ManualTask, Person, PostRecord, Publication, Release
from bot.services import byhand, forecasting, gating, trail
from bot.services.accounts import spec_of
from bot.services.releases import credit_line
from bot.services.voiding import is_frozen

from . import acts


@dataclass(frozen=True, slots=True)
class Position:
    """One article or post: what it is, who passed it, and the line that signing draws into it, "" where it has no place."""

    edition: Edition
    post: PostRecord
    reviewers: Sequence[tuple[str, str]]
    credit: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of the manifest: a push, or what people post. `at`: None where they are told when."""

    account: Account
    lane: int
    at: datetime | None
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


def tasks_of(release: Release) -> list[ManualTask]:
    """What people post of it, with the same; the release remembers them, so that nothing asks for them again."""
    tasks = byhand.tasks().select_related("account", "edition__document__unit", "edition__author", "post")
    prefetch_related_objects(
        [release],
        Prefetch("manual_tasks", tasks.order_by("account_id", "lane", "position")),
        "manual_tasks__edition__reviews__person",
    )
    return list(release.manual_tasks.all())


def page(release: Release, who: Person, at: datetime) -> dict[str, Any]:
    """The context of the page on which a release is signed."""
    require_aware(at)
    publications, tasks = pushes_of(release), tasks_of(release)
    case = acts.Case(release, publications, gating.story(release), who, is_frozen(who.unit), at, tasks)
    signing = next((act for act in acts.acts(case).others if act.name == "release-sign"), acts.acts(case).primary)
    return {
        "now": at,
        "release": release,
        "entries": [_entry(one) for one in publications],
        "by_hand": _by_hand(tasks),
        "gate": case.told,
        "notes": forecasting.outlook(
            who.unit, documents=documents_of(publications, tasks), accounts=accounts_of(publications, tasks),
            modes=modes_of(publications, tasks), instant=release.instant, now=at, instead_of=release,
        ).notes,
        "seen": _seen(release, publications, tasks),
        "why_not": signing.why_not if signing is not None else "",
        "tail": trail.tail,
    }  # fmt: skip


def documents_of(publications: Sequence[Publication], tasks: Sequence[ManualTask]) -> list[Document]:
    """The documents of a release in their order."""
    positions: list[Item | ManualTask] = [item for one in publications for item in one.items.all()]
    return list(dict.fromkeys(one.edition.document for one in [*positions, *tasks]))


def accounts_of(publications: Sequence[Publication], tasks: Sequence[ManualTask]) -> list[Account]:
    """The accounts of a release."""
    every: list[Publication | ManualTask] = [*publications, *tasks]
    return list(dict.fromkeys(one.account for one in every))


def modes_of(publications: Sequence[Publication], tasks: Sequence[ManualTask]) -> dict[str, str]:
    """How each account publishes, by slug."""
    every: list[Publication | ManualTask] = [*publications, *tasks]
    return {one.account.slug: one.mode for one in every}


def seen(release: Release) -> str:
    """A hash of everything that the page shows: what was read is what is signed."""
    return _seen(release, pushes_of(release), tasks_of(release))


def _seen(release: Release, publications: Sequence[Publication], tasks: Sequence[ManualTask]) -> str:
    shown = [
        [
            one.pk, one.account.slug, one.mode, one.lane, one.instant.isoformat(),
            [[item.edition.content_hash, item.post.hash] for item in one.items.all()],
        ]
        for one in publications
    ]  # fmt: skip
    by_hand = [
        [one.pk, one.account.slug, one.mode, one.lane, one.position, one.waits, one.edition.content_hash, one.post.hash]
        for one in tasks
    ]
    return content_hash(
        {
            "release": release.pk, "instant": release.instant.isoformat(), "sync": release.signed_policy,
            "pushes": shown, "by_hand": by_hand,
        }
    )  # fmt: skip


def _entry(publication: Publication) -> Entry:
    spec = spec_of(publication.account)
    positions = [_position(item) for item in publication.items.all()]
    mode = spec.mode(publication.mode)
    return Entry(publication.account, publication.lane, publication.instant, spec.label, mode, positions)


def _by_hand(tasks: Sequence[ManualTask]) -> list[Entry]:
    """What people are to post, each message once; what was called off is not signed for."""
    groups: dict[tuple[int, int], list[ManualTask]] = {}
    for task in tasks:
        if not task.dropped:
            groups.setdefault((task.account_id, task.lane), []).append(task)
    return [_message(group) for group in groups.values()]


def _message(tasks: Sequence[ManualTask]) -> Entry:
    account, spec = tasks[0].account, spec_of(tasks[0].account)
    mode = spec.mode(tasks[0].mode)
    return Entry(account, tasks[0].lane, None, spec.label, mode, [_position(task) for task in tasks])


def _position(one: Item | ManualTask) -> Position:
    reviews = sorted(one.edition.reviews.all(), key=lambda review: (review.at, review.pk))
    passed = [(Step(review.step).label, review.person.name) for review in reviews if review.verdict == "pass"]
    line, post = credit_line(one.edition), one.post.post
    return Position(one.edition, one.post, passed, line if post.with_credit(line) != post else "")
