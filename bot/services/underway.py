"""What is under way and needs the clock: for whoever finds it stopped, and for the one line that a new start prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet

from bot.domain.channel import CheckResult
from bot.domain.delivery import STOPPABLE, State
from bot.domain.instants import require_aware, show
from bot.domain.sync import FOR_A_DECISION
from bot.models import Publication, Release

from . import gating

WAITING = sorted(str(state) for state in STOPPABLE)
IN_DOUBT = sorted(str(state) for state in (State.SENDING, State.UNKNOWN, State.CONFIRMING))
SOON = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Work:
    """How many pushes are overdue, are too late for the machine, are in doubt, or come up within minutes."""

    overdue: int
    too_late: int
    in_doubt: int
    soon: int

    @property
    def words(self) -> str:
        """`3 条已过时刻没有发出，2 条结果不明`; "" when nothing needs the clock now."""
        parts = (
            (self.overdue, "条已过时刻还没有发出"),
            (self.too_late, "条已过最晚时刻，不再自动发出"),
            (self.in_doubt, "条发出后还没有核对清楚"),
            (self.soon, f"条在 {SOON.total_seconds() / 60:.0f} 分钟内要发"),
        )
        return "，".join(f"{count} {what}" for count, what in parts if count)


def waiting() -> QuerySet[Publication]:
    """Pushes of signed releases that have not left and that nothing holds."""
    return Publication.objects.filter(gating.THROUGH, state__in=WAITING, release__signed_at__isnull=False)


def work(now: datetime) -> Work:
    """What needs the clock at this moment."""
    require_aware(now)
    last = now - settings.TONGFA.max_lateness
    past = waiting().filter(not_before__lte=now)
    too_late = past.filter(not_before__lt=last).count()
    return Work(
        overdue=past.count() - too_late,
        too_late=too_late,
        in_doubt=Publication.objects.filter(state__in=IN_DOUBT).count(),
        soon=waiting().filter(not_before__gt=now, not_before__lte=now + SOON).count(),
    )


def taken_up(found: Work, *, clean: bool) -> str:
    """What a start that finds work tells; "" when there is nothing to tell. `clean`: the last run ended in order."""
    parts = [] if clean else ["上次没有正常停止"]
    parts += [f"{found.overdue} 条已过时刻，能发的正在补发（排在没有结果的推送之后的先暂停）"] if found.overdue else []
    parts += [f"{found.too_late} 条已过最晚时刻，不再自动发出，转人工处理"] if found.too_late else []
    parts += [f"{found.in_doubt} 条发出后还没有核对清楚，正在核对，查清之前不会再发"] if found.in_doubt else []
    if not parts:
        return ""
    if len(parts) == 1 and not clean:
        parts.append("没有中断的推送")
    return "；".join(parts) + "。"


def begun_releases(now: datetime) -> Iterator[CheckResult]:
    """Releases past their instant of which something has still to leave: later posts of a lane, late and held ones."""
    require_aware(now)
    open_ones = Q(publications__state__in=[*WAITING, str(State.HELD)])
    found = Release.objects.filter(open_ones, instant__lte=now, signed_at__isnull=False, cancelled_at__isnull=True)
    for release in found.order_by("instant", "pk").distinct():
        pushes = list(release.publications.filter(state__in=[*WAITING, str(State.HELD)]).order_by("not_before"))
        yield _begun(release, pushes, now)


def _begun(release: Release, pushes: list[Publication], now: datetime) -> CheckResult:
    name = f"发布单 {release.pk}（{show(release.instant, seconds=False)}）"
    counts = Counter(one.status.label for one in pushes)
    words = f"还有 {len(pushes)} 条没有发出（{'、'.join(f'{label} {count}' for label, count in counts.items())}）"
    held = [one for one in pushes if one.status is State.HELD]
    ahead = [one for one in pushes if one.status is not State.HELD and one.not_before > now]
    if ahead:
        words += f"，下一条 {show(ahead[0].not_before)}"
    if not held:
        return CheckResult(name, True, f"{words}。", code="begun")
    last = show(held[0].instant + settings.TONGFA.max_lateness)
    gate = getattr(release, "gate", None)
    if gate is not None and gate.status in FOR_A_DECISION:
        remedy = f"{gating.choice_words(release)}；最早的一条 {last} 以后不再自动发出。"
        return CheckResult(name, True, f"{words}。门户网页到时没有上线，不决定就不会发出。", True, "begun", remedy)
    remedy = f"请签发人看原因后恢复发布单 {release.pk} 或作废；最早的一条 {last} 以后不再自动发出。"
    return CheckResult(name, True, f"{words}。已暂停的不恢复就不会发出。", True, "begun", remedy)
