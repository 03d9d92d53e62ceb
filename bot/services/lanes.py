"""What stands before a push in its lane: several posts of one release on one account go one after the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from bot.domain.delivery import State
from bot.domain.engine.handing_out import (
    BEHIND,
    PASSED,
    STUCK,
    Previous,
    decisive,
    goes_nowhere,
    goes_with_its_pair,
    may_go_on,
)
from bot.models import Publication

from .accounts import spec_of
from .bulk import ASKED, chunks
from .pairs import ENDED, alone
from .transitions import Stale, honest, touch


class Lanes:
    """Who stands before whom on one account of one release, asked once for many publications."""

    def __init__(self, publications: Iterable[Publication]) -> None:
        lanes = [publication.release_id for publication in publications if publication.lane]
        self._lanes: dict[tuple[int, int], list[Publication]] = defaultdict(list)
        for some in chunks(sorted(set(lanes)), ASKED):
            for one in Publication.objects.filter(release_id__in=some).exclude(state=State.CANCELLED).order_by("lane"):
                self._lanes[one.release_id, one.account_id].append(one)

    def previous(self, publication: Publication) -> Previous | None:
        """The one before it that decides, or None for the first."""
        lane = self._lanes.get((publication.release_id, publication.account_id), [])
        earlier = [one for one in lane if one.lane < publication.lane] if publication.lane else []
        if not earlier:
            return None
        last = _decisive(earlier)
        return Previous(last.status, last.accepted_at, spec_of(publication.account).spacing)


def before(publication: Publication) -> Publication | None:
    """The one before it in its lane that decides; None for the first."""
    mates = Publication.objects.filter(
        release=publication.release_id, account=publication.account_id, lane__lt=publication.lane
    )
    earlier = list(mates.exclude(state=State.CANCELLED).select_related("account").order_by("lane"))
    return _decisive(earlier) if earlier else None


def _decisive(earlier: Sequence[Publication]) -> Publication:
    return earlier[decisive([one.status for one in earlier])]


def stuck_behind(publication: Publication, freed: Collection[int] = ()) -> Publication | None:
    """The push that would have it held again at once; None when it may go on. `freed`: those resumed with it."""
    previous = before(publication)
    if previous is None or previous.pk in freed or previous.status not in STUCK:
        return None
    return previous


def stuck_among(
    publication: Publication, mates: Iterable[Publication], freed: Collection[int] = ()
) -> Publication | None:
    """`stuck_behind`, of the pushes of its release that are at hand: asks nothing."""
    earlier = [
        one
        for one in mates
        if one.account_id == publication.account_id
        and one.lane < publication.lane
        and one.status is not State.CANCELLED
    ]
    last = _decisive(sorted(earlier, key=lambda one: one.lane)) if earlier else None
    return None if last is None or last.pk in freed or last.status not in STUCK else last


def tell_who_may_go_on(publications: Sequence[Publication]) -> list[Publication]:
    """Those held behind another push whose way is free now get a sentence that says so. Returns what was told anew.

    Nothing goes on by itself: a person resumes them, after a look at what the interruption was.
    """
    told, held = [], _held_behind(publications)
    for one in held:
        if not _is_free(one):
            continue
        words = honest(one, State.HELD, _way_is_free(one, held))
        if one.reason == words:
            continue
        try:
            touch(one, reason=words)
        except Stale:
            continue  # somebody is at it
        told.append(one)
    return told


def _way_is_free(publication: Publication, held: Sequence[Publication]) -> str:
    """What to do with it. `held`: what waits to be resumed together with it."""
    if not alone([publication], going=[one.pk for one in held]):
        return may_go_on(publication.release_id)
    return goes_nowhere() if alone([publication], resting=ENDED) else goes_with_its_pair(publication.release_id)


def _held_behind(publications: Sequence[Publication]) -> list[Publication]:
    """Of these, and of what follows them in their lanes, the ones that are held because of the one before."""
    lanes = {
        (one.release_id, one.account_id) for one in publications if one.lane or one.status in {*PASSED, State.CANCELLED}
    }
    found: list[Publication] = []
    for release, account in sorted(lanes):
        mates = Publication.objects.filter(release=release, account=account, state=State.HELD, lane__gt=0)
        found += mates.filter(reason__startswith=BEHIND).select_related("account", "release__gate").order_by("lane")
    return found


def _is_free(publication: Publication) -> bool:
    """All before it have passed or were called off, or wait to be resumed together with it."""
    previous = before(publication)
    while previous is not None and previous.status is State.HELD and previous.reason.startswith(BEHIND):
        previous = before(previous)
    return previous is None or previous.status in PASSED
