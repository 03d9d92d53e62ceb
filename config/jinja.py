"""The Jinja2 environment of the staff pages (the posts have their own, sandboxed one)."""

from __future__ import annotations

from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from django.templatetags.static import static
from django.urls import reverse
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from bot import __version__
from bot.domain.instants import delay, show, to_beijing
from bot.domain.typography import quoted

NOT_REPORTED = "—"
"""Shown where a platform did not report a number: that is never 0."""


def environment(**options: Any) -> Environment:
    """Built by Django's Jinja2 backend. A misspelt name in a template is an error, not an empty string."""
    env = Environment(**{**options, "undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True})  # noqa: S701 - Django passes autoescape=True
    env.globals.update(static=cache(static), svg_icon=svg_icon, draw_chip=draw_chip, url=url, version=__version__)
    env.filters.update(beijing=beijing, clock=clock, number=number, delay=delay, quoted=quoted)
    return env


@cache
def svg_icon(name: str) -> Markup:
    """An icon of the sprite. Not a macro: a page has hundreds, and a macro's call costs ten times a function's."""
    return Markup('<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>').format(
        static("console/icons.svg"), name
    )


@lru_cache(4096)
def draw_chip(one: Any) -> Markup:
    """A state as colour, icon and word, with a count where there is one (`bot.console.chips.Chip`). No macro either, and the
    same few on every page."""
    count = f" <b>{escape(one.count)}</b>" if one.count else ""
    return Markup(  # noqa: S704 - every part is escaped
        f'<span class="chip tone-{escape(one.tone)}">{svg_icon(one.icon)}{escape(one.label)}{count}</span>'
    )


@lru_cache(4096)
def url(name: str, *args: object, **kwargs: object) -> str:
    """`url("release", 7)` in a template: the address of a named page. A calendar asks for the same few hundred again and again."""
    return reverse(name, args=args or None, kwargs=kwargs or None)


def beijing(value: datetime | None, *, seconds: bool = True) -> str:
    """An instant in Beijing time, or a dash."""
    return NOT_REPORTED if value is None else show(value, seconds=seconds)


def clock(value: datetime | None, *, beside: datetime | None = None, exact: bool = False) -> str:
    """Only the time of day in Beijing, or a dash; `exact`: to the millisecond, never rounded up.

    `beside`: an instant that the reader has before them. With the month and day where the day is another.
    """
    if value is None:
        return NOT_REPORTED
    local = to_beijing(value)
    day = "" if beside is None or local.date() == to_beijing(beside).date() else f"{local:%m-%d} "
    return f"{day}{local:%H:%M:%S}" + (f".{local.microsecond // 1000:03d}" if exact else "")


def number(value: int | None) -> str:
    """A figure with thousands separators; what was not reported is a dash, never 0."""
    return NOT_REPORTED if value is None else f"{value:,}"
