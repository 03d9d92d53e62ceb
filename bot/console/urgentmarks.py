"""How an urgent notice is marked wherever a release is shown: loud until it is reviewed, calm afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain import urgent
from bot.domain.urgent import Stage
from bot.models import Person, Release, Urgency
from bot.services import urgentcare
from bot.services.people import may_read
from bot.services.urgentcare import Told

from .chips import Chip
from .inbox import in_words
from .veil import HIDDEN

_LOOKS = {
    Stage.ASKED: ("bad", "pen"),
    Stage.RELEASED: ("warn", "alert"),
    Stage.RETURNED: ("bad", "undo"),
    Stage.REVIEWED: ("good", "check"),
    Stage.SETTLED: ("off", "undo"),
}


@dataclass(frozen=True, slots=True)
class Banner:
    """One urgent notice in a page's head: `words` what stands, `left` how long still, `edge` the tone."""

    told: Told
    chip: Chip
    words: str
    left: str
    doors: bool = True  # whether the one who looks has a part in it


def mark(urgency: Urgency | None, now: datetime) -> Chip | None:
    """The chip beside a release's state; None where it is an ordinary one."""
    if urgency is None:
        return None
    tone, icon = _LOOKS.get(urgency.status, ("off", "cross"))
    if urgency.status is not Stage.RELEASED or urgency.review_by is None:
        return Chip(urgency.status.label, tone, icon)
    when = urgent.review(urgency.review_by, now)
    label = "应急发布，补审逾期" if when is urgent.Review.LATE else urgency.status.label
    return Chip(label, tone if when is urgent.Review.AHEAD else "bad", icon)


def banners(who: Person, now: datetime) -> list[Banner]:
    """Everything urgent of a person's unit that still needs somebody, the most urgent first."""
    order = {Stage.ASKED: 0, Stage.RETURNED: 1, Stage.RELEASED: 2}
    told = sorted(urgentcare.open_of(who.unit), key=lambda one: order[one.urgency.status])
    if not may_read(who):
        for one in told:
            one.urgency.edition.title, one.urgency.reason = HIDDEN, "（不显示）"
    return [banner(one, who, now) for one in told]


def banner(told: Told, who: Person, now: datetime) -> Banner:
    """One of them."""
    chip = mark(told.urgency, now) or Chip("", "off", "alert")
    return Banner(told, chip, _words(told), _left(told, now), any(who.has_role(role) for role in urgent.PROPOSERS))


def of_release(release: Release, who: Person, now: datetime) -> Banner | None:
    """That of a release; None where it is an ordinary one."""
    return banner(urgentcare.story(release.urgency), who, now) if release.urgency is not None else None


def _words(told: Told) -> str:
    urgency, first, second = told.urgency, told.first, told.second
    who = f"{first.person.name}提出" + (f"、{second.person.name}确认" if second else "")
    match urgency.status:
        case Stage.ASKED:
            return f"{who}，还没有发出，待第二人确认。理由：{urgency.reason}"
        case Stage.RELEASED:
            return f"{who}，未经审核，{told.sent}，补审 {told.passed}/{told.needed}。理由：{urgency.reason}"
        case Stage.RETURNED:
            return f"{who}。{told.to_mend}"
        case _:
            return f"{who}。理由：{urgency.reason}"


def _left(told: Told, now: datetime) -> str:
    if told.urgency.status is Stage.ASKED:
        return f"还有 {in_words(told.first.at + urgent.WORD_HOLDS - now)} 过时作废"
    until = told.owed_until
    if until is None:
        return ""
    return f"补审已逾期 {in_words(now - until)}" if now >= until else f"补审还有 {in_words(until - now)}"


def marks(releases: Sequence[Release], now: datetime) -> dict[int, Chip]:
    """By release, of those that are urgent. They come with their urgency."""
    found = {one.pk: mark(one.urgency, now) for one in releases}
    return {pk: chip for pk, chip in found.items() if chip is not None}
