"""After the answer: read-only looks until the platform shows it, or says that it never will be.

Looks repeat freely; nothing here sends, but for a WeChat mass probe (a replay of the same key), which goes
through the same sender as everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

import structlog
from django.conf import settings

from bot.domain import timeline
from bot.domain.channel import Absent, Failed, ModeSpec, Pending, Receipt, Unclear
from bot.domain.delivery import Event, State
from bot.models import Publication

from . import answers, audit, batches
from .accounts import channel_of, spec_of
from .measuring import first_sample_at
from .sending import evidence_of
from .staging import load, signed_posts
from .transitions import Stale, lease, move, touch

log = structlog.get_logger(__name__)
ACTOR = "系统"
MOST_PROBES = 3
Verdict = Receipt | Pending | Absent | Failed | Unclear


def look(publication_id: int, *, now: Callable[[], datetime]) -> None:
    """One look at one publication. Safe to ring twice: only one worker looks at a time."""
    publication = load(publication_id)
    if publication.status not in {State.CONFIRMING, State.UNKNOWN}:
        return
    if publication.next_at is None or publication.next_at > now():
        return
    if not lease(publication, now() + timeline.LOOK_LEASE, now=now()):
        return
    try:
        _look(publication, now)
    except Stale:
        return
    except Exception as error:  # an odd answer must not leave it waiting in silence: the deadline is kept
        log.exception("confirming.look", publication=publication.pk)
        message = f"核对时程序出错（{type(error).__name__}），稍后再核对。如持续出现请联系系统管理员。"
        with suppress(Stale):
            publication.refresh_from_db()
            _wait(publication, message, now())


def _look(publication: Publication, now: Callable[[], datetime]) -> None:
    mode = spec_of(publication.account).mode(publication.mode)
    if publication.status is State.UNKNOWN and _unknown_too_long(publication, mode, now()):
        _give_up(
            publication,
            "核对时限已过，仍不知道是否发出。请到平台后台查看：已发出就登记链接，确实没有再决定是否重发。",
            now(),
        )
        return
    if publication.status is State.UNKNOWN and mode.unknown.when_absent == "probe" and not publication.ids:
        if publication.stop_event:
            _give_up(
                publication,
                f"{publication.stop_reason}。是否已发出不明，因已要求停止，不再用重放核对。请到平台后台查看。",
                now(),
            )
            return
        if publication.attempts.filter(kind="probe").count() >= MOST_PROBES:
            _give_up(
                publication,
                "用同一编号核对了几次仍没有结论，很可能已经发出。请到公众平台查看：已发出就登记链接，确实没有再决定是否重发。",
                now(),
            )
            return
        batches.arrange_probe(publication, now=now())
        return
    adapter = channel_of(publication.account, mode=publication.mode)
    posts = signed_posts(publication)
    verdict = adapter.look(evidence_of(publication, posts, now=now()))
    apply(publication, verdict, now=now())


def _unknown_too_long(publication: Publication, mode: ModeSpec, now: datetime) -> bool:
    if timeline.too_late(now, publication.instant, settings.TONGFA.max_lateness):
        return True
    since = publication.sent_at or publication.not_before
    return now > since + mode.verdict_within


def apply(publication: Publication, verdict: Verdict, *, now: datetime) -> None:
    """What one look (or a callback's proof) does to a publication that is confirming or unknown."""
    match verdict:
        case Receipt():
            confirm(publication, verdict, now=now)
        case Pending(ids=ids):
            _pending(publication, dict(ids), verdict.message, now)
        case Failed():
            _failed(publication, verdict, now)
        case Absent():
            _absent(publication, verdict.message, now)
        case Unclear(message=message, needs_person=True):
            _give_up(publication, message, now)
        case Unclear(message=message):
            _wait(publication, message, now)


def confirm(publication: Publication, receipt: Receipt, *, now: datetime) -> None:
    """Live: platform ids and read-back are there, for every position."""
    places = receipt.positions
    if len(places) != publication.items.count() or not all(place.platform_id for place in places):
        _wait(publication, "平台给出的篇数与签发的不一致，稍后再核对。", now)
        return
    with audit.serialised():
        _found(publication, dict(receipt.ids), "已在平台上找到。", now)
        answers.store_receipt(publication, receipt, now=now)
        told = [place.published_at for place in receipt.positions if place.published_at]
        move(
            publication, Event.CONFIRM, actor=ACTOR, now=now, live_at=now, sent_at=publication.sent_at or min(told, default=None), batch=None, next_at=None,
            ids={**publication.ids, **receipt.ids}, next_sample_at=first_sample_at(publication, now=now),
        )  # fmt: skip


def _found(publication: Publication, ids: dict[str, str], reason: str, now: datetime) -> None:
    """From unknown (or a call whose answer is still out) to confirming."""
    if publication.status is State.CONFIRMING:
        return
    move(
        publication, Event.FOUND, actor=ACTOR, now=now, ids={**publication.ids, **ids}, reason=reason,
        accepted_at=publication.accepted_at or now, looks=0, absents=0, next_at=now,
    )  # fmt: skip


def _pending(publication: Publication, ids: dict[str, str], message: str, now: datetime) -> None:
    if publication.status is not State.CONFIRMING:
        _found(publication, ids, message or "平台已受理，正在核对。", now)
    _next_look(publication, message, now, ids={**publication.ids, **ids})


def _absent(publication: Publication, message: str, now: datetime) -> None:
    if publication.status is State.CONFIRMING:
        _next_look(publication, message or "平台尚未显示，稍后再看。", now)
        return
    mode = spec_of(publication.account).mode(publication.mode)
    absents = publication.absents + 1
    if absents < len(mode.unknown.looks):
        _wait(publication, message or "这一次没有查到，稍后再查。", now, absents=absents)
    elif mode.unknown.when_absent == "resend" and publication.attempts.filter(outcome="unknown").count() == 1:
        _proved_absent(publication, now)
    else:
        _give_up(
            publication, f"隔时查了 {absents} 次都没有查到，仍不能断定没有发出。{message}请到平台后台核实后处理。", now
        )


def _proved_absent(publication: Publication, now: datetime) -> None:
    again = max(publication.not_before, now)
    move(
        publication, Event.PROVED_ABSENT, actor=ACTOR, now=now, batch=None, not_before=again, next_at=now, absents=0, looks=0,
        reason="已查明没有发出：草稿还在，平台上没有这篇。正在用同一份草稿重新提交。",
    )  # fmt: skip


def _wait(publication: Publication, message: str, now: datetime, **changes: object) -> None:
    """Look again at the next spaced instant."""
    if publication.status is State.CONFIRMING:
        _next_look(publication, message, now)
        return
    looks = spec_of(publication.account).mode(publication.mode).unknown.looks
    asked = publication.looks + 1
    since = publication.sent_at or publication.not_before
    planned = since + looks[min(asked, len(looks) - 1)]
    touch(
        publication, looks=asked, reason=message[:500], lease_until=None, rung_at=None,
        next_at=max(planned, now + timedelta(seconds=10)), **changes,
    )  # fmt: skip


def _next_look(publication: Publication, message: str, now: datetime, **changes: object) -> None:
    mode = spec_of(publication.account).mode(publication.mode)
    since = publication.accepted_at or publication.sent_at or now
    if now > since + mode.verdict_within:
        minutes = int(mode.verdict_within.total_seconds() // 60)
        move(
            publication, Event.FAIL, actor=ACTOR, now=now, next_at=None, batch=None,
            reason=f"平台受理已 {minutes} 分钟仍没有结论。请到平台后台核实：已发出就登记链接，确实没有再决定是否重发。",
        )  # fmt: skip
        return
    asked = publication.looks + 1
    touch(
        publication, looks=asked, reason=message[:500], lease_until=None, rung_at=None,
        next_at=now + timeline.nth_delay(mode.confirm, asked), **changes,
    )  # fmt: skip


def _failed(publication: Publication, verdict: Failed, now: datetime) -> None:
    named = verdict.position is not None and not verdict.message.startswith("第")
    where = f"第 {(verdict.position or 0) + 1} 篇：" if named else ""
    reason = f"{where}{verdict.message}"[:500]
    if publication.status is State.LIVE:
        if verdict.gone:
            move(publication, Event.VANISH, actor=ACTOR, now=now, reason=reason, next_at=None)
        return
    if publication.status is State.UNKNOWN:
        _give_up(publication, reason, now)
        return
    _found(publication, {}, reason, now)
    move(publication, Event.FAIL, actor=ACTOR, now=now, reason=reason, next_at=None, batch=None)


def _give_up(publication: Publication, reason: str, now: datetime) -> None:
    event = Event.GIVE_UP if publication.status is State.UNKNOWN else Event.FAIL
    move(publication, event, actor=ACTOR, now=now, reason=reason[:500], next_at=None, batch=None)
