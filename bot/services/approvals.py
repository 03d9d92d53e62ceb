"""May this edition leave? Approved in the ordinary way, or carried by two people's words (应急发布): asked until the last moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from bot.domain.urgent import MAY_GO, Word, carried
from bot.domain.workflow import EditionState
from bot.models import Batch, Item, Release, UrgentWord

_ROW = (
    "publication", "edition", "edition__state", "edition__content_hash", "publication__release__manifest_hash",
    "publication__release__urgency", "publication__release__urgency__edition", "publication__release__urgency__digest",
    "publication__release__urgency__content_hash",
)  # fmt: skip


def unapproved(batch: Batch) -> set[int]:
    """Publications of a batch with an edition that nothing carries. One question; one more where something is urgent."""
    rows = list(
        Item.objects.filter(publication__batch=batch).exclude(edition__state=EditionState.APPROVED).values_list(*_ROW)
    )
    words = words_on({row[5] for row in rows if row[5] is not None})
    found = set()
    for publication, edition, state, hashed, manifest, urgency, meant, digest, asked in rows:
        mine = urgency is not None and edition == meant and hashed == asked
        if not mine or not carried(words[urgency], digest=digest, manifest=manifest, state=EditionState(state)):
            found.add(publication)
    return found


def words_on(urgencies: Iterable[int]) -> dict[int, list[Word]]:
    """The words given on each, as the domain's values."""
    found: dict[int, list[Word]] = defaultdict(list)
    wanted = list(urgencies)
    if wanted:
        rows = UrgentWord.objects.filter(urgency__in=wanted).order_by("place")
        for pk, place, person, digest, manifest in rows.values_list(
            "urgency", "place", "person", "digest", "manifest_hash"
        ):
            found[pk].append(Word(place, person, digest, manifest))
    return found


def urgent_and_carried(release: Release) -> bool:
    """Whether it is an urgent release whose two words still carry its edition."""
    urgency = release.urgency
    if urgency is None:
        return False
    edition = urgency.edition
    if edition.content_hash != urgency.content_hash or edition.pk != edition.document.current.pk:
        return False
    words = words_on([urgency.pk])[urgency.pk]
    return edition.status in MAY_GO and carried(
        words, digest=urgency.digest, manifest=release.manifest_hash, state=edition.status
    )
