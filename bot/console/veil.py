"""What is not public yet has no title for those who keep the machine, the people or the trail."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.domain.alarms import Kind
from bot.models import Alarm, Item, Person, Publication, Release
from bot.services.people import may_read

HIDDEN = "（稿件）"
_TITLES = re.compile("《.*》", re.DOTALL)  # from the first to the last: titles stand within titles


def over(releases: Iterable[Release], who: Person) -> None:
    """Take the titles off these releases, and off what was fetched with them, where this person may not read them.

    They change in memory alone, for one page.
    """
    if may_read(who):
        return
    for release in releases:
        release.title = f"发布单 {release.pk}"
        fetched = getattr(release, "_prefetched_objects_cache", {})
        parts = [item for push in fetched.get("publications", ()) for item in _items(push)]
        for part in [*parts, *fetched.get("manual_tasks", ())]:
            if "edition" in part._state.fields_cache:
                part.edition.title = HIDDEN


def over_alarms(alarms: Iterable[Alarm], who: Person) -> None:
    """The same for what alarms say, and what is asked for in an urgent notice."""
    if may_read(who):
        return
    for one in alarms:
        one.message = f"{HIDDEN}提请应急发布" if one.kind == Kind.URGENT else _TITLES.sub(HIDDEN, one.message)


def _items(push: Publication) -> Iterable[Item]:
    found: Iterable[Item] = getattr(push, "_prefetched_objects_cache", {}).get("items", ())
    return found
