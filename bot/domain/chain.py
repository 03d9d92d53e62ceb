"""The hash chain of the audit trail: h_n = HMAC-SHA256(key, h_{n-1} || canonical JSON of row n)."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .hashing import canonical_json

GENESIS = "0" * 64


def link(key: bytes, previous: str, row: Mapping[str, Any]) -> str:
    """Hex MAC of one row on top of the one before."""
    return hmac.new(key, previous.encode() + canonical_json(row), "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain does not hold: sequence number and what is wrong."""

    sequence: int
    message: str


def verify(
    key: bytes, rows: Iterable[tuple[int, Mapping[str, Any], str, str]], *, after: int = 0, head: str = GENESIS
) -> tuple[int, str, Break | None]:
    """Check (sequence, row, previous, mac) in order; return how many held, the head, and the first break.

    `after`, `head`: number and MAC of the last line that held already, where a check goes on.
    """
    expected, count = after + 1, 0
    for sequence, row, previous, mac in rows:
        if sequence != expected:
            return count, head, Break(expected, f"第 {expected} 条缺失")
        if previous != head or not hmac.compare_digest(link(key, previous, row), mac):
            return count, head, Break(sequence, f"第 {sequence} 条与链不符：内容或次序被改动")
        expected, head, count = sequence + 1, mac, count + 1
    return count, head, None
