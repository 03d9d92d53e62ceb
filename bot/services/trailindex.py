"""The index of the trail: for each line of the chain whose it is, who acted and what it is about, so that lists are quick.

It is derived: made from the chain some lines at a time, whoever comes first (a page that is opened, the clock's chore, a
command), and made anew at any time. The chain stays the only evidence, and what a page shows of a line is read from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import OperationalError, connection, transaction
from django.db.models import Exists, Max, OuterRef

from bot.domain.instants import require_aware
from bot.domain.trail import Sort
from bot.models import AuditEvent, TrailLine

from .trailunits import units_of

TOGETHER = 200  # lines of one write: some milliseconds, during which nobody else writes on SQLite
MOST_OF_A_PAGE = 2_000  # a page does not wait for more
LONGEST = timedelta(seconds=20)  # of a run by the clock; the rest waits for the next
_PG_LOCK = 0x74726169  # "trai": one index, so one writer at a time


def catch_up(most: int) -> int:
    """Take up to `most` lines of the chain into the index; returns how many are still lacking.

    Several may do so at once, also beside one who makes it anew: each part is written only where the index still ends
    where it ended when the part was read (`_take`), so that there is never a gap behind which nobody looks.
    """
    last, head = _ends()
    while last < head and most > 0:
        last, most = _take(last, min(most, TOGETHER)), most - TOGETHER
    return max(head - last, 0)


def is_nearly_whole() -> bool:
    """Whether one write of some milliseconds would make it whole."""
    last, head = _ends()
    return head - last <= TOGETHER


def catch_up_for_a_page() -> int:
    """The same for a page that is opened: it does not wait for a database that is busy."""
    try:
        return catch_up(MOST_OF_A_PAGE)
    except OperationalError:
        last, head = _ends()
        return max(head - last, 0)


def _last() -> int:
    return TrailLine.objects.aggregate(at=Max("sequence"))["at"] or 0


def _ends() -> tuple[int, int]:
    return _last(), AuditEvent.objects.aggregate(at=Max("sequence"))["at"] or 0


@contextmanager
def _alone() -> Iterator[None]:
    """A transaction during which nobody else writes the index. On SQLite every writing one is alone (BEGIN IMMEDIATE)."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_PG_LOCK])
        yield


def _take(after: int, most: int) -> int:
    """The next lines; returns where the index ends. Where it has moved meanwhile, nothing is written."""
    lines = _lines(after, most)
    with _alone():
        if lines and _last() == after:
            TrailLine.objects.bulk_create(lines)
            return lines[-1].sequence
        return _last()


def _lines(after: int, most: int) -> list[TrailLine]:
    """What the next lines of the chain become."""
    events = list(AuditEvent.objects.filter(sequence__gt=after).order_by("sequence")[:most])
    units = units_of(events)
    return [_line(event, units[event.sequence]) for event in events]


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


def rebuild() -> int:
    """Make the whole index anew; returns how many lines it holds.

    Part by part in its place, each in one transaction: whoever reads meanwhile misses nothing.
    """
    after = 0
    while lines := _lines(after, TOGETHER):
        with _alone():
            TrailLine.objects.filter(sequence__gt=after, sequence__lte=lines[-1].sequence).delete()
            TrailLine.objects.bulk_create(lines)
        after = lines[-1].sequence
    with _alone():
        TrailLine.objects.filter(sequence__gt=_ends()[1]).delete()
    return count()


def gaps() -> int:
    """How many lines of the chain the index has passed over. Always none, unless somebody wrote in the database by hand."""
    taken = TrailLine.objects.filter(sequence=OuterRef("sequence"))
    return AuditEvent.objects.filter(~Exists(taken), sequence__lte=_last()).count()


def count() -> int:
    """How many lines the index holds."""
    return TrailLine.objects.count()
