"""What people set going: signing, resuming, sending again."""

from __future__ import annotations

from datetime import datetime

from bot.domain import timeline
from bot.domain.delivery import Event, State

from .facts import Facts, Step, step


def scheduled(facts: Facts, *, now: datetime) -> Step:
    """Signed: staging begins ten minutes ahead, or at once. What was held goes on."""
    first = max(now, facts.instant - timeline.STAGE_AHEAD)
    stage_by = max(facts.instant - timeline.STAGED_BY, now + timeline.STAGE_GRACE)
    if facts.state is State.HELD:
        return step(Event.RESUME, next_at=first, stage_by=stage_by)
    return Step(None, {"next_at": first, "stage_by": stage_by})


def resumed(facts: Facts, *, now: datetime) -> Step:
    """Held before, taken up again; what is past its instant goes as soon as it is staged."""
    return step(
        Event.RESUME, next_at=max(now, facts.instant - timeline.STAGE_AHEAD), stage_faults=0,
        stage_by=now + timeline.RESUME_GRACE, stop_event="", stop_reason="",
    )  # fmt: skip


def sent_again(facts: Facts, reason: str, *, now: datetime) -> Step:
    """Two people took it on themselves that it is not public: staged and sent anew, with a fresh instant.

    What is known of the act before stays: with it the platform is asked once more before the next one begins.
    """
    instant = max(now, facts.instant)
    return step(
        Event.RETRY_BY_PERSON, reason, instant=instant, not_before=instant, next_at=now, stage_faults=0,
        stage_by=now + timeline.RESUME_GRACE, stop_event="", stop_reason="", crashes=0,
    )  # fmt: skip


def settled_live(facts: Facts, who: str, *, now: datetime) -> Step:
    """A person found it on the platform and gave the address of every position."""
    return step(
        Event.LIVE_BY_PERSON, f"{who}核实已发布并登记链接。", live_at=now, next_at=None, sent_at=facts.sent_at or now,
        accepted_at=facts.accepted_at or now,
    )  # fmt: skip


def called_off(facts: Facts, who: str, reason: str) -> Step:
    """A person called it off."""
    return step(Event.CANCEL, f"{who}作废：{reason}", next_at=None)
