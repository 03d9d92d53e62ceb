"""DATABASE_URL -> Django's DATABASES["default"]. The same code runs on SQLite and PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

SQLITE_SECONDS = 20
"""How long a writer waits for the lock; write transactions themselves stay under 50 ms."""

SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA; PRAGMA foreign_keys=ON; PRAGMA recursive_triggers=ON"
)
"""Rollback journal and EXTRA: a commit that returned survives a power cut, the directory entry included.

recursive_triggers: without it a REPLACE deletes rows past the triggers that forbid deleting (bot/models/triggers.py).

WAL is left alone: up to 3.51.2 SQLite has the WAL-reset bug, and one machine gains little from it.
"""


POSTGRESQL_SESSION = "-c synchronous_commit=on -c idle_in_transaction_session_timeout=30s"
"""A process that is stopped (SIGSTOP, a suspended machine) in its transaction may hold the lock of the audit trail, and
with it everybody: after half a minute the server takes its transaction back. Ours do nothing in between for that long."""


class DatabaseUrlError(ValueError):
    """The address is none that Tongfa understands. The text never holds the address itself."""


def database_settings(url: str, *, test_folder: Path) -> dict[str, Any]:
    """Django's settings for `url`. Raises DatabaseUrlError, whose text names the part that is wrong."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return _sqlite(parts, test_folder)
    if parts.scheme in {"postgresql", "postgres"}:
        return _postgresql(parts)
    raise DatabaseUrlError("the scheme must be sqlite or postgresql")


def _sqlite(parts: SplitResult, test_folder: Path) -> dict[str, Any]:
    path = unquote(parts.path).removeprefix("/")
    if parts.netloc or not path:
        raise DatabaseUrlError("sqlite needs three slashes and a file: sqlite:////srv/tongfa/tongfa.sqlite3")
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(Path(path).absolute()),
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": SQLITE_SECONDS, "init_command": SQLITE_PRAGMAS},
        # A file, not :memory:, so that tests with several threads meet real locks.
        "TEST": {"NAME": str(test_folder / "test.sqlite3")},
    }


def _postgresql(parts: SplitResult) -> dict[str, Any]:
    name = unquote(parts.path.removeprefix("/"))
    if not name:
        raise DatabaseUrlError("the name of the PostgreSQL database is missing after the host")
    query = dict(parse_qsl(parts.query))
    try:
        port = str(parts.port or query.pop("port", ""))
    except ValueError as error:
        raise DatabaseUrlError("the port is not a number from 1 to 65535") from error
    host = query.pop("host", "") or unquote(parts.hostname or "")
    server = f"{POSTGRESQL_SESSION} {query.pop('options', '')}".strip()
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": port,
        "OPTIONS": {"connect_timeout": 5, **query, "options": server},
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
