"""The last seconds of a batch, as data: which act comes when. The sender carries them out, the simulator plays them.

Source: design.md section 7. The order is the safety: the clock is compared before anything is written down, intents
are durable before any byte, and the last look comes after the last wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from bot.domain import timeline


class Act(StrEnum):
    """One thing that a sender does with its whole batch."""

    PREPARE = "prepare"  # signed bytes compared, grant, request
    COMPARE_CLOCK = "compare_clock"  # our clock with the platform's Date: what does not agree is held
    CONNECT = "connect"
    COMMIT_INTENTS = "commit_intents"  # one transaction, durable before any byte
    REFRESH = "refresh"  # what the peer has closed meanwhile is opened anew
    LAST_LOOK = "last_look"  # freeze, signature, approvals, wishes to stop, our own lock, our clock
    FIRE = "fire"  # one write each, never before T; then the answers


def acts(instant: datetime, count: int = 1) -> Iterator[tuple[Act, datetime | None]]:
    """The acts in order, each with the instant before which it must not begin (None: at once).

    Firing begins before T, right after the last look: whoever waited for T first would wait on one clock alone.

    `count`: publications in the batch; many of them connect and write their intents down earlier.
    """
    yield Act.PREPARE, None
    yield Act.COMPARE_CLOCK, None
    yield Act.CONNECT, instant - timeline.connect_ahead(count)
    yield Act.COMPARE_CLOCK, None
    yield Act.COMMIT_INTENTS, instant - timeline.intent_ahead(count)
    yield Act.REFRESH, instant - 2 * timeline.RECHECK
    yield Act.LAST_LOOK, instant - timeline.RECHECK
    yield Act.FIRE, None  # at once: the launcher itself waits for T, on wall and monotonic clock together


def send_by(instant: datetime, intent_at: datetime) -> datetime:
    """After this no first byte of an intent leaves: others may act on its silence from then on."""
    return max(instant, intent_at) + timeline.SEND_BY


def read_back_holds(read_at: datetime | None, now: datetime) -> bool:
    """Whether what the platform was seen to hold may still be taken for true. None: nothing was read (ADR 0018)."""
    return read_at is None or now - read_at <= timeline.READ_BACK_HOLDS


def fire_at(instant: datetime, now: datetime) -> datetime:
    """When a batch is written: at its instant, or now where that has passed."""
    return max(instant, now)
