"""One lock per piece of work (a batch being sent, a publication being staged), held by the living process and dropped by the kernel or the database when it dies.

One host: a file lock. PostgreSQL (several hosts): a session advisory lock on a connection of its own; it must
not go through a transaction-pooling proxy.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection

if TYPE_CHECKING:
    import psycopg

#: namespaces of our advisory locks
_CLASSES = {"batch": 0x746F6E67, "stage": 0x746F6E68}


def _path(kind: str, subject: int) -> Path:
    folder: Path = settings.TONGFA.home.path / "run" / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{kind}-{subject}.lock"


def _try_file(path: Path) -> int | None:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


#: A host that loses its power says no goodbye. The server asks after it, and ends the session within about 11 seconds;
#: left to the system's own settings it would keep the lock for hours. A unix socket has no need of it.
KEEPALIVES = {"idle": 5, "interval": 2, "count": 3}
_SERVER = " ".join(f"-c tcp_keepalives_{name}={value}" for name, value in KEEPALIVES.items())
_CLIENT = {"connect_timeout": 5, "keepalives": 1, **{f"keepalives_{name}": value for name, value in KEEPALIVES.items()}}
_PG_KEYS = frozenset(
    {"dbname", "user", "password", "passfile", "host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "options"}
    | {*_CLIENT, "tcp_user_timeout"}
)


def _parameters() -> dict[str, Any]:
    """The installation's own, with keepalives for both ends; what DATABASE_URL says about them stands."""
    given = {key: value for key, value in connection.get_connection_params().items() if key in _PG_KEYS}
    return {**_CLIENT, **given, "options": f"{_SERVER} {given.get('options', '')}".strip()}  # of two, the later holds


def _session() -> psycopg.Connection[Any]:
    """A connection of its own: its locks end with it."""
    import psycopg  # here alone: on SQLite every process would load the driver for nothing, a tenth of its start

    return psycopg.connect(**_parameters(), autocommit=True)


def _trouble() -> type[Exception]:
    """What the driver raises; asked for only where something was raised."""
    import psycopg

    return psycopg.Error


def _try_session(session: psycopg.Connection[Any], kind: str, subject: int) -> bool:
    row = session.execute("SELECT pg_try_advisory_lock(%s, %s)", [_CLASSES[kind], subject]).fetchone()
    return bool(row and row[0])


def _end(session: psycopg.Connection[Any]) -> None:
    """Let go at once: a server hears of a closed connection a moment later, and would call the lock held until then."""
    with suppress(_trouble()):
        session.execute("SELECT pg_advisory_unlock_all()")
    session.close()


class ProcessLock:
    """Held from before the claim until after the last record: while it is held, its process lives."""

    def __init__(self, kind: str, subject: int) -> None:
        """`kind` is "batch" or "stage", `subject` the row's id."""
        self._kind, self._subject = kind, subject
        self._file: int | None = None
        self._session: psycopg.Connection[Any] | None = None

    def acquire(self) -> bool:
        """False when another living process holds it."""
        if connection.vendor == "postgresql":
            return self._acquire_session()
        self._file = _try_file(_path(self._kind, self._subject))
        return self._file is not None

    def _acquire_session(self) -> bool:
        session = _session()
        if not _try_session(session, self._kind, self._subject):
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
        except _trouble():
            return False
        return True

    def release(self) -> None:
        """Let go."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._session is not None:
            _end(self._session)
            self._session = None


class ManyLocks:
    """Locks of one kind for a group of subjects, held until `release`; in a PostgreSQL they share one session."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._files: dict[int, int] = {}
        self._session: psycopg.Connection[Any] | None = None

    def acquire(self, subject: int) -> bool:
        """False when another living process holds that one."""
        if connection.vendor != "postgresql":
            handle = _try_file(_path(self._kind, subject))
            if handle is not None:
                self._files[subject] = handle
            return handle is not None
        if self._session is None:
            self._session = _session()
        return _try_session(self._session, self._kind, subject)

    def release(self) -> None:
        """Let all of them go."""
        for handle in self._files.values():
            os.close(handle)
        self._files.clear()
        if self._session is not None:
            _end(self._session)
            self._session = None


def is_held(kind: str, subject: int) -> bool:
    """True while some process holds the lock."""
    return bool(held_among(kind, [subject]))


def held_among(kind: str, subjects: Iterable[int]) -> set[int]:
    """Which of them some process holds. Where nobody can say, all: it is left to the next look."""
    wanted, locks = list(subjects), ManyLocks(kind)
    try:
        return {subject for subject in wanted if not locks.acquire(subject)}
    except _trouble():
        return set(wanted)
    finally:
        locks.release()


def tidy(kind: str, subject: int) -> None:
    """Remove the lock file of work that is done for good."""
    if connection.vendor != "postgresql":
        _path(kind, subject).unlink(missing_ok=True)
