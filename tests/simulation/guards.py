"""Every guard of the release engine, and how to take it away. The simulator must notice each one that is missing.

A guard that sits in a driver is a name in `World.without`, read where the driver would have kept it; one that sits in
`bot.domain` is replaced there for the time of the run. Where another guard would catch the case as well, that one is
taken away with it, and the table says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from bot.domain import delivery, timeline
from bot.domain.channel import Absent, Pending, PositionReceipt
from bot.domain.delivery import Event, State
from bot.domain.engine import answers, handing_out, looking, recovery, stopping
from bot.domain.engine.facts import Facts, Step, step

from . import scenario

Patches = Callable[[ExitStack], None]


@dataclass(frozen=True)
class Guard:
    """One guard: what it is in words, and what is taken away.

    `shadow` names what would cover the same case; `shadows` and `shadow_patches` take that away with it. A seed counts
    only when it is clean without the shadows alone: then it is this guard that it misses.
    """

    name: str
    what: str
    without: frozenset[str] = frozenset()
    patches: Patches | None = None
    shadow: str = ""
    shadows: frozenset[str] = frozenset()
    shadow_patches: Patches | None = None

    @contextmanager
    def removed(self) -> Iterator[frozenset[str]]:
        """While this lasts, the guard and its shadows are gone."""
        with self.unshadowed() as shadows, ExitStack() as stack:
            if self.patches is not None:
                self.patches(stack)
            yield self.without | shadows

    @contextmanager
    def unshadowed(self) -> Iterator[frozenset[str]]:
        """While this lasts, only its shadows are gone."""
        with ExitStack() as stack:
            if self.shadow_patches is not None:
                self.shadow_patches(stack)
            yield self.shadows


def _set(target: Any, name: str, value: Any) -> Patches:
    return lambda stack: stack.enter_context(patch.object(target, name, value))


def _policy(name: str, **changes: Any) -> Patches:
    """The channel's rule for unknown results, changed."""

    def apply(stack: ExitStack) -> None:
        mode = getattr(scenario, name)
        other = replace(mode, unknown=replace(mode.unknown, **changes))
        stack.enter_context(patch.object(scenario, name, other))

    return apply


def _all(*patches: Patches) -> Patches:
    def apply(stack: ExitStack) -> None:
        for one in patches:
            one(stack)

    return apply


# --- what takes the place of a decision -----------------------------------------------------------------------


def _orphan_not_sent(facts: Facts, *, now: datetime) -> Step | None:
    if facts.state is not State.SENDING:
        return None
    return answers.not_sent(facts, "发送进程中断", probe=False, now=now)[0]


def _thrown_back(facts: Facts, message: str, now: datetime) -> Step:
    again = max(facts.not_before, now)
    if facts.state is State.CONFIRMING:
        return step(
            Event.PROVED_ABSENT, "没有查到，重新提交。", batch=None, not_before=again, next_at=now, absents=0, looks=0
        )
    return _absent(facts, message, now)


_absent = looking._absent


def _trusting_look(facts: Facts, verdict: Any, *, places: int, now: datetime) -> tuple[Step, ...]:
    """What was accepted is taken for public, whatever the platform shows."""
    if facts.state is State.CONFIRMING and isinstance(verdict, Pending | Absent) and facts.ids:
        name = str(next(iter(facts.ids.values())))
        verdict_ids = {key: str(value) for key, value in facts.ids.items()}
        shown = tuple(PositionReceipt(f"{name}_{place}", None) for place in range(1, places + 1))
        return (
            step(Event.CONFIRM, live_at=now, sent_at=facts.sent_at, batch=None, next_at=None, ids=verdict_ids),
        ) if shown else ()  # fmt: skip
    return _after_look(facts, verdict, places=places, now=now)


_after_look = looking.after_look


def _in_any_order(facts: Facts, previous: Any) -> Any:
    return handing_out.Go(facts.not_before)


def _always_again(facts: Facts, answer: Any, *, now: datetime) -> datetime | None:
    return now + timedelta(seconds=1)


def _deaf_not_sent(facts: Facts, reason: str, *, probe: bool, now: datetime) -> tuple[Step, ...]:
    return _not_sent(replace(facts, stop_event="", stop_reason=""), reason, probe=probe, now=now)


_not_sent = answers.not_sent


def _deaf_may_go(facts: Facts, standing: Any, *, now: datetime) -> Any:
    return _may_go(replace(facts, stop_event="", stop_reason=""), standing, now=now)


_may_go = handing_out.may_go


def _deaf_next_act(facts: Facts, *, now: datetime) -> Any:
    return _next_act(replace(facts, stop_event="", stop_reason=""), now=now)


_next_act = looking.next_act


def _no_limit(facts: Facts, *, now: datetime) -> Any:
    return _next_act(replace(facts, probes=0), now=now)


_SCOPE: Patches = _all(
    _set(looking, "_absent", _thrown_back),
    lambda stack: stack.enter_context(
        patch.dict(delivery.TRANSITIONS, {(State.CONFIRMING, Event.PROVED_ABSENT): State.STAGED})
    ),
)


def _w(*names: str) -> frozenset[str]:
    return frozenset(names)


GUARDS: tuple[Guard, ...] = (
    Guard("intent_first", "the intent is committed before any byte leaves", _w("intent")),
    Guard(
        "orphan_is_unknown", "an attempt left open by a dead sender counts as unknown, not as not sent",
        _w("orphan"), _set(recovery, "orphaned", _orphan_not_sent),
    ),
    Guard("process_lock", "a sender lives while its process holds a lock; no lease stands in for it", _w("lock")),
    Guard(
        "claim", "a batch is claimed once, by compare-and-set", _w("claim"),
        shadow="the lock, the compare-and-set of the row", shadows=_w("lock", "compare_and_set"),
    ),
    Guard("counting", "what was submitted twice is counted, at every look and for a day after it is live", _w("counting")),
    Guard("fence", "a write carries the fencing number that its writer read", _w("fence")),
    Guard("state_compared", "a write is by compare-and-set of state and fence", _w("compare_and_set")),
    Guard(
        "single_flight", "one open attempt for each publication", _w("single_flight"),
        shadow="single flight per account, the claim, the lock, the compare-and-set",
        shadows=_w("one_per_account", "compare_and_set", "claim", "lock"),
    ),
    Guard("one_per_account", "one open attempt for each account", _w("one_per_account")),
    Guard(
        "quiet_period", "absence is judged after the last moment of a late effect, by spaced looks",
        patches=_policy("PUBLISH", looks=(timedelta(seconds=10),)),
    ),
    Guard("approval_re_read", "the last look reads the approvals again", _w("approval")),
    Guard("signature_re_read", "the last look reads the signature again", _w("signature")),
    Guard(
        "freeze_re_read", "the last look reads the freeze again", _w("freeze"),
        shadow="the wish to stop that a freeze leaves with each row", shadows=_w("last_wish"),
    ),
    Guard("stop_re_read", "the last look reads wishes to stop again", _w("last_wish")),
    Guard(
        "trigger_signature", "no attempt without a signature", _w("trigger_signature"),
        shadow="the last look", shadows=_w("signature"),
    ),
    Guard(
        "trigger_approval", "no attempt without approvals", _w("trigger_approval"),
        shadow="the last look", shadows=_w("approval"),
    ),
    Guard(
        "trigger_freeze", "no attempt while frozen", _w("trigger_freeze"),
        shadow="what a freeze itself holds, the look at handing out, the last look",
        shadows=_w("freeze", "last_wish", "freeze_stops", "freeze_at_hand_out"),
    ),
    Guard("platform_date", "our clock agrees with the platform's Date", _w("date")),
    Guard(
        "drift", "our clock has not jumped since the comparison", _w("drift"),
        shadow="the same comparison in the last look", shadows=_w("late_drift"),
    ),
    Guard("drift_in_the_last_look", "the clock is compared once more in the last look", _w("late_drift")),
    Guard("never_before_T", "the launcher waits for T on both clocks", _w("early")),
    Guard(
        "send_by", "no first byte leaves after send_by", _w("send_by"),
        shadow="the look before a late write", shadows=_w("recheck"),
    ),
    Guard("missed", "what is later than max_lateness is swept to a person", _w("max_lateness")),
    Guard(
        "max_lateness", "later than max_lateness no machine sends",
        patches=_set(timeline, "too_late", lambda now, instant, most=None: False),
        shadow="the sweep of what is too late; people resume half an hour later than else",
        shadows=_w("max_lateness", "resumed_late"),
    ),
    Guard("same_key", "a replay of a mass send carries the key of the first call", _w("same_key")),
    Guard("same_draft", "no new freepublish draft after an act of unknown result", _w("old_draft")),
    Guard(
        "draft_compared", "a draft is compared again before it is submitted again", _w("look_again"),
        shadow="the comparison in each look", shadows=_w("draft_change"),
    ),
    Guard("draft_compared_in_looks", "a look compares the draft that still stands", _w("draft_change")),
    Guard(
        "read_back_age", "a sender that slept since it compared the draft does not send it", _w("read_back_age"),
    ),
    Guard(
        "weibo_by_people_only", "Weibo is never sent again by machine after an unknown result",
        patches=_policy("SHARE", when_absent="resend"),
    ),
    Guard("accepted_is_final", "after accepted nothing leads back to sending", patches=_SCOPE),
    Guard(
        "read_back", "live needs a look that found it", _w("read_back"), _set(looking, "after_look", _trusting_look),
    ),
    Guard("hold_together", "an account that is not ready holds its release", _w("together")),
    Guard(
        "recheck", "before a late write the records are looked at once more", _w("recheck"),
    ),
    Guard(
        "lane_order", "a lane goes in order, each after the answer before it and its spacing",
        patches=_set(handing_out, "_in_lane", _in_any_order),
    ),
    Guard(
        "after_unknown", "after an unknown result a refusal says nothing about the call before", _w("after_unknown"),
        shadow="the sentence that denies one try alone", shadows=_w("this_time"),
    ),
    Guard("this_time", "after a doubt a sentence denies one try alone, never the push", _w("this_time")),
    Guard(
        "refusal_limit", "the third refusal goes to a person",
        patches=_set(answers, "again_at", _always_again),
    ),
    Guard("probe_limit", "at most three replays of the same key", patches=_set(looking, "next_act", _no_limit)),
    Guard(
        "stop_after_not_sent", "a wish to stop is honoured when its call did not leave",
        patches=_set(answers, "not_sent", _deaf_not_sent),
        shadow="the wish read at handing out and in the last look",
        shadows=_w("last_wish"), shadow_patches=_set(handing_out, "may_go", _deaf_may_go),
    ),
    Guard("hand_out_near", "nothing is armed long before it may leave, with its account busy meanwhile", _w("near")),
    Guard(
        "stop_is_a_promise", "a stop is promised only of what has a second left before its instant",
        patches=_set(stopping, "reach_of_wish", lambda facts, **_: stopping.Reach.STOPPED),
    ),
    Guard(
        "crash_limit", "a sender that dies three times is told to a person",
        patches=_set(recovery, "MOST_CRASHES", 10**9),
    ),
    Guard(
        "stop_before_replay", "a wish to stop ends the replays of an unknown act",
        patches=_set(looking, "next_act", _deaf_next_act), shadow="the last look", shadows=_w("last_wish"),
    ),
    Guard(
        "gate_at_hand_out", "nothing is handed out before its portal gate is open", _w("gate_at_hand_out"),
        shadow="the trigger, the last look", shadows=_w("trigger_gate", "gate_re_read"),
    ),
    Guard("gate_re_read", "the last look reads the portal gate again", _w("gate_re_read")),
    Guard(
        "trigger_gate", "no attempt before its portal gate is open", _w("trigger_gate"),
        shadow="the gate at handing out and in the last look", shadows=_w("gate_at_hand_out", "gate_re_read"),
    ),
    Guard(
        "look_anew", "a page that was looked at, or was to be, by a clock that was ahead is looked at anew", _w("look_anew"),
    ),
    Guard(
        "dated_ahead", "a proof that bears a time to come is none from the moment that is seen", _w("dated_ahead"),
    ),
    Guard("unheard", "no wait for a page ends in going by a clock that no platform has confirmed", _w("unheard")),
)  # fmt: skip


def guard(name: str) -> Guard:
    """The guard of that name."""
    return next(one for one in GUARDS if one.name == name)
