"""What is told of a time in which nobody looked what is due: which releases it touched, and how each stands now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.models import Publication, Release, Standstill, Unit
from bot.services import standstills

from . import board
from .chips import Chip

MOST = 3  # standstills on a page; a machine that starts again and again has more
MOST_RELEASES = 10


@dataclass(frozen=True, slots=True)
class Hit:
    """One release that it touched. `late_ms`: of its pushes that have left since the latest, None where none has."""

    release: Release
    chip: Chip
    says: str
    late_ms: float | None


@dataclass(frozen=True, slots=True)
class Told:
    """One standstill; `more` releases beside those in `hits`."""

    words: str
    hits: Sequence[Hit]
    more: int


def lately(unit: Unit, now: datetime) -> list[Told]:
    """Those of the last day that touched a release of the unit, the newest first."""
    told = [_told(unit, one, now) for one in standstills.lately(now=now)[:MOST]]
    return [one for one in told if one.hits]


def of_release(release: Release, publications: Sequence[Publication]) -> list[str]:
    """What a release's page says, one sentence for each."""
    return [
        f"{standstills.of_release(one, publications)}，恢复后按时限办理，经过见下面的记录。"
        for one in standstills.over(release, publications)
    ]


def _told(unit: Unit, one: Standstill, now: datetime) -> Told:
    found = standstills.touched(unit, one)
    shown = board.of_these(found, MOST_RELEASES)
    more = found.count() - len(shown) if len(shown) == MOST_RELEASES else 0
    return Told(standstills.words(one), [_hit(release, unit, now) for release in shown], more)


def _hit(release: Release, unit: Unit, now: datetime) -> Hit:
    row = board.row(release, unit, now)
    late = [line.late_ms for line in row.lines if line.late_ms is not None]
    return Hit(release, row.standing, row.says, max(late, default=None))
