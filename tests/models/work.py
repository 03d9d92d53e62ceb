"""What a statement makes the database do, as a number that no other program on the machine changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction

STEP = 50
"""Instructions of SQLite's virtual machine between two counts."""


@dataclass
class Work:
    """How much was done: on SQLite instructions of its virtual machine, on PostgreSQL rows read from tables."""

    done: int = 0


def rows_are_known() -> None:
    """Let PostgreSQL choose its keys by the rows that stand there now, and not read through a table that is small.

    What it knew of a table before depends on when it last looked by itself. Counts for the transaction.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
            cursor.execute("DISCARD PLANS")
            cursor.execute("SET LOCAL enable_seqscan = off")


@contextmanager
def measured() -> Iterator[Work]:
    """Count what the statements inside cost, their triggers included; then everything is as if they had not been.

    Compare two numbers of one database: their units differ.
    """
    work = Work()
    with transaction.atomic():
        if connection.vendor == "sqlite":
            with _instructions(work):
                yield work
        else:
            before = _rows_read()
            yield work
            work.done = _rows_read() - before
        transaction.set_rollback(True)


@contextmanager
def _instructions(work: Work) -> Iterator[None]:
    def count() -> int:
        work.done += STEP
        return 0  # anything else would interrupt the statement

    connection.connection.set_progress_handler(count, STEP)
    try:
        yield
    finally:
        connection.connection.set_progress_handler(None, 0)


def _rows_read() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(SUM(seq_tup_read + idx_tup_fetch), 0) FROM pg_stat_xact_user_tables")
        (count,) = cursor.fetchone()
    return int(count)
