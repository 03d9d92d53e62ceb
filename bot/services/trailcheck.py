"""核验链条 in turns, for a page: each turn some thousand lines; the end is written down, and a break is an alarm."""

from __future__ import annotations

from datetime import datetime

from bot.domain.alarms import Kind, Out
from bot.domain.instants import require_aware
from bot.models import Person

from . import alarming, audit
from .alarming import Call
from .audit import Part
from .people import require
from .trailpages import READERS

AT_A_TURN = 20_000  # lines: about a second


def check_on(part: Part, *, person: Person, now: datetime, most: int = AT_A_TURN) -> Part:
    """Check the next lines. What came out in the end is a line of the trail; a break rings like one that the clock finds."""
    require_aware(now)
    require(person, *READERS)
    if part.done:
        return part
    new = audit.verify_on(part, most=most)
    if new.done:
        _note(new, person, now)
    return new


def _note(part: Part, person: Person, now: datetime) -> None:
    data: dict[str, object] = {"ok": part.broken is None, "lines": part.sequence, "head": part.head}
    if part.broken is not None:
        data |= {"broken_at": part.broken.sequence, "message": part.broken.message}
    with audit.serialised():
        if part.broken is not None:
            alarming.raise_all([Call(Kind.CHAIN, "home", Out.NONE, part.broken.message)], now=now)
        audit.append(person.username, "trail.verified", "trail", data, now=now)
