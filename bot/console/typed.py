"""What stands in the form in which a release is composed, and what a press of one of its buttons makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.http import QueryDict

from bot.domain.instants import parse_instant, to_beijing
from bot.domain.sync import AFTER_LIVE, AT_TIME, AfterLive, AtTime, Policy, Then
from bot.models import Account, Document, ManualTask, Publication, Release, Unit
from bot.services import composing, gating, releases
from bot.services.errors import Refused

from . import manifest
from .deeds import instant_of
from .people import now, plain

MOST = 200  # documents in one release: more are no release that anybody reads through
USUAL = "09:30"


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form. Documents by external id in their order; accounts by slug; `modes` by slug.

    `seen`: the release that is changed, as it was shown (`releases.as_seen`).
    """

    title: str = ""
    documents: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    modes: Mapping[str, str] = field(default_factory=dict)
    day: str = ""
    time: str = USUAL
    sync: str = AT_TIME
    url: str = ""
    expect: str = ""
    wait: str = "10"
    then: str = str(Then.ASK)
    words: str = ""
    seen: str = ""

    @classmethod
    def of(cls, data: QueryDict) -> Typed:
        """As it was sent."""
        modes = {name.removeprefix("mode-"): plain(str(data[name]))[:20] for name in data if name.startswith("mode-")}
        names = ("title", "time", "sync", "url", "expect", "wait", "then", "seen")
        return cls(
            documents=tuple(dict.fromkeys(map(plain, data.getlist("document"))))[:MOST], modes=modes,
            accounts=tuple(map(plain, data.getlist("account"))), day=plain(data.get("date", "")),
            words=plain(data.get("q", ""))[:100], **{name: plain(data.get(name, ""))[:1000] for name in names},
        )  # fmt: skip

    @property
    def instant(self) -> datetime | None:
        """When it is to go out, None while that is not said."""
        try:
            return instant_of(self.day, self.time)
        except Refused:
            return None


def policy_of(typed: Typed) -> Policy:
    """The sync policy that was chosen. Refused where it cannot be."""
    if typed.sync != AFTER_LIVE:
        return AtTime()
    if not (typed.wait.isascii() and typed.wait.isdigit()):
        raise Refused("wait", "最多等几分钟，请写整数，发布单未保存。")
    then = typed.then if typed.then in list(Then) else str(Then.ASK)
    return gating.after_live(typed.url, typed.expect, timedelta(minutes=int(typed.wait[:4])), then)


def with_page(typed: Typed, documents: Sequence[Document]) -> Typed:
    """Where it waits for the portal and no page is named, or no title: those of the first document."""
    if typed.sync != AFTER_LIVE or not documents:
        return typed
    article = documents[0].current.article
    return replace(typed, url=typed.url or article.source_url, expect=typed.expect or article.title)


def begun(query: QueryDict, unit: Unit) -> Typed:
    """All accounts in their own mode; the day and time of the address, else the next usual time."""
    accounts = releases.accounts_named((), unit=unit)
    at = _at(query.get("at", "")) or composing.picks((), now=now())[0].instant
    local = to_beijing(at)
    return Typed(
        documents=tuple(dict.fromkeys(map(plain, query.getlist("document"))))[:MOST],
        accounts=tuple(account.slug for account in accounts), day=local.strftime("%Y-%m-%d"),
        time=_time(local),
    )  # fmt: skip


def _time(local: datetime) -> str:
    """As the field takes it: seconds only where there are some."""
    return local.strftime("%H:%M:%S" if local.second else "%H:%M")


def _at(text: str) -> datetime | None:
    """`2026-12-01`, `2026-12-01T09:30` (Beijing) or with an offset; anything else is as if it were not there."""
    text = text.strip().replace(" ", "+") if "T" in text else text.strip()
    for whole in (text, f"{text}+08:00", f"{text}T{USUAL}+08:00"):
        try:
            return parse_instant(whole)
        except ValueError:
            continue
    return None


def typed_of(release: Release, publications: Sequence[Publication], tasks: Sequence[ManualTask]) -> Typed:
    """A release as the form shows it, to be changed."""
    local, policy = to_beijing(release.instant), release.sync_policy
    gated = {}
    if isinstance(policy, AfterLive):
        minutes = f"{policy.wait.total_seconds() / 60:g}"
        gated = {"url": policy.url, "expect": policy.title, "wait": minutes, "then": str(policy.then)}
    modes = manifest.modes_of(publications, tasks)
    offered = {one.slug: releases.offered_modes(one) for one in manifest.accounts_of(publications, tasks)}
    kept = {slug: name for slug, name in modes.items() if name in {mode.name for mode in offered[slug]}}
    return Typed(
        title=release.title, documents=tuple(one.external_id for one in manifest.documents_of(publications, tasks)),
        accounts=tuple(modes), modes=kept, day=local.strftime("%Y-%m-%d"),
        time=_time(local), sync=release.sync, seen=releases.as_seen(release), **gated,
    )  # fmt: skip


def after(typed: Typed, do: str, unit: Unit) -> Typed:
    """The form after a press of a button: add:ID, remove:ID, up:ID, down:ID, at:INSTANT."""
    what, _, name = plain(do).partition(":")
    order = [one.external_id for one in releases.with_interpretations(documents_of(unit, typed.documents))]
    if what == "at" and (at := _at(name)):
        return replace(typed, day=to_beijing(at).strftime("%Y-%m-%d"), time=_time(to_beijing(at)))
    if what == "add" and len(order) < MOST:
        order.append(name)
    elif what == "remove":
        own = Document.objects.filter(unit=unit, interprets__external_id=name, interprets__unit=unit)
        gone = {name, *own.values_list("external_id", flat=True)}
        order = [one for one in order if one not in gone]
    elif what in {"up", "down"} and name in order:
        place = order.index(name)
        other = place + (1 if what == "down" else -1)
        if 0 <= other < len(order):
            order[place], order[other] = order[other], order[place]
    return replace(typed, documents=tuple(dict.fromkeys(order)))


def documents_of(unit: Unit, names: Sequence[str]) -> list[Document]:
    """The unit's documents of these ids, in this order; what is not there (another unit's) is left out."""
    found = {one.external_id: one for one in Document.objects.filter(unit=unit, external_id__in=names)}
    return [found[name] for name in names if name in found]


def accounts_of(unit: Unit, slugs: Sequence[str]) -> list[Account]:
    """The unit's accounts of these slugs, in the order in which they were added."""
    return list(unit.accounts.filter(slug__in=slugs).order_by("pk"))
