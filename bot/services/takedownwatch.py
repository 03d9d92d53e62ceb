"""A withdrawal that is not finished stands before people: what was asked to be taken down is public meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.alarms import Kind, Out
from bot.domain.engine import withdrawing as engine
from bot.domain.instants import require_aware, show
from bot.models import Alarm, Withdrawal

from . import alarming, takedowns

MOST = 200
PATIENCE = timedelta(minutes=15)
"""So long the second person, and then the machine, has before anybody is called."""


def remind(*, now: datetime) -> None:
    """An alarm for every withdrawal that somebody must see to; closed when it is, or when nobody need any more."""
    require_aware(now)
    rows = Withdrawal.objects.filter(ended_at__isnull=True).select_related("release", "asked_by")
    due = {}
    for withdrawal in (
        rows.prefetch_related("takedowns__publication__account").defer("release__manifest").order_by("asked_at")[:MOST]
    ):
        if words := _waits(withdrawal, now):
            call = _call(withdrawal, words)
            due[call.subject] = call
    standing = Alarm.objects.filter(kind=Kind.WITHDRAWAL, closed_at__isnull=True).values_list("subject", flat=True)
    over = [subject for subject in standing if subject not in due]
    if over:
        alarming.close(Kind.WITHDRAWAL, over, why="已经办完，或不再需要人处理", now=now)
    alarming.raise_all(list(due.values()), now=now)


def _waits(withdrawal: Withdrawal, now: datetime) -> str:
    """What it waits for, in Chinese; "" as long as it is on its way."""
    if withdrawal.confirmed_at is None:
        late = now >= withdrawal.asked_at + PATIENCE
        return (
            f"{withdrawal.asked_by.name} {show(withdrawal.asked_at)} 提出的撤回还没有第二人确认，什么也没有撤下。"
            if late
            else ""
        )
    left = [one for one in withdrawal.takedowns.all() if one.status not in engine.ENDED]
    stuck = [one for one in left if one.status in engine.FOR_A_PERSON]
    if stuck:
        named = "、".join(f"{takedowns.name_of(one)}（{one.status.label}）" for one in stuck[:3])
        return f"撤回没有办完，{len(stuck)} 项要人处理：{named}。"
    if left and now >= withdrawal.confirmed_at + PATIENCE:
        return f"撤回 {show(withdrawal.confirmed_at)} 已由两人确认，还有 {len(left)} 项没有撤下，系统仍在处理。"
    return ""


def _call(withdrawal: Withdrawal, words: str) -> alarming.Call:
    stages = {one.status for one in withdrawal.takedowns.all()} - engine.ENDED
    in_doubt = bool(stages & {engine.Stage.CALLING, engine.Stage.CHECKING})
    return alarming.Call(
        Kind.WITHDRAWAL, f"withdrawal:{withdrawal.pk}", Out.UNKNOWN if in_doubt else Out.YES, words,
        unit=withdrawal.release.unit_id, release=withdrawal.release_id,
    )  # fmt: skip
