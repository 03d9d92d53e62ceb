"""What people set going: signing, resuming, sending again."""

from __future__ import annotations

from datetime import datetime

from bot.domain import timeline
from bot.domain.delivery import Event, State

from ..instants import require_all_aware
from .facts import Facts, Step, step
from .looking import watch_from

#: Kept with the platform's ids: who declared it live, where no read-back has shown it.
DECLARED = "declared_by"
BY_HAND = "由人登记，未经系统核对"


def scheduled(facts: Facts, *, now: datetime) -> Step:
    """Signed: staging begins ten minutes ahead, or at once. What was held goes on."""
    require_all_aware(now)
    first = max(now, facts.instant - timeline.STAGE_AHEAD)
    stage_by = max(facts.instant - timeline.STAGED_BY, now + timeline.STAGE_GRACE)
    if facts.state is State.HELD:
        return step(Event.RESUME, next_at=first, stage_by=stage_by, stage_faults=0)
    return Step(None, {"next_at": first, "stage_by": stage_by, "stage_faults": 0})


def resumed(facts: Facts, *, now: datetime) -> Step:
    """Held before, taken up again; what is past its instant goes as soon as it is staged."""
    require_all_aware(now)
    return step(
        Event.RESUME, next_at=max(now, facts.instant - timeline.STAGE_AHEAD), stage_faults=0,
        stage_by=max(facts.instant - timeline.STAGED_BY, now + timeline.RESUME_GRACE), stop_event="", stop_reason="",
    )  # fmt: skip


def sent_again(facts: Facts, reason: str, *, now: datetime) -> Step:
    """Two people took it on themselves that it is not public: staged and sent anew, with a fresh instant.

    What was promised stays what was signed: it is late by that, however quickly it goes now.
    What is known of the act before stays: with it the platform is asked once more before the next one begins.
    """
    require_all_aware(now)
    instant = max(now, facts.instant)
    return step(
        Event.RETRY_BY_PERSON, reason, instant=instant, not_before=instant, next_at=now, stage_faults=0,
        promised_at=facts.promised_at or facts.instant,
        stage_by=max(instant - timeline.STAGED_BY, now + timeline.RESUME_GRACE), stop_event="", stop_reason="", crashes=0,
    )  # fmt: skip


def settled_live(facts: Facts, who: str, *, now: datetime) -> Step:
    """A person found it on the platform and gave the address of every position."""
    require_all_aware(now)
    return step(
        Event.LIVE_BY_PERSON, f"{who}核实已发布并登记链接：{BY_HAND}。", live_at=now, next_at=watch_from(facts, now), looks=0,
        sent_at=facts.sent_at or now, accepted_at=facts.accepted_at or now,
        ids={**facts.ids, DECLARED: who},
    )  # fmt: skip


def corrected(facts: Facts, who: str, reason: str) -> Step:
    """The addresses that a person gave were wrong; others stand in their place."""
    words = f"{who}更正了登记的链接：{reason}。{BY_HAND}。"
    return step(None, words, ids={**facts.ids, DECLARED: who})


def not_live_after_all(facts: Facts, who: str, reason: str, *, live_at: datetime | None) -> Step:
    """What a person had declared live is not: it stands before a person again, with what the machine knew before.

    Times that the declaration had to make up (they equal `live_at`) go with it.
    """
    require_all_aware(live_at)
    words = f"{who}收回了“已发布”的登记：{reason}。是否公开不明，请到平台后台核实后处理。"
    return step(
        Event.NOT_LIVE_BY_PERSON, words, live_at=None, next_at=None, next_sample_at=None,
        ids={name: value for name, value in facts.ids.items() if name != DECLARED},
        sent_at=None if facts.sent_at == live_at else facts.sent_at,
        accepted_at=None if facts.accepted_at == live_at else facts.accepted_at,
    )  # fmt: skip


def called_off(facts: Facts, who: str, reason: str) -> Step:
    """A person called it off."""
    return step(Event.CANCEL, f"{who}作废：{reason}", next_at=None)
