"""The lane diagram of a release: 门户 → 公众号 → 微博, station by station, with the time agreed and the time it happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain import timeline
from bot.domain.delivery import State
from bot.domain.sync import FOR_A_DECISION, GateState
from bot.models import Publication, Release
from bot.services import gating

from . import chips

SENT, LAST = 1, 3  # places in the lane of a push
DRAWN = 12  # pushes of one release; what is beyond is told below the diagram
#: What stopped, or may have: first to be looked at, so drawn before what goes its way.
TROUBLED = frozenset({State.NEEDS_PERSON, State.UNKNOWN, State.MISSED, State.GONE, State.BLOCKED, State.HELD})
GATE_TONES = {
    GateState.SHUT: ("busy", "eye"),
    GateState.OPEN: ("good", "check"),
    GateState.ASKING: ("bad", "hand"),
    GateState.HELD: ("warn", "pause"),
    GateState.WAIVED: ("missed", "late"),
}
#: Where a push stands, by its state: how many stations are behind it. The rest is seen from the times.
PASSED = {
    State.PLANNED: 0, State.BLOCKED: 0, State.STAGING: 0, State.STAGED: 1, State.ARMED: 1, State.CONFIRMING: 3,
    State.LIVE: 4, State.GONE: 3, State.WITHDRAWN: 3,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Station:
    """One station of a lane.

    `due`: when it should be passed, and `promise`, what kind of time that is; it stays beside `at`, when it was passed.
    `passed` without `at`: it lies behind, and nobody knows since when. `word`: only where the lane stands now.
    """

    label: str
    tone: str
    icon: str
    at: datetime | None = None
    due: datetime | None = None
    word: str = ""
    passed: bool = False
    promise: str = "约定"
    happened: str = "实际"
    exact: bool = False  # to the millisecond: of the first byte nothing less is promised

    @property
    def current(self) -> bool:
        """Whether the lane stands here."""
        return bool(self.word)


@dataclass(frozen=True, slots=True)
class Lane:
    """One row: the portal, or one push."""

    name: str
    glyph: str
    stations: Sequence[Station]


def lanes(
    release: Release, publications: Sequence[Publication], told: gating.GateStory | None, *, now: datetime
) -> list[Lane]:
    """The rows in the order in which things happen; where not all are drawn, those in trouble first."""
    rows = [_gate(release, told, now)] if told else []
    several = {one.account_id for one in publications if one.lane}
    return [*rows, *(_push(one, release, several=one.account_id in several) for one in _drawn(publications))]


def beyond(publications: Sequence[Publication]) -> int:
    """How many pushes the diagram leaves out."""
    return max(0, len(publications) - DRAWN)


def _drawn(publications: Sequence[Publication]) -> Sequence[Publication]:
    if not beyond(publications):
        return publications
    return sorted(publications, key=lambda one: one.status not in TROUBLED)[:DRAWN]


def _gate(release: Release, told: gating.GateStory, now: datetime) -> Lane:
    gate, policy = told.gate, told.policy
    signed = Station("开始查看", "good", "check", release.signed_at, passed=release.signed)
    word = _unless_open(gate.status) if release.signed else ""
    online = Station(
        "网页上线", *GATE_TONES[gate.status], due=release.instant + policy.wait, promise="最迟", word=word,
        at=gate.open_since, passed=gate.open_since is not None,
    )  # fmt: skip
    return Lane("门户网站", "portal", [signed, online, _through(release, gate.status, gate.effective, now)])


def _through(release: Release, status: GateState, effective: datetime | None, now: datetime) -> Station:
    """Let through is what was let through: a page that is online early opens nothing before the instant."""
    if effective is not None and effective <= now:
        return Station("放行", "good", "check", effective, release.instant, passed=True)
    return Station("放行", "wait", "clock", due=None if status in FOR_A_DECISION else effective or release.instant)


def _unless_open(status: GateState) -> str:
    return "" if status is GateState.OPEN else status.label


def _push(publication: Publication, release: Release, *, several: bool) -> Lane:
    due = max(publication.instant, publication.gate_at or publication.instant)
    plain = [
        ("准备", publication.staged_at, _staging_due(publication, release) if release.signed else None),
        ("发出", publication.sent_at, due),
        ("受理", publication.accepted_at, None),
        ("公开", publication.live_at, None),
    ]
    passed = _passed(publication)
    stations = [
        _station(publication, place, label, at, expected, passed) for place, (label, at, expected) in enumerate(plain)
    ]
    name = publication.account.name + (f" 第 {publication.lane + 1} 条" if several else "")
    return Lane(name, f"glyph-{publication.account.channel}", stations)


def _staging_due(publication: Publication, release: Release) -> datetime:
    """Never before it was signed: what is signed, resumed or sent again shortly before its instant is staged at once."""
    if publication.status in {State.PLANNED, State.BLOCKED} and publication.next_at is not None:
        return publication.next_at
    return max(publication.instant - timeline.STAGE_AHEAD, release.signed_at or release.created_at)


def _passed(publication: Publication) -> int:
    state = publication.status
    if state in PASSED:
        return PASSED[state]
    times = (publication.staged_at, publication.sent_at, publication.accepted_at, publication.live_at)
    last = max((place for place, at in enumerate(times, start=1) if at is not None), default=0)
    return min(last, len(times) - 1)  # somebody took back that it is public: it stands before the last station


def _station(
    publication: Publication, place: int, label: str, at: datetime | None, due: datetime | None, passed: int
) -> Station:
    resent = publication.instant > publication.promised
    promise = "预计" if place == 0 else "重定" if resent else "约定"
    if place < passed:
        happened = "登记" if place == LAST and publication.ids.get("declared_by") else "实际"
        return Station(
            label, "good", "check", at, due, passed=True, promise=promise, happened=happened, exact=place == SENT
        )
    if place == passed:
        chip = chips.chip(publication.status)
        return Station(label, chip.tone, chip.icon, due=due, word=chip.label, promise=promise)
    return Station(label, "wait", "dot", due=due, promise=promise)
