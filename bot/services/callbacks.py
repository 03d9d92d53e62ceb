"""Events that a platform sends us: verified by the adapter, kept once, applied in any order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from django.db import IntegrityError, transaction

from bot.domain.channel import CallbackReceiver, CallbackReply, Failed, Pending, PlatformEvent, PositionReceipt, Receipt
from bot.domain.delivery import State
from bot.domain.instants import require_aware
from bot.models import Account, CallbackRecord, Item, Publication

from . import audit, confirming
from .accounts import channel_of
from .transitions import Stale

ACTOR = "平台回调"
OPEN = (State.SENDING, State.UNKNOWN, State.CONFIRMING, State.LIVE)


def receive(slug: str, method: str, query: Mapping[str, str], body: bytes, *, now: datetime) -> CallbackReply | None:
    """Answer one callback request; None when there is no such account (or it takes no callbacks)."""
    require_aware(now)
    account = Account.objects.filter(slug=slug).first()
    adapter = channel_of(account) if account else None
    if account is None or not hasattr(adapter, "callback"):
        return None
    reply = cast(CallbackReceiver, adapter).callback(method, query, body, now=now)
    for event in reply.events:
        _take(account, event, now)
    return reply


def _take(account: Account, event: PlatformEvent, now: datetime) -> None:
    """Keep the event once; a repeat changes nothing."""
    try:
        with transaction.atomic():
            record = CallbackRecord.objects.create(
                account=account,
                dedupe=event.dedupe[:120],
                name=event.name,
                ids=dict(event.ids),
                raw=event.raw[:20_000],
                outcome=_addresses(event),
                at=now,
            )
            audit.append(
                ACTOR,
                "callback.received",
                f"account:{account.slug}",
                {"name": event.name, "ids": dict(event.ids)},
                now=now,
            )
    except IntegrityError:
        return
    publication = _whose(account, event)
    handled = _apply(publication, event, now) if publication else "不是本系统发出的，或尚未登记，仅存档。"
    CallbackRecord.objects.filter(pk=record.pk).update(handled=handled[:200])


def _addresses(event: PlatformEvent) -> dict[str, list[str]] | None:
    """The addresses an event tells, kept because it may come before we know whose they are."""
    if not isinstance(event.outcome, Receipt):
        return None
    return {"urls": [place.url or "" for place in event.outcome.positions]}


def _whose(account: Account, event: PlatformEvent) -> Publication | None:
    """The publication that an event is about, by any platform id.

    An event may overtake the answer to our own call: it is kept, and its addresses are taken up when the
    publication is confirmed (`answers.store_receipt`).
    """
    found = Publication.objects.filter(account=account, state__in=[str(state) for state in OPEN]).select_related(
        "account", "release"
    )
    for name, value in event.ids.items():
        for publication in found.filter(ids__has_key=name):
            if str(publication.ids.get(name)) == value:
                return publication
    return None


def _apply(publication: Publication, event: PlatformEvent, now: datetime) -> str:
    outcome = event.outcome
    try:
        if publication.status is State.LIVE:
            return _late_news(publication, outcome, now)
        if isinstance(outcome, Receipt):
            _nudge(publication, now)
            _keep_addresses(publication, outcome)
            return "已登记，正在读回核对。"
        if isinstance(outcome, Failed):
            confirming.apply(publication, outcome, now=now)
            return f"平台报告失败：{outcome.message}"
        if isinstance(outcome, Pending):
            _nudge(publication, now)
        return "已登记。"
    except Stale:
        return "状态已被其他进程更新，仅存档。"


def _nudge(publication: Publication, now: datetime) -> None:
    """Look at once: an event is a reason to read back, and the read-back is the proof."""
    Publication.objects.filter(pk=publication.pk, state__in=[State.CONFIRMING, State.UNKNOWN]).update(
        next_at=now, rung_at=None
    )


def _late_news(publication: Publication, outcome: Receipt | Failed | Pending | None, now: datetime) -> str:
    if isinstance(outcome, Receipt):
        _keep_addresses(publication, outcome)
        return "已发布，补记链接。"
    if isinstance(outcome, Failed) and outcome.gone:
        confirming.apply(publication, outcome, now=now)
        return "平台报告内容已被删除。"
    return "已发布，仅存档。"


def _keep_addresses(publication: Publication, receipt: Receipt) -> None:
    """Store the addresses that an event tells; sometimes it tells none."""
    for item, place in zip(publication.items.order_by("position"), receipt.positions, strict=False):
        if isinstance(place, PositionReceipt) and place.url:
            Item.objects.filter(pk=item.pk).update(url=place.url)
