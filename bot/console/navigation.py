"""The main navigation: which pages there are for whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from bot.domain.urgent import PROPOSERS
from bot.domain.workflow import READERS, Role
from bot.models import Person
from bot.services import urgent
from bot.services.people import manages_people, may_read

from . import inbox
from .people import person

ACCOUNTS = frozenset({Role.SYSADMIN, Role.DUTY, Role.RELEASER, Role.AUDITOR, Role.AUDITADMIN})


@dataclass(frozen=True, slots=True)
class Entry:
    """One link: the page's name in `urls.py`, its word, its icon, and who finds it in the navigation (empty: everybody).

    `waiting`: how much there waits for this person, by one question that an index answers; it is asked on every page.
    `also`: names of other pages that belong to it though their addresses do not begin with its own.
    """

    name: str
    label: str
    icon: str
    roles: frozenset[Role] = frozenset()
    only_if: Callable[[Person], bool] | None = None
    waiting: Callable[[Person], int] | None = None
    also: tuple[str, ...] = ()

    def shown_to(self, who: Person) -> bool:
        """Whether this person finds it in the navigation."""
        if self.roles and not any(who.has_role(role) for role in self.roles):
            return False
        return self.only_if is None or self.only_if(who)


@dataclass(frozen=True, slots=True)
class Link:
    """An entry for this request. `counts`: it tells how much waits there, which may be none."""

    label: str
    icon: str
    href: str
    current: bool
    name: str
    waiting: int = 0
    counts: bool = False


WRITING = (
    "document-new",
    "import",
    "edit",
    "edition-save",
    "cover",
    "preview",
    "compare",
)  # what is done with a document

ENTRIES: tuple[Entry, ...] = (
    Entry("today", "值班台", "clock"),
    Entry("documents", "文件", "box", READERS, also=WRITING),
    Entry("reviews", "审批箱", "inbox", READERS, waiting=inbox.waiting),
    Entry("releases", "发布单", "send", READERS),
    Entry("urgent", "应急", "alert", frozenset(PROPOSERS), waiting=urgent.waiting_for),
    Entry("calendar", "日历", "calendar"),
    Entry("exceptions", "异常台", "alert", READERS),
    Entry("manual", "手工发布", "hand", READERS),
    Entry("data", "数据", "part", READERS),
    Entry("accounts", "账号", "badge", ACCOUNTS),
    Entry("trail", "留痕", "eye", frozenset({Role.AUDITOR, Role.AUDITADMIN})),
    Entry("staff", "人员", "person", frozenset({Role.SECADMIN, Role.SYSADMIN}), manages_people),
)


def context(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `navigation`, a list of links, empty before the login; `reads`: whether links to texts open."""
    user = getattr(request, "user", None)
    logged_in = user is not None and user.is_authenticated
    return {"navigation": links(request), "reads": logged_in and may_read(person(request))}


def links(request: HttpRequest) -> Sequence[Link]:
    """Those that the person may use, in their order."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return ()
    who = person(request)
    return [_link(entry, request.path, who) for entry in ENTRIES if entry.shown_to(who)]


@cache
def _beginnings(names: tuple[str, ...]) -> tuple[str, ...]:
    """What the addresses of these pages begin with, up to the document that they are about."""
    return tuple(_beginning(name) for name in names)


def _beginning(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return reverse(name, args=["x"]).removesuffix("x")


def _link(entry: Entry, path: str, who: Person) -> Link:
    href = reverse(entry.name)
    current = path == href or (href != "/" and path.startswith(href)) or path.startswith(_beginnings(entry.also))
    count = entry.waiting
    return Link(entry.label, entry.icon, href, current, entry.name, count(who) if count else 0, count is not None)
