"""The sender: mirrors bot/services/sending, answers, batches and clocksafety, and the launcher's rules."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from bot.domain import agreement, timeline
from bot.domain.channel import Failed, Pending, Receipt, Refused, Unclear
from bot.domain.delivery import Event, State
from bot.domain.engine import answers as engine
from bot.domain.engine import handing_out, recovery, sender
from bot.domain.engine.sender import Act

from . import verdicts
from .platforms import Request
from .portal import is_shut
from .rows import MACHINE as ACTOR
from .rows import Account, Attempt, Batch, Database, IntegrityError, Publication, Reading, Stale
from .world import BASE, MS, SECOND, DatabaseError, Host, Process, Steps, World

FRESH = timedelta(hours=1)  # services/clocksafety.FRESH
FAR_OFF = timedelta(minutes=1)  # services/clocksafety.FAR_OFF
LATE_PREPARATION = timedelta(seconds=3)  # services/sending.LATE_PREPARATION
_AT_ONCE = timedelta(seconds=5)


class Fault(Exception):
    """A ChannelFault. `person`: its remedy is a person."""

    def __init__(self, message: str, *, person: bool = False) -> None:
        super().__init__(message)
        self.message, self.person = message, person


# --- the network, and the platform's Date ---------------------------------------------------------------------


def ask(world: World, process: Process, account: Account) -> Steps:
    """One ordinary call: it takes its time, tells the platform's Date, or fails with `Fault`."""
    random = world.random
    faults = account.platform.faults
    took = 20 + int(random() * 250)
    if random() < faults.slow:
        took = 1000 + int(random() * 9000)
    yield took
    if random() < faults.reads:
        raise Fault("平台没有应答，稍后重试。")
    note_date(world, process.host, account, took)


def note_date(world: World, host: Host, account: Account, took: int) -> None:
    """services/ports.Ports.platform_date: the platform writes its Date when it has made its answer."""
    t = world.t
    now = host.now()
    written = t - int(world.random() * min(took, SECOND))
    sent = BASE + (t - took + host.skew(t - took)) * MS
    found = agreement.ahead(BASE + written // SECOND * SECOND * MS, sent=sent, received=now, took=took * MS)
    if found is not None:
        account.readings[host.boot] = Reading(now, found // MS, t)


def has_reading(account: Account, host: Host) -> bool:
    """services/clocksafety.has_reading."""
    reading = account.readings.get(host.boot)
    return reading is not None and abs(host.now() - reading.at) < FRESH


def distrust(world: World, account: Account, host: Host) -> str:
    """services/clocksafety.distrust."""
    reading = account.readings.get(host.boot)
    if reading is None:
        return "" if "date" in world.without else "平台的应答没有给出时间，无法核对本机时钟。"
    offset = timedelta(milliseconds=reading.offset_ms)
    if abs(offset) > timeline.CLOCK_AGREEMENT and "date" not in world.without:
        return f"本机时钟与平台时间相差 {offset.total_seconds():+.1f} 秒。"
    drift = (host.now() - reading.at) - (world.t - reading.t) * MS
    if abs(drift) > timeline.CLOCK_DRIFT and "drift" not in world.without:
        return "本机时钟在核对之后跳变了。"
    return ""


def unheard(db: Database, host: Host) -> bool:
    """services/clocksafety.unheard."""
    return "unheard" not in db.world.without and not any(host.boot in account.readings for account in db.accounts)


def far_off(db: Database, host: Host) -> bool:
    """services/clocksafety.far_off. Here every machine has been up for long."""
    readings = [one for account in db.accounts if (one := account.readings.get(host.boot)) is not None]
    if not readings:
        return False
    reading = max(readings, key=lambda one: one.t)
    drift = (host.now() - reading.at) - (db.world.t - reading.t) * MS
    return abs(timedelta(milliseconds=reading.offset_ms)) > FAR_OFF or abs(drift) > FAR_OFF


# --- services/batches -----------------------------------------------------------------------------------------


def lock_is_held(world: World, batch: Batch, now: datetime) -> bool:
    """services/locks.is_held; without the lock, what many systems do instead: a lease."""
    if "lock" in world.without:
        return batch.claimed_at is not None and now < max(batch.claimed_at, batch.instant) + timedelta(seconds=30)
    return ("batch", batch.pk) in world.locks


def recover(world: World, host: Host) -> Steps:
    """services/batches.recover."""
    db: Database = world.db
    for batch in [batch for batch in db.unfinished.values() if batch.state == "claimed"]:
        if lock_is_held(world, batch, host.now()):
            continue
        yield world.short()
        now = host.now()
        world.tell(f"batch {batch.pk}: its sender is gone")
        with db.transaction():
            for attempt in [a for a in db.open if a.batch is batch]:
                _close_orphan(db, attempt, now)
            for row in [p for p in db.publications.values() if p.batch is batch and p.state is State.ARMED]:
                try:
                    with db.transaction():
                        db.enact(row.copy(), recovery.rearmed(db.facts(row, attempts=False), now=now), ACTOR)
                except Stale:
                    pass
            _finish(db, batch, batch.fence)


def previous_in_lane(db: Database, publication: Publication) -> handing_out.Previous | None:
    """services/batches.Lanes.previous."""
    if "lane" in db.world.without:
        return None
    earlier = [
        row for pk in publication.release.publications
        if (row := db.publications[pk]).account is publication.account and row.lane < publication.lane
        and row.state is not State.CANCELLED
    ]  # fmt: skip
    if not earlier:
        return None
    earlier.sort(key=lambda row: row.lane)
    last = earlier[handing_out.decisive([row.state for row in earlier])]
    return handing_out.Previous(last.state, last.accepted_at, publication.account.spacing)


def _close_orphan(db: Database, attempt: Attempt, now: datetime) -> None:
    """services/batches._close_orphan."""
    publication = db.publications[attempt.publication].copy()
    db.close_attempt(attempt, "not_sent" if "orphan" in db.world.without else "unknown")
    step = recovery.orphaned(db.facts(publication), now=now)
    if step is not None:
        try:
            with db.transaction():
                db.enact(publication, step, ACTOR)
        except Stale:
            pass


def _finish(db: Database, batch: Batch, fence: int) -> None:
    """services/batches.finish."""
    if any(attempt.batch is batch for attempt in db.open):
        return
    if batch.fence == fence:
        db.end_batch(batch)


def claim(db: Database, batch: Batch, owner: str, now: datetime) -> int:
    """services/batches.claim: the fence, or 0 when it was taken before."""
    if batch.state != "ready" and "claim" not in db.world.without:
        return 0
    batch.state, batch.owner, batch.claimed_at = "claimed", owner, now
    batch.fence += 1
    return batch.fence


# --- services/sending -----------------------------------------------------------------------------------------


def evidence_of(db: Database, publication: Publication) -> dict[str, Any]:
    """services/sending.evidence_of."""
    owned = {
        name for row in db.publications.values()
        if row.account is publication.account and row.pk != publication.pk for name in row.platform_ids if name
    }  # fmt: skip
    claimed = {
        str(name) for row in db.publications.values()
        if row.account is publication.account and row.pk != publication.pk for name in row.ids.values()
    }  # fmt: skip
    begun = [one.sent_at or one.intent_at for one in db.attempts[publication.pk] if one.outcome != "not_sent"]
    last = max(begun, default=publication.sent_at or publication.not_before)
    return {
        "ids": publication.ids, "staged": publication.staged, "since": publication.since,
        "sent_at": last, "first_at": min(begun, default=last), "owned": owned | claimed,
        "submits": len(begun),
    }  # fmt: skip


class Load:
    """services/sending.Load."""

    __slots__ = ("attempt", "intent", "publication", "read_at", "ready", "request")

    def __init__(self, publication: Publication, request: Request) -> None:
        self.publication, self.request = publication, request
        self.attempt: Attempt | None = None
        self.read_at: datetime | None = None
        self.ready = -1  # true time from which its connection stands
        self.intent: Any = None


def run_batch(world: World, process: Process, batch_id: int) -> Steps:
    """services/sending.run_batch."""
    if "lock" not in world.without and not world.acquire(process, ("batch", batch_id)):
        return
    yield world.short()
    db: Database = world.db
    batch = db.batches[batch_id]
    fence = claim(db, batch, process.name, process.host.now())
    if not fence:
        return
    process.batch = batch_id
    world.tell(f"{process.name}: claims batch {batch_id}")
    yield from Sender(world, process, batch, fence).run()
    yield world.short()
    _finish(db, batch, fence)


class Sender:
    """services/sending._Sender."""

    __slots__ = ("batch", "db", "fence", "host", "loads", "process", "struck", "world")

    def __init__(self, world: World, process: Process, batch: Batch, fence: int) -> None:
        self.world, self.process, self.batch, self.fence = world, process, batch, fence
        self.db: Database = world.db
        self.host = process.host
        self.loads: dict[int, Load] = {}
        self.struck: set[int] = set()

    def run(self) -> Steps:
        """services/sending._Sender.run: the acts of bot.domain.engine.sender, each at its time."""
        for act, at in sender.acts(self.batch.instant):
            if at is not None:
                wait = self.host.until(at)
                if wait > 0:
                    behind = wait - (at - self.host.now()) // MS
                    if behind > SECOND:  # its clock is set back while it waits: it stands there for so much longer
                        self.process.naps.append((self.world.t + wait - behind, self.world.t + wait))
                    yield wait
            if not self.loads and act is not Act.PREPARE:
                return
            if act is Act.PREPARE:
                yield from self._prepare()
            elif act is Act.COMPARE_CLOCK:
                yield from self._check_clock()
            elif act is Act.CONNECT:
                yield from self._connect()
            elif act is Act.COMMIT_INTENTS:
                yield from self._commit_intents()
            elif act is Act.LAST_LOOK:
                yield from self._last_look()
            elif act is Act.FIRE:
                yield from self._fire()

    # --- ahead of T ----------------------------------------------------------------------------------------

    def _prepare(self) -> Steps:
        wanted = State.UNKNOWN if self.batch.kind == "probe" else State.ARMED
        rows = [p.copy() for p in self.db.publications.values() if p.batch is self.batch and p.state is wanted]
        for publication in rows:
            if timeline.too_late(self.host.now(), publication.instant):
                continue
            yield self.world.short()
            try:
                yield from self._load(publication)
            except Fault as fault:
                if fault.person:
                    self._hold(publication, fault.message)
                else:
                    self._put_back(publication, fault.message)
            except Stale:
                continue
            except IntegrityError as error:  # errors.Refused of require_signed
                self._hold(publication, f"{error}，未发出。")

    def _load(self, publication: Publication) -> Steps:
        db, world, account = self.db, self.world, publication.account
        platform = account.platform
        if any(attempt.outcome == "refused" for attempt in db.attempts[publication.pk]):
            yield from ask(world, self.process, account)  # preflight: renews a refused token for all
            if platform.bad_tokens < 50:
                platform.bad_tokens = 0
        release = self.batch.kind == "release"
        if release:
            row = db.publications[publication.pk]
            if not row.release.signed or row.release.cancelled:
                raise IntegrityError("发布单没有有效签发")
        read_at = self.host.now()
        yield from self._read_back(publication)
        yield self.world.short()  # grant
        key = publication.key
        if not release and "same_key" in world.without:
            key = f"{key}-{world.t}"
        hashes = tuple(edition.hash for edition in publication.editions)
        draft = publication.staged.get("draft", "")
        request = Request(0, publication.pk, key, hashes, draft, self.process, not release)
        self.loads[publication.pk] = load = Load(publication, request)
        load.read_at = read_at

    def _read_back(self, publication: Publication) -> Steps:
        """services/sending._Sender._read_back and _look_again: after an unknown act the draft is left alone."""
        if "old_draft" not in self.world.without and self.db.doubted(publication.pk):
            verdict: Any = None
            if "look_again" not in self.world.without:
                evidence = evidence_of(self.db, publication)
                yield from ask(self.world, self.process, publication.account)
                verdict = publication.account.platform.look(publication, evidence, self.host.now())
                self._judge(publication, verdict)
            if not isinstance(verdict, Failed):
                return
        yield from ask(self.world, self.process, publication.account)
        keep = "old_draft" not in self.world.without and self.db.any_effect(publication.pk)
        table = publication.account.platform.stage(publication, publication.staged, keep=keep)
        if table is None:
            raise Fault("草稿不在了，是否已发出不明。", person=True)
        if table is not publication.staged and table != publication.staged:
            self.db.touch(publication, {"staged": table})

    def _judge(self, publication: Publication, verdict: Any) -> None:
        """services/sending._found and _still_good."""
        if isinstance(verdict, Receipt | Pending):
            if publication.state is State.ARMED:
                step = sender.found_before(self.db.facts(publication), verdict.ids, now=self.host.now())
                with suppress(Stale):
                    self.db.enact(publication, step, ACTOR)
            raise Stale("it is there already")
        if isinstance(verdict, Unclear):
            raise Fault(verdict.message, person=verdict.needs_person)
        if isinstance(verdict, Failed) and verdict.gone:
            raise Fault(verdict.message, person=True)

    def _put_back(self, publication: Publication, reason: str) -> None:
        if publication.state is not State.ARMED:
            return
        changes = {"batch": None, "next_at": self.host.now() + _AT_ONCE, "reason": reason}
        try:
            self.db.move(publication, Event.DISARM, ACTOR, changes)
        except Stale:
            return

    def _hold(self, publication: Publication, reason: str) -> None:
        if publication.state is not State.ARMED:
            return
        try:
            self.db.move(publication, Event.HOLD, ACTOR, {"batch": None, "next_at": None, "reason": reason})
        except Stale:
            return

    def _check_clock(self) -> Steps:
        for load in list(self.loads.values()):
            account = load.publication.account
            if not has_reading(account, self.host):
                with suppress(Fault):
                    yield from ask(self.world, self.process, account)
            reason = distrust(self.world, account, self.host)
            if reason:
                del self.loads[load.publication.pk]
                self._hold(load.publication, f"未发出：{reason}")

    def _connect(self) -> Steps:
        """The launcher opens connections, and goes on trying those that fail until `send_by`."""
        random = self.world.random
        yield self.world.short()
        for load in self.loads.values():
            load.ready = self.world.t
            faults = load.publication.account.platform.faults
            if random() < faults.connect:
                load.ready += int(random() * 20 * SECOND)

    # --- intents -------------------------------------------------------------------------------------------

    def _commit_intents(self) -> Steps:
        yield self.world.short()
        if "intent" in self.world.without:
            return
        with self.db.transaction():
            for load in list(self.loads.values()):
                try:
                    with self.db.transaction():
                        self._intend(load)
                except (IntegrityError, Stale) as error:
                    del self.loads[load.publication.pk]
                    self._refuse_intent(load, error)
        yield 1

    def _intend(self, load: Load) -> None:
        publication, now = load.publication, self.host.now()
        probe = self.batch.kind == "probe"
        number = len(self.db.attempts[publication.pk]) + 1
        attempt = Attempt(
            publication.pk, publication.account.pk, number, self.batch,
            "probe" if probe else ("first" if number == 1 else "again"),
        )  # fmt: skip
        attempt.fence, attempt.intent_at = self.fence, now
        attempt.send_by = sender.send_by(self.batch.instant, now)
        self.db.open_attempt(publication, attempt)
        before = publication.fence, publication.state
        try:
            event, columns = sender.intent(self.batch.instant, now, probe=probe)
            self.db.move(publication, event, ACTOR, dict(columns))
        except Exception:
            publication.fence, publication.state = before
            raise
        load.attempt = attempt

    def _refuse_intent(self, load: Load, error: Exception) -> None:
        publication = load.publication
        publication.__dict__.update(self.db.publications[publication.pk].__dict__)
        if publication.state is not State.ARMED or publication.batch is not self.batch:
            return
        reason = f"发出前复核未通过（{error}），未发出。请核对审批与签发后恢复或重新签发。"
        self.db.move(publication, Event.HOLD, ACTOR, {"batch": None, "next_at": None, "reason": reason})

    def _last_look(self) -> Steps:
        """services/sending._Sender._struck and _last_look."""
        failed = self.world.random() < self.world.db_faults
        yield 1
        for load in self.loads.values():
            if failed or self._is_struck(load):
                self.struck.add(load.publication.pk)

    def _is_struck(self, load: Load, *, firing: bool = False) -> bool:
        db, without = self.db, self.world.without
        row = db.publications[load.publication.pk]
        held = "lock" in without or self.world.holds(self.process, ("batch", self.batch.pk))
        standing = handing_out.Standing(
            signed="signature" in without or (row.release.signed and not row.release.cancelled),
            frozen=db.frozen and "freeze" not in without,
            previous=previous_in_lane(db, row) if row.lane else None,
            shut=row.release.gate is not None
            and is_shut(self.world, row, self.host.now(), None if firing else self.batch),
        )
        approved = "approval" in without or all(edition.state == "approved" for edition in row.editions)
        stop = "" if "last_wish" in without else row.stop_event
        state = State.SENDING if "intent" in without and row.state is State.ARMED else row.state
        fresh = "read_back_age" in without or sender.read_back_holds(load.read_at, self.host.now())
        trusted = "late_drift" in without or not distrust(self.world, row.account, self.host)
        return handing_out.struck(
            standing, state, stop, approved=approved, lock_held=held, clock_trusted=trusted, read_back_holds=fresh
        )

    # --- at T ----------------------------------------------------------------------------------------------

    def _fire(self) -> Steps:
        """bot/launcher: never before T on either clock, one write each, then the answers as they come."""
        world, host = self.world, self.host
        begun = host.now()
        at = sender.fire_at(self.batch.instant, begun)
        send_by = min((load.attempt.send_by for load in self.loads.values() if load.attempt), default=at)
        if "send_by" in world.without:
            send_by = at + timedelta(hours=5)
        monotonic = world.t + -((begun - at) // MS)
        close = world.t + -((begun - send_by) // MS)
        over = world.t + -((begun - at - timeline.ANSWER_WITHIN) // MS)
        wanted = sorted(self.loads.values(), key=lambda load: max(load.ready, monotonic) if load.ready > world.t else 0)
        ends: list[tuple[int, int, Load, Any, dict[str, str]]] = []
        for load in wanted:
            if load.publication.pk in self.struck:
                ends.append((world.t, len(ends), load, "struck", {}))
                continue
            due = max(monotonic, load.ready)
            if "early" in world.without:
                due = load.ready
            while True:  # launcher.clock.Countdown
                wait = max(due - world.t, 0 if "early" in world.without else host.until(at))
                if wait > 0 and world.t + wait <= close:
                    yield wait
                    continue
                break
            if wait > 0 or world.t > close or host.now() > send_by:
                ends.append((max(world.t, min(close, due)), len(ends), load, "late", {}))
                continue
            if world.t > monotonic and "recheck" not in world.without and self._is_struck(load, firing=True):
                ends.append((world.t, len(ends), load, "struck", {}))
                continue
            if not world.fails_over:  # both at once is beyond every guard
                yield 0  # between the last check and the write: as short as can be, but not nothing
            request = load.request
            request.t = world.t
            world.tell(f"{self.process.name}: publication {request.publication} leaves")
            delay, answer, ids = load.publication.account.platform.submit(request)
            if load.attempt is not None:
                load.attempt.sent_at = load.attempt.last_byte_at = host.now()
            if answer is None or world.t + delay > over:
                ends.append((max(min(world.t + delay, over), world.t), len(ends), load, "broken", {}))
            else:
                ends.append((world.t + delay, len(ends), load, answer, ids))
        for t, _, load, answer, ids in sorted(ends, key=lambda end: end[:2]):
            yield max(0, t - world.t) + world.short()
            if load.attempt is None:
                self._intend_after(load)
                if load.attempt is None:
                    continue
            yield from self._record(load, load.attempt, answer, ids)

    def _intend_after(self, load: Load) -> None:
        """Without the intent guard: the attempt is written down once the answer is there."""
        try:
            with self.db.transaction():
                self._intend(load)
        except (IntegrityError, Stale):
            return
        if load.attempt is not None:
            load.attempt.sent_at = self.host.now()

    def _record(self, load: Load, attempt: Attempt, answer: Any, ids: dict[str, str]) -> Steps:
        """services/sending._Sender._record."""
        try:
            self._apply(load.publication, attempt, answer, ids)
        except (Stale, DatabaseError, IntegrityError):
            yield self.world.short()
            row = self.db.publications[load.publication.pk]
            load.publication.__dict__.update(row.__dict__)
            try:  # services/sending._Sender._apply_as_unknown
                self._unknown(load.publication, attempt, engine.silence("应答无法记录"))
            except (Stale, DatabaseError):
                return

    # --- services/answers ------------------------------------------------------------------------------------

    def _apply(self, publication: Publication, attempt: Attempt, answer: Any, ids: dict[str, str]) -> None:
        if answer == "broken":
            self._unknown(publication, attempt, engine.silence("连接中断"))
        elif answer in ("struck", "late"):
            self._not_sent(publication, attempt, answer)
        else:
            known = "after_unknown" not in self.world.without and self.db.doubted(publication.pk)
            verdict = verdicts.read(publication.mode, answer, ids, known, BASE + MS * self.world.t)
            self.world.tell(f"  answer to publication {publication.pk}: {answer} {ids} -> {type(verdict).__name__}")
            if isinstance(verdict, Pending):
                self._accepted(publication, attempt, dict(verdict.ids))
            elif isinstance(verdict, Refused):
                self._refused(publication, attempt, verdict)
            else:
                self._unknown(publication, attempt, verdict)

    def _not_sent(self, publication: Publication, attempt: Attempt, reason: str) -> None:
        """services/answers.not_sent."""
        db, now = self.db, self.host.now()
        with db.transaction():
            if not db.close_attempt(attempt, "not_sent"):
                return
            row = db.publications[publication.pk]
            publication.stop_event, publication.stop_reason = row.stop_event, row.stop_reason
            probe = attempt.kind == "probe"
            for step in engine.not_sent(db.facts(publication), reason, probe=probe, now=now):
                db.enact(publication, step, ACTOR)
            if publication.state is State.CANCELLED:
                free_items(db, publication.pk)

    def _unknown(self, publication: Publication, attempt: Attempt, answer: Any) -> None:
        """services/answers.unknown."""
        db, now = self.db, self.host.now()
        with db.transaction():
            if not db.close_attempt(attempt, "unknown"):
                return
            probe = attempt.kind == "probe"
            step = engine.unknown(db.facts(publication), answer, sent_at=attempt.sent_at, probe=probe, now=now)
            try:
                with db.transaction():
                    db.enact(publication, step, ACTOR)
            except Stale:
                pass

    def _accepted(self, publication: Publication, attempt: Attempt, ids: dict[str, str]) -> None:
        """services/answers.accepted."""
        db, now = self.db, self.host.now()
        with db.transaction():
            if not db.close_attempt(attempt, "accepted"):
                return
            publication.__dict__.update(db.publications[publication.pk].__dict__)
            db.enact(publication, engine.accepted(db.facts(publication), ids, sent_at=attempt.sent_at, now=now), ACTOR)

    def _refused(self, publication: Publication, attempt: Attempt, answer: Refused) -> None:
        """services/answers.refused."""
        db, now = self.db, self.host.now()
        with db.transaction():
            if not db.close_attempt(attempt, "refused"):
                return
            probe = attempt.kind == "probe" and "after_unknown" not in self.world.without
            db.enact(publication, engine.refused(db.facts(publication), answer, probe=probe, now=now), ACTOR)


def free_items(db: Database, pk: int) -> None:
    """services/stops.free_items."""
    if not db.any_effect(pk):
        db.publications[pk].active = False
