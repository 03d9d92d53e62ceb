"""The portal: when its page is live, what its server answers, and the gate of a release that waits for it.

The page keeps a diary (`spans`: when it really was live) and a journal (`journal`: what its server told us when). The
checker believes these. What an answer means is asked of `bot.portal` once for each kind.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from importlib import import_module
from random import Random
from typing import Any

from bot.domain import sync, timeline
from bot.domain.sync import LETTING_THROUGH, AfterLive, GateState, Seen, Then
from bot.portal.fetch import Reply
from bot.portal.rules import Target

from .rows import Batch, Database, Publication, Release, Stale
from .world import MINUTE, SECOND, World

URL, TITLE = "https://portal.example/notice/1.html", "关于开展网络安全宣传周活动的通知"
FOREVER = 10**12
_look = import_module("bot.portal.look")  # the package shows a function of that name
WITHIN = 10 * SECOND  # portal.look.WITHIN: for so long one look waits
WAITS = (5, 20, 20, 60, 60, 120, 120, 300, 300, 1500)  # seconds
_TARGET = Target("https", "portal.example", 443, "/notice/1.html")
_PAGES = {
    "live": (200, f"<html><head><title>{TITLE}</title></head><body><h1>{TITLE}</h1></body></html>"),
    "gone": (404, "<html><title>404 Not Found</title></html>"),
    "other": (200, "<html><head><title>区政府门户网站首页</title></head></html>"),
    "soft 404": (200, "<html><head><title>页面不存在</title></head></html>"),
    "same": (304, ""),
    "error": (502, "<html>bad gateway</html>"),
}


@cache
def meaning(answer: str, known: bool) -> Seen:
    """What `bot.portal` makes of an answer. `known`: the page was seen live before, with its ETag."""
    if answer == "silence":
        return Seen.UNCLEAR
    status, body = _PAGES[answer]
    reply = Reply(status, {"content-type": "text/html; charset=utf-8", "etag": '"v1"'}, body.encode())
    seen = {"url": URL, "etag": '"v1"'} if known else {}
    found: Seen = _look._judged(_TARGET, reply, TITLE, seen).seen
    return found


class Page:
    """The page that a release waits for, and the server that shows it. Its chance is its own."""

    __slots__ = ("absent", "failing", "journal", "random", "slow", "spans", "tags")

    def __init__(self, random: Random, t: int, wait: int, *, calm: bool) -> None:
        """`t`, `wait`: the release's instant and the longest wait for the page, in ms."""
        self.random = random.random
        self.journal: list[tuple[int, bool]] = []
        chance = self.random()
        self.spans = [_calm_life(self.random, t, wait)] if calm else _life(self.random, t, wait)
        self.failing, self.slow = (0.0, 0.0) if calm or chance < 0.5 else (0.25, 0.15) if chance < 0.9 else (0.05, 0.7)
        self.tags = ("none", "true", "true", "stuck")[int(self.random() * 4)]
        self.absent = ("gone", "gone", "other", "soft 404")[int(self.random() * 4)]
        if calm and self.tags == "stuck":
            self.tags = "true"

    def is_live(self, t: int) -> bool:
        """What its readers see then."""
        return any(start <= t < end for start, end in self.spans)

    def was_live(self, since: int, until: int) -> bool:
        """Whether its readers could see it at all within that time."""
        return any(start <= until and end > since for start, end in self.spans)

    def delay(self) -> int:
        """How long the question is under way, in ms."""
        if self.random() < self.slow:
            return int(self.random() * 2 * WITHIN)
        return 20 + int(self.random() * 300)

    def answer(self, t: int, known: bool) -> str:
        """What its server says. `known`: we ask whether the page with that ETag is still the same."""
        live = self.is_live(t)
        if self.failing and self.random() < self.failing:
            return "error" if self.random() < 0.6 else "silence"
        if self.tags == "stuck" and (known or (not live and self.random() < 0.2)):
            said = "same"  # whatever stands there by now, or although nobody asked
        elif live:
            said = "same" if known else "live"
        else:
            said = self.absent
        self.journal.append((t, said == "live" or (said == "same" and known)))
        return said

    def told(self, until: int) -> int:
        """When its server last told us by then that the page is live; -1: never."""
        return max((t for t, live in self.journal if live and t <= until), default=-1)


def _calm_life(random: Any, t: int, wait: int) -> tuple[int, int]:
    return t + int(random() * (MINUTE + wait // 2)) - MINUTE, FOREVER


def _life(random: Any, t: int, wait: int) -> list[tuple[int, int]]:
    """When it is live: long before T, shortly before, after, after the wait, never; and it may go away again."""
    chance = random()
    if chance < 0.12:
        return []
    if chance < 0.45:
        start = int(random() * t)
    elif chance < 0.62:
        start = t - int(random() * 40 * SECOND)
    elif chance < 0.9:
        start = t + int(random() * wait)
    else:
        start = t + wait + int(random() * 5 * MINUTE)
    if random() < 0.5:
        return [(start, FOREVER)]
    close = t + int(random() * 8 * SECOND) - 7 * SECOND
    end = close if start < close and random() < 0.7 else start + int(random() * 2 * MINUTE)
    if random() < 0.5:
        return [(start, end)]
    return [(start, end), (end + int(random() * 90 * SECOND), FOREVER)]


class Gate:
    """A row of bot_portalgate. `history`: its states with the true time of their commits; `begun`: when it was begun anew."""

    def __init__(self, release: Release, instant: datetime, t: int, policy: AfterLive, page: Page) -> None:
        self.release, self.instant, self.t, self.policy, self.page = release, instant, t, policy, page
        self.state = GateState.SHUT
        self.live_at: datetime | None = None
        self.asked_at: datetime | None = None
        self.open_since: datetime | None = None
        self.effective: datetime | None = None
        self.next_at: datetime | None = None
        self.lease_until: datetime | None = None
        self.rung_at: datetime | None = None
        self.fence = 0
        self.known = False
        self.decided = False
        self.held: tuple[int, ...] = ()
        self.history: tuple[tuple[int, GateState], ...] = ((0, GateState.SHUT),)
        self.begun: tuple[int, ...] = ()

    def copy(self) -> Gate:
        """What a query gives."""
        copied = Gate.__new__(Gate)
        copied.__dict__ = self.__dict__.copy()
        return copied

    @property
    def through(self) -> bool:
        """Its release may be handed out."""
        return self.state in LETTING_THROUGH


def policy(wait: int, then: Then) -> AfterLive:
    """After the page is live; `wait` in seconds."""
    return AfterLive(URL, TITLE, timedelta(seconds=wait), then)


def attach(db: Database, release: Release, instant: datetime, t: int, random: Random, *, calm: bool) -> None:
    """services/gating.attach, with a policy and a page of their own chance."""
    wait = WAITS[int(random.random() * len(WAITS))]
    then = list(Then)[int(random.random() * 3)]
    release.gate = Gate(release, instant, t, policy(wait, then), Page(random, t, wait * SECOND, calm=calm))
    db.gates[release.pk] = release.gate
    db.world.tell(f"release {release.pk} waits for its page {wait} s, then {then}; live {release.gate.page.spans}")


def update(db: Database, row: Gate, **changes: Any) -> None:
    """UPDATE of the row, with the trigger of bot/models."""
    new = changes.get("state", row.state)
    old = row.__dict__.copy()
    db.undone(lambda: row.__dict__.update(old))
    if new is not row.state:
        db.world.tell(f"gate of release {row.release.pk}: {row.state} -> {new}")
        changes["history"] = (*row.history, (db.world.t, new))
        db.world.poke()
    row.__dict__.update(changes)
    db.world.due(changes.get("next_at"))


def write(db: Database, gate: Gate, **changes: Any) -> None:
    """services/gating._write."""
    row = db.gates[gate.release.pk]
    if row.fence != gate.fence:
        raise Stale
    update(db, row, **changes)
    gate.__dict__.update(changes)


# --- what a sender asks of it -----------------------------------------------------------------------------------


def has_left(db: Database, release: Release, now: datetime, aboard: Batch | None = None) -> bool:
    """services/gating._has_left."""
    return any(
        attempt.outcome not in ("not_sent", "refused")
        and not (attempt.outcome == "" and (db.publications[pk].not_before > now or attempt.batch is aboard))
        for pk in release.publications for attempt in db.attempts[pk]
    )  # fmt: skip


def unproved(db: Database, gate: Gate, now: datetime, aboard: Batch | None = None) -> bool:
    """services/gating.unproved."""
    opened = gate.state is GateState.OPEN and not sync.is_proved(gate.live_at, now)
    return opened and not has_left(db, gate.release, now, aboard)


def waits(world: World, publication: Publication) -> bool:
    """services/batches._waits, its first half: what is not signed is held, whatever its page."""
    release = publication.release
    if release.gate is None or not release.signed or release.cancelled or "gate_at_hand_out" in world.without:
        return False
    return not release.gate.through


def wants_proof(world: World, publication: Publication, now: datetime) -> bool:
    """services/batches._wants_proof."""
    release, gate = publication.release, publication.release.gate
    if gate is None or not release.signed or release.cancelled or "gate_at_hand_out" in world.without:
        return False
    if not unproved(world.db, gate, now):
        return False
    ask_again(world.db, gate, now)
    return True


def ask_again(db: Database, gate: Gate, now: datetime) -> None:
    """services/gating.ask_again."""
    if gate.state is GateState.OPEN and gate.next_at is None:
        update(db, gate, next_at=now)
    look_anew(db, gate, now)


def look_anew(db: Database, gate: Gate, now: datetime) -> None:
    """services/setback.look_anew."""
    if "look_anew" in db.world.without or not of_the_future(gate, now):
        return
    update(db, gate, next_at=now, rung_at=None, lease_until=None)
    if _is_ahead(gate.live_at, now) and "dated_ahead" not in db.world.without:
        update(db, gate, live_at=sync.outdated(now))


def of_the_future(gate: Gate, now: datetime) -> bool:
    """Its condition: a clock that was ahead has looked at the page, or was about to."""
    if gate.next_at is None:
        return False
    return (
        _is_ahead(gate.live_at, now)
        or (_is_ahead(gate.asked_at, now) and gate.next_at > now)
        or _is_ahead(gate.rung_at, now)
        or (gate.lease_until is not None and _is_ahead(gate.lease_until - timeline.GATE_LEASE, now))
    )


def _is_ahead(at: datetime | None, now: datetime) -> bool:
    return at is not None and at > now + timeline.CLOCK_AGREEMENT


def is_shut(world: World, publication: Publication, now: datetime, aboard: Batch | None) -> bool:
    """services/lastlook._Look._is_shut."""
    gate = publication.release.gate
    if gate is None or "gate_re_read" in world.without:
        return False
    return not gate.through or unproved(world.db, gate, now, aboard)
