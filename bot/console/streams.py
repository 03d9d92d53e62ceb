"""Server-sent events: a page that is looked at hears that something changed, and fetches its parts anew.

One watcher thread of this process reads the end of the audit trail twice a second, only while somebody listens, and wakes
those whom it concerns. An event says "changed" and nothing else: what changed is asked for behind the login, as ever.
A stream holds one of the web server's threads, so there are fewer of them than threads (see `bot.runtime.processes`): who
comes too late is answered 503, and the page asks every five seconds, as it does where there are no events at all.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Protocol

from django.db import Error, connection
from structlog import get_logger

from bot.services import changes
from bot.services.changes import Changes

MOST = 20
"""Streams of one web process. It has 32 threads, so 12 are left for pages (8 before there were streams)."""

PAUSE = 0.5  # seconds between two looks at the trail
AFTER_TROUBLE = 2.0  # seconds, while the database does not answer

log = get_logger(__name__)
Wants = Callable[[Changes], bool]


class Trail(Protocol):
    """Where changes are read."""

    def head(self) -> int:
        """The number of the newest line."""
        ...

    def since(self, line: int) -> Changes:
        """What came after a line."""
        ...


class Listener:
    """One stream: rung when something changed that it wants to hear of, and when all is over."""

    def __init__(self, wants: Wants) -> None:
        self.wants = wants
        self._bell = threading.Event()

    def ring(self) -> None:
        """Wake it."""
        self._bell.set()

    def wait(self, seconds: float) -> bool:
        """Whether it was rung within that time."""
        rung = self._bell.wait(seconds)
        self._bell.clear()
        return rung


class Hub:
    """The listeners of this process and the thread that looks for them."""

    def __init__(self, trail: Trail = changes, most: int = MOST, pause: float = PAUSE) -> None:
        self._trail, self._most, self._pause = trail, most, pause
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._watcher: threading.Thread | None = None
        self._over = threading.Event()

    @property
    def over(self) -> bool:
        """Whether every stream is to end."""
        return self._over.is_set()

    @property
    def count(self) -> int:
        """How many listen now."""
        return len(self._listeners)

    def join(self, wants: Wants) -> Listener | None:
        """A new listener; None when there are too many. What is written from here on is heard."""
        with self._lock:
            if self.over or len(self._listeners) >= self._most:
                return None
            if self._watcher is None:
                self._start(self._trail.head())
            listener = Listener(wants)
            self._listeners.add(listener)
            return listener

    def leave(self, listener: Listener) -> None:
        """It listens no more. With the last one the watcher goes too."""
        with self._lock:
            self._listeners.discard(listener)

    def close(self) -> None:
        """End every stream, for good. Takes no lock: a signal may call it at any point."""
        self._over.set()
        for listener in list(self._listeners):
            listener.ring()

    def _start(self, head: int) -> None:
        self._watcher = threading.Thread(target=self._watch, args=(head,), name="changes", daemon=True)
        self._watcher.start()

    def _watch(self, head: int) -> None:
        try:
            while self._wanted():
                head = self._look(head)
        finally:
            connection.close()

    def _wanted(self) -> bool:
        """False ends the watcher; the next listener starts another."""
        with self._lock:
            if self._listeners and not self.over:
                return True
            self._watcher = None
            return False

    def _look(self, head: int) -> int:
        try:
            found = self._trail.since(head)
        except Error as error:
            log.warning("streams.trail_unread", error=type(error).__name__)
            connection.close()
            self._over.wait(AFTER_TROUBLE)
            return head
        if found.head != head:
            with self._lock:
                concerned = [one for one in self._listeners if one.wants(found)]
            for one in concerned:
                one.ring()
        self._over.wait(self._pause)
        return found.head


HUB = Hub()


def end_with_the_process() -> None:
    """SIGTERM ends the web process as Ctrl-C does: streams end at once, pages under way are finished, then it goes."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _leave)
        signal.signal(signal.SIGINT, _leave)


def _leave(number: int, frame: FrameType | None) -> None:
    HUB.close()
    raise SystemExit(0)
