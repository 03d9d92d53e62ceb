"""Events that a platform sends us: verified by the adapter, kept once, applied in any order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, cast

from django.db import IntegrityError, transaction

from bot.domain.alarms import Kind, Out
from bot.domain.channel import CallbackReceiver, CallbackReply, Failed, Pending, PlatformEvent, PositionReceipt, Receipt
from bot.domain.delivery import FOR_A_PERSON, State
from bot.domain.engine.facts import REASON_LENGTH
from bot.domain.instants import require_aware
from bot.models import Account, CallbackRecord, Item, Publication

from . import addresses, alarming, audit, confirming, takedowns
from .accounts import channel_of
from .facts import is_doubled
from .story import MESSAGE_LENGTH, gone_or_not
from .trail import TOLD
from .transitions import Stale, touch

ACTOR = "平台回调"
OPEN = frozenset({State.SENDING, State.UNKNOWN, State.CONFIRMING, State.LIVE})


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
                outcome=_kept(event),
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


def _kept(event: PlatformEvent) -> dict[str, Any] | None:
    """The addresses an event tells, or the failure, kept because it may come before we know whose they are."""
    if isinstance(event.outcome, Failed):
        return {"failed": asdict(event.outcome)}
    if not isinstance(event.outcome, Receipt):
        return None
    return {"urls": [place.url or "" for place in event.outcome.positions]}


def _whose(account: Account, event: PlatformEvent) -> Publication | None:
    """The publication that an event is about, by any platform id.

    An event may overtake the answer to our own call: it is kept. Its addresses are taken up when the publication is
    confirmed (`answers.store_receipt`), a failure by the first look that finds nothing better (`confirming`), the ids
    of what nobody knew of by a look after an unknown result (`facts.evidence_of`).
    """
    for states in (
        OPEN,
        FOR_A_PERSON,
        frozenset(State) - OPEN - FOR_A_PERSON,
    ):  # what still moves by itself comes first
        found = Publication.objects.filter(account=account, state__in=sorted(map(str, states)))
        for name, value in event.ids.items():
            for publication in found.filter(ids__has_key=name).select_related("account", "release"):
                if str(publication.ids.get(name)) == value:
                    return publication
    return None


def _apply(publication: Publication, event: PlatformEvent, now: datetime) -> str:
    outcome = event.outcome
    try:
        if publication.status in FOR_A_PERSON:
            return _testify(publication, event, now)
        if publication.status is State.LIVE:
            return _late_news(publication, event, now)
        if publication.status not in OPEN:
            return _after_all(publication, event, now)
        if isinstance(outcome, Receipt):
            _nudge(publication, now)
            _keep_addresses(publication, outcome)
            return "已登记，正在读回核对。"
        if isinstance(outcome, Failed):
            with audit.serialised():
                _note(publication, event, _testimony(event), now)
                confirming.apply(publication, outcome, now=now)
            return f"平台报告失败：{outcome.message}"
        if isinstance(outcome, Pending):
            _nudge(publication, now)
        return "已登记。"
    except Stale:
        return "状态已被其他进程更新，仅存档。"


def _testify(publication: Publication, event: PlatformEvent, now: datetime) -> str:
    """It stands before a person, and nothing of it moves by machine: the platform's word is put before that person.

    Whoever has read the alarm already has not read this: it is raised anew.
    """
    words = _testimony(event)
    if not words:
        return f"推送“{publication.status.label}”，由人处理，仅存档。"
    before = f"（此前：{publication.reason}）" if publication.reason else ""
    with audit.serialised():
        touch(publication, reason=f"{words}{before}"[:REASON_LENGTH], alarm_at=now)
        _note(publication, event, words, now)
        kind = Kind.DOUBLED if is_doubled(publication) else Kind(publication.state)
        alarming.close(kind, [f"publication:{publication.pk}"], why="平台发来新的回告，重新提醒", now=now)
    return words


def _after_all(publication: Publication, event: PlatformEvent, now: datetime) -> str:
    """Nobody waited for it any more: it was called off, held or withdrawn. It stands in its story all the same, and where
    people had called it off, somebody has to hear that it may be public."""
    words = _testimony(event)
    if not words:
        return f"推送“{publication.status.label}”，仅存档。"
    with audit.serialised():
        _note(publication, event, words, now)
        if publication.status is State.CANCELLED and not isinstance(event.outcome, Failed):
            alarming.raise_all([_surfaced(publication, event)], now=now)
    return words


def _surfaced(publication: Publication, event: PlatformEvent) -> alarming.Call:
    urls = "、".join(_links(event))
    words = (
        f"“{publication.account.name}”的这条推送已作废，平台却回告发布成功"
        f"{f'，链接 {urls} ' if urls else '，没有给出链接'}。系统没有再发，也不会自动删除。"
    )
    return alarming.Call(
        Kind.SURFACED, f"publication:{publication.pk}", Out.UNKNOWN, words,
        f"“{publication.account.name}”有一条作废的推送，平台说已公开。", unit=publication.release.unit_id,
        release=publication.release_id, publication=publication.pk, account=publication.account_id,
    )  # fmt: skip


def _note(publication: Publication, event: PlatformEvent, words: str, now: datetime) -> None:
    """Into its story: what a verdict rests on, and what a sending again may rest on (`settling`)."""
    verdict = "Failed" if isinstance(event.outcome, Failed) else "Told"
    data = {"verdict": verdict, "message": words[:MESSAGE_LENGTH]} | gone_or_not(event.outcome)
    audit.append(ACTOR, TOLD, f"publication:{publication.pk}", data, now=now)


def _testimony(event: PlatformEvent) -> str:
    """What the event says of being public, for a person to judge; "" where it says nothing of it."""
    outcome = event.outcome
    if isinstance(outcome, Failed):
        return f"平台回告：{'内容已不在平台上' if outcome.gone else '发布失败'}：{outcome.message}"
    if not (event.said_public or isinstance(outcome, Receipt)):
        return ""
    urls = "、".join(_links(event))
    links = f"，链接 {urls} ，请打开核对后登记链接。" if urls else "，没有给出链接，请到平台后台查看后登记链接。"
    return f"平台回告：已发布成功{links}"


def _links(event: PlatformEvent) -> list[str]:
    """The addresses that an event tells."""
    outcome = event.outcome
    told = (place.url or "" for place in outcome.positions) if isinstance(outcome, Receipt) else event.urls
    return [url for url in told if url]


def _nudge(publication: Publication, now: datetime) -> None:
    """Look at once: an event is a reason to read back, and the read-back is the proof."""
    Publication.objects.filter(pk=publication.pk, state__in=[State.CONFIRMING, State.UNKNOWN]).update(
        next_at=now, rung_at=None
    )


def _late_news(publication: Publication, event: PlatformEvent, now: datetime) -> str:
    outcome = event.outcome
    if isinstance(outcome, Receipt):
        _keep_addresses(publication, outcome)
        return "已发布，补记链接。"
    if isinstance(outcome, Failed) and outcome.gone:
        if takedowns.is_under_way(publication.pk):  # by ourselves: the read-back says when it is done
            _note(publication, event, _testimony(event), now)
            return "正在由本系统撤下，平台的回告已存档。"
        confirming.apply(publication, outcome, now=now)
        return "平台报告内容已被删除。"
    return "已发布，仅存档。"


def _keep_addresses(publication: Publication, receipt: Receipt) -> None:
    """Store the addresses that an event tells; sometimes it tells none."""
    for item, place in zip(publication.items.order_by("position"), receipt.positions, strict=False):
        if isinstance(place, PositionReceipt) and place.url:
            Item.objects.filter(pk=item.pk).update(**addresses.columns(publication.account, place.url))
