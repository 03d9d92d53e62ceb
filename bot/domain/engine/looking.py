"""After the answer: read-only looks until the platform shows it, or says that it never will be.

Looks repeat freely. The one thing here that sends is the replay of the same key (WeChat mass). Looks that find nothing,
spaced, with the draft still standing (WeChat freepublish), lead back to staged, once. A platform that takes longer than
those looks may publish both: what was sent twice is counted at every look, and for a day after it is live.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain import timeline
from bot.domain.channel import Absent, Doubled, Failed, Pending, Receipt, Unclear
from bot.domain.delivery import Event, State

from ..instants import require_all_aware
from .facts import DOUBLES, RESTORED, Facts, Step, step

MOST_PROBES = 3
LEAST_PAUSE = timedelta(seconds=10)
MOST_PAUSE = timedelta(minutes=10)
#: After a push that was sent twice is live: pauses between the looks for a second post, a day in all.
WATCH = tuple(timedelta(minutes=minutes) for minutes in (5, 10, 15, 30, 60, 180, 480, 660))
Verdict = Receipt | Pending | Absent | Failed | Unclear

_TIME_IS_UP = "核对时限已过，仍不知道是否发出。请到平台后台查看：已发出就登记链接，确实没有再决定是否重发。"
_NO_CONCLUSION = (
    "用同一编号核对了几次仍没有结论，是否已经发出不明。请到公众平台查看：已发出就登记链接，确实没有再决定是否重发。"
)
_RESUBMIT = "隔时查了几次都没有查到：草稿还在，平台上没有这篇。按没有发出处理，正在用同一份草稿重新提交。"


class Ask(StrEnum):
    """How to find out."""

    LOOK = "look"
    PROBE = "probe"  # replay the same key, where a look does not tell already


def next_act(facts: Facts, *, now: datetime) -> Ask | Step:
    """What is due for a publication that is confirming or unknown."""
    require_all_aware(now)
    if facts.state is not State.UNKNOWN:
        return Ask.LOOK
    if facts.stop_by == RESTORED and not facts.looks:
        return Ask.LOOK
    if time_is_up(facts, now):
        return Ask.LOOK if facts.clock_far_off else give_up(facts, _TIME_IS_UP)
    if facts.mode.unknown.when_absent != "probe" or facts.ids:
        return Ask.LOOK
    if facts.stop_event:
        reason = f"{facts.stop_reason}。是否已发出不明，因已要求停止，不再用重放核对。请到平台后台查看。"
        return give_up(facts, reason)
    if facts.disabled:
        reason = f"账号已停用（{facts.disabled}），不再用重放核对，是否已发出不明。请到平台后台查看。"
        return give_up(facts, reason)
    return give_up(facts, _NO_CONCLUSION) if facts.probes >= MOST_PROBES else Ask.PROBE


def time_is_up(facts: Facts, now: datetime) -> bool:
    """Whether the search ends here, if the clock is to be believed."""
    require_all_aware(now)
    return facts.verdict_overdue(now) or (facts.state is State.UNKNOWN and facts.too_late(now))


def after_look(facts: Facts, verdict: Verdict, *, places: int, now: datetime) -> tuple[Step, ...]:
    """What one look (or a callback's proof) does. `places`: how many positions were signed.

    A step with Event.CONFIRM must be written together with the receipts of all positions.
    """
    require_all_aware(now)
    match verdict:
        case Receipt():
            return _confirm(facts, verdict, places, now)
        case Pending(ids=ids, message=message):
            return _pending(facts, dict(ids), message, now)
        case Failed():
            return _failed(facts, verdict, now)
        case Absent(message=message):
            return (_absent(facts, message, now),)
        case Doubled():
            return _doubled(facts, verdict, now)
        case Unclear(message=message, needs_person=True):
            return (give_up(facts, message),)
        case Unclear(message=message):
            return (wait(facts, message, now=now),)


def _confirm(facts: Facts, receipt: Receipt, places: int, now: datetime) -> tuple[Step, ...]:
    """Live: platform ids and read-back are there, for every position."""
    if len(receipt.positions) != places or not all(place.platform_id for place in receipt.positions):
        return (wait(facts, "平台给出的篇数与签发的不一致，稍后再核对。", now=now),)
    told = [place.published_at for place in receipt.positions if place.published_at]
    live = step(
        Event.CONFIRM, live_at=now, sent_at=facts.sent_at or min(told, default=None), batch=None,
        next_at=watch_from(facts, now), looks=0, ids={**facts.ids, **receipt.ids},
    )  # fmt: skip
    return (*_found(facts, receipt.ids, "已在平台上找到。", now), live)


def watch_from(facts: Facts, now: datetime) -> datetime | None:
    """When what is live from now on is looked at once more for a second post; None where there can be none."""
    require_all_aware(now)
    return now + WATCH[0] if facts.watched else None


def after_watch(facts: Facts, verdict: Verdict, *, now: datetime) -> Step:
    """What one look does to a push that is live and was sent twice. Only a second post moves it: what else there is to
    see of it, and who took it down, others tell.
    """
    require_all_aware(now)
    if isinstance(verdict, Doubled):
        return _doubled(facts, verdict, now)[-1]
    asked = facts.looks + 1
    again = now + WATCH[asked] if asked < len(WATCH) else None
    return Step(None, {"looks": asked, "next_at": again, "lease_until": None, "rung_at": None})


def _doubled(facts: Facts, verdict: Doubled, now: datetime) -> tuple[Step, ...]:
    """More than one of it is public: a person takes the surplus down. Where they stand is kept with its ids."""
    ids = {**facts.ids, **verdict.ids, DOUBLES: " ".join(verdict.urls)}
    found = _found(facts, verdict.ids, verdict.message, now) if facts.state is State.SENDING else ()
    event = {State.LIVE: Event.DOUBLED, State.UNKNOWN: Event.GIVE_UP}.get(facts.state, Event.FAIL)
    return (*found, step(event, verdict.message, ids=ids, next_at=None, batch=None))


def _found(facts: Facts, ids: Mapping[str, str], reason: str, now: datetime) -> tuple[Step, ...]:
    """From unknown (or a call whose answer is still out) to confirming."""
    if facts.state is State.CONFIRMING:
        return ()
    return (
        step(
            Event.FOUND, reason, ids={**facts.ids, **ids}, accepted_at=facts.accepted_at or now, looks=0, absents=0,
            next_at=now,
        ),
    )  # fmt: skip


def _pending(facts: Facts, ids: Mapping[str, str], message: str, now: datetime) -> tuple[Step, ...]:
    if facts.state is State.CONFIRMING:
        return (_next_look(facts, message, now, ids=ids),)
    found = step(
        Event.FOUND, message or "平台已受理，正在核对。", ids={**facts.ids, **ids},
        accepted_at=facts.accepted_at or now, looks=1, absents=0, next_at=now + timeline.nth_delay(facts.mode.confirm, 1),
    )  # fmt: skip
    return (found,)


def _absent(facts: Facts, message: str, now: datetime) -> Step:
    if facts.state is State.CONFIRMING:
        return _next_look(facts, message or "平台尚未显示，稍后再看。", now)
    looks = facts.mode.unknown.looks
    if weighs_the_clock(facts) and facts.clock_far_off and facts.looks + 1 < len(looks):
        return wait(facts, message or "这一次没有查到，稍后再查。", now=now)  # who knows how soon after the last one
    absents = facts.absents + 1
    if absents < len(looks):
        return wait(facts, message or "这一次没有查到，稍后再查。", now=now, absents=absents)
    if _proves_absence(facts) and not facts.clock_far_off:
        again = max(facts.not_before, now)
        return step(Event.PROVED_ABSENT, _RESUBMIT, batch=None, not_before=again, next_at=now, absents=0, looks=0)
    words = f"隔时查了 {absents} 次都没有查到，仍不能断定没有发出。"  # what a single look says is not true of several
    return give_up(facts, f"{words}请到平台后台核实后处理，核实之前请勿重发。")


def weighs_the_clock(facts: Facts) -> bool:
    """Whether looks that find nothing may lead back to sending, so that each has to be made when it should."""
    return facts.state is State.UNKNOWN and facts.mode.unknown.when_absent == "resend"


def _proves_absence(facts: Facts) -> bool:
    """Whether one look more that finds nothing would lead back to sending, if the clock is to be believed: by one that was
    set, looks that should lie minutes apart, and after the last moment of a late effect, may all have been made at once."""
    return weighs_the_clock(facts) and facts.unknowns == 1 and facts.absents + 1 >= len(facts.mode.unknown.looks)


def wait(facts: Facts, message: str, *, now: datetime, **changes: object) -> Step:
    """Look again at the next spaced instant."""
    require_all_aware(now)
    if facts.state is State.CONFIRMING:
        return _next_look(facts, message, now)
    looks, asked = facts.mode.unknown.looks, facts.looks + 1
    planned = facts.since + looks[min(asked, len(looks) - 1)]
    return _stay(message, looks=asked, next_at=max(planned, now + _pause(looks, asked)), **changes)


def _pause(looks: Sequence[timedelta], asked: int) -> timedelta:
    """At least so long until the next look: as far from this one as the plan has them, since `since` may be when a sender
    that died later began; beyond the plan twice as long each time, since every look costs a call."""
    if asked < len(looks):
        return max(LEAST_PAUSE, looks[asked] - looks[asked - 1])
    beyond = asked - len(looks) + 1
    if len(looks) < 2:
        return LEAST_PAUSE
    return min(max(LEAST_PAUSE, looks[-1] - looks[-2]) * (1 << min(beyond, 10)), MOST_PAUSE)


def _next_look(facts: Facts, message: str, now: datetime, *, ids: Mapping[str, str] | None = None) -> Step:
    if time_is_up(facts, now) and not facts.clock_far_off:
        minutes = int(facts.mode.verdict_within.total_seconds() // 60)
        reason = f"平台受理已 {minutes} 分钟仍没有结论。请到平台后台核实：已发出就登记链接，确实没有再决定是否重发。"
        return step(Event.FAIL, reason, next_at=None, batch=None)
    asked = facts.looks + 1
    known = {"ids": {**facts.ids, **ids}} if ids else {}
    return _stay(message, looks=asked, next_at=now + timeline.nth_delay(facts.mode.confirm, asked), **known)


def _stay(message: str, **changes: object) -> Step:
    return step(None, message, lease_until=None, rung_at=None, **changes)


def _failed(facts: Facts, verdict: Failed, now: datetime) -> tuple[Step, ...]:
    named = verdict.position is not None and not verdict.message.startswith("第")
    where = f"第 {(verdict.position or 0) + 1} 篇：" if named else ""
    reason = f"{where}{verdict.message}"
    if facts.state is State.LIVE:
        return (step(Event.VANISH, reason, next_at=None),) if verdict.gone else ()
    found = _found(facts, {}, reason, now) if facts.state is State.SENDING else ()
    return (*found, give_up(facts, reason))


def give_up(facts: Facts, reason: str) -> Step:
    """A person decides, from here on."""
    event = Event.GIVE_UP if facts.state is State.UNKNOWN else Event.FAIL
    return step(event, reason, next_at=None, batch=None)
