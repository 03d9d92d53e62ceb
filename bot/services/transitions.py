"""The one way a publication changes its state: compare-and-set with a fencing number, audited in the same transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import F

from bot.domain.delivery import Event, State, after
from bot.domain.engine.facts import REASON_LENGTH, Step
from bot.domain.instants import require_aware
from bot.models import Publication

from . import audit


class Stale(Exception):
    """Somebody else has moved it meanwhile: stop, change nothing."""


def move(publication: Publication, event: Event, *, actor: str, now: datetime, **changes: Any) -> None:
    """Apply an event. Raises IllegalTransition, or Stale when the row is not as `publication` says.

    `changes` are column values written with the state. The instance is brought up to date.
    """
    require_aware(now)
    old = State(publication.state)
    new = after(old, event)
    changes["reason"] = str(changes.get("reason", ""))[:REASON_LENGTH]
    with audit.serialised():
        touched = Publication.objects.filter(pk=publication.pk, state=old, fence=publication.fence).update(
            **{"lease_until": None, "rung_at": None, **changes, "state": new, "fence": F("fence") + 1}
        )
        if not touched:
            raise Stale(f"publication {publication.pk} is no longer {old} with fence {publication.fence}")
        data = {"from": str(old), "to": str(new), "event": str(event), "reason": changes["reason"]}
        audit.append(actor, "publication.moved", f"publication:{publication.pk}", data, now=now)
    publication.state, publication.fence, publication.lease_until = new, publication.fence + 1, None
    publication.rung_at = None
    for name, value in changes.items():
        setattr(publication, name, value)


def enact(publication: Publication, step: Step, *, actor: str, now: datetime, **more: Any) -> None:
    """Write what the domain decided: its event with its columns, or the columns alone. Raises Stale like `move`.

    `more`: columns that only the records know (a batch, the next sample).
    """
    changes = {**step.changes, **more}
    if step.event is None:
        touch(publication, **changes)
    else:
        move(publication, step.event, actor=actor, now=now, **changes)


def lease(publication: Publication, until: datetime, *, now: datetime) -> bool:
    """Take a publication for one step of work; False when somebody else has it. Bumps the fence."""
    taken = (
        Publication.objects.filter(pk=publication.pk, state=publication.state, fence=publication.fence)
        .exclude(lease_until__gt=now)
        .update(fence=F("fence") + 1, lease_until=until)
    )
    if taken:
        publication.fence += 1
        publication.lease_until = until
    return bool(taken)


def touch(publication: Publication, **changes: Any) -> None:
    """Write columns while holding it, without a change of state. Raises Stale like `move`."""
    touched = Publication.objects.filter(pk=publication.pk, state=publication.state, fence=publication.fence).update(
        **changes
    )
    if not touched:
        raise Stale(f"publication {publication.pk} was taken over")
    for name, value in changes.items():
        setattr(publication, name, value)
