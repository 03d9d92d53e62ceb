"""The records, in memory: compare-and-set, transactions, constraints, triggers, and the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot.domain.channel import ModeSpec
from bot.domain.delivery import State, after
from bot.domain.engine import sentences
from bot.domain.engine.facts import DOUBTFUL, REASON_LENGTH, Facts, Step

from .world import DatabaseError, World


class Stale(Exception):
    """services/transitions.Stale."""


class IntegrityError(Exception):
    """A constraint or a trigger said no."""


class Edition:
    """A reviewed text. `passes` are the people who passed it."""

    __slots__ = ("hash", "pk", "state", "withdrawn_at")

    def __init__(self, pk: int) -> None:
        self.pk, self.hash, self.state = pk, f"h{pk}", "approved"
        self.withdrawn_at = -1  # true time, for the checker


class Release:
    """One signed instant."""

    __slots__ = ("cancelled", "gate", "pk", "publications", "signed", "unsigned")

    def __init__(self, pk: int) -> None:
        self.pk, self.signed, self.cancelled = pk, False, False
        self.gate: Any = None  # portal.Gate, where it waits for its page
        self.publications: list[int] = []
        self.unsigned: list[list[int]] = []  # spans of true time without signature, for the checker


class Reading:
    """services/ports.Ports.platform_date: how far the platform's clock was from ours."""

    __slots__ = ("at", "offset_ms", "t")

    def __init__(self, at: datetime, offset_ms: int, t: int) -> None:
        self.at, self.offset_ms, self.t = at, offset_ms, t


class Account:
    """One account on one platform."""

    __slots__ = ("disabled", "mode", "name", "pk", "platform", "readings", "spacing")

    def __init__(self, pk: int, mode: ModeSpec, spacing: Any) -> None:
        self.pk, self.mode, self.spacing, self.name = pk, mode, spacing, f"account {pk}"
        self.disabled = ""
        self.readings: dict[int, Reading] = {}
        self.platform: Any = None


class Publication:
    """A row of bot_publication. A copy is what a process has read; only `Database` writes the row."""

    def __init__(
        self, pk: int, release: Release, account: Account, lane: int, instant: datetime, editions: tuple[Edition, ...]
    ) -> None:
        self.pk, self.release, self.account, self.lane = pk, release, account, lane
        self.mode = account.mode
        self.instant = self.not_before = instant
        self.editions = editions
        self.key = f"key{pk}"
        self.state = State.PLANNED
        self.reason = self.stop_event = self.stop_reason = self.since = self.stop_by = self.held_by = ""
        self.next_at: datetime | None = None
        self.stage_by: datetime | None = None
        self.lease_until: datetime | None = None
        self.rung_at: datetime | None = None
        self.sent_at: datetime | None = None
        self.accepted_at: datetime | None = None
        self.live_at: datetime | None = None
        self.staged_at: datetime | None = None
        self.fence = self.stage_faults = self.crashes = self.looks = self.absents = 0
        self.batch: Batch | None = None
        self.staged: dict[str, Any] = {}
        self.ids: dict[str, Any] = {}
        self.platform_ids: tuple[str, ...] = ("",) * len(editions)
        self.active = True

    def copy(self) -> Publication:
        """What a query gives."""
        copied = Publication.__new__(Publication)
        copied.__dict__ = self.__dict__.copy()
        return copied


class Batch:
    """A row of bot_batch."""

    __slots__ = ("claim_by", "claimed_at", "fence", "instant", "kind", "owner", "pk", "rung_at", "state")

    def __init__(self, pk: int, kind: str, instant: datetime, claim_by: datetime) -> None:
        self.pk, self.kind, self.instant, self.claim_by = pk, kind, instant, claim_by
        self.state, self.fence, self.owner = "ready", 0, ""
        self.rung_at: datetime | None = None
        self.claimed_at: datetime | None = None


class Attempt:
    """A row of bot_attempt. `opened`, `closed`: true time of the commits, for the checker."""

    __slots__ = (
        "account", "batch", "closed", "fence", "intent_at", "kind", "last_byte_at", "number", "opened", "outcome",
        "owner", "publication", "send_by", "sent_at",
    )  # fmt: skip

    def __init__(self, publication: int, account: int, number: int, batch: Batch, kind: str) -> None:
        self.publication, self.account, self.number, self.batch, self.kind = publication, account, number, batch, kind
        self.fence, self.owner = batch.fence, batch.owner
        self.outcome = ""
        self.opened, self.closed = -1, -1
        self.intent_at: Any = None
        self.send_by: Any = None
        self.sent_at: datetime | None = None
        self.last_byte_at: datetime | None = None


class Moved:
    """One line of the audit trail: one change of state."""

    __slots__ = ("actor", "event", "fence", "new", "old", "publication", "reason", "row_fence", "row_state", "t")

    def __init__(
        self, t: int, actor: str, publication: int, old: State, new: State, event: str, reason: str, fence: int,
        row_state: State, row_fence: int,
    ) -> None:  # fmt: skip
        self.t, self.actor, self.publication, self.old, self.new, self.event = t, actor, publication, old, new, event
        self.reason, self.fence, self.row_state, self.row_fence = reason, fence, row_state, row_fence


_NO: dict[str, Any] = {}
MACHINE = "系统"


def _holder(row: Publication, actor: str) -> str:
    """services/transitions._holder: a wish to stop is held by whoever wished it, whoever carries it out."""
    return "machine" if actor == MACHINE and (not row.stop_event or row.stop_by == "machine") else "person"


class Transaction:
    """bot/services/audit.serialised, or a savepoint within: all of it or nothing."""

    __slots__ = ("_db", "_mark")

    def __init__(self, db: Database) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._mark = len(self._db.undo)
        self._db.depth += 1

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        db = self._db
        db.depth -= 1
        if kind is not None:
            db.roll_back(self._mark)
        elif not db.depth:
            if db.world.db_faults and db.world.random() < db.world.db_faults and db.world.t < db.world.calm_at:
                db.roll_back(self._mark)
                raise DatabaseError
            db.undo.clear()


class Database:
    """All rows. Reads are copies or plain values; writes go through the functions below."""

    __slots__ = (
        "accounts", "attempts", "audit", "batches", "depth", "editions", "frozen", "frozen_spans", "gates", "numbers", "open",
        "publications", "releases", "undo", "unfinished", "world",
    )  # fmt: skip

    def __init__(self, world: World) -> None:
        self.world = world
        self.publications: dict[int, Publication] = {}
        self.releases: list[Release] = []
        self.accounts: list[Account] = []
        self.editions: list[Edition] = []
        self.gates: dict[int, Any] = {}  # portal.Gate of a release
        self.attempts: dict[int, list[Attempt]] = {}
        self.open: list[Attempt] = []
        self.batches: dict[int, Batch] = {}
        self.unfinished: dict[int, Batch] = {}
        self.numbers = 0
        self.audit: list[Moved] = []
        self.frozen = False
        self.frozen_spans: list[list[int]] = []
        self.undo: list[Any] = []
        self.depth = 0

    def transaction(self) -> Transaction:
        """services/audit.serialised, or transaction.atomic within it."""
        return Transaction(self)

    def roll_back(self, mark: int) -> None:
        """Undo what was written since."""
        while len(self.undo) > mark:
            self.undo.pop()()

    def undone(self, action: Any) -> None:
        """How to take back what was just written."""
        if self.depth:
            self.undo.append(action)

    def write(self, row: Publication, changes: dict[str, Any]) -> None:
        """UPDATE of one row."""
        if self.depth:
            old = row.__dict__.copy()
            self.undo.append(lambda: row.__dict__.update(old))
        row.__dict__.update(changes)
        if row.not_before < row.instant:
            raise IntegrityError("publication_never_early")

    # --- services/transitions ------------------------------------------------------------------------------

    def stands(self, publication: Publication) -> bool:
        """The row is as the process has read it."""
        row = self.publications[publication.pk]
        without = self.world.without
        if without and ("compare_and_set" in without or ("fence" in without and row.state is publication.state)):
            return True
        return row.state is publication.state and row.fence == publication.fence

    def move(self, publication: Publication, event: Any, actor: str, changes: dict[str, Any]) -> None:
        """services/transitions.move."""
        old = publication.state
        new = after(old, event)
        reason = self.honest(publication, new, str(changes.get("reason", "")), event)
        if not self.stands(publication):
            raise Stale
        row = self.publications[publication.pk]
        if new is State.LIVE and "" in row.platform_ids:
            raise IntegrityError("live needs a platform id at every position")
        moved = Moved(
            self.world.t, actor, publication.pk, old, new, event, reason, publication.fence, row.state, row.fence
        )
        self.audit.append(moved)
        self.undone(self.audit.pop)
        fence = row.fence + 1
        held_by = _holder(row, actor) if new is State.HELD else ""
        known = {"lease_until": None, "rung_at": None, "held_by": held_by}
        full = {**known, **changes, "reason": reason, "state": new, "fence": fence}
        self.write(row, full)
        publication.__dict__.update(full)
        world = self.world
        if world.story is not None:
            world.tell(f"publication {row.pk}: {old} -{event}-> {new}  [{actor}] {reason[:60]}")
        world.scenario.moved(row, old, new)

    def honest(self, publication: Publication, new: State, reason: str, event: Any) -> str:
        """services/transitions.honest."""
        denies = "this_time" not in self.world.without and sentences.denies(reason, new, event)
        if denies and self.doubted(publication.pk):
            return sentences.of_this_try(reason)
        return reason[:REASON_LENGTH]

    def enact(self, publication: Publication, step: Step, actor: str, more: dict[str, Any] = _NO) -> None:
        """services/transitions.enact."""
        if step.event is None:
            self.touch(publication, {**step.changes, **more})
        else:
            self.move(publication, step.event, actor, {**step.changes, **more})

    def touch(self, publication: Publication, changes: dict[str, Any]) -> None:
        """services/transitions.touch."""
        if not self.stands(publication):
            raise Stale
        self.write(self.publications[publication.pk], dict(changes))
        publication.__dict__.update(changes)
        self.world.due(changes.get("next_at"))

    def lease(self, publication: Publication, until: datetime, now: datetime) -> bool:
        """services/transitions.lease."""
        row = self.publications[publication.pk]
        if not self.stands(publication) or (row.lease_until is not None and row.lease_until > now):
            return False
        self.write(row, {"fence": row.fence + 1, "lease_until": until})
        publication.fence, publication.lease_until = row.fence, until
        return True

    # --- attempts -------------------------------------------------------------------------------------------

    def open_attempt(self, publication: Publication, attempt: Attempt) -> None:
        """INSERT INTO bot_attempt, with the triggers and unique indexes of bot/models."""
        without = self.world.without
        row = self.publications[publication.pk]
        release = row.release
        if "trigger_signature" not in without and (not release.signed or release.cancelled):
            raise IntegrityError("no attempt without a signature")
        if "trigger_approval" not in without and any(edition.state != "approved" for edition in row.editions):
            raise IntegrityError("no attempt without approvals of these very bytes, at every position")
        if self.frozen and "trigger_freeze" not in without:
            raise IntegrityError("frozen")
        if release.gate is not None and not release.gate.through and "trigger_gate" not in without:
            raise IntegrityError("no attempt before the portal page is live")
        for other in self.open:
            if other.publication == attempt.publication and "single_flight" not in without:
                raise IntegrityError("attempt_single_flight")
            if other.account == attempt.account and "one_per_account" not in without:
                raise IntegrityError("attempt_one_per_account")
        attempt.opened = self.world.t
        self.attempts[publication.pk].append(attempt)
        self.open.append(attempt)
        self.undone(lambda: (self.attempts[publication.pk].remove(attempt), self.open.remove(attempt)))

    def close_attempt(self, attempt: Attempt, outcome: str) -> bool:
        """services/answers.close: an outcome is written once."""
        if attempt.outcome:
            return False
        attempt.outcome, attempt.closed = outcome, self.world.t
        self.open.remove(attempt)
        self.undone(lambda: self._reopen(attempt))
        self.world.tell(f"publication {attempt.publication}: attempt {attempt.number} ended {outcome}")
        return True

    def _reopen(self, attempt: Attempt) -> None:
        attempt.outcome, attempt.closed = "", -1
        self.open.append(attempt)

    def facts(self, row: Publication, *, attempts: bool = True) -> Facts:
        """services/facts.facts_of."""
        unknowns = refusals = probes = effects = doubts = unsent = 0
        if attempts:
            for attempt in self.attempts[row.pk]:
                outcome = attempt.outcome
                if outcome == "unknown":
                    unknowns += 1
                elif outcome == "refused":
                    refusals += 1
                if attempt.kind == "probe":
                    probes += 1
                if outcome == "not_sent":
                    unsent += 1
                else:
                    effects += 1
                if outcome in DOUBTFUL:
                    doubts += 1
        return Facts(
            row.state, row.mode, row.instant, row.not_before, row.stage_by, row.rung_at, row.stage_faults, row.crashes,
            row.looks, row.absents, row.lane, row.reason, row.stop_event, row.stop_reason, row.ids, row.sent_at,
            row.accepted_at, unknowns, refusals, probes, effects, doubts, unsent=unsent, lease_until=row.lease_until,
            held_by=row.held_by,
        )  # fmt: skip

    def doubted(self, pk: int) -> bool:
        """services/facts.doubted."""
        return any(attempt.outcome in DOUBTFUL for attempt in self.attempts[pk])

    def any_effect(self, pk: int) -> bool:
        """publication.attempts.exclude(outcome="not_sent").exists()"""
        return any(attempt.outcome != "not_sent" for attempt in self.attempts[pk])

    def end_batch(self, batch: Batch) -> None:
        """state = "done"."""
        old = batch.state
        batch.state = "done"
        self.unfinished.pop(batch.pk, None)
        self.undone(lambda: self._unfinish(batch, old))

    def _unfinish(self, batch: Batch, state: str) -> None:
        batch.state = state
        self.unfinished[batch.pk] = batch

    def drop_batch(self, batch: Batch) -> None:
        """DELETE FROM bot_batch."""
        self.batches.pop(batch.pk, None)
        self.unfinished.pop(batch.pk, None)

    def put(self, obj: Any, name: str, value: Any) -> None:
        """UPDATE of one column of another table."""
        old = getattr(obj, name)
        self.undone(lambda: setattr(obj, name, old))
        setattr(obj, name, value)
