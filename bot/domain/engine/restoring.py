"""What becomes of a publication whose record comes out of a backup: the world went on since, the record did not.

Nothing of it is sent by machine until a person has looked. What may have gone out is looked up at the platform; the
rest is held.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot.domain.delivery import FOR_A_PERSON, SETTLED, Event, State
from bot.domain.instants import show

from ..instants import require_all_aware
from .facts import REASON_LENGTH, RESTORED, Facts, Step, step

FROM_A_BACKUP = "从备份恢复"
"""How every sentence begins that a restore leaves with a publication or a unit."""


def since(backed_up_at: datetime) -> str:
    """From which backup, for staff."""
    return f"{FROM_A_BACKUP}（备份于 {show(backed_up_at)}）"


def reconciled(facts: Facts, *, signed: bool, backed_up_at: datetime, now: datetime) -> Step | None:
    """The step for one publication at the moment of the restore; None where nothing can have changed.

    `signed`: whether a signature stood when the backup was made. What was on its way then is unknown now, whatever its
    instant.
    """
    require_all_aware(now)
    told = since(backed_up_at)
    if facts.state in SETTLED:
        return None
    if facts.state in FOR_A_PERSON:
        before = f"（此前：{facts.reason}）" if facts.reason else ""
        return _stays(f"{told}：备份之后可能已由人处理过，请先到平台后台核对，再决定。{before}", now, doubt=True)
    if facts.state is State.CONFIRMING:
        return _stays(facts.reason, now, looks=0, next_at=now)
    if facts.state in {State.SENDING, State.UNKNOWN}:
        return _in_flight(facts, told, now)
    if not signed:
        words = f"{told}：备份之后可能已签发并发出，签发之前请先到平台后台核对。"
        return _stays(words, now, doubt=True) if facts.instant <= now else None
    if facts.state is State.ARMED or facts.instant <= now:
        return step(Event.RESTORE, _SOUGHT.format(told=told), doubt=True, **_looked_up(told, now))
    return _held(facts, told, now)


_SOUGHT = "{told}：备份之后可能已经发出，正在向平台核对；核对清楚之前不会发送，请不要手工补发。"


def _looked_up(told: str, now: datetime) -> dict[str, Any]:
    wish = {"stop_event": str(Event.HOLD), "stop_reason": f"{told}，不再自动发送", "stop_by": RESTORED}
    return {**wish, "looks": 0, "absents": 0, "next_at": now, "batch": None}


def _in_flight(facts: Facts, told: str, now: datetime) -> Step:
    event = Event.SILENCE if facts.state is State.SENDING else None
    return step(event, _SOUGHT.format(told=told), **_looked_up(told, now))


def _held(facts: Facts, told: str, now: datetime) -> Step:
    """Its instant is still to come. What was staged is made anew: since the backup the draft may have been used."""
    words = f"{told}，已暂停。请签发人先到平台后台核对，再恢复；渠道草稿会重新准备。"
    anew: dict[str, Any] = {"staged": {}, "staged_at": None, "since": "", "batch": None, "next_at": None}
    if facts.state is State.HELD:
        return _stays(words, now, held_by="person", **anew)
    return step(Event.HOLD, words, **anew)


def _stays(reason: str, now: datetime, **changes: Any) -> Step:
    return Step(None, {"reason": reason[:REASON_LENGTH], "alarm_at": now, **changes})
