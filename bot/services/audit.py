"""The audit trail: every decision and every platform answer, one hash chain."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from bot.domain.chain import GENESIS, Break, link, verify
from bot.domain.instants import require_aware
from bot.models import AuditEvent

from .vault import audit_key

_PG_LOCK = 0x746F6E67  # "tong": one chain, so one writer at a time


def _row(event: AuditEvent) -> dict[str, Any]:
    return {
        "sequence": event.sequence,
        "at": event.at.isoformat(),
        "actor": event.actor,
        "action": event.action,
        "subject": event.subject,
        "data": event.data,
    }


def append(actor: str, action: str, subject: str, data: dict[str, Any] | None = None, *, now: datetime) -> None:
    """Add one line, in the caller's transaction: what is not committed is not in the chain.

    `data` must hold no secret and no content, only ids, hashes and words.
    """
    at = require_aware(now).astimezone(UTC)
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_PG_LOCK])
        last = AuditEvent.objects.order_by("-sequence").values_list("sequence", "mac").first()
        sequence, previous = (last[0] + 1, last[1]) if last else (1, GENESIS)
        event = AuditEvent(
            sequence=sequence, at=at, actor=actor, action=action, subject=subject, data=data or {}, previous=previous
        )
        event.mac = link(audit_key(), previous, _row(event))
        event.save(force_insert=True)


def _rows() -> Iterator[tuple[int, dict[str, Any], str, str]]:
    for event in AuditEvent.objects.order_by("sequence").iterator(2000):
        yield event.sequence, _row(event), event.previous, event.mac


def verify_chain() -> tuple[int, str, Break | None]:
    """How many lines hold, the head, and the first break if there is one."""
    return verify(audit_key(), _rows())
