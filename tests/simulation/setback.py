"""A clock that was ahead and has been set right: mirrors bot/services/setback and its part of tasks/clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain import timeline
from bot.domain.delivery import STOPPABLE, State

from .portal import Gate, look_anew, of_the_future, update
from .rows import Database
from .world import SECOND, Host, World

JUMP = 5 * SECOND  # tasks/clock.JUMP
SWEEP = 60 * SECOND  # tasks/clock.SWEEP
LONGEST_LEASE = timedelta(minutes=6)  # services/setback.LONGEST_LEASE
LONGEST_PAUSE = timedelta(hours=1)  # services/setback.LONGEST_PAUSE
_LOOKED_AT = frozenset({State.CONFIRMING, State.UNKNOWN})


class Watch:
    """How a clock process follows the time: what tasks/clock keeps in memory, and loses with its process."""

    __slots__ = ("next_sweep", "skew")

    def __init__(self) -> None:
        self.skew: int | None = None
        self.next_sweep = 0

    def follow(self, world: World, host: Host) -> None:
        """tasks/clock._follow: at the start and after a jump everything is pulled back."""
        skew = host.skew(world.t)
        if self.skew is None or abs(skew - self.skew) >= JUMP:
            pull_back(world, host.now())
            self.skew = skew

    def sweep(self, world: World, now: datetime) -> None:
        """The thorough tick. What the world let a process sleep through is not made up for before the next one."""
        late = world.t - self.next_sweep
        if late < 0:
            return
        self.next_sweep = world.t + SWEEP - late % SWEEP
        if late % SWEEP < 2 * SECOND and "set_right" not in world.without:
            for gate in world.db.gates.values():
                look_anew(world.db, gate, now)

    def wait(self, world: World, now: datetime) -> int | None:
        """How long until a sweep that has something to do; None: it has not."""
        if any(of_the_future(gate, now) for gate in world.db.gates.values()):
            return max(0, self.next_sweep - world.t)
        return None


def pull_back(world: World, now: datetime) -> None:
    """services/setback.pull_back, for what the simulator knows of."""
    if "set_right" in world.without:
        return
    db: Database = world.db
    _publications(db, now)
    _batches(db, now)
    for gate in db.gates.values():
        _gate(db, gate, now)


def _publications(db: Database, now: datetime) -> None:
    for row in db.publications.values():
        if row.rung_at is not None and row.rung_at > now:
            row.rung_at = None
        if row.lease_until is not None and row.lease_until > now + LONGEST_LEASE:
            row.lease_until = None
        if row.next_at is None or row.next_at <= now:
            continue
        slept = row.state in _LOOKED_AT and row.next_at > now + LONGEST_PAUSE
        over = row.state in STOPPABLE and row.next_at >= row.instant + timeline.MAX_LATENESS
        if slept or over:
            row.next_at = now


def _batches(db: Database, now: datetime) -> None:
    soon = now + timeline.RING_AGAIN
    for batch in db.unfinished.values():
        if batch.rung_at is not None and batch.rung_at > now:
            batch.rung_at = None
        if batch.state == "ready" and batch.claim_by > soon and batch.claim_by >= batch.instant + timeline.RING_AGAIN:
            batch.claim_by = soon


def _gate(db: Database, gate: Gate, now: datetime) -> None:
    changes: dict[str, datetime | None] = {}
    if gate.rung_at is not None and gate.rung_at > now:
        changes["rung_at"] = None
    if gate.lease_until is not None and gate.lease_until > now + LONGEST_LEASE:
        changes["lease_until"] = None
    if gate.next_at is not None and now < gate.next_at and gate.next_at >= gate.instant + timeline.MAX_LATENESS:
        changes["next_at"] = now
    if changes:
        update(db, gate, **changes)
    look_anew(db, gate, now)
