"""Connections on which one end holds for a whole answer, its head included.

A socket's time-out counts from byte to byte: a server that sends one letter of a header every few seconds would be
listened to for hours. Here every read of an answer is given what is left until `answer_by`.
"""

from __future__ import annotations

import http.client
import io
import math
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager

_answer_by: ContextVar[float] = ContextVar("answer_by", default=math.inf)


@contextmanager
def answer_by(end: float) -> Iterator[None]:
    """Answers of calls made inside must be whole by `end` (monotonic), else the read raises TimeoutError."""
    token = _answer_by.set(end)
    try:
        yield
    finally:
        _answer_by.reset(token)


def hurry(manager: PoolManager) -> None:
    """Let `manager` make such connections."""
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class _Reader(io.RawIOBase):
    """The bytes of one answer; the time-out of each read is what is left, at most the socket's own."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._bytes, self._each = sock, sock.makefile("rb", buffering=0), sock.gettimeout()

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """As a socket's file does it. TimeoutError when nothing is left."""
        left = _answer_by.get() - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer is not whole in time")
        if left < math.inf:
            self._sock.settimeout(left if self._each is None else min(left, self._each))
        return self._bytes.readinto(buffer)

    def close(self) -> None:
        """The next call on this connection must not inherit the last moments of this one."""
        with suppress(OSError):  # closed meanwhile
            self._sock.settimeout(self._each)
        self._bytes.close()
        super().close()


class _Socket:
    """What http.client asks of a socket when it begins to read an answer."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, mode: str) -> io.BufferedReader:
        """The answer's bytes."""
        return io.BufferedReader(_Reader(self._sock))


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(_Socket(sock), *args, **kwargs)  # type: ignore[arg-type]


class _Connection(HTTPConnection):
    response_class = _Answer


class _SecureConnection(HTTPSConnection):
    response_class = _Answer


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection
