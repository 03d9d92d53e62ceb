"""The asker of a portal gate, and what people decide: mirrors bot/services/gating and its part of the clock."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from bot.domain import sync, timeline
from bot.domain.delivery import STOPPABLE, Event, State
from bot.domain.sync import FOR_A_DECISION, GateState, Seen

from .carrying import ACTOR, Fault, far_off, unheard
from .carrying import ask as ask_time
from .portal import WITHIN, Gate, ask_again, has_left, meaning, update, write
from .rows import Database, Publication, Release, Stale
from .world import Host, Process, Steps, World

CLOCK_ODD = timedelta(seconds=5)  # services/gating.CLOCK_ODD
RELEASE_LEAD = timeline.STAGE_GRACE + timeline.HAND_OUT  # services/gating.RELEASE_LEAD
_TO_LEAVE = STOPPABLE | {State.HELD, State.SENDING}


def start(db: Database, release: Release, now: datetime) -> None:
    """services/gating.start: a signature made anew begins anew."""
    gate = release.gate
    if gate is not None:
        update(
            db, gate, state=GateState.SHUT, next_at=now, live_at=None, open_since=None, effective=None, known=False, held=(),
            lease_until=None, rung_at=None, decided=False, fence=gate.fence + 1, begun=(*gate.begun, db.world.t),
        )  # fmt: skip


def may_be_resumed(release: Release) -> bool:
    """services/gating.require_through."""
    return release.gate is None or release.gate.state not in FOR_A_DECISION


def may_go_again(db: Database, release: Release, now: datetime) -> bool:
    """services/gating.require_open, and what settling.settle_again asks for."""
    gate = release.gate
    if gate is None:
        return True
    if gate.through:
        ask_again(db, gate, now)
    return bool(gate.through)


# --- the clock --------------------------------------------------------------------------------------------------


def due(db: Database, now: datetime) -> list[Gate]:
    """services/gating.soonest and clock._ring_gates: to be asked now, and no bell of theirs is still unanswered."""
    return [
        gate for gate in db.gates.values()
        if gate.next_at is not None and gate.next_at <= now and not (gate.lease_until is not None and gate.lease_until > now)
        and (gate.rung_at is None or gate.rung_at <= now - timeline.RING_AGAIN)
    ]  # fmt: skip


def wakes(gate: Gate, now: datetime) -> datetime | None:
    """When a clock has next to do with it."""
    at = gate.next_at
    if at is None:
        return None
    if gate.lease_until is not None and gate.lease_until > at:
        at = gate.lease_until
    if at <= now and gate.rung_at is not None:
        at = gate.rung_at + timeline.RING_AGAIN
    return at


# --- asking -----------------------------------------------------------------------------------------------------


def ask(world: World, process: Process, pk: int) -> Steps:
    """services/gating.ask: the portal is asked once."""
    db, host = world.db, process.host
    yield from _hear_the_time(world, process, db.gates[pk].copy())
    begun = host.now()
    gate = db.gates[pk].copy()
    if gate.next_at is None or gate.next_at > begun:
        return
    yield world.short()
    if not _take(db, gate, begun):
        return
    known, page = gate.known and gate.page.tags != "none", gate.page
    delay = page.delay()
    yield min(delay, WITHIN) // 2
    answer = page.answer(world.t, known)
    yield min(delay, WITHIN) - min(delay, WITHIN) // 2
    seen = meaning(answer if delay <= WITHIN else "silence", known)
    world.tell(f"{process.name}: the portal answers {answer if delay <= WITHIN else 'too late'}: {seen}")
    yield world.short()
    if host.now() - begun > timeline.GATE_LEASE:  # services/gating._require_fresh
        return
    with suppress(Stale), db.transaction():
        _record(world, host, gate, seen)


def _hear_the_time(world: World, process: Process, gate: Gate) -> Steps:
    """services/gating._hear_the_time."""
    db, now = world.db, process.host.now()
    over = gate.next_at is not None and gate.next_at <= now and now >= gate.instant + gate.policy.wait
    if over and gate.policy.then is sync.Then.GO and unheard(db, process.host):
        with suppress(Fault):
            yield from ask_time(world, process, db.publications[gate.release.publications[0]].account)


def _by_the_clock_alone(db: Database, host: Host, old: sync.Gate, new: sync.Gate) -> bool:
    """services/gating._by_the_clock_alone."""
    if new.state is old.state:
        return False
    goes = new.state is GateState.WAIVED
    return (goes and unheard(db, host)) or ((goes or old.state is GateState.SHUT) and far_off(db, host))


def _take(db: Database, gate: Gate, now: datetime) -> bool:
    """services/gating._take: by compare-and-set."""
    row, release = db.gates[gate.release.pk], gate.release
    mine = row.fence == gate.fence and not (row.lease_until is not None and row.lease_until > now)
    to_leave = any(db.publications[pk].state in _TO_LEAVE for pk in release.publications)
    if not release.signed or release.cancelled or not to_leave:
        if mine:
            update(db, row, next_at=None, rung_at=None)
        return False
    if mine:
        update(db, row, fence=row.fence + 1, lease_until=now + timeline.GATE_LEASE)
        gate.fence = row.fence
    return mine


def _record(world: World, host: Host, gate: Gate, seen: Seen) -> None:
    """services/gating._record."""
    db, now = world.db, host.now()
    old = sync.Gate(gate.state, gate.live_at, gate.open_since, gate.effective, gate.next_at)
    new = sync.answered(old, gate.policy, gate.instant, seen, now, left=has_left(db, gate.release, now))
    if _by_the_clock_alone(db, host, old, new):
        new = sync.Gate(next_at=now + CLOCK_ODD)
    write(
        db, gate, state=new.state, live_at=new.live_at, open_since=new.open_since, effective=new.effective,
        next_at=new.next_at, asked_at=now, lease_until=None, rung_at=None, known=seen is Seen.LIVE,
    )  # fmt: skip
    if new.state is old.state:
        return
    if new.effective is not None:
        _let_through(db, gate.release, new.effective)
    elif new.state in FOR_A_DECISION:
        _hold(db, gate)
    else:
        _call_back(db, gate.release)


def _let_through(db: Database, release: Release, effective: datetime) -> None:
    """services/gating._let_through."""
    if effective <= release.gate.instant:
        return
    for pk in release.publications:
        row = db.publications[pk]
        if row.state not in STOPPABLE and row.state is not State.HELD:
            continue
        later = max(row.not_before, _place(row, effective))
        db.write(row, {"not_before": later})
        if row.state is State.STAGED:
            db.write(row, {"next_at": later - timeline.HAND_OUT})
            db.world.due(row.next_at)


def _call_back(db: Database, release: Release) -> None:
    """services/gating._call_back."""
    for pk in release.publications:
        row = db.publications[pk]
        if row.state is State.ARMED:
            again = row.not_before - timeline.HAND_OUT
            reason = "门户网页又不在线上，未发出，等它上线。"
            db.move(row.copy(), Event.DISARM, ACTOR, {"batch": None, "next_at": again, "reason": reason})


def _hold(db: Database, gate: Gate) -> None:
    """services/gating._hold."""
    held, reason = [], "门户网页仍未上线，未发出。"
    for pk in gate.release.publications:
        row = db.publications[pk]
        if row.state in STOPPABLE:
            db.move(row.copy(), Event.HOLD, ACTOR, {"batch": None, "next_at": None, "reason": reason})
            held.append(pk)
        elif row.state is State.SENDING and not row.stop_event:
            db.write(row, {"stop_event": str(Event.HOLD), "stop_reason": reason, "stop_by": "machine"})
            held.append(pk)
    write(db, gate, held=tuple(held))
    db.world.scenario.time_is_up(gate.release)


def _place(row: Publication, effective: datetime) -> datetime:
    return timeline.lane_instants(effective, row.lane + 1, row.account.spacing)[-1]


# --- what a person decides ----------------------------------------------------------------------------------------


def decide(world: World, host: Host, release: Release, *, go: bool) -> None:
    """services/gating.decide: who comes too early, too late or for nothing is refused."""
    db, now = world.db, host.now()
    if release.gate is None or not release.signed or release.cancelled:
        return
    gate = release.gate.copy()
    if gate.state not in FOR_A_DECISION or (not go and gate.state is GateState.HELD) or (go and db.frozen):
        return
    effective = sync.leave_at(gate.instant, now, RELEASE_LEAD) if go else None
    rows = [row for pk in release.publications if (row := db.publications[pk]).state in _TO_LEAVE]
    if effective is not None and rows and not any(_in_time(row, effective) for row in rows):
        return
    with db.transaction():
        state = GateState.WAIVED if go else GateState.HELD
        write(db, gate, state=state, effective=effective, next_at=None, decided=True)
        if effective is not None:
            decided = world.scenario.diary.let_go
            decided.append((world.t, release.pk))
            db.undone(decided.pop)
            _let_through(db, release, effective)
            _resume(db, gate, effective, now)


def _in_time(row: Publication, effective: datetime) -> bool:
    return max(row.not_before, _place(row, effective)) <= row.instant + timeline.MAX_LATENESS


def _resume(db: Database, gate: Gate, effective: datetime, now: datetime) -> None:
    """services/gating._resume: only what the gate itself had held."""
    for pk in gate.held:
        row = db.publications[pk]
        if row.state is State.HELD and row.held_by == "machine":
            changes = {
                "next_at": now, "stage_faults": 0, "stage_by": effective - timeline.STAGED_BY, "stop_event": "",
                "stop_reason": "", "reason": "值班决定不等门户网页，照发。",
            }  # fmt: skip
            db.move(row.copy(), Event.RESUME, "值班", changes)
            going = db.world.scenario.diary.going
            going.append((db.world.t, pk))
            db.undone(going.pop)
