"""Whether somebody is at work. Asked before the clock starts processes of its own for what nobody seems to take: where
workers are busy, unheard bells are a queue that gets shorter, and more processes would only keep them from it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.instants import require_aware
from bot.models import AuditEvent, Preflight, Publication

from . import audit

ACTOR = "系统"
BETWEEN_JOBS = timedelta(seconds=3)
"""A worker that has done one job and has not begun the next within that is not at work."""

LAST = 20  # lines of the trail
DONE = frozenset({(ACTOR, audit.MOVED), (ACTOR, "preflight.done")})


def somebody_is(now: datetime) -> bool:
    """Whether a publication or a pre-flight is leased, or was a moment ago."""
    require_aware(now)
    return (
        Publication.objects.filter(lease_until__gt=now).exists()
        or Preflight.objects.filter(state="running", next_at__gt=now).exists()
        or moves(now)
    )


def moves(now: datetime) -> bool:
    """Whether something was finished a moment ago: between two jobs of a worker nothing of its is leased."""
    require_aware(now)
    last = AuditEvent.objects.order_by("-sequence").values_list("actor", "action", "at")[:LAST]
    return any((actor, action) in DONE and now - BETWEEN_JOBS < at <= now for actor, action, at in last)
