"""What a change takes away: the signature of a release, and the quota it had reserved."""

from __future__ import annotations

from datetime import datetime

from bot.domain.delivery import STOPPABLE, Event, State
from bot.domain.instants import require_aware
from bot.models import Freeze, Publication, Release, Reservation, Unit

from . import audit
from .facts import may_have_counted
from .handdraftplan import look_at_drafts
from .preflightplan import drop_preflights
from .transitions import honest, move, touch


def give_back_quota(publication: Publication, *, now: datetime) -> None:
    """Free the slots of a publication, unless the platform may have counted it."""
    require_aware(now)
    if may_have_counted(publication):
        return
    Reservation.objects.filter(publication=publication, released_at__isnull=True).update(released_at=now)


def void_signature(release_id: int, *, reason: str, actor: str, now: datetime) -> None:
    """Take the signature back; whatever has not left is held until the release is signed again."""
    require_aware(now)
    with audit.serialised():
        if not Release.objects.filter(pk=release_id, signed_at__isnull=False).update(
            signed_at=None, signed_by=None, manifest_hash=""
        ):
            return
        audit.append(actor, "release.voided", f"release:{release_id}", {"reason": reason}, now=now)
        why, machine = (
            f"签发已作废：{reason}。未发出。请重新编制或签发。",
            "machine",
        )  # nobody asked for it: people must hear of it
        held = Publication.objects.filter(release_id=release_id, state=State.HELD)
        for publication in held:  # the person who held it meant to resume it; now it wants a signature first
            touch(publication, held_by=machine, alarm_at=now, reason=honest(publication, State.HELD, why))
        stop = Publication.objects.filter(release_id=release_id, state__in=[str(state) for state in STOPPABLE])
        for publication in stop:
            move(publication, Event.HOLD, actor=actor, now=now, reason=why, next_at=None, held_by=machine)
        drop_preflights(release_id, why="签发已作废")
        look_at_drafts(release_id, now=now)
        for publication in held.all():
            give_back_quota(publication, now=now)


def is_frozen(unit: Unit) -> bool:
    """True while a freeze of the unit stands."""
    return Freeze.objects.filter(unit=unit, lifted_at__isnull=True).exists()
