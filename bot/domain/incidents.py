"""One incident is told once: what belongs to one release together, and releases that the same thing has befallen. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from .hashing import sha256

#: From so many releases on that the same has befallen they are told in one line; below, each is named.
SEVERAL = 3
#: What the same reason tells differently each time: how far a clock was off, until when something lasts.
_MEASURES = re.compile(
    r"[+-]?\d+(?:\.\d+)? ?(?:毫秒|秒|分钟|分|小时)|\d{4}-\d{2}-\d{2}|\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?|发布单 ?\d+"
)


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that waits for a person. `key`: what the caller knows it by; `kind`: what has befallen it; `rank`: 0 is
    the most urgent; `apart`: never told together with other releases, since a person does it one by one."""

    key: int
    release: int
    kind: str
    reason: str
    rank: int
    instant: datetime
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Incident:
    """What is told in one line: all cases of a release, or of several releases with the same `signature`."""

    cases: tuple[Case, ...]  # most urgent first
    releases: tuple[int, ...]  # earliest first
    signature: str

    @property
    def wide(self) -> bool:
        """Whether several releases are concerned."""
        return len(self.releases) > 1


def cause(reason: str) -> str:
    """A reason without what it measures. The platforms' codes stay: another code is another cause."""
    return _MEASURES.sub("#", reason.strip())


def signature(cases: Iterable[tuple[str, str]]) -> str:
    """By which releases are told to have met the same: short, of all (kind, reason) that occur in one of them."""
    found = sorted({f"{kind}\n{cause(reason)}" for kind, reason in cases})
    return sha256("\n\n".join(found).encode())[:16]


def gather(cases: Iterable[Case]) -> list[Incident]:
    """Each case in exactly one incident and each release in exactly one; the most urgent first, then the earliest."""
    releases: dict[int, list[Case]] = {}
    for case in cases:
        releases.setdefault(case.release, []).append(case)
    alike: dict[str, list[list[Case]]] = {}
    incidents = []
    for found in releases.values():
        mark = signature((case.kind, case.reason) for case in found)
        if any(case.apart for case in found):
            incidents.append(_incident([found], mark))
        else:
            alike.setdefault(mark, []).append(found)
    for mark, groups in alike.items():
        together = [groups] if len(groups) >= SEVERAL else [[group] for group in groups]
        incidents += [_incident(group, mark) for group in together]
    return sorted(incidents, key=lambda one: _place(one.cases[0]))


def _incident(groups: list[list[Case]], mark: str) -> Incident:
    cases = sorted((case for group in groups for case in group), key=_place)
    first = sorted(groups, key=lambda group: min((case.instant, case.release) for case in group))
    return Incident(tuple(cases), tuple(group[0].release for group in first), mark)


def _place(case: Case) -> tuple[int, datetime, int, int]:
    return case.rank, case.instant, case.release, case.key
