"""What people do, mirrored from bot/services/releases, stops, voiding, documents and settling: each act a process of the web.

The people keep a diary of what they did when (`Diary`): the checker believes it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from bot.domain.delivery import FOR_A_PERSON, STOPPABLE, Event, State
from bot.domain.engine import people as engine
from bot.domain.engine import stopping
from bot.domain.engine.facts import DOUBLES

from . import gating
from .carrying import distrust, free_items
from .rows import Database, Edition, Publication, Release, Stale
from .world import BASE, MS, SECOND, Host, Steps, World

LEAD = 90 * SECOND
_PAST = frozenset({State.CONFIRMING, State.LIVE, State.GONE, State.WITHDRAWN, State.CANCELLED})


class Diary:
    """Who stopped what, and who set it going again: (true time, publication). What did not commit was not done."""

    __slots__ = ("going", "let_go", "promised", "resent", "stopped")

    def __init__(self) -> None:
        self.stopped: list[tuple[int, int]] = []
        self.promised: list[tuple[int, int, int]] = []  # told "stopped" of what has an intent, by a clock so far ahead
        self.going: list[tuple[int, int]] = []
        self.let_go: list[tuple[int, int]] = []  # releases: to go without their page
        self.resent: list[tuple[int, int, tuple[str, ...], int]] = []  # with the outcomes so far, the new instant


def _note(db: Database, page: list[Any], line: Any) -> None:
    page.append(line)
    db.undone(page.pop)


def sign(world: World, host: Host, release: Release) -> None:
    """services/releases.sign, as far as the engine goes."""
    db: Database = world.db
    now = host.now()
    waiting = [row for pk in release.publications if (row := db.publications[pk]).state in (State.PLANNED, State.HELD)]
    if release.signed or release.cancelled or db.frozen or not waiting:
        return
    if any(edition.state != "approved" for row in waiting for edition in row.editions):
        return
    if min(row.instant for row in waiting) < now + LEAD * MS:
        return
    with db.transaction():
        db.put(release, "signed", True)
        for row in waiting:
            publication = row.copy()
            db.enact(publication, engine.scheduled(db.facts(row, attempts=False), now=now), "签发人")
            _note(db, world.scenario.diary.going, (world.t, row.pk))
        gating.start(db, release, now)
    if release.unsigned:
        release.unsigned[-1][1] = world.t


def void(world: World, release: Release) -> None:
    """services/voiding.void_signature."""
    db: Database = world.db
    if not release.signed:
        return
    with db.transaction():
        db.put(release, "signed", False)
        _note(db, release.unsigned, [world.t, 10**12])
        for pk in release.publications:
            row = db.publications[pk]
            if row.state in STOPPABLE:
                reason = "签发已作废。未发出。请重新编制或签发。"
                db.move(row.copy(), Event.HOLD, "编辑", {"reason": reason, "next_at": None, "held_by": "machine"})


def supersede(world: World, edition: Edition) -> None:
    """A new edition: services/documents.void_waiting in the same transaction."""
    db: Database = world.db
    with db.transaction():
        _withdraw(world, edition, "superseded")
        for release in db.releases:
            if any(
                edition in row.editions and row.active and row.state not in _PAST
                for pk in release.publications if (row := db.publications[pk])
            ):  # fmt: skip
                void(world, release)


def revoke(world: World, edition: Edition) -> None:
    """An approval alone is taken back, whatever else was thought of."""
    with world.db.transaction():
        _withdraw(world, edition, "returned")


def _withdraw(world: World, edition: Edition, state: str) -> None:
    if edition.state == "approved":
        world.db.put(edition, "state", state)
        world.db.put(edition, "withdrawn_at", world.t)


def _stop(world: World, host: Host, rows: list[Publication], event: Event, reason: str) -> None:
    """services/stops._stop."""
    db: Database = world.db
    now = host.now()
    for row in rows:
        trusted = not distrust(world, row.account, host)
        step, reach = stopping.stop(db.facts(row), event, reason, now=now, clock_trusted=trusted)
        if reach in (stopping.Reach.STOPPED, stopping.Reach.IN_FLIGHT):
            _note(db, world.scenario.diary.stopped, (world.t, row.pk))
        if reach is stopping.Reach.STOPPED and row.state is State.SENDING:
            _note(db, world.scenario.diary.promised, (world.t, row.pk, host.skew(world.t)))
        if step is None:
            continue
        if step.event is not None:
            db.enact(row.copy(), step, "值班")
        elif not (event is Event.HOLD and row.stop_event == Event.CANCEL):
            db.write(row, {**step.changes, "stop_by": ""})


def hold(world: World, host: Host, release: Release, only: int) -> None:
    """services/stops.hold."""
    db: Database = world.db
    with db.transaction():
        _stop(world, host, [db.publications[pk] for pk in release.publications if only in (0, pk)], Event.HOLD, "暂停")


def cancel(world: World, host: Host, release: Release, only: int) -> None:
    """services/stops.cancel."""
    db: Database = world.db
    with db.transaction():
        rows = [db.publications[pk] for pk in release.publications if only in (0, pk)]
        _stop(world, host, rows, Event.CANCEL, "作废")
        for row in rows:
            if row.state is State.CANCELLED:
                free_items(db, row.pk)
        if not only:
            db.put(release, "cancelled", True)
            _note(db, release.unsigned, [world.t, 10**12])


def resume(world: World, host: Host, release: Release, only: int) -> None:
    """services/stops.resume."""
    db: Database = world.db
    if not release.signed or release.cancelled or db.frozen or not gating.may_be_resumed(release):
        return
    now = host.now()
    with db.transaction():
        for pk in release.publications:
            row = db.publications[pk]
            if only in (0, pk) and row.state is State.HELD:
                db.enact(row.copy(), engine.resumed(db.facts(row, attempts=False), now=now), "签发人")
                _note(db, world.scenario.diary.going, (world.t, pk))


def freeze(world: World, host: Host) -> None:
    """services/stops.freeze."""
    db: Database = world.db
    if db.frozen:
        return
    with db.transaction():
        db.put(db, "frozen", True)
        _note(db, db.frozen_spans, [world.t, 10**12])
        skipped = (State.CANCELLED, State.GONE, State.WITHDRAWN, State.MISSED)
        rows = [row for row in db.publications.values() if row.release.signed and row.state not in skipped]
        if "freeze_stops" not in world.without:
            _stop(world, host, rows, Event.HOLD, "一键停发")


def unfreeze(world: World) -> None:
    """services/stops.unfreeze."""
    db: Database = world.db
    if db.frozen:
        db.frozen = False
        db.frozen_spans[-1][1] = world.t


def act(world: World, host: Host, what: str, release: Release, only: int) -> Steps:
    """One act of one person: a request to the web process."""
    yield world.short()
    db: Database = world.db
    world.tell(f"person: {what} release {release.pk} {only or ''}")
    editions = db.publications[only or release.publications[0]].editions
    match what:
        case "hold":
            hold(world, host, release, only)
        case "cancel":
            cancel(world, host, release, only)
        case "resume":
            resume(world, host, release, only)
        case "freeze":
            freeze(world, host)
        case "unfreeze":
            unfreeze(world)
        case "revoke":
            revoke(world, editions[-1])
        case "supersede":
            supersede(world, editions[-1])
        case "void":
            void(world, release)
        case "sign":
            sign(world, host, release)
        case "go" | "stay":
            gating.decide(world, host, release, go=what == "go")


def settle(world: World, host: Host, pk: int, resends: int) -> Steps:
    """services/settling: somebody looks at the platform and decides. Who decides on an old page is told so."""
    with suppress(Stale):
        yield from _settle(world, host, pk, resends)


def _settle(world: World, host: Host, pk: int, resends: int) -> Steps:
    """Nobody is right always."""
    yield world.short()
    db: Database = world.db
    row = db.publications[pk]
    if row.state not in FOR_A_PERSON:
        return
    publication = row.copy()
    there = [item for item in row.account.platform.items if item.publication == pk and not item.deleted]
    seen = bool(there) and world.random() > 0.02
    choice = world.random()
    yield world.short()
    now = host.now()
    facts = db.facts(publication)
    if seen:
        for surplus in there[1:] if DOUBLES in row.ids else ():  # they were told, and asked to
            surplus.deleted = True
        with db.transaction():
            names = tuple(name or f"hand:{pk}_{index}" for index, name in enumerate(row.platform_ids, 1))
            db.write(row, {"platform_ids": names})
            db.enact(publication, engine.settled_live(facts, "值班", now=now), "值班")
    elif choice < 0.55 and resends < 2 and row.release.signed and not row.release.cancelled and not db.frozen:
        outcomes = tuple(attempt.outcome for attempt in db.attempts[pk])
        if not gating.may_go_again(db, row.release, now):
            return
        with db.transaction():
            db.enact(publication, engine.sent_again(facts, "两人确认未发出，重新发送。", now=now), "值班")
            _note(db, world.scenario.diary.resent, (world.t, pk, outcomes, -((BASE - row.instant) // MS)))
            _note(db, world.scenario.diary.going, (world.t, pk))
        world.tell(f"two people: publication {pk} is not public, again")
    elif choice < 0.9:
        with db.transaction():
            db.enact(publication, engine.called_off(facts, "值班", "不再发"), "值班")
            free_items(db, pk)
