"""The last seconds of a batch, as data: which act comes when. The sender carries them out, the simulator plays them.

Source: design.md section 7. The order is the safety: the clock is compared before anything is written down, intents
are durable before any byte, and the last look comes after the last wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.domain import timeline
from bot.domain.delivery import Event
from bot.domain.instants import require_aware

from ..instants import require_all_aware
from .facts import Facts, Step, step


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
    require_all_aware(instant)
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
    require_aware(instant)
    require_aware(intent_at)
    return max(instant, intent_at) + timeline.SEND_BY


def read_back_holds(read_at: datetime | None, now: datetime) -> bool:
    """Whether what the platform was seen to hold may still be taken for true. None: nothing was read (ADR 0018)."""
    require_all_aware(read_at, now)
    return read_at is None or now - read_at <= timeline.READ_BACK_HOLDS


def intent(instant: datetime, now: datetime, *, probe: bool) -> tuple[Event, Mapping[str, Any]]:
    """The act begins: event and columns. What was known of the act before is past; looks are counted from this one.

    A replay belongs to the act that it asks about.
    """
    require_all_aware(instant, now)
    if probe:
        return Event.PROBE, {"next_at": None}
    begun = {"not_before": fire_at(instant, now), "ids": {}, "sent_at": None, "accepted_at": None}
    return Event.INTENT, {"next_at": None, **begun}


def found_before(facts: Facts, ids: Mapping[str, Any], *, now: datetime) -> Step:
    """The look before another try found what an earlier one had done: nothing is sent, and it is looked at as such."""
    require_all_aware(now)
    return step(
        Event.FOUND, "发出前再次核对，平台上已经有这篇，没有再发，正在核对。", ids={**facts.ids, **ids}, batch=None,
        accepted_at=facts.accepted_at or now, looks=0, absents=0, next_at=now,
    )  # fmt: skip


def fire_at(instant: datetime, now: datetime) -> datetime:
    """When a batch is written: at its instant, or now where that has passed."""
    require_all_aware(instant, now)
    return max(instant, now)
