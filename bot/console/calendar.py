"""日历: what is released on which day, month by month, week by week, or as a list for paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from bot.domain.article import Kind
from bot.domain.calendar import days, holidays, hours
from bot.domain.calendar.days import View
from bot.domain.instants import beijing_date
from bot.domain.workflow import Role
from bot.models import Account, Person
from bot.services.accounts import known, spec_of
from bot.services.people import may_read

from . import calendar_hands, veil
from .calendar_ask import Ask
from .calendar_days import Composer, DayCell, cells, hour_cells, quota_tags
from .calendar_drawn import drawer
from .calendar_hands import Hand
from .calendar_tiles import GROUPS, KIND_ICONS, KIND_WORDS, MOST, Beside, Tile, busy, found, tile
from .people import now, person

MOVERS = (Role.EDITOR, Role.RELEASER)
IN_A_CELL = 4  # tiles of a day of the month; the rest is one step away


@dataclass(frozen=True, slots=True)
class Option:
    """One value to filter by, with how many tiles of this page have it."""

    label: str
    count: int
    chosen: bool
    href: str
    look: str
    icon: str = ""


def may_move(who: Person) -> bool:
    """Who may plan releases and give them another instant."""
    return any(who.has_role(role) for role in MOVERS)


@require_safe
def calendar(request: HttpRequest) -> HttpResponse:
    """The page: everybody of the unit may look."""
    at = now()
    return render(request, "calendar.html", _page(person(request), Ask.of(request.GET, beijing_date(at)), at))


def _page(who: Person, ask: Ask, at: datetime) -> Mapping[str, Any]:
    span = days.shown(ask.view, ask.day)
    rows = found(who.unit, span)
    veil.over(rows, who)
    accounts = list(who.unit.accounts.order_by("pk"))
    beside = Beside.of(rows, accounts)
    month = [day for week in days.weeks_of_month(ask.day) for day in week]
    hands, hands_cut = calendar_hands.found(who.unit, span)
    cut_from = min(
        filter(None, [hands_cut, beijing_date(rows[MOST].instant) if len(rows) > MOST else None]), default=None
    )
    every: list[Tile | Hand] = [*(tile(release, beside, at) for release in rows[:MOST]), *hands]
    tiles = [one for one in every if all(ask.takes(facet, values) for facet, values in one.facets.items())]
    tags = quota_tags(accounts, span, now=at)
    composer = Composer(offered=may_move(who), now=at)
    placed = hours.by_day(tiles, _instant)
    shown = cells(span, placed, tags, composer, month=ask.day.month, now=at)
    return {
        "ask": ask,
        "here": ask.href,
        "draw": drawer(may_move=may_move(who), reads=may_read(who), back=urlencode({"back": ask.href})),
        "now": at,
        "heading": days.heading(ask.view, ask.day),
        "today": ask.at(beijing_date(at)).href,
        "turns": [ask.at(days.turned(ask.view, ask.day, by)).href for by in (-1, 1)],
        "views": [(view, ask.at(ask.day, view).href) for view in View],
        "cells": shown,
        "weeks": [shown[start : start + days.WEEK] for start in range(0, len(shown), days.WEEK)],
        "rows": _hour_rows(ask, shown, tiles, composer, at) if ask.view is View.WEEK else [],
        "this_week": set(days.week_of(ask.day)),
        "mini": days.weeks_of_month(ask.day),
        "busy": busy(who.unit, month) | calendar_hands.busy(who.unit, month),
        "facets": _facets(ask, every, accounts),
        "unlisted": holidays.unlisted(span),
        "cut": MOST if cut_from else 0,
        "cut_from": cut_from,
        "count": len(tiles),
        "may_move": may_move(who),
        "may_read_book": may_read(who),
        "kind_words": KIND_WORDS,
        "kind_icons": KIND_ICONS,
        "most": IN_A_CELL,
        "day_words": days.in_words,
        "now_day": beijing_date(at),
        "groups": list(GROUPS.values()),
    }


def _instant(one: Tile | Hand) -> datetime:
    return one.instant if isinstance(one, Hand) else one.release.instant


def _hour_rows(
    ask: Ask, week: Sequence[DayCell], tiles: Sequence[Tile | Hand], composer: Composer, at: datetime
) -> list[tuple[hours.Band, Any]]:
    bands = hours.bands(unfolded=ask.unfolded)
    placed = hours.by_band(tiles, _instant, bands)
    return [(band, hour_cells(week, band, placed, composer, now=at)) for band in bands]


def _facets(ask: Ask, tiles: Sequence[Tile | Hand], accounts: Sequence[Account]) -> list[tuple[str, str, list[Option]]]:
    counts = Counter((facet, value) for one in tiles for facet, values in one.facets.items() for value in values)

    def option(facet: str, value: str, label: str, look: str, icon: str = "") -> Option:
        chosen = value in ask.wanted.get(facet, ())
        return Option(label, counts[facet, value], chosen, ask.toggled(facet, value).href, look, icon)

    channels = {account.channel: spec_of(account).label for account in filter(known, accounts)}
    return [
        ("channel", "渠道", [option("channel", name, label, f"tiny glyph-{name}") for name, label in channels.items()]),
        ("kind", "类别", [option("kind", kind, KIND_WORDS[kind], "", KIND_ICONS[kind]) for kind in Kind]),
        ("state", "状态", [option("state", key, chip.label, f"tone-{chip.tone}", chip.icon) for key, chip in GROUPS.items()]),
    ]  # fmt: skip
