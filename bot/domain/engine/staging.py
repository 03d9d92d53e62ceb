"""Staging: everything that followers cannot see, ahead of T. Faults are tried again while there is time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.domain import timeline
from bot.domain.delivery import Event, State

from ..instants import require_all_aware
from .facts import Facts, Step, step


def taken(facts: Facts, *, now: datetime) -> Step | None:
    """A worker takes it up, for `STAGE_LEASE`; None where it is not waiting to be staged.

    Staging that is under way is taken over by a lease alone, and only when its worker's lease has ended.
    """
    require_all_aware(now)
    until = now + timeline.STAGE_LEASE
    if facts.state in {State.PLANNED, State.BLOCKED}:
        return step(Event.STAGE, lease_until=until, next_at=until)
    return None


def staged(facts: Facts, table: Mapping[str, Any], *, since: str, hand_out: datetime, now: datetime) -> Step:
    """In place, read back and equal: due again when batches are handed out."""
    require_all_aware(hand_out, now)
    return step(Event.STAGE_OK, staged=dict(table), staged_at=now, since=since, next_at=hand_out, stage_faults=0)


def faulted(facts: Facts, message: str, *, wait_until: datetime | None, now: datetime) -> Step:
    """Blocked, with the reason. A look at the deadline is always due, so that nobody waits in silence."""
    require_all_aware(wait_until, now)
    faults = facts.stage_faults + 1
    again = wait_until if wait_until and wait_until > now else now + timeline.stage_backoff(faults)
    if facts.stage_by and now < facts.stage_by:
        again = min(again, facts.stage_by)
    return step(Event.STAGE_FAULT, message, stage_faults=faults, next_at=min(again, facts.last_instant))


def disabled(facts: Facts) -> Step:
    """Its account was taken out of use: nothing is called with its credentials any more."""
    return step(Event.HOLD, f"账号已停用（{facts.disabled}），未发出。", next_at=None)


def held_for_good(message: str) -> Step:
    """Trying again would change nothing: a person decides."""
    return step(Event.HOLD, message, next_at=None)


def unready(facts: Facts, *, now: datetime) -> bool:
    """Past T - 15 s and not staged although it was tried, or is being tried: the release is held together.

    After an outage, when nobody was there to try, late is better than never: it is staged at once and goes as long as
    `max_lateness` allows.
    """
    require_all_aware(now)
    if facts.stage_by is None or now < facts.stage_by:
        return False
    asked = [facts.rung_at] if facts.rung_at is not None else []
    if facts.state is State.STAGING and facts.lease_until is not None:
        asked.append(facts.lease_until - timeline.STAGE_LEASE)  # when its worker began
    return facts.stage_faults > 0 or any(at < facts.stage_by for at in asked)


def held_for_itself(facts: Facts) -> Step:
    """Not ready at T - 15 s."""
    why = (
        facts.reason
        or "轮到它之前时间已到（同时要准备的太多，或准备进程没有运行）。请恢复本条，系统会准备好后尽快发出；或改期。"
    )
    return step(Event.HOLD, f"到点前没有准备好，未发出：{why}", next_at=None)


def held_for_its_mate(facts: Facts, mate: str) -> Step:
    """Another push of the same release is not ready: nothing goes out by halves. `mate`: its account, "" where it is its own."""
    own = f"{facts.reason}另外，" if facts.stage_faults and facts.reason else ""
    return step(Event.HOLD, f"{own}{_together(mate)}", next_at=None, batch=None)


def wish_for_its_mate(mate: str) -> dict[str, str]:
    """The same for one whose intent is committed, as columns: its sender reads them in the last look."""
    return {"stop_event": str(Event.HOLD), "stop_reason": _together(mate)}


def _together(mate: str) -> str:
    who = f"同一发布单的“{mate}”" if mate else "同一发布单里本账号的另一条推送"
    return f"{who}没有准备好，为保证同步，本条一并暂停，未发出。可单独恢复，或处理后一起恢复。"
