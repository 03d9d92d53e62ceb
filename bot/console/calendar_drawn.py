"""Tiles of the calendar as HTML, kept: a month has hundreds, a page that is looked at asks for them every twenty seconds, and
between two looks hardly one of them changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache, partial

from django.template.loader import render_to_string
from markupsafe import Markup

from bot.domain.article import Kind

from .calendar_tiles import KIND_ICONS, KIND_WORDS, Glyph, Tile, counted
from .chips import Chip

KEPT = 2048  # tiles, of a few kB each


@dataclass(frozen=True, slots=True)
class Face:
    """All that a tile shows, and to whom: with the same face it looks the same. `back`: the query that leads back here."""

    pk: int
    title: str
    short: str
    instant: datetime
    day: str
    time: str
    standing: Chip
    urgent: Chip | None
    group: str
    kinds: tuple[Kind, ...]
    pieces: int
    glyphs: tuple[Glyph, ...]
    signed_by: str
    fixed: str
    may_move: bool
    reads: bool
    back: str


def drawer(*, may_move: bool, reads: bool, back: str) -> Callable[[Tile], Markup]:
    """What draws the tiles of one page, for one person."""
    return partial(_drawn_for, may_move=may_move, reads=reads, back=back)


def _drawn_for(one: Tile, *, may_move: bool, reads: bool, back: str) -> Markup:
    release = one.release
    signer = release.signed_by if release.signed else None
    return drawn(
        Face(
            release.pk, release.title, one.short, release.instant, one.at.date().isoformat(), one.time, one.standing,
            one.urgent, one.group, one.kinds, one.pieces, one.glyphs, signer.name if signer else "",
            one.fixed if may_move else "", may_move, reads, back if may_move else "",
        )
    )  # fmt: skip


@lru_cache(KEPT)
def drawn(face: Face) -> Markup:
    """The tile."""
    values = {name: getattr(face, name) for name in _FIELDS}
    also = {"marks": counted(face.glyphs), "kind_words": KIND_WORDS, "kind_icons": KIND_ICONS}
    text = render_to_string("parts/calendar_tile.html", {**values, **also})
    return Markup(text)  # noqa: S704 - a template wrote it, and escaped what it was given


_FIELDS = tuple(one.name for one in fields(Face))
