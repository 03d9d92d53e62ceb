"""What an address of the calendar asks for: so that every view can be bookmarked and sent to a colleague."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache

from django.http import QueryDict
from django.urls import reverse

from bot.domain.calendar.days import View, read_day

FACETS = ("channel", "kind", "state")


@dataclass(frozen=True, slots=True)
class Ask:
    """A view of a day, and of each facet the values that are wanted (none: all of them). `unfolded`: all 24 hours."""

    view: View
    day: date
    wanted: dict[str, frozenset[str]] = field(default_factory=dict)
    unfolded: bool = False

    @classmethod
    def of(cls, given: QueryDict, today: date) -> Ask:
        """Read an address; what nobody can mean is as if it were not there."""
        view = given.get("view", "")
        wanted = {facet: frozenset(value[:40] for value in given.getlist(facet) if value) for facet in FACETS}
        return cls(
            View(view) if view in set(View) else View.MONTH, read_day(given.get("date", ""), today), wanted,
            given.get("hours") == "all",
        )  # fmt: skip

    @property
    def href(self) -> str:
        """Its address."""
        wanted = tuple(self.wanted.get(facet, frozenset()) for facet in FACETS)
        return f"{reverse('calendar')}?view={self.view}&date={self.day.isoformat()}{_rest(wanted, self.unfolded)}"

    @property
    def filtered(self) -> bool:
        """Whether anything is left out on purpose."""
        return any(self.wanted.get(facet) for facet in FACETS)

    def at(self, day: date, view: View | None = None) -> Ask:
        """The same filters on another day."""
        return replace(self, day=day, view=view or self.view)

    def month(self, day: date) -> Ask:
        """The month of a day."""
        return self.at(day, View.MONTH)

    def week(self, day: date) -> Ask:
        """The week of a day."""
        return self.at(day, View.WEEK)

    def toggled(self, facet: str, value: str) -> Ask:
        """With one more value of a facet, or without it where it is wanted already."""
        return replace(self, wanted={**self.wanted, facet: self.wanted.get(facet, frozenset()) ^ {value}})

    def cleared(self) -> Ask:
        """Without filters."""
        return replace(self, wanted={})

    def folding(self) -> Ask:
        """With the early and late hours the other way round."""
        return replace(self, unfolded=not self.unfolded)

    def takes(self, facet: str, values: frozenset[str]) -> bool:
        """Whether something with these values is to be shown, as far as one facet goes."""
        wanted = self.wanted.get(facet)
        return not wanted or bool(wanted & values)


@lru_cache(256)
def _rest(wanted: tuple[frozenset[str], ...], unfolded: bool) -> str:
    """What a page's hundreds of links have in common behind their day."""
    query = QueryDict(mutable=True)
    for facet, values in zip(FACETS, wanted, strict=True):
        query.setlist(facet, sorted(values))
    if unfolded:
        query["hours"] = "all"
    return f"&{text}" if (text := query.urlencode()) else ""
