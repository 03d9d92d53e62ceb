"""The judge of the state machine: what must hold after every step, read from the model platforms' journal and from a
connection of its own that sees only what is committed. It asks no service and believes no return value."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from django.db import connection

from bot.domain.chain import GENESIS, link
from bot.domain.delivery import FOR_A_PERSON, SETTLED, Event, State, after
from bot.services.locks import _PG_KEYS
from bot.services.vault import audit_key

from .model_platform import PUBLISH, ModelPlatform, Request

#: An agreement within 2 s, read from a `Date` of whole seconds.
CLOCKS_AGREE = timedelta(seconds=3)
MAX_LATENESS = timedelta(minutes=30)
#: From handing out (which looks at the account) to the write, with a late connection and the send-by deadline.
HANDED_OUT = timedelta(seconds=30)
#: No publication that is due may wait longer than this for its next step.
LONGEST_WAIT = timedelta(minutes=31)
MOVING = frozenset(State) - SETTLED - FOR_A_PERSON - {State.HELD}
ON_THE_WAY = {State.ARMED, State.SENDING}

WITNESS = {
    "sqlite": (
        "CREATE TABLE IF NOT EXISTS judge_move (id integer PRIMARY KEY AUTOINCREMENT, publication bigint, was text, became text)",
        "CREATE TRIGGER IF NOT EXISTS judge_witness AFTER UPDATE ON bot_publication WHEN OLD.state <> NEW.state "
        "BEGIN INSERT INTO judge_move (publication, was, became) VALUES (NEW.id, OLD.state, NEW.state); END",
    ),
    "postgresql": (
        "CREATE TABLE IF NOT EXISTS judge_move (id bigserial PRIMARY KEY, publication bigint, was text, became text)",
        "CREATE OR REPLACE FUNCTION judge_witness() RETURNS trigger AS $$ BEGIN INSERT INTO judge_move "
        "(publication, was, became) VALUES (NEW.id, OLD.state, NEW.state); RETURN NULL; END $$ LANGUAGE plpgsql",
        "DROP TRIGGER IF EXISTS judge_witness ON bot_publication",
        "CREATE TRIGGER judge_witness AFTER UPDATE ON bot_publication FOR EACH ROW WHEN (OLD.state <> NEW.state) "
        "EXECUTE FUNCTION judge_witness()",
    ),
}
NO_WITNESS = {
    "sqlite": ("DROP TRIGGER IF EXISTS judge_witness", "DROP TABLE IF EXISTS judge_move"),
    "postgresql": (
        "DROP TRIGGER IF EXISTS judge_witness ON bot_publication", "DROP FUNCTION IF EXISTS judge_witness()",
        "DROP TABLE IF EXISTS judge_move",
    ),
}  # fmt: skip


def run_all(statements: tuple[str, ...]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


class Eyes:
    """A connection of its own, outside every transaction of the services."""

    def __init__(self) -> None:
        connection.ensure_connection()
        if connection.vendor == "sqlite":
            self._own: Any = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, timeout=1)
        else:
            given = connection.get_connection_params()
            self._own = psycopg.connect(**{k: v for k, v in given.items() if k in _PG_KEYS}, autocommit=True)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return list(self._own.execute(sql).fetchall())

    def close(self) -> None:
        self._own.close()


def value(raw: Any) -> Any:
    """A JSON column, from either database."""
    return json.loads(raw) if isinstance(raw, str) else raw


def instant(raw: Any) -> datetime | None:
    """A timestamp column, from either database."""
    if raw is None:
        return None
    found = datetime.fromisoformat(raw) if isinstance(raw, str) else raw
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


@dataclass(frozen=True)
class Row:
    """A publication as it is committed."""

    pk: int
    release: int
    slug: str
    key: str
    state: State
    reason: str
    next_at: datetime | None
    instant: datetime
    batch: int | None
    signed: bool
    not_before: datetime | None


@dataclass(frozen=True)
class Promise:
    """What was signed: these posts, not before this instant."""

    at: datetime
    hashes: tuple[str, ...]


@dataclass
class Book:
    """What people decided, as the machine's rules noted it when a service accepted it. Moments are `ModelTime.moments`."""

    promises: dict[str, Promise] = field(default_factory=dict)
    stopped: dict[str, int] = field(default_factory=dict)  # key -> moment
    frozen: int | None = None
    disabled: dict[str, datetime] = field(default_factory=dict)  # slug -> true time
    resends: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))


class Judge:
    """Keeps what it has seen, so that nothing is taken back or changed behind its back."""

    def __init__(self, platform: ModelPlatform, book: Book) -> None:
        self.platform, self.book, self.eyes = platform, book, Eyes()
        self.wrong: list[str] = []
        self.seen: list[Row] = []  # the publications as they were after the last step
        self.latest = platform.time.now()  # the furthest that our own clock has ever been
        self._attempts: dict[int, tuple[Any, ...]] = {}
        self._audited, self._head = 0, GENESIS
        self._lines: list[tuple[int, str, str]] = []
        self._seen = int(self.eyes.rows("SELECT COALESCE(MAX(id), 0) FROM judge_move")[0][0])
        platform.arrived = self.arrived

    def close(self) -> None:
        self.eyes.close()

    def rows(self) -> list[Row]:
        found = self.eyes.rows(
            "SELECT p.id, p.release_id, a.slug, p.key, p.state, p.reason, p.next_at, p.instant, p.batch_id, "
            "r.signed_at IS NOT NULL AND r.cancelled_at IS NULL, p.not_before FROM bot_publication p "
            "JOIN bot_account a ON a.id = p.account_id JOIN bot_release r ON r.id = p.release_id ORDER BY p.id"
        )
        return [
            Row(
                pk,
                release,
                slug,
                key,
                State(state),
                reason,
                instant(next_at),
                at,
                batch,
                bool(signed),
                instant(not_before),
            )
            for pk, release, slug, key, state, reason, next_at, raw, batch, signed, not_before in found
            if (at := instant(raw)) is not None
        ]

    def documents(self) -> list[tuple[int, str, bool]]:
        """Every document: its id, the state of its newest edition, and whether that stands in a release."""
        found = self.eyes.rows(
            "SELECT e.document_id, e.state, EXISTS (SELECT 1 FROM bot_item i WHERE i.edition_id = e.id AND i.active) "
            "FROM bot_edition e WHERE e.number = (SELECT MAX(o.number) FROM bot_edition o "
            "WHERE o.document_id = e.document_id) ORDER BY e.document_id"
        )
        return [(pk, state, bool(planned)) for pk, state, planned in found]

    # --- at the moment a request arrives -----------------------------------------------------------------------

    def arrived(self, request: Request) -> None:
        """Every public request finds its intent committed, its approvals standing, its instant come, nobody against it."""
        about = (
            f"{request.slug} {request.key[:6]} ({'probe' if request.probe else 'release'}, {request.at:%H:%M:%S.%f})"
        )
        for complaint in self._complaints(request):
            self.wrong.append(f"{about}: {complaint}")

    def _complaints(self, request: Request) -> list[str]:
        book, found = self.book, []
        promise = book.promises.get(request.key)
        if promise is None:
            return ["never signed"]
        if request.at < promise.at - CLOCKS_AGREE:
            found.append(f"early by {promise.at - request.at}")
        if request.at > promise.at + MAX_LATENESS + HANDED_OUT:
            found.append(f"sent by machine {request.at - promise.at} late")
        if self._bytes_of(request) != promise.hashes:
            found.append("altered")
        if book.stopped.get(request.key, request.waited) < request.waited:
            found.append("sent although it was stopped before the last look")
        if book.frozen is not None and book.frozen < request.waited:
            found.append("sent during a freeze")
        off = book.disabled.get(request.slug)
        if off is not None and request.at - off > HANDED_OUT:
            found.append("sent on a disabled account")
        return found + self._intent(request) + self._eyes_on(request)

    def _bytes_of(self, request: Request) -> tuple[str, ...]:
        """What followers would get: the draft's posts where there is a draft (a consumed one can do nothing)."""
        if request.mode == PUBLISH or request.mode == "mass":
            return self.platform.drafts.get(request.draft, request.hashes)
        return request.hashes

    def _intent(self, request: Request) -> list[str]:
        rows = self.eyes.rows(
            "SELECT p.state, a.outcome, a.payload_hashes, a.kind FROM bot_publication p "
            f"JOIN bot_attempt a ON a.publication_id = p.id WHERE p.key = '{request.key}' ORDER BY a.number"
        )
        if not rows or rows[-1][1] != "":
            return ["no open attempt was committed before it"]
        found = [] if rows[-1][0] == State.SENDING else [f"sent in state {rows[-1][0]}"]
        if tuple(value(rows[-1][2])) != request.hashes:
            found.append("the intent names other bytes")
        if (rows[-1][3] == "probe") != request.probe:
            found.append("the intent names another kind of call")
        return found

    def _eyes_on(self, request: Request) -> list[str]:
        """Two reviewers of these very bytes at every position, no author among them; a signer who is no author."""
        rows = self.eyes.rows(
            "SELECT i.position, e.author_id, e.submitted_by_id, s.signed_by_id, COUNT(DISTINCT v.person_id), "
            "SUM(CASE WHEN v.person_id IN (e.author_id, e.submitted_by_id) THEN 1 ELSE 0 END) "
            "FROM bot_publication p JOIN bot_item i ON i.publication_id = p.id "
            "JOIN bot_release s ON s.id = p.release_id "
            "JOIN bot_edition e ON e.id = i.edition_id LEFT JOIN bot_review v ON v.edition_id = e.id "
            "AND v.verdict = 'pass' AND v.content_hash = e.content_hash "
            f"WHERE p.key = '{request.key}' GROUP BY i.position, e.author_id, e.submitted_by_id, s.signed_by_id"
        )
        found = [] if rows else ["no positions"]
        for position, author, submitter, signer, passes, own in rows:
            if passes < 2 or own:
                found.append(f"position {position} was not approved by two others")
            if signer is not None and signer in {author, submitter}:
                found.append("signed by its author")
        return found

    # --- after every step ------------------------------------------------------------------------------------

    def check(self) -> None:
        """All that must hold now. Raises AssertionError with everything that does not."""
        self.latest = max(self.latest, self.platform.time.now())
        rows = self.seen = self.rows()
        self._public(rows)
        self._attempts_kept(rows)
        self._honest(rows)
        self._moving(rows)
        self._audit()
        assert not self.wrong, "\n".join(self.wrong)

    def _public(self, rows: list[Row]) -> None:
        """Never twice, never altered."""
        allowed: defaultdict[tuple[str, str], int] = defaultdict(int)
        shown: defaultdict[tuple[str, str], int] = defaultdict(int)
        slugs = {row.key: row.slug for row in rows}
        for key, promise in self.book.promises.items():
            if key not in slugs:  # that act failed, and another took its place under a new key
                continue
            for digest in promise.hashes:
                allowed[slugs[key], digest] = max(1, allowed[slugs[key], digest]) + self.book.resends[key]
        for one in self.platform.publics:
            if one.hashes != self.book.promises[one.key].hashes:
                self.wrong.append(f"{one.slug} {one.key[:6]} shows what was not signed")
            for digest in one.hashes if not one.fails else ():
                shown[one.slug, digest] += 1
        self.wrong += [f"{slug} shows {digest[:6]} {shown[slug, digest]} times" for slug, digest in shown
                       if shown[slug, digest] > allowed[slug, digest]]  # fmt: skip

    def _attempts_kept(self, rows: list[Row]) -> None:
        """Single flight; numbers without gaps; what was written stays written."""
        found = self.eyes.rows(
            "SELECT id, publication_id, account_id, number, kind, outcome, batch_id FROM bot_attempt ORDER BY publication_id, number"
        )
        numbers: defaultdict[int, list[int]] = defaultdict(list)
        flying: defaultdict[str, int] = defaultdict(int)
        for pk, publication, account, number, _kind, outcome, _ in found:
            numbers[publication].append(number)
            before = self._attempts.get(pk)
            if before is not None and before[:2] != (publication, number):
                self.wrong.append(f"attempt {pk} was renumbered")
            if before is not None and before[2] and before[2] != outcome:
                self.wrong.append(f"the outcome of attempt {pk} was rewritten")
            self._attempts[pk] = (publication, number, outcome)
            if not outcome:
                flying[f"publication {publication}"] += 1
                flying[f"account {account}"] += 1
        self.wrong += [
            f"attempts of {pk} are numbered {ns}" for pk, ns in numbers.items() if ns != list(range(1, len(ns) + 1))
        ]
        self.wrong += [f"{count} open attempts of {whose}" for whose, count in flying.items() if count > 1]
        if len(found) < len(self._attempts):
            self.wrong.append("an attempt has vanished")
        for row in rows:
            if (row.state is State.SENDING) > flying[f"publication {row.pk}"]:
                self.wrong.append(f"{row.pk} is sending without an open attempt")

    def _honest(self, rows: list[Row]) -> None:
        """Live means that followers see it (or saw it)."""
        now = self.platform.time.true
        seen = {one.key for one in self.platform.publics if not one.fails and one.visible_at <= now}
        self.wrong += [f"{row.pk} is {row.state}, and nobody can see it" for row in rows
                       if row.state in {State.LIVE, State.GONE} and row.key not in seen]  # fmt: skip

    def _moving(self, rows: list[Row]) -> None:
        """Nothing that is due waits in silence: it has a next step in time, or a person has it with a reason."""
        now = self.platform.time.now()
        open_batches = {pk for (pk,) in self.eyes.rows("SELECT id FROM bot_batch WHERE state <> 'done'")}
        for row in rows:
            if row.state in {State.HELD, State.BLOCKED, *FOR_A_PERSON} and not row.reason:
                self.wrong.append(f"{row.pk} is {row.state} without a reason")
            if not row.signed or row.state not in MOVING or row.instant > now:
                continue
            if row.state in ON_THE_WAY:
                if row.batch not in open_batches and now > row.instant + MAX_LATENESS + LONGEST_WAIT:
                    self.wrong.append(f"{row.pk} is {row.state} and no batch has it")
            elif row.next_at is None:
                self.wrong.append(f"{row.pk} is {row.state} and nobody will look at it again")
            elif row.next_at > max(self.latest, row.instant) + LONGEST_WAIT:
                self.wrong.append(f"{row.pk} is {row.state} and waits until {row.next_at}")
            if row.state is State.SENDING and row.batch not in open_batches:
                self.wrong.append(f"{row.pk} is sending and no batch has it: nobody will ever ask what became of it")

    def _audit(self) -> None:
        """The chain holds, and every change of a state that the database saw has its one line."""
        for sequence, at, actor, action, subject, data, previous, mac in self.eyes.rows(
            "SELECT sequence, at, actor, action, subject, data, previous, mac FROM bot_auditevent "
            f"WHERE sequence > {self._audited} ORDER BY sequence"
        ):
            when = instant(at)
            assert when is not None
            line = {"sequence": sequence, "at": when.isoformat(), "actor": actor, "action": action,
                    "subject": subject, "data": value(data)}  # fmt: skip
            if (sequence, previous) != (self._audited + 1, self._head) or link(audit_key(), previous, line) != mac:
                self.wrong.append(f"the chain breaks at {sequence}")
            self._audited, self._head = sequence, mac
            if action == "publication.moved":
                told = line["data"]
                self._lines.append((int(subject.partition(":")[2]), told["from"], told["to"]))
                if after(State(told["from"]), Event(told["event"])) != told["to"]:
                    self.wrong.append(f"line {sequence} tells of a move that the table does not know")
        seen = self.eyes.rows(
            f"SELECT id, publication, was, became FROM judge_move WHERE id > {self._seen} ORDER BY id"
        )
        self._seen = max([self._seen, *(pk for pk, *_ in seen)])
        moves = [tuple(move) for _, *move in seen]
        told = [line for line in self._lines if line[1] != line[2]]
        self._lines = []
        if told != moves:
            self.wrong.append(f"the database saw {moves}, the trail tells {told}")

    # --- at rest ---------------------------------------------------------------------------------------------

    def at_rest(self) -> None:
        """Long after the last step every signed publication is settled, or a person has it."""
        for row in self.rows():
            if row.signed and row.state in MOVING | {State.HELD}:
                self.wrong.append(f"{row.pk} is still {row.state}: {row.reason}")
        assert not self.wrong, "\n".join(self.wrong)
