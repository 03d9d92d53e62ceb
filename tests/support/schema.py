"""The test database, made by the migrations once and copied from then on: to run them takes five seconds a process.

Kept in .cache/ under a name that says what it was made from; whoever changes a model, a migration or a rule gets a new
one. For SQLite alone: a PostgreSQL server is started for a whole run, and migrated once by each worker.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".cache" / "test-schema"
MADE_FROM = ("bot/domain", "bot/migrations", "bot/models", "requirements/base.txt")


def template() -> Path:
    """Where the database of these very sources is kept."""
    found = hashlib.sha256()
    for part in MADE_FROM:
        path = ROOT / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            found.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return FOLDER / f"{found.hexdigest()[:20]}.sqlite3"


@contextmanager
def copied() -> Iterator[None]:
    """While this is open, a database that is opened empty is filled from the template, if there is one."""
    from django.db.backends.signals import connection_created

    kept = template()

    def fill(connection: Any, **_: Any) -> None:
        if connection.vendor != "sqlite" or not kept.exists():
            return
        raw: sqlite3.Connection = connection.connection
        if raw.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0] == 0:
            with closing(sqlite3.connect(kept)) as source:
                source.backup(raw)

    connection_created.connect(fill)
    try:
        yield
    finally:
        connection_created.disconnect(fill)


def place(home: Path) -> None:
    """Put a copy where `tongfa init` would make its database, if there is one: it finds nothing left to migrate."""
    if template().exists():
        home.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(template(), home / "tongfa.sqlite3")


def keep() -> None:
    """Keep what the migrations have just made; other processes may be at it too, and one of them wins."""
    from django.db import connection

    kept = template()
    if connection.vendor != "sqlite" or kept.exists():
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    mine = kept.with_suffix(f".{os.getpid()}")
    connection.ensure_connection()
    with closing(sqlite3.connect(mine)) as target:
        connection.connection.backup(target)
    mine.replace(kept)
