"""Many at once: rows in short transactions, calls in a few threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection

from . import audit

_T = TypeVar("_T")
_R = TypeVar("_R")

CHUNK = 200
"""Rows to a write transaction, so that on SQLite nobody waits long for the one writer's lock."""

ASKED = 500
"""Ids in one question: far below what SQLite takes as parameters."""


def chunks(rows: Sequence[_T], size: int = CHUNK) -> Iterator[Sequence[_T]]:
    """In order, `size` at a time."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def write_together(rows: Sequence[_T], write: Callable[[_T], object], *, size: int = 10) -> None:
    """`write` for every row, several to a transaction: on SQLite each commit waits for the disk a few times.

    `write` deals with its own row's trouble; what escapes it takes the transaction back, and is raised.
    """
    for some in chunks(rows, size):
        with audit.serialised():
            for row in some:
                write(row)


THREADS = 8
ALONE = 3  # up to here the calling thread does it itself


def in_parallel(work: Callable[[_T], _R], rows: Sequence[_T], *, threads: int = THREADS) -> list[_R | Exception]:
    """`work` on every row, a few at once, for what waits on the network; answers in order, an exception as an answer.

    Each thread has a database connection of its own, closed at the end.
    """

    def done(row: _T) -> _R | Exception:
        try:
            return work(row)
        except Exception as error:
            return error

    if len(rows) <= ALONE:
        return [done(row) for row in rows]
    turns = [rows[start::threads] for start in range(min(threads, len(rows)))]

    def all_of(mine: Sequence[_T]) -> list[_R | Exception]:
        try:
            return [done(row) for row in mine]
        finally:
            connection.close()

    with ThreadPoolExecutor(len(turns)) as pool:
        found = list(pool.map(all_of, turns))
    return [found[index % threads][index // threads] for index in range(len(rows))]
