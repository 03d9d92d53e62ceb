"""May it go? Asked when batches are handed out; the last look before T asks the decisive part once more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.delivery import Event, State

from ..instants import require_all_aware
from .facts import Facts, Step, step

PASSED = frozenset({State.CONFIRMING, State.LIVE, State.GONE, State.WITHDRAWN})
STUCK = frozenset({State.UNKNOWN, State.NEEDS_PERSON, State.MISSED, State.HELD, State.BLOCKED})
#: How the sentence begins that holds a push for the sake of the one before it.
BEHIND = "同一账号的上一条"


def may_go_on(release: int) -> str:
    """The same sentence once the way is free."""
    return f"{BEHIND}已经了结，本条仍暂停，未发出。现在可以恢复（发布单 {release}），或作废。"


def goes_with_its_pair(release: int) -> str:
    """The same where the way is free for a policy whose interpretation rests."""
    return f"{BEHIND}已经了结，本条仍暂停，未发出。请连同配套解读一起恢复（发布单 {release}），或作废。"


def goes_nowhere() -> str:
    """The same where the interpretation that it may not go without will never be public."""
    return f"{BEHIND}已经了结；本条的配套解读已不会公开，本条不能单独恢复，仍暂停，未发出。请作废本条，补好解读后另编发布单。"


@dataclass(frozen=True, slots=True)
class Previous:
    """The publication before it in its lane that decides (`decisive`)."""

    state: State
    accepted_at: datetime | None
    spacing: timedelta


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands around a publication: its release, its unit, its account, its lane. `shut`: a gate is not open yet."""

    signed: bool = True
    frozen: bool = False
    disabled: str = ""
    previous: Previous | None = None
    shut: bool = False


@dataclass(frozen=True, slots=True)
class Go:
    """It may go, not before this instant."""

    not_before: datetime


def may_go(facts: Facts, standing: Standing, *, now: datetime) -> Go | Step | None:
    """Go, or a step that takes it out of the way, or None: not yet."""
    require_all_aware(now)
    if facts.too_late(max(now, facts.not_before)):
        return expired(facts)
    if facts.stop_event:
        return step(Event(facts.stop_event), facts.stop_reason, **_STOPPED)
    for holds, reason in _obstacles(standing):
        if holds:
            return step(Event.HOLD, reason, **_STOPPED)
    return None if standing.shut else _in_lane(facts, standing.previous)


_STOPPED = {"next_at": None, "stop_event": "", "stop_reason": ""}


def _obstacles(standing: Standing) -> tuple[tuple[bool, str], ...]:
    return (
        (not standing.signed, "发布单没有有效签发，未发出。请重新签发。"),
        (bool(standing.disabled), f"账号已停用（{standing.disabled}），未发出。"),
        (standing.frozen, "本单位处于一键停发状态，未发出。"),
    )


def _in_lane(facts: Facts, previous: Previous | None) -> Go | Step | None:
    """The next of a lane goes after the previous answer and the vendor's spacing; trouble holds the rest."""
    if previous is None:
        return Go(facts.not_before)
    if previous.state in STUCK:
        reason = f"{BEHIND}“{previous.state.label}”，本条暂停，未发出。处理好上一条后可恢复本条。"
        return step(Event.HOLD, reason, **_STOPPED)
    if previous.state not in PASSED or previous.accepted_at is None:
        return None
    leaves = max(facts.not_before, previous.accepted_at + previous.spacing)
    return expired(facts) if facts.too_late(leaves) else Go(leaves)


def decisive(earlier: Sequence[State]) -> int:
    """Which of those before it, in the order of the lane, decides: the nearest that has not passed, else the nearest.

    A post further ahead that was let pass on its acceptance may have come into doubt since; what stands between may
    have been settled by people while it was.
    """
    return next((place for place in reversed(range(len(earlier))) if earlier[place] not in PASSED), len(earlier) - 1)


def through(previous: Previous | None) -> bool:
    """Whether what is before it in its lane is past its answer and still believed to be public."""
    return previous is None or previous.state in PASSED


def expired(facts: Facts) -> Step:
    """Later than `max_lateness` and unsent: a person decides."""
    was = f"（此前：{facts.reason}）" if facts.reason else ""
    if facts.doubts:
        sentence = f"超过最迟发送时限，没有再发；更早的一次是否已发出不明{was}。请到平台后台核实：已发出就登记链接，确实没有再决定是否重发。"
        return step(Event.TOO_LATE, sentence, **_STOPPED)
    return step(Event.TOO_LATE, f"超过最迟发送时限，未发出{was}。请决定改期重发或作废。", **_STOPPED)


def struck(
    standing: Standing,
    state: State,
    stop_event: str,
    *,
    approved: bool,
    lock_held: bool,
    clock_trusted: bool,
    read_back_holds: bool = True,
) -> str:
    """The last look, 100 ms before T: why it is taken out, provably unsent; "" when nothing speaks against it.

    The clock once more: one that was set forward since the comparison makes T come early. And the age of the read-back:
    a sender that slept since does not know any more what the platform holds. And the lane: the one before it may have
    failed since this one was armed.
    """
    against = (
        (bool(stop_event), "已有人要求停下"),
        (standing.frozen, "本单位处于一键停发状态"),
        (not standing.signed, "签发或发布单已作废"),
        (standing.shut, "门户网页不在线上，或太久没有看过"),
        (bool(standing.disabled), "账号已停用"),
        (not approved, "审核已撤回"),
        (not through(standing.previous), "同一账号前面的一条没有发成"),
        (not clock_trusted, "本机时钟不可信"),
        (not read_back_holds, "平台上的内容核对过太久，要重新核对"),
        (not lock_held or state is not State.SENDING, "发送权已转到别的进程"),
    )
    return next((f"发出前最后核对：{words}" for holds, words in against if holds), "")
