"""What needs a person on 值班台, one line for each incident: a release with its accounts, or many that met the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse

from bot.domain import incidents
from bot.domain.alarms import Out
from bot.domain.delivery import State
from bot.domain.incidents import Case, Incident
from bot.models import Account, Publication, Release
from bot.services import disproof

from . import chips
from .alarms import OUTS
from .board import Ask
from .chips import Chip
from .exceptions import OUT_ICONS, out_chip

NO_DOOR = ("", "")


@dataclass(frozen=True, slots=True)
class Part:
    """What is told of one account. `href`: its case, where there is but one."""

    account: Account
    chips: Sequence[Chip]
    href: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line. Of several releases `release` is the earliest. `outs`: 是否已发出, where all accounts have one answer;
    else each of `accounts` has its own. `reasons`: each with whom it concerns, "" where it is the only one. `elsewhere`:
    of how many of the releases another push is public. `for_readers`: its door opens for them alone."""

    chips: Sequence[Chip]
    account: Account | None
    heading: str
    release: Release
    releases: int
    instant: datetime
    outs: Sequence[Chip]
    accounts: Sequence[Part]
    reasons: Sequence[tuple[str, str]]
    door: tuple[str, str]
    elsewhere: int = 0
    for_readers: bool = True


@dataclass(frozen=True, slots=True)
class _Told:
    """A push, or what an account's people are to do, as the accounts of a row are made of them."""

    account: Account
    chip: Chip
    out: Out
    href: str


def rows(asks: Sequence[Ask]) -> list[Row]:
    """Each of these in exactly one line, the most urgent line first; `asks` come most urgent first. Asks the database
    nothing: they come with their releases, and these with their pushes."""
    ranks = {label: place for place, label in enumerate(dict.fromkeys(ask.chip.label for ask in asks))}
    found = incidents.gather(_case(place, ask, ranks[ask.chip.label]) for place, ask in enumerate(asks))
    return [_row(incident, [asks[case.key] for case in incident.cases]) for incident in found]


def _case(place: int, ask: Ask, rank: int) -> Case:
    if ask.push is None:
        return Case(place, ask.release.pk, ask.chip.label, ask.reason, rank, ask.instant, apart=True)
    return Case(place, ask.release.pk, ask.push.state, ask.push.reason, rank, ask.instant)


def _row(incident: Incident, asks: Sequence[Ask]) -> Row:
    if incident.wide:
        return _of_many(incident, asks)
    return _of_one(asks[0]) if len(asks) == 1 else _of_release(asks)


def _of_one(ask: Ask) -> Row:
    """A single thing. Where other accounts have a part in its release, they are told beside it."""
    told = _of_all_accounts([ask])
    outs, accounts = _by_account(told)
    heading = ask.titles[0] if ask.titles else ask.release.title
    more = f" 等 {len(ask.titles)} 篇" if len(ask.titles) > 1 else ""
    door = (_to_do(ask), reverse("exception", args=[ask.case])) if ask.case else ask.door
    several = len(told) > 1 and ask.account is not None
    name = ask.account.name if several and ask.account else ""
    return Row(
        [ask.chip], None if several else ask.account, heading + more, ask.release, 1, ask.instant, outs,
        accounts if several else (), [(name, ask.reason)], door, for_readers=bool(ask.case),
    )  # fmt: skip


def _to_do(ask: Ask) -> str:
    """While the machine is still looking there is nothing to decide, but to look."""
    return "去核对" if ask.push is not None and ask.push.status is State.UNKNOWN else "去办理"


def _of_release(asks: Sequence[Ask]) -> Row:
    release = asks[0].release
    outs, accounts = _by_account(_of_all_accounts(asks, links=True))
    heading = f"{release.title}：{len(asks)} 件待办"
    door, for_readers = _door(release, asks)
    return Row(
        _kinds(asks), None, heading, release, 1, min(ask.instant for ask in asks), outs, accounts, _reasons(asks), door,
        for_readers=for_readers,
    )  # fmt: skip


def _of_many(incident: Incident, asks: Sequence[Ask]) -> Row:
    releases = {ask.release.pk: ask.release for ask in asks}
    outs, accounts = _by_account(_of_pushes([ask.push for ask in asks if ask.push], {}))
    first = [ask for ask in asks if ask.release.pk == incident.releases[0]]
    heading = f"{len(releases)} 张发布单，同一个原因，共 {len(asks)} 条推送"
    address = f"{reverse('exceptions')}?{urlencode({'incident': incident.signature})}"
    elsewhere = sum(any(one.status in chips.PUBLIC for one in each.publications.all()) for each in releases.values())
    return Row(
        _kinds(asks), None, heading, first[0].release, len(releases), min(ask.instant for ask in asks), outs, accounts,
        _reasons(first), (f"逐条办理（{len(asks)} 条）", address), elsewhere,
    )  # fmt: skip


def _door(release: Release, asks: Sequence[Ask]) -> tuple[tuple[str, str], bool]:
    """The one page where all of it is done, and whether it opens for readers alone."""
    doors = {ask.door for ask in asks}
    if len(doors) == 1 and NO_DOOR not in doors:
        return asks[0].door, False
    if all(ask.push for ask in asks):
        return (f"去办理（{len(asks)} 条）", f"{reverse('exceptions')}?{urlencode({'release': release.pk})}"), True
    if all(ask.chip is chips.BY_HAND_NOW for ask in asks) and NO_DOOR not in doors:
        return asks[0].door, False
    return ("打开发布单办理", reverse("release", args=[release.pk])), True


def _kinds(asks: Iterable[Ask]) -> list[Chip]:
    """What has happened, each once, most urgent first."""
    return list(dict.fromkeys(ask.chip for ask in asks))


def _reasons(asks: Sequence[Ask]) -> list[tuple[str, str]]:
    """Each reason once, with the accounts that it concerns where there are several."""
    groups: dict[str, list[Ask]] = {}
    for ask in asks:
        groups.setdefault(incidents.cause(ask.reason), []).append(ask)
    if len(groups) == 1:
        return [("", asks[0].reason)]
    names = [dict.fromkeys(ask.account.name if ask.account else "" for ask in group) for group in groups.values()]
    return [
        ("、".join(filter(None, each)), group[0].reason) for each, group in zip(names, groups.values(), strict=True)
    ]


def _of_all_accounts(asks: Sequence[Ask], *, links: bool = False) -> list[_Told]:
    """All pushes of the release, also those that ask for nothing: whether anything has gone out is told of all."""
    asking = Counter(ask.account.pk for ask in asks if ask.account)
    hrefs = {
        ask.account.pk: reverse("exception", args=[ask.push.pk]) if ask.push else ask.door[1]
        for ask in asks
        if ask.account and links and asking[ask.account.pk] == 1
    }
    by_hand = [
        _Told(ask.account, ask.chip, Out.UNKNOWN, hrefs.get(ask.account.pk, ""))
        for ask in asks
        if ask.push is None and ask.account
    ]
    if not any(ask.account for ask in asks):
        return []
    return [*_of_pushes(asks[0].release.publications.all(), hrefs), *by_hand]


def _of_pushes(pushes: Iterable[Publication], hrefs: Mapping[int, str]) -> list[_Told]:
    whole = list(pushes)
    out = disproof.out_of(whole)
    return [_Told(one.account, chips.chip(one.status), out[one.pk], hrefs.get(one.account_id, "")) for one in whole]


def _by_account(told: Sequence[_Told]) -> tuple[list[Chip], list[Part]]:
    """是否已发出 once where it is the same for all; else with each account."""
    groups: dict[int, list[_Told]] = {}
    for one in told:
        groups.setdefault(one.account.pk, []).append(one)
    same = len({one.out for one in told}) == 1
    parts = [
        Part(
            group[0].account,
            [*_counted([one.chip for one in group]), *([] if same else _outs(group))],
            group[0].href,
        )
        for group in groups.values()
    ]
    return [out_chip(one.out) for one in told[:1] if same], parts


def _outs(told: Sequence[_Told]) -> list[Chip]:
    return _counted([Chip(f"已发出：{one.out.label}", OUTS[one.out], OUT_ICONS[one.out]) for one in told])


def _counted(found: Sequence[Chip]) -> list[Chip]:
    """Each once, with how many there are of it where there are several."""
    total = len(found)
    return [
        Chip(one.label, one.tone, one.icon, str(count) if total > 1 else "") for one, count in Counter(found).items()
    ]
