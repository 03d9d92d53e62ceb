"""The portal at a glance: when somebody last looked at it from here, and what was seen. Nothing is asked of it now.

Looks are those of the portal gate, which waits for pages, and of pre-flights, which only see whether the site answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.instants import require_aware, show
from bot.domain.sync import Seen
from bot.models import PortalGate, PreflightCheck, Unit

QUIET = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Looked:
    """One recorded look. `good`: the site gave an answer that says something."""

    at: datetime
    good: bool
    words: str


@dataclass(frozen=True, slots=True)
class Dot:
    """One dot: tone, icon and sentences."""

    tone: str
    icon: str
    words: tuple[str, ...]


def of_unit(unit: Unit, *, now: datetime) -> Dot:
    """What is known of the portal from the unit's releases."""
    require_aware(now)
    newest = max(_looks(unit, good=False), key=lambda look: look.at, default=None)
    if newest is None:
        return Dot("wait", "clock", ("还没有看过：至今没有发布单要等门户网页上线",))
    if newest.good:
        tone, icon = ("good", "check") if now - newest.at <= QUIET else ("wait", "clock")
        return Dot(tone, icon, (f"{show(newest.at)} {newest.words}",))
    return Dot("warn", "alert", (f"{show(newest.at)} {newest.words}", _last_good(unit)))


def _last_good(unit: Unit) -> str:
    last = max(_looks(unit, good=True), key=lambda look: look.at, default=None)
    return f"上一次正常：{show(last.at)}" if last else "此前没有正常的记录"


def _looks(unit: Unit, *, good: bool) -> Iterator[Looked]:
    """The newest look of each sort; only good ones where those are asked for."""
    gates = PortalGate.objects.filter(release__unit=unit, asked_at__isnull=False).order_by("-asked_at")
    if good:
        gates = gates.exclude(seen=Seen.UNCLEAR)
    for gate in gates[:1]:
        if gate.asked_at is not None:
            yield Looked(gate.asked_at, gate.seen != Seen.UNCLEAR, _gate_words(gate))
    checks = PreflightCheck.objects.filter(code="portal", preflight__release__unit=unit).select_related("preflight")
    if good:
        checks = checks.filter(ok=True, warning=False)
    for check in checks.order_by("-pk")[:1]:
        if check.preflight.done_at is not None:
            yield Looked(check.preflight.done_at, check.ok and not check.warning, check.message)


def _gate_words(gate: PortalGate) -> str:
    if gate.seen == Seen.UNCLEAR:
        return f"没有看清：{gate.words}"
    return f"读得到，网页{Seen(gate.seen).label}"
