"""What a dead process left: before its intent provably nothing, after it nobody knows. Time alone proves neither."""

from __future__ import annotations

from datetime import datetime

from bot.domain.delivery import Event, State

from ..instants import require_all_aware
from .answers import first_look
from .facts import Facts, Step, step

MOST_CRASHES = 3


def rearmed(facts: Facts, *, now: datetime) -> Step:
    """Its sender died before any intent: handed out again. Three times is no accident: a person looks."""
    require_all_aware(now)
    crashes = facts.crashes + 1
    if crashes >= MOST_CRASHES:
        reason = f"发送进程连续 {crashes} 次中断，均未发出，已暂停。请系统管理员查看日志后恢复。"
        return step(Event.HOLD, reason, batch=None, crashes=crashes, next_at=None)
    return step(Event.DISARM, "发送进程中断，尚未发出，正在重新安排。", batch=None, crashes=crashes, next_at=now)


def orphaned(facts: Facts, *, now: datetime) -> Step | None:
    """Its sender died with the intent committed: whether a byte left, nobody knows. None: it has moved on already."""
    require_all_aware(now)
    if facts.state is not State.SENDING:
        return None
    reason = "发送进程中断，是否已发出不明，正在向平台核对；查清之前不会再发。"
    return step(Event.SILENCE, reason, looks=0, absents=0, next_at=now + first_look(facts))
