"""What an answer to the public call, or the lack of one, does. After "accepted" nothing leads back to sending."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.domain import timeline
from bot.domain.channel import Refused, Remedy, Unknown
from bot.domain.delivery import Event, State

from ..instants import require_all_aware
from .facts import Facts, Step, step

MEND_LIMIT = 3  # refusals without effect, from which on a person decides instead of another try
REFRESHED = timedelta(milliseconds=200)  # between a refused token and the next try


def first_look(facts: Facts) -> timedelta:
    """Delay of the first look after an unknown result."""
    policy = facts.mode.unknown
    if policy.when_absent == "probe" and not facts.ids:
        return policy.probe_after
    return policy.looks[0]


def accepted(facts: Facts, ids: Mapping[str, str], *, sent_at: datetime | None, now: datetime) -> Step:
    """The platform took it; whether it is public is for the looks to say.

    Where a callback or a look has moved it on already, only what the answer tells besides is kept.
    """
    require_all_aware(sent_at, now)
    known = {"ids": {**facts.ids, **ids}, "sent_at": sent_at or facts.sent_at}
    if facts.state is not State.SENDING:
        return Step(None, known)
    return step(
        Event.ACCEPTED, "平台已受理，正在核对。", **known, accepted_at=now, looks=0, absents=0,
        next_at=now + facts.mode.confirm[0],
    )  # fmt: skip


def unknown(facts: Facts, answer: Unknown, *, sent_at: datetime | None, probe: bool, now: datetime) -> Step:
    """Kept apart: looked up later, never resent blindly.

    A replay that meets its own key tells of the call before it: the instant of sending stays that of the first.
    Where the platform itself waits for somebody, it is not asked by a replay meanwhile: its event brings the result.
    """
    require_all_aware(sent_at, now)
    ids = {**facts.ids, **answer.ids}
    wait = facts.mode.confirm[0] if answer.ids else max(first_look(facts), answer.hold)
    return step(
        Event.SILENCE, f"{answer.message}正在向平台核对，查清之前不会再发。", ids=ids, looks=0, absents=0,
        next_at=now + wait, sent_at=facts.sent_at if probe else sent_at or facts.sent_at,
    )  # fmt: skip


def silence(reason: str) -> Unknown:
    """Bytes left and no whole answer came."""
    return Unknown("no_answer", f"请求已发出但没有收到完整应答（{reason}），不知道是否成功。")


def not_sent(facts: Facts, reason: str, *, probe: bool, now: datetime) -> tuple[Step, ...]:
    """Provably no byte left: back to staged, or where somebody asked to stop meanwhile, stopped.

    `facts` counts this try already. Each further try waits longer: every one of them reads the platform first.

    A replay that did not leave says nothing about the call before it.
    """
    require_all_aware(now)
    if probe:
        return (still_unknown(facts, f"核对请求没有发出（{reason}），稍后再试。", now=now),)
    again = max(facts.not_before, now + timeline.resend_backoff(facts.unsent))
    back = step(
        Event.NOT_SENT, f"未发出：{reason}", batch=None, not_before=again, next_at=max(now, again - timeline.HAND_OUT)
    )
    if not facts.stop_event:
        return (back,)
    stopped = step(Event(facts.stop_event), facts.stop_reason, next_at=None, stop_event="", stop_reason="")
    return back, stopped


def still_unknown(facts: Facts, reason: str, *, now: datetime) -> Step:
    """A replay told nothing: as unknown as before."""
    require_all_aware(now)
    return step(Event.SILENCE, reason, next_at=now + first_look(facts))


def refused(facts: Facts, answer: Refused, *, probe: bool, now: datetime) -> Step:
    """Without effect. The machine tries again where that can help in time; else a person decides.

    `facts` counts this refusal already. A refused replay says nothing about the call before it.
    """
    require_all_aware(now)
    if probe:
        return still_unknown(facts, f"核对请求被拒（{answer.message}），稍后再试。", now=now)
    again = again_at(facts, answer, now=now)
    if again is None:
        return step(Event.REFUSED, _final_word(facts, answer), batch=None, next_at=None)
    again = max(again, facts.not_before)
    return step(
        Event.NOT_SENT, f"{answer.message}未发出，将自动重试。", batch=None, not_before=again,
        next_at=max(now, again - timeline.HAND_OUT),
    )  # fmt: skip


def again_at(facts: Facts, answer: Refused, *, now: datetime) -> datetime | None:
    """When the machine may try again by itself, None when a person must."""
    require_all_aware(now)
    if facts.refusals >= MEND_LIMIT:
        return None
    if answer.remedy is Remedy.REFRESH and facts.refusals <= 1:
        return now + REFRESHED
    if answer.remedy is Remedy.WAIT and answer.wait_until and answer.wait_until <= facts.last_instant:
        return max(answer.wait_until, now)
    return None


_PROMISE = re.compile(r"系统(?:会|至少)[^。；]*[。；]?")


def _final_word(facts: Facts, answer: Refused) -> str:
    """The sentence for a person when the machine is done: it promises no further try, whatever the channel would have said."""
    message = _PROMISE.sub("", answer.message).rstrip("，；")
    message = message if message.endswith("。") or not message else f"{message}。"
    if facts.refusals >= MEND_LIMIT and answer.remedy is Remedy.WAIT:
        return (
            f"{message}平台已拒绝 {facts.refusals} 次，没有发出，系统不再自动重试；请查明原因后由两人确认重发，或作废。"
        )
    if answer.remedy is Remedy.REFRESH:
        return f"平台一再拒绝本账号的令牌（代码 {answer.code}），没有发出，系统不再自动重试。请系统管理员核对凭据后，由两人确认重发，或作废。"
    if answer.remedy is Remedy.WAIT:
        return f"{message}到可以再发时已超过最迟发送时限，系统不会自动重试；请决定改期另发，或作废。"
    return answer.message
