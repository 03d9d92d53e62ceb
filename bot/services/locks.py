"""One lock per sending process, held by the living process and dropped by the kernel or the database when it dies.

One host: a file lock. PostgreSQL (several hosts): a session advisory lock on a connection of its own; it must
not go through a transaction-pooling proxy.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection

_CLASS = 0x746F6E67  # namespace of our advisory locks


def _path(batch: int) -> Path:
    folder: Path = settings.TONGFA.home.path / "run" / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"batch-{batch}.lock"


class SenderLock:
    """Held from before the claim until after the last record of a batch."""

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self._file: int | None = None
        self._session: psycopg.Connection[Any] | None = None

    def acquire(self) -> bool:
        """False when another living process holds it."""
        if connection.vendor == "postgresql":
            return self._acquire_session()
        handle = os.open(_path(self._batch), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._file = handle
        return True

    def _acquire_session(self) -> bool:
        parameters = {key: value for key, value in connection.get_connection_params().items() if key in _PG_KEYS}
        session = psycopg.connect(**parameters, autocommit=True)
        row = session.execute("SELECT pg_try_advisory_lock(%s, %s)", [_CLASS, self._batch]).fetchone()
        if not row or not row[0]:
            session.close()
            return False
        self._session = session
        return True

    def held(self) -> bool:
        """Still ours? A file lock always is; a database session may have been cut."""
        if self._session is None:
            return self._file is not None
        try:
            self._session.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def release(self) -> None:
        """Let go."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._session is not None:
            self._session.close()
            self._session = None


_PG_KEYS = frozenset({"dbname", "user", "password", "host", "port", "sslmode", "options", "connect_timeout"})


def is_held(batch: int) -> bool:
    """True while some process holds the lock of the batch."""
    lock = SenderLock(batch)
    if lock.acquire():
        lock.release()
        return False
    return True


def tidy(batch: int) -> None:
    """Remove the lock file of a batch that is done."""
    if connection.vendor != "postgresql":
        _path(batch).unlink(missing_ok=True)
