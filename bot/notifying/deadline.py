"""One end for all that a message costs, from the dial to the close.

A socket's time-out counts from byte to byte: a server that says one letter every few seconds would be listened to for
hours. Here the line itself is cut when the time is over, whoever reads from it or writes to it at that moment.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from contextlib import suppress
from typing import Any

Place = tuple[socket.AddressFamily, Any]  # and what connect() takes


class Deadline:
    """`with Deadline(20) as deadline:` dial through it; what was dialled is cut after that many seconds."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._lock, self._lines = threading.Lock(), list[socket.socket]()
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            for line in self._lines:
                line.close()
            self._lines.clear()

    @property
    def over(self) -> bool:
        """Whether the time is over: an answer that ends now may have been cut."""
        return time.monotonic() >= self._end

    def dial(self, host: str, port: int, each: float) -> socket.socket:
        """The first address that answers, within `each` seconds. OSError; TimeoutError when none did in time."""
        problem = OSError("the name has no address")
        for family, place in self._resolved(host, port):
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                self._keep(sock)
                sock.settimeout(min(each, self._left()))
                sock.connect(place)
                self._left()  # the timer may have found nothing yet to cut
            except OSError as error:
                sock.close()
                problem = error
            else:
                sock.settimeout(each)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return sock
        raise problem

    def _left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("no time is left")
        return left

    def _resolved(self, host: str, port: int) -> list[Place]:
        """In a thread of its own: a name server may be silent for longer than we have, and cannot be cut."""
        answers: queue.SimpleQueue[list[Place] | None] = queue.SimpleQueue()

        def ask() -> None:
            try:
                rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                answers.put([(row[0], row[4]) for row in rows])
            except (OSError, UnicodeError):
                answers.put(None)

        threading.Thread(target=ask, name="resolve", daemon=True).start()
        try:
            found = answers.get(timeout=self._left())
        except queue.Empty:
            raise TimeoutError("the name was not resolved in time") from None
        if found is None:
            raise OSError("the name does not resolve")
        return found

    def _keep(self, sock: socket.socket) -> None:
        """A second handle on the same line: TLS takes the first one over, and would hide it from the timer."""
        with self._lock:
            self._lines.append(sock.dup())

    def _cut(self) -> None:
        with self._lock:
            for line in self._lines:
                with suppress(OSError):  # not connected yet, or closed by the other side
                    line.shutdown(socket.SHUT_RDWR)
