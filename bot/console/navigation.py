"""The main navigation: which pages there are for whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from bot.domain.workflow import Role

from .people import person

EDITORIAL = frozenset({Role.EDITOR, Role.FIRST, Role.SECOND, Role.FINAL, Role.RELEASER, Role.DUTY, Role.AUDITOR})


@dataclass(frozen=True, slots=True)
class Entry:
    """One link: the page's name in `urls.py`, its word, its icon, and who finds it in the navigation (empty: everybody)."""

    name: str
    label: str
    icon: str
    roles: frozenset[Role] = frozenset()


@dataclass(frozen=True, slots=True)
class Link:
    """An entry for this request."""

    label: str
    icon: str
    href: str
    current: bool
    name: str


ACCOUNTS = frozenset({Role.SYSADMIN, Role.DUTY, Role.RELEASER, Role.AUDITOR, Role.AUDITADMIN})

ENTRIES: tuple[Entry, ...] = (
    Entry("today", "值班台", "clock"),
    Entry("manual", "手工发布", "hand", EDITORIAL),
    Entry("accounts", "账号", "badge", ACCOUNTS),
)


def context(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `navigation`, a list of links; empty before the login."""
    return {"navigation": links(request)}


def links(request: HttpRequest) -> Sequence[Link]:
    """Those that the person may use, in their order."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return ()
    who = person(request)
    shown = [entry for entry in ENTRIES if not entry.roles or any(who.has_role(role) for role in entry.roles)]
    return [_link(entry, request.path) for entry in shown]


def _link(entry: Entry, path: str) -> Link:
    href = reverse(entry.name)
    current = path == href or (href != "/" and path.startswith(href))
    return Link(entry.label, entry.icon, href, current, entry.name)
