"""What stands before a push in its lane: several posts of one release on one account go one after the other."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bot.domain.delivery import State
from bot.domain.engine.handing_out import BEHIND, PASSED, STUCK, may_go_on
from bot.models import Publication

from .transitions import Stale, touch


def before(publication: Publication) -> Publication | None:
    """The one before it in its lane; None for the first."""
    mates = Publication.objects.filter(
        release=publication.release_id, account=publication.account_id, lane__lt=publication.lane
    )
    return mates.exclude(state=State.CANCELLED).select_related("account").order_by("-lane").first()


def stuck_behind(publication: Publication, freed: Collection[int] = ()) -> Publication | None:
    """The push that would have it held again at once; None when it may go on. `freed`: those resumed with it."""
    previous = before(publication)
    if previous is None or previous.pk in freed or previous.status not in STUCK:
        return None
    return previous


def tell_who_may_go_on(publications: Sequence[Publication]) -> list[Publication]:
    """Those held behind another push whose way is free now get a sentence that says so. Returns what was told anew.

    Nothing goes on by itself: a person resumes them, after a look at what the interruption was.
    """
    told = []
    for one in _held_behind(publications):
        words = may_go_on(one.release_id)
        if one.reason == words or not _is_free(one):
            continue
        try:
            touch(one, reason=words)
        except Stale:
            continue  # somebody is at it
        told.append(one)
    return told


def _held_behind(publications: Sequence[Publication]) -> list[Publication]:
    """Of these, and of what follows them in their lanes, the ones that are held because of the one before."""
    lanes = {(one.release_id, one.account_id) for one in publications if one.status in PASSED or one.lane}
    found: list[Publication] = []
    for release, account in sorted(lanes):
        mates = Publication.objects.filter(release=release, account=account, state=State.HELD, lane__gt=0)
        found += mates.filter(reason__startswith=BEHIND).select_related("account", "release__gate").order_by("lane")
    return found


def _is_free(publication: Publication) -> bool:
    """All before it have passed, or wait to be resumed together with it."""
    previous = before(publication)
    while previous is not None and previous.status is State.HELD and previous.reason.startswith(BEHIND):
        previous = before(previous)
    return previous is not None and previous.status in PASSED
