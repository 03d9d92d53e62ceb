"""What has changed since: the end of the audit trail, for pages that somebody is looking at.

Whatever a page tells of a release (a decision, a step of the engine, an answer of a platform, an alarm, a pre-flight) is
written with a line of the trail. What is not: how often the portal was asked without anything new, samples, readings
of clocks, and who was told of an alarm. A page that shows those looks for itself now and then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Max

from bot.models import AuditEvent, Publication, Release, Unit

MOST = 500  # lines that are told apart; with more everybody looks
#: Kinds of subjects of which no page of releases tells.
ELSEWHERE = frozenset({"document", "login", "person", "trail"})


@dataclass(frozen=True, slots=True)
class Changes:
    """What the trail tells since some line: its new end, what it is about, and which units that belongs to.

    `everybody`: too much to tell apart, or something that concerns every unit (an alarm about this machine).
    """

    head: int
    subjects: frozenset[str] = frozenset()
    units: frozenset[int] = frozenset()
    everybody: bool = False


def head() -> int:
    """The number of the newest line, 0 where there is none."""
    return AuditEvent.objects.aggregate(newest=Max("sequence"))["newest"] or 0


def since(line: int) -> Changes:
    """What came after that line: one read of an index where nothing did."""
    rows = AuditEvent.objects.filter(sequence__gt=line).order_by("sequence")
    found = list(rows.values_list("sequence", "subject")[: MOST + 1])
    if not found:
        return Changes(line)
    if len(found) > MOST:
        return Changes(head(), everybody=True)
    subjects = frozenset(subject for _, subject in found)
    kinds = _by_kind(subjects)
    others = set(kinds) - ELSEWHERE - {"release", "publication", "unit"}
    return Changes(found[-1][0], subjects, frozenset(_units(kinds)), everybody=bool(others))


def _by_kind(subjects: Iterable[str]) -> dict[str, list[str]]:
    """`release:7` -> {"release": ["7"]}"""
    kinds: dict[str, list[str]] = {}
    for subject in subjects:
        kind, _, name = subject.partition(":")
        kinds.setdefault(kind, []).append(name)
    return kinds


def _units(kinds: dict[str, list[str]]) -> set[int]:
    """The units of the releases, pushes and units that were named."""
    units: set[int] = set()
    if numbers := _numbers(kinds.get("release", ())):
        units |= set(Release.objects.filter(pk__in=numbers).values_list("unit_id", flat=True))
    if numbers := _numbers(kinds.get("publication", ())):
        units |= set(Publication.objects.filter(pk__in=numbers).values_list("release__unit_id", flat=True))
    if "unit" in kinds:
        units |= set(Unit.objects.filter(code__in=kinds["unit"]).values_list("pk", flat=True))
    return units


def _numbers(names: Sequence[str]) -> list[int]:
    return [int(name) for name in names if name.isdigit()]
