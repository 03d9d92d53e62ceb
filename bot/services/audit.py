"""The audit trail: every decision and every platform answer, one hash chain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

from bot.domain.chain import GENESIS, Break, link, verify
from bot.domain.instants import require_aware, show
from bot.models import AuditEvent, Freeze, Release, Review, UrgentWord

from .vault import audit_key

MOVED = "publication.moved"  # a publication has gone from one state to another
AT_ONCE = 2000  # lines read at a time
_PG_LOCK = 0x746F6E67  # "tong": one chain, so one writer at a time


def row_of(event: AuditEvent) -> dict[str, Any]:
    """What a line's MAC covers, besides the line before."""
    return {
        "sequence": event.sequence,
        "at": event.at.isoformat(),
        "actor": event.actor,
        "action": event.action,
        "subject": event.subject,
        "data": event.data,
    }


@dataclass(frozen=True, slots=True)
class Entry:
    """One line to add: who did what to which subject. `data` holds ids, hashes and words, no secret, no content."""

    actor: str
    action: str
    subject: str
    data: dict[str, Any] = field(default_factory=dict)


@contextmanager
def serialised() -> Iterator[None]:
    """A transaction that will add to the chain: takes the chain's lock first, so that no two of them deadlock.

    On SQLite every writing transaction is alone anyway (BEGIN IMMEDIATE).
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_PG_LOCK])
        yield


def append(actor: str, action: str, subject: str, data: dict[str, Any] | None = None, *, now: datetime) -> None:
    """Add one line, in the caller's transaction: what is not committed is not in the chain."""
    require_aware(now)
    append_all([Entry(actor, action, subject, data or {})], now=now)


def append_all(entries: Sequence[Entry], *, now: datetime) -> None:
    """Add lines in order, in the caller's transaction."""
    at = require_aware(now).astimezone(UTC)
    with serialised():
        last = AuditEvent.objects.order_by("-sequence").values_list("sequence", "mac").first()
        sequence, previous = last or (0, GENESIS)
        events = []
        for entry in entries:
            sequence += 1
            event = AuditEvent(
                sequence=sequence, at=at, actor=entry.actor, action=entry.action, subject=entry.subject,
                data=entry.data, previous=previous,
            )  # fmt: skip
            event.mac = previous = link(audit_key(), previous, row_of(event))
            events.append(event)
        AuditEvent.objects.bulk_create(events)


def lines(after: int = 0, most: int | None = None) -> Iterator[AuditEvent]:
    """The chain in order, from the line behind `after`, some lines at a time: a reader that stays open for a minute
    would keep everybody from writing on SQLite."""
    left = most
    while left is None or left > 0:
        some = list(AuditEvent.objects.filter(sequence__gt=after).order_by("sequence")[: min(left or AT_ONCE, AT_ONCE)])
        yield from some
        if len(some) < AT_ONCE:
            return
        after, left = some[-1].sequence, None if left is None else left - len(some)


def _rows(after: int = 0, most: int | None = None) -> Iterator[tuple[int, dict[str, Any], str, str]]:
    for event in lines(after, most):
        yield event.sequence, row_of(event), event.previous, event.mac


@dataclass(frozen=True, slots=True)
class Part:
    """How far a check that goes on in turns has come: all lines up to `sequence` hold, and `head` is the MAC of that one.

    `done`: the end was reached, or the first break.
    """

    sequence: int = 0
    head: str = GENESIS
    broken: Break | None = None
    done: bool = False


def verify_on(part: Part, *, most: int) -> Part:
    """Check up to `most` more lines behind those of `part`."""
    count, head, broken = verify(audit_key(), _rows(part.sequence, most), after=part.sequence, head=part.head)
    sequence = part.sequence + count
    if broken is None and count < most:
        return Part(sequence, head, _cut(sequence), done=True)
    return Part(sequence, head, broken, done=broken is not None)


def verify_chain() -> tuple[int, str, Break | None]:
    """How many lines hold, the head, and the first break if there is one, an end that was cut off included.

    Of the end the chain itself says nothing: see `_cut`.
    """
    count, head, broken = verify(audit_key(), _rows())
    return count, head, broken or _cut(count)


def _cut(count: int) -> Break | None:
    """Lines that are lacking at the end, where something that was decided later still stands.

    A review, a signature, a word and a freeze are written with their line, at the same instant. So whatever the clock did
    meanwhile, none of them is later than every line. Asked before the lines: what is decided in between has its line.
    """
    acts = [
        Review.objects.aggregate(at=Max("at"))["at"],
        Release.objects.aggregate(at=Max("signed_at"))["at"],
        Freeze.objects.aggregate(at=Max("at"))["at"],
        UrgentWord.objects.aggregate(at=Max("at"))["at"],
    ]
    decided = max((at for at in acts if at is not None), default=None)
    if decided is None:
        return None
    told = AuditEvent.objects.aggregate(at=Max("at"))["at"]
    if told is not None and decided <= told:
        return None
    return Break(count + 1, f"第 {count + 1} 条起缺失：{show(decided)} 还有审核、签发、应急确认或停发，留痕里没有")
