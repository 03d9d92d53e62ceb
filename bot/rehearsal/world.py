"""The one object behind both platforms: state, clocks, the journal of calls; and one call on its way through."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from .store import Doc, Store
from .wire import Answer, Request, masked

BEIJING = timezone(timedelta(hours=8))  # one zone, no daylight saving: a fixed offset is exact


class World:
    """State and clocks: the wall clock plus what control calls have added.

    `now` is the time by which jobs, keys, tokens and windows run. It is the wall clock, or ahead of it by what
    `pass_time` has let pass; the journal and the `Date` header do not follow.
    """

    def __init__(self, store: Store, base_url: Callable[[], str]) -> None:
        self.store = store
        self.base_url = base_url
        self.stopping = threading.Event()
        self.wake = threading.Event()
        self._passed = float(store.setting("clock.passed", 0.0))

    def now(self) -> float:
        """Epoch seconds by which everything in progress runs."""
        return time.time() + self._passed

    def pass_time(self, seconds: float) -> None:
        """Let time pass for everything in progress, without waiting. ValueError for time that runs backwards."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._passed += seconds
        self.store.set_setting("clock.passed", self._passed)

    def clock(self, name: str) -> float:
        """Epoch seconds of a clock that can be moved: "statistics", "quota" or "date"."""
        return time.time() + float(self.store.setting(f"clock.{name}", 0.0))

    def move_clock(self, name: str, offset: float) -> None:
        """Set a clock `offset` seconds away from the wall clock."""
        self.store.set_setting(f"clock.{name}", offset)

    def pause(self, seconds: float) -> None:
        """Wait, but not past the end of the server."""
        self.stopping.wait(max(0.0, seconds))

    # --- effects: what followers can see ---

    def effect(self, **values: Any) -> None:
        """Record that one post became public. Keys: at platform account kind object position marker url title request."""
        names = ("at", "platform", "account", "kind", "object", "position", "marker", "url", "title", "request")
        marks = ", ".join("?" * len(names))
        sql = f"INSERT INTO effects ({', '.join(names)}) VALUES ({marks})"  # noqa: S608
        self.store.run(sql, *(values[name] for name in names))

    def effect_gone(self, object_id: str, position: int | None = None) -> None:
        """Record that a public post (or one of its articles, counted from 1) is no longer to be seen."""
        sql = "UPDATE effects SET gone_at = ? WHERE object = ? AND gone_at IS NULL AND position = COALESCE(?, position)"
        self.store.run(sql, self.now(), object_id, position)


@dataclass
class Call:
    """One request on its way through a platform."""

    world: World
    request: Request
    platform: str
    name: str  # "freepublish/submit", "statuses/share"
    armed: dict[str, Doc] = field(default_factory=dict)  # fault -> its args
    account: Doc = field(default_factory=dict)
    journal_id: int = 0
    effect: str = ""
    afterwards: list[Callable[[], None]] = field(default_factory=list)  # run after commit, before the answer

    @property
    def store(self) -> Store:
        """Shorthand."""
        return self.world.store

    @property
    def id(self) -> str:
        """The account's id: an appid or a Weibo uid; "" before it is known."""
        return str(self.account.get("id", ""))

    def switch(self, name: str, default: Any) -> Any:
        """A behaviour of this account that can be switched; see docs/reference/rehearsal.md."""
        return self.account.get("switches", {}).get(name, default)


def open_journal(call: Call, faults: list[str]) -> int:
    """Write the journal line of a call that has just begun; its id."""
    request, sql = call.request, "INSERT INTO journal (at, platform, account, method, path, call, query,"
    return call.store.run(
        sql + " body_sha256, body_bytes, params, faults) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        request.at,
        call.platform,
        call.id,
        request.method,
        request.path,
        call.name,
        json.dumps(masked(dict(request.query)), ensure_ascii=False),
        hashlib.sha256(request.body).hexdigest(),
        len(request.body),
        json.dumps(request.parameters(), ensure_ascii=False),
        json.dumps(faults),
    )


def close_journal(call: Call, answer: Answer, *, executed: bool) -> None:
    """Complete the line with what the platform decided (which a fault may keep from the caller)."""
    reply = answer.body[:4000].decode("utf-8", "replace") if "token" not in call.name else ""
    call.store.run(
        "UPDATE journal SET account = ?, executed = ?, status = ?, code = ?, effect = ?, rid = ?, reply = ? WHERE id = ?",
        call.id,
        int(executed),
        answer.status,
        answer.code,
        answer.effect or call.effect,
        answer.rid,
        reply,
        call.journal_id,
    )


def beijing(epoch: float) -> datetime:
    """The Beijing wall time of an epoch second."""
    return datetime.fromtimestamp(epoch, BEIJING)


def beijing_day(epoch: float) -> date:
    """The Beijing calendar day of an epoch second."""
    return beijing(epoch).date()


def iso(epoch: float) -> str:
    """UTC in ISO 8601 with microseconds."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="microseconds")
