"""Clock, bells, staging, looks and callbacks: mirrors bot/services/clock, batches, staging, confirming, callbacks."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain import timeline
from bot.domain.channel import Absent, Failed, Pending, Receipt
from bot.domain.delivery import STOPPABLE, Event, State
from bot.domain.engine import handing_out
from bot.domain.engine import looking as engine
from bot.domain.engine import staging as staging_rules
from bot.domain.engine.facts import Step

from . import gating
from .carrying import ACTOR, Fault, ask, evidence_of, far_off, previous_in_lane, recover, run_batch
from .platforms import Platform
from .portal import waits, wants_proof
from .rows import Batch, Database, Publication, Stale
from .setback import Watch
from .world import MS, SECOND, DatabaseError, Host, Process, Steps, World

LATE = STOPPABLE | {State.HELD}
LONGEST_WAIT = timeline.HAND_OUT + timedelta(seconds=30)  # a lane's spacing may be asked for on top
WAITING = frozenset({State.PLANNED, State.BLOCKED, State.STAGING})
TRIED = frozenset({State.STAGING, State.BLOCKED})
ASKING = frozenset({State.CONFIRMING, State.UNKNOWN})
LOOKING = ASKING | {State.LIVE}  # what is live is looked at where it was sent twice
TICKING = WAITING | LOOKING | {State.STAGED}
OPEN = frozenset({State.SENDING, State.UNKNOWN, State.CONFIRMING, State.LIVE})
NEVER = 10**11
NEVER_AT = datetime(9000, 1, 1, tzinfo=UTC)


# --- the clock ------------------------------------------------------------------------------------------------


def clock(world: World, process: Process) -> Steps:
    """tasks/clock: tick, sleep at most a second, tick; what has nothing due is slept through."""
    host, watch = process.host, Watch()
    while True:
        try:
            watch.follow(world, host)
            watch.sweep(world, host.now())
            busy = _scan(world, host.now())
            if busy is not None:
                yield from tick(world, host, busy)
        except DatabaseError:
            yield SECOND
            continue
        yield _sleep(world, host, watch)


class Busy:
    """What one pass over the rows found for the parts of a tick."""

    __slots__ = ("asking", "claimed", "late", "looking", "ready", "staged", "unready", "waiting")

    def __init__(self) -> None:
        self.asking = self.claimed = self.late = self.looking = False
        self.ready = self.staged = self.unready = self.waiting = False


def _scan(world: World, now: datetime) -> Busy | None:
    """One pass for all the queries of a tick; None when it would find nothing to do."""
    db: Database = world.db
    busy: Busy | None = None
    for row in db.publications.values():
        state = row.state
        if state in TRIED and row.stage_by is not None and row.stage_by <= now and _unready(db, row, now):
            busy = busy or Busy()
            busy.unready = True
        if row.lease_until is not None and row.lease_until > now:
            if state is State.STAGING and ("stage", row.pk) not in world.locks:
                _take_back(world, row, now)
                busy = busy or Busy()
                busy.waiting = True
            continue
        if state in LATE and now > row.instant + timeline.MAX_LATENESS and row.release.signed:
            busy = busy or Busy()
            busy.late = True
        if state in TICKING and row.next_at is not None and row.next_at <= now:
            rung = row.rung_at is not None and row.rung_at > now - timeline.RING_AGAIN
            if rung and (state in LOOKING or (state in WAITING and not _unready(db, row, now))):
                continue
            if state is State.STAGED and waits(world, row):
                continue
            busy = busy or Busy()
            if state is State.STAGED:
                busy.staged = True
            elif state in LOOKING:
                busy.looking = True
            else:
                busy.waiting = True
    for batch in db.unfinished.values():
        busy = busy or Busy()
        if batch.state == "claimed":
            busy.claimed = True
        else:
            busy.ready = True
    if db.gates and gating.due(db, now):
        busy = busy or Busy()
        busy.asking = True
    return busy


def _unready(db: Database, row: Publication, now: datetime) -> bool:
    return staging_rules.unready(db.facts(row, attempts=False), now=now)


def tick(world: World, host: Host, busy: Busy) -> Steps:
    """services/clock.tick: each part asks anew when its turn comes."""
    db: Database = world.db
    if busy.claimed:
        yield from recover(world, host)
    if busy.late and "max_lateness" not in world.without:
        yield from _sweep_too_late(world, host)
    if busy.unready:
        yield from _hold_the_unready(world, host)
    if busy.staged:
        yield from _hand_out(world, host)
    if busy.waiting:
        yield from _ring_the_staging(world, host)
    if busy.looking:
        now = host.now()
        for row in _due(db, LOOKING, now):
            _ring(world, row, "look", now)
    if db.unfinished:
        _ring_batches(world, host.now())
    if busy.asking:
        _ring_gates(world, host.now())


def _due(db: Database, states: Any, now: datetime) -> list[Publication]:
    """services/clock._due."""
    return [
        row for row in db.publications.values()
        if row.state in states and row.next_at is not None and row.next_at <= now
        and not (row.lease_until is not None and row.lease_until > now)
    ]  # fmt: skip


def _take_back(world: World, row: Publication, now: datetime) -> None:
    """services/staging.take_back."""
    if ("stage", row.pk) not in world.locks:
        world.db.write(row, {"lease_until": None, "next_at": now, "rung_at": None})


def _sweep_too_late(world: World, host: Host) -> Steps:
    """services/clock._sweep_too_late."""
    db: Database = world.db
    now = host.now()
    late = [
        row.copy() for row in db.publications.values()
        if row.state in LATE and row.release.signed and now > row.instant + timeline.MAX_LATENESS
        and not (row.lease_until is not None and row.lease_until > now)
    ]  # fmt: skip
    yield world.short()
    for publication in late:
        try:
            with db.transaction():
                db.enact(publication, handing_out.expired(db.facts(publication)), ACTOR)
        except Stale:
            continue


def _hand_out(world: World, host: Host) -> Steps:
    """services/batches.hand_out."""
    db: Database = world.db
    now = host.now()
    due = [row.copy() for row in _due(db, {State.STAGED}, now) if not waits(world, row)]
    due.sort(key=lambda row: (row.next_at, row.release.pk, row.account.pk, row.lane))
    busy = {row.account.pk for row in db.publications.values() if row.state in (State.ARMED, State.SENDING)}
    if "one_per_account" in world.without:
        busy = set()
    groups: dict[datetime, list[Publication]] = defaultdict(list)
    for publication in due:
        if publication.account.pk in busy or wants_proof(world, publication, now) or not _may_go(db, publication, now):
            continue
        if _is_early(db, publication, len(due), now):
            continue
        if "one_per_account" not in world.without:
            busy.add(publication.account.pk)
        if publication.not_before - now > LONGEST_WAIT:
            world.errors.append(f"publication {publication.pk}: its sender would wait {publication.not_before - now}")
        groups[max(publication.not_before, now)].append(publication)
    if not groups:
        return
    yield world.short()
    for instant, group in groups.items():
        _arm(world, host, instant, group, now)


def _is_early(db: Database, publication: Publication, count: int, now: datetime) -> bool:
    """services/batches._is_early."""
    early = "near" not in db.world.without and publication.not_before - now > timeline.hand_out_ahead(count)
    if early:
        with suppress(Stale):
            db.touch(publication, {"next_at": publication.not_before - timeline.HAND_OUT})
    return early


def _may_go(db: Database, publication: Publication, now: datetime) -> bool:
    """services/batches._may_go."""
    answer = handing_out.may_go(db.facts(publication, attempts=False), _standing(db, publication), now=now)
    if isinstance(answer, Step) and answer.event is Event.TOO_LATE:
        answer = handing_out.expired(db.facts(publication))
    if isinstance(answer, Step):
        try:
            with db.transaction():
                db.enact(publication, answer, ACTOR)
        except Stale:
            pass
        return False
    if answer is None:
        return False
    if answer.not_before > publication.not_before:
        row = db.publications[publication.pk]
        if row.state is State.STAGED:
            db.write(row, {"not_before": answer.not_before})
        publication.not_before = answer.not_before
    return True


def _standing(db: Database, publication: Publication) -> handing_out.Standing:
    """services/batches._standing."""
    release = publication.release
    signed = release.signed and not release.cancelled
    frozen = db.frozen and "freeze_at_hand_out" not in db.world.without
    return handing_out.Standing(
        signed, frozen, publication.account.disabled, previous_in_lane(db, publication) if publication.lane else None,
        waits(db.world, publication),
    )  # fmt: skip


def _arm(world: World, host: Host, instant: datetime, group: list[Publication], now: datetime) -> None:
    """services/batches._arm."""
    db: Database = world.db
    with db.transaction():
        claim_by = max(instant - timeline.CHILD_SENDER, now + timeline.CLAIM_GRACE)
        batch = new_batch(world, "release", instant, claim_by)
        armed = 0
        for publication in group:
            try:
                db.move(publication, Event.ARM, ACTOR, {"batch": batch, "next_at": None})
                armed += 1
            except Stale:
                continue
        if not armed:
            db.drop_batch(batch)


def new_batch(world: World, kind: str, instant: datetime, claim_by: datetime) -> Batch:
    """INSERT INTO bot_batch."""
    db: Database = world.db
    db.numbers += 1
    batch = Batch(db.numbers, kind, instant, claim_by)
    db.batches[batch.pk] = db.unfinished[batch.pk] = batch
    db.undone(lambda: db.drop_batch(batch))
    return batch


def _ring_the_staging(world: World, host: Host) -> Steps:
    """services/clock._ring_the_due and _stage."""
    db: Database = world.db
    for publication in [row.copy() for row in _due(db, WAITING, host.now())]:
        now = host.now()
        if staging_rules.unready(db.facts(publication, attempts=False), now=now):
            yield world.short()
            _hold_together(world, publication, now)
        else:
            _ring(world, publication, "stage", now)


def _hold_the_unready(world: World, host: Host) -> Steps:
    """services/clock._hold_the_unready."""
    db: Database = world.db
    now = host.now()
    late = [row.copy() for row in db.publications.values() if row.state in TRIED and _unready(db, row, now)]
    for publication in late:
        yield world.short()
        _hold_together(world, publication, host.now())


def _hold_together(world: World, publication: Publication, now: datetime) -> None:
    """services/clock._hold_together."""
    db: Database = world.db
    try:
        with db.transaction():
            db.enact(publication, staging_rules.held_for_itself(db.facts(publication, attempts=False)), ACTOR)
            world.scenario.unready.append((world.t, publication.pk))
            db.undone(world.scenario.unready.pop)
            if "together" in world.without:
                return
            for pk in publication.release.publications:
                row = db.publications[pk]
                name = "" if row.account is publication.account else publication.account.name
                if pk != publication.pk and row.state in STOPPABLE:
                    db.enact(row.copy(), staging_rules.held_for_its_mate(db.facts(row, attempts=False), name), ACTOR)
                elif row.state is State.SENDING and row.not_before > now and not row.stop_event:
                    db.write(row, {**staging_rules.wish_for_its_mate(name), "stop_by": "machine"})
    except Stale:
        return


# --- bells ----------------------------------------------------------------------------------------------------


def _ring(world: World, row: Publication, kind: str, now: datetime) -> None:
    """services/clock._ring."""
    if row.rung_at is None:
        ring(world, kind, row.pk)
    elif row.rung_at <= now - timeline.RING_AGAIN:
        start_job(world, kind, row.pk, slot="")
    else:
        return
    current = world.db.publications[row.pk]
    if current.fence == row.fence:
        current.rung_at = now


def _ring_batches(world: World, now: datetime) -> None:
    """services/clock._ring_batches."""
    db: Database = world.db
    for batch in list(db.unfinished.values()):
        if batch.state != "ready":
            continue
        if batch.instant < now - timeline.MAX_LATENESS:
            db.end_batch(batch)
        elif batch.rung_at is None:
            batch.rung_at = now
            ring(world, "send", batch.pk)
        elif now >= batch.claim_by:
            batch.claim_by = now + timeline.RING_AGAIN
            start_job(world, "send", batch.pk, slot="")


def _ring_gates(world: World, now: datetime) -> None:
    """services/clock._ring_gates."""
    for gate in gating.due(world.db, now):
        if gate.rung_at is None:
            ring(world, "gate", gate.release.pk)
        else:
            start_job(world, "gate", gate.release.pk, slot="")
        gate.rung_at = now


def ring(world: World, kind: str, subject: int) -> None:
    """The broker: late, twice, or never."""
    if world.random() < world.bells:
        world.tell(f"bell lost: {kind} {subject}")
        return
    slot = "send" if kind == "send" else "work"
    for _ in range(2 if world.random() < 0.08 else 1):
        world.at(world.t + world.short(), lambda: world.employ(slot, lambda: start_job(world, kind, subject, slot)))


def start_job(world: World, kind: str, subject: int, slot: str) -> None:
    """A worker (or, without `slot`, a child of the clock) begins: services/clock.perform."""
    host = world.hosts[0] if len(world.hosts) == 1 else world.hosts[int(world.random() * len(world.hosts))]
    world.seq += 1
    process = Process(f"{kind}-{subject}#{world.seq}", host, None, slot=slot)
    process.gen = {"send": run_batch, "stage": stage, "look": look, "gate": gating.ask}[kind](world, process, subject)
    world.start(process, 0 if slot else 300)


def _sleep(world: World, host: Host, watch: Watch) -> int:
    """How long nothing is due: a clock that ticks every second would do nothing until then."""
    db: Database = world.db
    now = host.now()
    soonest: datetime | None = None
    for row in db.publications.values():
        at: datetime | None = None
        if row.state in TICKING and row.next_at is not None and not (row.state is State.STAGED and waits(world, row)):
            at = row.next_at
            if row.lease_until is not None and row.lease_until > at:
                at = row.lease_until
            if at <= now:  # rung already; or it fell due while this tick was kept from going on, or it waits for others
                wait = 5 * SECOND * MS if row.state is State.STAGED else MS
                at = row.rung_at + timeline.RING_AGAIN if row.rung_at is not None else now + wait
        if row.state in TRIED and row.stage_by is not None and row.stage_by > now:
            at = row.stage_by if at is None or row.stage_by < at else at
        if row.state in LATE and row.release.signed:
            late = row.instant + timeline.MAX_LATENESS + MS
            at = late if at is None or late < at else at
        if at is not None and (soonest is None or at < soonest):
            soonest = at
    for batch in db.unfinished.values():
        at = batch.claim_by
        if batch.state == "claimed":  # its sender may have died while this tick was past that part
            at = NEVER_AT if ("batch", batch.pk) in world.locks else now + SECOND * MS
        if soonest is None or at < soonest:
            soonest = at
    for gate in db.gates.values():
        at = gating.wakes(gate, now)
        if at is not None and (soonest is None or at < soonest):
            soonest = at
    wait = NEVER if soonest is None or soonest is NEVER_AT else host.until(soonest)
    swept = watch.wait(world, now) if db.gates else None
    wait = wait if swept is None else min(wait, swept)
    return wait if wait == NEVER else max(SECOND // 2, wait) + int(world.random() * SECOND)


# --- services/staging -----------------------------------------------------------------------------------------


def stage(world: World, process: Process, pk: int) -> Steps:
    """services/staging.stage."""
    db: Database = world.db
    if not world.acquire(process, ("stage", pk)):
        return
    yield world.short()
    host = process.host
    publication = db.publications[pk].copy()
    if not publication.release.signed or publication.release.cancelled:
        return
    yield world.short()
    if not _take(db, publication, host.now()):
        return
    try:
        yield from _put_in_place(world, process, publication)
    except Fault as fault:
        yield world.short()
        step = staging_rules.faulted(
            db.facts(publication, attempts=False), fault.message, wait_until=None, now=host.now()
        )
        try:
            with db.transaction():
                db.enact(publication, step, ACTOR)
        except Stale:
            return
    except Stale:
        return


def _take(db: Database, publication: Publication, now: datetime) -> bool:
    """services/staging._take."""
    taken = staging_rules.taken(db.facts(publication, attempts=False), now=now)
    if taken is None:
        staging = publication.state is State.STAGING
        return staging and db.lease(publication, now + timeline.STAGE_LEASE, now)
    try:
        db.enact(publication, taken, ACTOR)
    except Stale:
        return False
    return True


def _put_in_place(world: World, process: Process, publication: Publication) -> Steps:
    """services/staging._put_in_place: never a new draft after an act that may have had an effect."""
    db, platform = world.db, publication.account.platform
    table, since = publication.staged, publication.since
    if not (table and db.doubted(publication.pk)) or "old_draft" in world.without:
        yield from ask(world, process, publication.account)
        since = platform.newest_own_id()
        keep = "old_draft" not in world.without and db.any_effect(publication.pk)
        table = platform.stage(publication, publication.staged, keep=keep)
        if table is None:
            raise Fault("草稿不在了，是否已发出不明。", person=True)
        yield from ask(world, process, publication.account)
    else:
        yield world.short()
    now = process.host.now()
    hand_out = publication.not_before - timeline.HAND_OUT
    step = staging_rules.staged(db.facts(publication, attempts=False), table, since=since, hand_out=hand_out, now=now)
    with db.transaction():
        db.enact(publication, step, ACTOR)


# --- services/confirming --------------------------------------------------------------------------------------


def look(world: World, process: Process, pk: int) -> Steps:
    """services/confirming.look."""
    db: Database = world.db
    host = process.host
    publication = db.publications[pk].copy()
    if publication.state not in LOOKING or (publication.state is State.LIVE and not db.facts(publication).watched):
        return
    if publication.next_at is None or publication.next_at > host.now():
        return
    yield world.short()
    now = host.now()
    if not db.lease(publication, now + timeline.LOOK_LEASE, now):
        return
    try:
        yield world.short()
        if publication.state is State.LIVE:
            yield from _watch(world, process, publication)
            return
        act = engine.next_act(replace(db.facts(publication), clock_far_off=far_off(db, host)), now=host.now())
        if isinstance(act, engine.Ask):
            yield from _look(world, process, publication, act)
        else:
            db.enact(publication, act, ACTOR)
    except Stale:
        return


def _look(world: World, process: Process, publication: Publication, act: engine.Ask) -> Steps:
    """services/confirming._look: the platform's word on one publication."""
    db, host, platform = world.db, process.host, publication.account.platform
    evidence = evidence_of(db, publication)
    try:
        yield from ask(world, process, publication.account)
        verdict = platform.look(publication, evidence, host.now())
    except Fault as fault:
        verdict = engine.Unclear(fault.message)
    if world.story is not None:
        world.tell(f"  look at publication {publication.pk}: {type(verdict).__name__}")
    yield world.short()
    if act is engine.Ask.PROBE and isinstance(verdict, Absent):
        arrange_probe(world, publication, host.now())
    else:
        apply(world, publication, verdict, host)


def _watch(world: World, process: Process, publication: Publication) -> Steps:
    """services/confirming._watch: whether a push that was sent twice became two posts."""
    db, host, platform = world.db, process.host, publication.account.platform
    evidence = {**evidence_of(db, publication), "ids": {}}
    verdict: engine.Verdict
    try:
        yield from ask(world, process, publication.account)
        verdict = platform.look(publication, evidence, host.now())
    except Fault as fault:
        verdict = engine.Unclear(fault.message)
    if world.story is not None:
        world.tell(f"  look for a second post of publication {publication.pk}: {type(verdict).__name__}")
    yield world.short()
    db.enact(publication, engine.after_watch(db.facts(publication), verdict, now=host.now()), ACTOR)


def arrange_probe(world: World, publication: Publication, now: datetime) -> None:
    """services/batches.arrange_probe."""
    db: Database = world.db
    with db.transaction():
        batch = new_batch(world, "probe", now, now + timeline.CLAIM_GRACE)
        row = db.publications[publication.pk]
        if row.state is State.UNKNOWN and row.fence == publication.fence:
            db.write(row, {"batch": batch, "next_at": now + timeline.LOOK_LEASE, "lease_until": None})
    world.poke()


def apply(world: World, publication: Publication, verdict: engine.Verdict, host: Host) -> None:
    """services/confirming.apply."""
    db: Database = world.db
    places = len(publication.editions)
    facts = replace(db.facts(publication), clock_far_off=far_off(db, host))
    steps = engine.after_look(facts, verdict, places=places, now=host.now())
    with db.transaction():
        for step in steps:
            if step.event is Event.CONFIRM and "read_back" in world.without and not isinstance(verdict, Receipt):
                db.write(db.publications[publication.pk], {"platform_ids": ("unseen",) * places})
            elif step.event is Event.CONFIRM and isinstance(verdict, Receipt):
                ids = tuple(place.platform_id for place in verdict.positions)
                db.write(db.publications[publication.pk], {"platform_ids": ids})
            db.enact(publication, step, ACTOR)


# --- services/callbacks ---------------------------------------------------------------------------------------


def callback(world: World, process: Process, account: Any, name: str, value: str, outcome: Any) -> Steps:
    """services/callbacks.receive, in the web process."""
    db: Database = world.db
    yield world.short()
    row = next(
        (
            row for row in db.publications.values()
            if row.account is account and row.state in OPEN and row.ids.get(name) == value
        ),
        None,
    )  # fmt: skip
    if row is None:
        return
    publication = row.copy()
    yield world.short()
    now = process.host.now()
    try:
        if publication.state is State.LIVE:
            return
        if isinstance(outcome, Failed):
            apply(world, publication, outcome, process.host)
        elif isinstance(outcome, Pending) or outcome == "receipt":
            current = db.publications[publication.pk]
            if current.state in ASKING:
                db.write(current, {"next_at": now, "rung_at": None})
                world.poke()
    except Stale:
        return


def deliver(world: World, platform: Platform, name: str, value: str, outcome: Any) -> None:
    """The platform calls back: soon, twice, or never."""
    times = (0 if world.random() < 0.2 else 1) + (1 if world.random() < 0.1 else 0)
    for _ in range(times):
        delay = int(world.random() * 8 * SECOND)

        def begin() -> None:
            host: Host = world.hosts[0]
            process = Process(f"callback {name}={value}", host, None)
            process.gen = callback(world, process, platform.account, name, value, outcome)
            world.start(process)

        world.at(world.t + delay, begin)
