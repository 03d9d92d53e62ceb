"""The points at which a process may die, and dying there: what is watched is wrapped in this process alone.

* before and after each commit of a transaction that wrote, and each write outside one;
* before and after each piece of bytes that is sent to a platform, by whatever client, and after the first piece of an
  answer was read;
* before and after a process lock is taken and let go.

`Points(at=k)` ends the process (or stops it) when it reaches its k-th point, counted from 0.
"""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import connection

from bot.services import locks, sending, staging

_WRITE = re.compile(r'\s*(INSERT INTO|UPDATE|DELETE FROM)\s+"?bot_(\w+)"?', re.IGNORECASE)


class Points:
    """Counts points, writes down their names, and strikes at one of them."""

    def __init__(
        self, at: int | None = None, *, how: signal.Signals = signal.SIGKILL, notes: Path | None = None
    ) -> None:
        self._at, self._how = at, how
        self._notes = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if notes else -1
        self.count = 0

    def reach(self, name: str) -> None:
        """One point. What is written down is in the kernel's hands before the strike."""
        number, self.count = self.count, self.count + 1
        if self._notes >= 0 and (self._at is None or number == self._at):
            os.write(self._notes, f"{name}\n".encode())
        if number == self._at:
            os.kill(os.getpid(), self._how)

    def watch(self) -> None:
        """Begin: commits, sockets and locks of this process."""
        _watch_database(self)
        _watch_locks(self)
        _watch_sockets(self)


# --- commits ---------------------------------------------------------------------------------------------


def _watch_database(points: Points) -> None:
    written: list[str] = []
    commit, rollback = connection._commit, connection._rollback

    def watched_commit() -> None:
        if not written:
            return commit()
        name = "commit " + "+".join(dict.fromkeys(written))
        written.clear()
        points.reach(f"before {name}")
        commit()
        points.reach(f"after {name}")
        return None

    def watched_rollback() -> None:
        written.clear()
        rollback()

    def watched_statement(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found = _WRITE.match(sql)
        if not found:
            return execute(sql, params, many, context)
        if connection.in_atomic_block:
            written.append(found[2])
            return execute(sql, params, many, context)
        points.reach(f"before write {found[2]}")
        result = execute(sql, params, many, context)
        points.reach(f"after write {found[2]}")
        return result

    connection._commit, connection._rollback = watched_commit, watched_rollback
    connection.execute_wrappers.append(watched_statement)


# --- locks -----------------------------------------------------------------------------------------------


def _watch_locks(points: Points) -> None:
    class Watched:
        def __init__(self, kind: str, *subject: int) -> None:
            super().__init__(kind, *subject)  # type: ignore[call-arg]
            self._name = f"lock {kind}"

        def acquire(self, *subject: int) -> bool:
            points.reach(f"before {self._name}")
            taken: bool = super().acquire(*subject)  # type: ignore[misc]
            points.reach(f"after {self._name}")
            return taken

        def release(self) -> None:
            points.reach(f"before un{self._name}")
            super().release()  # type: ignore[misc]
            points.reach(f"after un{self._name}")

    class WatchedLock(Watched, locks.ProcessLock):
        """A batch's."""

    class WatchedLocks(Watched, locks.ManyLocks):
        """Those of what is staged."""

    sending.ProcessLock = WatchedLock  # type: ignore[misc]
    staging.ManyLocks = WatchedLocks  # type: ignore[misc]


# --- bytes -----------------------------------------------------------------------------------------------


class WatchedSocket(socket.socket):
    """Tells of every piece of bytes sent and of the first piece of every answer."""

    points: Points
    _asked, _answered = "", True

    def _sending(self, data: Any, send: Callable[[], Any]) -> Any:
        first = bytes(data[:2000]).split(b"\r\n")[0]
        part = "send"
        if first.endswith(b"HTTP/1.1"):
            self._asked = first.split(b" ")[1].partition(b"?")[0].decode()
        else:
            part = "send rest of"
        self._answered = False
        if connection.in_atomic_block:
            self.points.reach(f"IN A TRANSACTION: {part} {self._asked}")
        self.points.reach(f"before {part} {self._asked}")
        result = send()
        self.points.reach(f"after {part} {self._asked}")
        return result

    def send(self, data: Any, *flags: int) -> int:
        return int(self._sending(data, lambda: super(WatchedSocket, self).send(data, *flags)))

    def sendall(self, data: Any, *flags: int) -> None:
        self._sending(data, lambda: super(WatchedSocket, self).sendall(data, *flags))

    def _received(self, count: int) -> None:
        if count and not self._answered:
            self._answered = True
            self.points.reach(f"answer of {self._asked}")

    def recv(self, *arguments: int) -> bytes:
        data = super().recv(*arguments)
        self._received(len(data))
        return data

    def recv_into(self, *arguments: Any) -> int:
        count = super().recv_into(*arguments)
        self._received(count)
        return count


def _watch_sockets(points: Points) -> None:
    WatchedSocket.points = points
    socket.socket = WatchedSocket  # type: ignore[misc]
