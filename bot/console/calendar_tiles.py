"""A release as one tile of the calendar."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache

from bot.domain.article import Kind
from bot.domain.delivery import State
from bot.domain.instants import beijing_date, beijing_midnight, to_beijing
from bot.domain.sync import AT_TIME
from bot.models import Account, Item, Person, PortalGate, Publication, Release, Unit, Urgency
from bot.models.gathering import gather, pair, share
from bot.rendering.headline import subject, wordings
from bot.services import byhand, moving

from . import calendar_tasks, chips, urgentmarks
from .chips import Chip

MOST = 600  # tiles of one page; a month of a district has a few dozen
MOST_GLYPHS = 4  # one beside the other; of more accounts those of a channel are counted
TITLE = 14  # characters: what two short lines of a tile hold
UNSIGNED, WAITING, MOVING, PUBLIC, TROUBLE, OFF = "unsigned", "waiting", "moving", "public", "trouble", "off"
PORTAL = "portal"
#: What staff look for, and how it looks.
GROUPS: dict[str, Chip] = {
    UNSIGNED: Chip("未签发", "wait", "pen"),
    WAITING: Chip("待发", "ready", "box"),
    MOVING: Chip("发送中", "busy", "send"),
    PUBLIC: Chip("已发布", "good", "check"),
    TROUBLE: Chip("要处理", "bad", "hand"),
    OFF: Chip("已作废", "off", "cross"),
}
_GROUP_OF: dict[str, str] = {
    "未签发": UNSIGNED,
    chips.TOO_LATE.label: UNSIGNED,
    chips.BY_HAND_LATER.label: WAITING,
    chips.BY_HAND_DONE.label: PUBLIC,
    chips.PARTLY_BACK[0]: PUBLIC,
    chips.PARTLY_DOWN[0]: PUBLIC,
    chips.BY_HAND_PARTLY_DOWN.label: PUBLIC,
    chips.BY_HAND_DROPPED.label: OFF,
    chips.BY_HAND_DOWN.label: OFF,
    "等门户上线": WAITING,
    chips.UNDER_WAY[0]: MOVING,
    **{state.label: WAITING for state in (State.PLANNED, State.STAGING, State.STAGED, State.ARMED)},
    **{state.label: MOVING for state in (State.SENDING, State.CONFIRMING)},
    State.LIVE.label: PUBLIC,
    **{state.label: OFF for state in (State.CANCELLED, State.WITHDRAWN)},
}
KIND_WORDS = {
    Kind.DISCLOSURE: "公开",
    Kind.INTERPRETATION: "解读",
    Kind.NOTICE: "公告",
    Kind.SERVICE: "服务",
}
KIND_ICONS = {
    Kind.DISCLOSURE: "kind-disclosure",
    Kind.INTERPRETATION: "kind-interpretation",
    Kind.NOTICE: "kind-notice",
    Kind.SERVICE: "kind-service",
}


@dataclass(frozen=True, slots=True)
class Glyph:
    """One account of a release, in a character: `channel` chooses it, `words` say it. `count`: of so many accounts at once."""

    channel: str
    words: str
    count: int = 1


@dataclass(frozen=True)
class Tile:
    """What a tile shows. `pieces`: documents in it.

    A month of a busy house counts more tiles than it shows: what only those need that are shown is worked out for them alone.
    """

    release: Release
    pushes: Sequence[Publication]
    accounts: Mapping[int, Account]
    standing: Chip
    group: str
    kinds: tuple[Kind, ...]
    pieces: int
    urgent: Chip | None = None

    @cached_property
    def at(self) -> datetime:
        """Its instant, Beijing time."""
        return to_beijing(self.release.instant)

    @cached_property
    def short(self) -> str:
        """Its title in two short lines."""
        return short(self.release.title)

    @cached_property
    def fixed(self) -> str:
        """Why it cannot be moved, "" where it can."""
        return moving.why_fixed(self.release, self.pushes)

    @cached_property
    def glyphs(self) -> tuple[Glyph, ...]:
        """Where it goes out, the portal first."""
        return tuple(_glyphs(self.release, self.pushes, self.accounts))

    @property
    def marks(self) -> Sequence[Glyph]:
        """The same as far as a line of a tile has room."""
        return counted(self.glyphs)

    @property
    def bundle(self) -> bool:
        """Several documents, or a policy with its interpretation, as one."""
        return self.pieces > 1

    @property
    def time(self) -> str:
        """The time of day, with its seconds where it has any."""
        return self.at.strftime("%H:%M:%S" if self.at.second else "%H:%M")

    @cached_property
    def facets(self) -> dict[str, frozenset[str]]:
        """Its values of each facet that the page can be filtered by."""
        return {
            "channel": frozenset(_channels(self.release, self.pushes, self.accounts)),
            "kind": frozenset(map(str, self.kinds)),
            "state": frozenset({self.group}),
        }


def found(unit: Unit, days: Sequence[date]) -> list[Release]:
    """The unit's releases on these days, in order of time, at most one more than `MOST`: with all that tiles show. Few have a gate or are
    urgent: those are asked for by themselves, not beside each."""
    start, end = beijing_midnight(days[0]), beijing_midnight(days[-1] + timedelta(days=1))
    wanted = Release.objects.filter(unit=unit, instant__gte=start, instant__lt=end).order_by("instant", "pk")
    rows = wanted.defer("manifest", "manifest_hash", "policy", "created_by", "created_at", "cancel_reason")
    releases = list(rows[: MOST + 1])
    pair([one for one in releases if one.sync != AT_TIME], "gate", PortalGate.objects.all(), "release")
    share(releases, "urgency", Urgency.objects.in_bulk({pk for one in releases if (pk := one.urgency_id)}))
    gather(releases, "manual_tasks", byhand.tasks().defer("payload"), "release")
    signers = {pk for one in releases if (pk := one.signed_by_id)}
    share(releases, "signed_by", Person.objects.only("name").in_bulk(signers))
    return releases


@dataclass(frozen=True, slots=True)
class Beside:
    """What tiles show besides their releases, asked once for a page: each one's pushes, the kinds of its documents in the
    order in which they go out, and the accounts."""

    pushes: Mapping[int, Sequence[Publication]]
    kinds: Mapping[int, Mapping[int, Kind]]
    accounts: Mapping[int, Account]

    @classmethod
    def of(cls, releases: Sequence[Release], accounts: Iterable[Account]) -> Beside:
        """A month has a thousand pushes: rows and the unit's accounts, not an object for each."""
        return cls(_pushes_of(releases), _kinds_of(releases), {one.pk: one for one in accounts})


def _pushes_of(releases: Sequence[Release]) -> Mapping[int, Sequence[Publication]]:
    """Not fetched along with the releases: a manager and a query for each of them took longer than the rows."""
    wanted = Publication.objects.filter(release__in=[one.pk for one in releases]).order_by("account_id", "lane")
    rows = list(wanted.only("release_id", "account_id", "lane", "state"))
    moving.with_outcomes(rows)
    found: dict[int, list[Publication]] = defaultdict(list)
    for one in rows:
        found[one.release_id].append(one)
    return found


def _kinds_of(releases: Sequence[Release]) -> Mapping[int, Mapping[int, Kind]]:
    found: dict[int, dict[int, Kind]] = defaultdict(dict)
    places = ("publication__account_id", "publication__lane", "position")
    rows = Item.objects.filter(publication__release__in=[one.pk for one in releases]).order_by(*places)
    for release, document, kind in rows.values_list(
        "publication__release_id", "edition__document_id", "edition__document__kind"
    ):
        found[release][document] = Kind(kind)
    for release, document, kind in calendar_tasks.kinds(releases):
        found[release].setdefault(document, Kind(kind))
    return found


def busy(unit: Unit, days: Sequence[date]) -> set[date]:
    """On which of these days there is any release of the unit, whatever it is."""
    start, end = beijing_midnight(days[0]), beijing_midnight(days[-1] + timedelta(days=1))
    instants = Release.objects.filter(unit=unit, instant__gte=start, instant__lt=end).values_list("instant", flat=True)
    return {beijing_date(instant) for instant in instants}


def tile(release: Release, beside: Beside, now: datetime) -> Tile:
    """The tile of a release that came from `found`: asks nothing more."""
    pushes, documents = beside.pushes.get(release.pk, ()), beside.kinds.get(release.pk, {})
    standing = chips.standing(release, pushes, now)
    return Tile(
        release, pushes, beside.accounts, standing, group(standing), tuple(dict.fromkeys(documents.values())), len(documents),
        urgentmarks.mark(release.urgency, now),
    )  # fmt: skip


def group(standing: Chip) -> str:
    """Under which of the `GROUPS` a state is found. What is public in part is in trouble, unless the rest is on its way."""
    return _GROUP_OF.get(standing.label, TROUBLE)


def _channels(release: Release, pushes: Iterable[Publication], accounts: Mapping[int, Account]) -> Iterable[str]:
    if release.sync != AT_TIME:
        yield PORTAL
    yield from {accounts[one.account_id].channel for one in pushes}
    yield from {accounts[pk].channel for pk in calendar_tasks.words(release)}


def _glyphs(release: Release, pushes: Iterable[Publication], accounts: Mapping[int, Account]) -> Iterable[Glyph]:
    if release.sync != AT_TIME:
        yield Glyph(PORTAL, "门户网页上线后才发")
    of_account: dict[int, list[Publication]] = {}
    for one in pushes:
        of_account.setdefault(one.account_id, []).append(one)
    for pk, ones in of_account.items():
        states = "、".join(dict.fromkeys(one.status.label for one in ones))
        count = f" {len(ones)} 条" if len(ones) > 1 else ""
        yield Glyph(accounts[pk].channel, f"{accounts[pk].name}{count}：{states}")
    for pk, words in calendar_tasks.words(release).items():
        yield Glyph(accounts[pk].channel, f"{accounts[pk].name}：{words}")


def counted(glyphs: Sequence[Glyph]) -> Sequence[Glyph]:
    """Each by itself where they are few, else one for each channel."""
    if len(glyphs) <= MOST_GLYPHS:
        return glyphs
    alike: dict[str, list[str]] = {}
    for one in glyphs:
        alike.setdefault(one.channel, []).append(one.words)
    return [Glyph(channel, "；".join(words), len(words)) for channel, words in alike.items()]


@lru_cache(4096)
def short(title: str, most: int = TITLE) -> str:
    """A title in at most so many characters: worded shorter as editors do where that suffices, else cut."""
    ways = [*wordings(title), *map(subject, wordings(title))]
    fitting = next((way for way in ways if len(way) <= most), None)
    return fitting or f"{min(ways, key=len)[: most - 1]}…"
