"""How a state looks: a tone (colour), an icon and the word, for publications and for whole releases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain import alarms
from bot.domain.delivery import State
from bot.domain.engine.people import BY_HAND, DECLARED
from bot.models import Publication, Release
from bot.services.facts import outcomes_of


@dataclass(frozen=True, slots=True)
class Chip:
    """A state to show: never by colour alone. `count` "3/4" where it stands for several."""

    label: str
    tone: str
    icon: str
    count: str = ""


LOOKS: dict[State, tuple[str, str]] = {
    State.PLANNED: ("wait", "clock"),
    State.BLOCKED: ("warn", "alert"),
    State.STAGING: ("busy", "turn"),
    State.STAGED: ("ready", "box"),
    State.ARMED: ("ready", "target"),
    State.SENDING: ("busy", "send"),
    State.UNKNOWN: ("doubt", "question"),
    State.CONFIRMING: ("busy", "eye"),
    State.LIVE: ("good", "check"),
    State.HELD: ("warn", "pause"),
    State.CANCELLED: ("off", "cross"),
    State.MISSED: ("missed", "late"),
    State.NEEDS_PERSON: ("bad", "hand"),
    State.GONE: ("bad", "trash"),
    State.WITHDRAWN: ("off", "undo"),
}
#: Most urgent first: what a release with several states is called, and the order of the list for people.
URGENCY = (
    State.NEEDS_PERSON,
    State.UNKNOWN,
    State.MISSED,
    State.GONE,
    State.BLOCKED,
    State.HELD,
    State.SENDING,
    State.CONFIRMING,
    State.ARMED,
    State.STAGED,
    State.STAGING,
    State.PLANNED,
    State.WITHDRAWN,
    State.CANCELLED,
    State.LIVE,
)
#: States in which something is public for certain, or was.
PUBLIC = frozenset({State.LIVE})
#: Under way by itself: nobody need act.
MOVING = frozenset({State.STAGED, State.ARMED, State.SENDING, State.CONFIRMING})
#: In place and waiting for the word.
READY = frozenset({State.STAGED, State.ARMED})
SIGN_SOON = timedelta(hours=1)


def chip(state: State, count: str = "") -> Chip:
    """The chip of one publication's state."""
    tone, icon = LOOKS[state]
    return Chip(state.label, tone, icon, count)


def grouped(states: Sequence[State]) -> list[Chip]:
    """One chip for each state that occurs, most urgent first; with counts when there are several posts."""
    total = len(states)
    return [chip(state, f"{states.count(state)}/{total}" if total > 1 else "") for state in URGENCY if state in states]


def standing(release: Release, publications: Sequence[Publication], now: datetime) -> Chip:
    """What a release as a whole is called. Partly public is shown as partly public, whatever the rest does."""
    if not publications and not release.cancelled_at:
        return Chip("手工发布", "wait", "hand") if release.signed else Chip("未签发", "wait", "pen")
    states = [publication.status for publication in publications]
    alive = [state for state in states if state is not State.CANCELLED]
    public = [state for state in states if state in PUBLIC]
    if public and len(public) < len(states):
        moving = all(state in MOVING for state in states if state not in PUBLIC)
        return Chip("部分发出", "busy" if moving else "bad", "part", f"{len(public)}/{len(states)}")
    if public:
        return chip(State.LIVE)
    if release.cancelled_at or not alive:
        return chip(State.CANCELLED)
    if not release.signed and all(state in {State.PLANNED, State.HELD} for state in alive):
        return Chip("未签发", "warn" if release.instant < now + SIGN_SOON else "wait", "pen")
    if release.instant <= now and set(alive) <= READY and release.waits_for_portal:
        return Chip("等门户上线", "wait", "clock")
    return chip(next(state for state in URGENCY if state in alive))


def _remark(publication: Publication) -> str:
    if publication.status in PUBLIC:
        return f"（{BY_HAND}）" if DECLARED in publication.ids else ""
    return f"（{publication.status.label}）"


def public_words(publications: Sequence[Publication]) -> str:
    """What is already public, what may be and what is not, where only a part is public for certain; "" when all or
    nothing is. The publications come with their attempts: what is in doubt is never told as not public."""
    if len({publication.status in PUBLIC for publication in publications}) < 2:
        return ""
    counts: dict[tuple[alarms.Side, str, str], int] = {}
    for one in publications:
        where = alarms.side(one.status, outcomes_of(one))
        key = (where, one.account.name, _remark(one))
        counts[key] = counts.get(key, 0) + 1
    return alarms.sides_in_words(
        (where, f"{name} {count} 次推送{state}") for (where, name, state), count in counts.items()
    )
