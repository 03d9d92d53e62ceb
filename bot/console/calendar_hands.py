"""What people posted, in the calendar: the entries of the book as tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.urls import reverse

from bot.domain.article import Kind
from bot.domain.instants import beijing_date, to_beijing
from bot.models import ManualPost, Unit
from bot.services import manual

from .calendar_tiles import MOST, OFF, PUBLIC, short
from .chips import BY_HAND_DOWN, BY_HAND_PARTLY_DOWN, Chip

POSTED = Chip("手工发布", "good", "hand")
_GROUP_OF = {POSTED: PUBLIC, BY_HAND_PARTLY_DOWN: PUBLIC, BY_HAND_DOWN: OFF}


@dataclass(frozen=True, slots=True)
class Hand:
    """One message that people posted: an article, or several of one account, mode and minute."""

    posts: Sequence[ManualPost]

    @property
    def post(self) -> ManualPost:
        """The first of them."""
        return self.posts[0]

    @property
    def instant(self) -> datetime:
        """When it went out."""
        return self.post.posted_at

    @property
    def time(self) -> str:
        """The time of day in Beijing."""
        return to_beijing(self.instant).strftime("%H:%M")

    @property
    def short(self) -> str:
        """The title as a tile holds it."""
        return short(self.post.title)

    @property
    def title(self) -> str:
        """The whole title, and how many more there are."""
        rest = f" 等 {len(self.posts)} 篇" if len(self.posts) > 1 else ""
        return f"{self.post.title}{rest}"

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Of its documents; of what has no document here nothing is known."""
        return tuple(dict.fromkeys(Kind(one.edition.document.kind) for one in self.posts if one.edition))

    @property
    def line(self) -> str:
        """Its line in the book."""
        return f"{reverse('manual')}?before={self.post.pk + 1}#line-{self.post.pk}"

    @property
    def facets(self) -> dict[str, frozenset[str]]:
        """Its values of each facet that the page can be filtered by."""
        return {
            "channel": frozenset({self.post.account.channel}),
            "kind": frozenset(map(str, self.kinds)),
            "state": frozenset({_GROUP_OF[self.standing]}),
        }

    @property
    def standing(self) -> Chip:
        """What it is called: what was posted, unless people have taken it down again."""
        down = [one.task is not None and bool(one.task.drop_reason) for one in self.posts]
        return (BY_HAND_DOWN if all(down) else BY_HAND_PARTLY_DOWN) if any(down) else POSTED


def found(unit: Unit, days: Sequence[date]) -> tuple[list[Hand], date | None]:
    """What people posted on these days, in order of time, and from which day on that is not all of it.

    What they posted for a release on its day is left out: the release's own tile stands there and says so.
    """
    posts = manual.on_days(unit, min(days), max(days), most=MOST + 1)
    groups: dict[tuple[object, ...], list[ManualPost]] = {}
    for post in posts[:MOST]:
        if post.task is None or beijing_date(post.task.release.instant) != beijing_date(post.posted_at):
            groups.setdefault((post.account_id, post.mode, post.posted_at), []).append(post)
    cut = beijing_date(posts[MOST].posted_at) if len(posts) > MOST else None
    return [Hand(group) for group in groups.values()], cut


def busy(unit: Unit, days: Sequence[date]) -> set[date]:
    """On which of these days people posted anything."""
    return manual.days_with_posts(unit, min(days), max(days))
