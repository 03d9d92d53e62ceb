"""A release that another system asks for: composed as people compose it, and never signed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.instants import require_aware
from bot.domain.sync import AfterLive
from bot.models import Document, Person, Release

from . import audit, gating, releases
from .apicalls import Answer, Keep
from .documents import find_document
from .errors import Refused


@dataclass(frozen=True, slots=True)
class Page:
    """The portal page that a release waits for; an empty title means that of the first document."""

    url: str
    title: str
    wait: timedelta
    then: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for, by the names that the other system knows. No accounts: all that are in use."""

    instant: datetime
    documents: Sequence[str]
    accounts: Sequence[str] = ()
    modes: Mapping[str, str] = field(default_factory=dict)
    title: str = ""
    page: Page | None = None


def plan(wish: Wish, *, person: Person, now: datetime, keep: Keep, told: Callable[[Release], Answer]) -> Answer:
    """Compose it in one transaction with the answer: `told` puts the release into words, `keep` keeps them."""
    require_aware(now)
    with audit.serialised():
        documents = [find_document(one, unit=person.unit) for one in dict.fromkeys(wish.documents)]
        accounts = releases.accounts_named(list(dict.fromkeys(wish.accounts)), unit=person.unit)
        foreign = set(wish.modes) - {account.slug for account in accounts}
        if foreign:
            raise Refused("mode", "有账号指定了发布方式，却不在本发布单内，发布单未保存。请只为所选账号指定发布方式。")
        release = releases.plan(
            title=wish.title, instant=wish.instant, documents=documents, accounts=accounts, person=person, now=now,
            modes=dict(wish.modes), sync=_sync(wish.page, documents),
        )  # fmt: skip
        answer = told(release)
        keep(answer)
    return answer


def _sync(page: Page | None, documents: Sequence[Document]) -> AfterLive | None:
    if page is None:
        return None
    return gating.after_live(page.url, page.title or documents[0].current.title, page.wait, page.then)
