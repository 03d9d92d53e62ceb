"""Many rows in short transactions: how many at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

_T = TypeVar("_T")

CHUNK = 200
"""Rows to a write transaction, so that on SQLite nobody waits long for the one writer's lock."""

ASKED = 500
"""Ids in one question: far below what SQLite takes as parameters."""


def chunks(rows: Sequence[_T], size: int = CHUNK) -> Iterator[Sequence[_T]]:
    """In order, `size` at a time."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
