"""The index of the trail: for each line of the chain whose it is, who acted and what it is about, so that lists are quick.

It is derived: made from the chain some lines at a time, whoever comes first (a page that is opened, the clock's chore, a
command), and made anew at any time. The chain stays the only evidence, and what a page shows of a line is read from there.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import OperationalError
from django.db.models import Max

from bot.domain.instants import require_aware
from bot.domain.trail import Sort
from bot.models import AuditEvent, TrailLine

from .trailunits import units_of

TOGETHER = 200  # lines of one write: some milliseconds, during which nobody else writes on SQLite
MOST_OF_A_PAGE = 2_000  # a page does not wait for more
LONGEST = timedelta(seconds=20)  # of a run by the clock; the rest waits for the next


def catch_up(most: int) -> int:
    """Take up to `most` lines of the chain into the index; returns how many are still lacking.

    Two at once do no harm: what a line becomes depends on the records alone, and who comes second finds it there.
    """
    last, head = _ends()
    while last < head and most > 0:
        last, most = _take(last, min(most, TOGETHER)), most - TOGETHER
    return max(head - last, 0)


def catch_up_for_a_page() -> int:
    """The same for a page that is opened: it does not wait for a database that is busy."""
    try:
        return catch_up(MOST_OF_A_PAGE)
    except OperationalError:
        last, head = _ends()
        return max(head - last, 0)


def _ends() -> tuple[int, int]:
    last = TrailLine.objects.aggregate(at=Max("sequence"))["at"] or 0
    return last, AuditEvent.objects.aggregate(at=Max("sequence"))["at"] or 0


def _take(after: int, most: int) -> int:
    events = list(AuditEvent.objects.filter(sequence__gt=after).order_by("sequence")[:most])
    units = units_of(events)
    TrailLine.objects.bulk_create([_line(event, units[event.sequence]) for event in events], ignore_conflicts=True)
    return events[-1].sequence


def _line(event: AuditEvent, unit: int) -> TrailLine:
    return TrailLine(
        sequence=event.sequence, whose=unit, at=event.at, actor=event.actor, sort=Sort.of(event.action),
        subject=event.subject,
    )  # fmt: skip


def work(*, now: Callable[[], datetime]) -> int:
    """What the clock has done now and then: catch up for a while. Returns how many lines are still lacking."""
    until = require_aware(now()) + LONGEST
    left = catch_up(TOGETHER)
    while left and now() < until:
        left = catch_up(TOGETHER)
    return left


def rebuild(each: Callable[[int], None] | None = None) -> int:
    """Make the whole index anew; returns how many lines it holds."""
    TrailLine.objects.all().delete()
    left = catch_up(MOST_OF_A_PAGE)
    while left:
        if each:
            each(left)
        left = catch_up(MOST_OF_A_PAGE)
    return count()


def count() -> int:
    """How many lines the index holds."""
    return TrailLine.objects.count()
