"""The whole database, kept and put back in milliseconds: many short histories start from one prepared office.

    kept = Snapshot()            # what is there now, committed
    ...                          # anything, commits included
    kept.restore()               # as it was, ids and sequences included

SQLite copies its pages; PostgreSQL copies the product's tables. Neither asks the triggers.
"""

from __future__ import annotations

import sqlite3

from django.apps import apps
from django.db import connection

CLEARED_EVERY = 50  # restorations on PostgreSQL


class Snapshot:
    """The committed rows of all of the product's tables."""

    def __init__(self) -> None:
        connection.ensure_connection()
        self._pages: sqlite3.Connection | None = None
        self._tables: dict[str, bytes] = {}
        self._sequences: list[tuple[str, int, bool]] = []
        self._restored = 0
        if connection.vendor == "sqlite":
            _hurry()
            self._pages = sqlite3.connect(":memory:")
            connection.connection.backup(self._pages)
        else:
            self._copy_out()

    def restore(self) -> None:
        """Everything written since is gone."""
        connection.ensure_connection()
        if self._pages is not None:
            self._pages.backup(connection.connection)
        else:
            self._copy_in()

    def _copy_out(self) -> None:
        with connection.cursor() as cursor:
            for table in _tables():
                with cursor.copy(f'COPY "{table}" TO STDOUT') as copy:
                    self._tables[table] = b"".join(bytes(block) for block in copy)
            cursor.execute("SELECT schemaname || '.' || sequencename FROM pg_sequences WHERE sequencename LIKE 'bot_%'")
            for (name,) in cursor.fetchall():
                cursor.execute(f"SELECT last_value, is_called FROM {name}")
                self._sequences.append((name, *cursor.fetchone()))

    def _copy_in(self) -> None:
        """Rows are deleted one by one: emptied at a stroke, every table would be a new one, and every plan of every trigger
        be made anew for each of hundreds of histories. What deleting leaves behind is cleared away now and then."""
        self._restored += 1
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")  # neither triggers nor foreign keys
            cursor.execute("; ".join(self._emptied()))
            for table, rows in self._tables.items():
                if rows:
                    with cursor.copy(f'COPY "{table}" FROM STDIN') as copy:
                        copy.write(rows)
            for name, value, called in self._sequences:
                cursor.execute("SELECT setval(%s, %s, %s)", [name, value, called])
            cursor.execute("SET session_replication_role = DEFAULT")

    def _emptied(self) -> list[str]:
        if self._restored % CLEARED_EVERY == 0:
            return ["TRUNCATE " + ", ".join(f'"{table}"' for table in self._tables)]
        return [f'DELETE FROM "{table}"' for table in self._tables]


def _hurry() -> None:
    """No waiting for the disk: what these tests end is a step of the program, not the power."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=OFF")


def _tables() -> list[str]:
    """All tables of the product, those between two models included."""
    models = apps.get_app_config("bot").get_models(include_auto_created=True)
    return [model._meta.db_table for model in models]
