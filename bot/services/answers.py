"""What a public call's answer does to its publication. After "accepted" nothing leads back to sending."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings

from bot.domain.channel import Channel, Pending, Receipt, Refused, Remedy, Unknown, WireAnswer
from bot.domain.delivery import Event, State
from bot.models import Attempt, CallbackRecord, Item, Publication

from . import audit
from .accounts import spec_of
from .batches import first_look
from .releases import free_items
from .transitions import Stale, move

ACTOR = "系统"
MEND_LIMIT = 3  # refusals without effect that the machine may answer by trying again
_SECRET = re.compile(r'("?(?:access_token|secret|refresh_token|token)"?\s*[:=]\s*"?)[^"&\s,}]+', re.IGNORECASE)


def masked(body: bytes) -> str:
    """An answer for the record: at most 2,000 characters, no token in it."""
    text = settings.TONGFA_REDACTOR.text(body[:4000].decode("utf-8", "replace"))
    return _SECRET.sub(r"\1***", text)[:2000].replace("\x00", "")


def close(
    attempt: Attempt, outcome: str, *, code: str = "", message: str = "", answer: str = "", now: datetime
) -> bool:
    """Write an attempt's outcome, once."""
    return bool(
        Attempt.objects.filter(pk=attempt.pk, outcome="").update(
            outcome=outcome, code=code[:40], message=message[:500], answer=answer, answered_at=now,
            sent_at=attempt.sent_at, last_byte_at=attempt.last_byte_at,
        )
    )  # fmt: skip


def not_sent(publication: Publication, attempt: Attempt, reason: str, *, now: datetime) -> None:
    """Provably no byte left (or a probe's did not): back to staged, or held/cancelled if somebody asked."""
    with audit.serialised():
        if not close(attempt, "not_sent", message=reason, now=now):
            return
        if attempt.kind == "probe":
            _still_unknown(publication, f"核对请求没有发出（{reason}），稍后再试。", now)
            return
        wish = Publication.objects.values_list("stop_event", "stop_reason").get(pk=publication.pk)
        again = max(publication.not_before, now + timedelta(seconds=1))
        move(
            publication,
            Event.NOT_SENT,
            actor=ACTOR,
            now=now,
            batch=None,
            not_before=again,
            next_at=now,
            reason=f"未发出：{reason}",
        )
        if wish[0]:
            move(
                publication,
                Event(wish[0]),
                actor=ACTOR,
                now=now,
                reason=wish[1],
                next_at=None,
                stop_event="",
                stop_reason="",
            )
        if publication.status is State.CANCELLED:
            free_items(publication, now=now)


def _still_unknown(publication: Publication, reason: str, now: datetime) -> None:
    move(publication, Event.SILENCE, actor=ACTOR, now=now, reason=reason, next_at=now + first_look(publication))


def broken(publication: Publication, attempt: Attempt, reason: str, *, now: datetime) -> None:
    """Bytes left and no answer came: unknown."""
    unknown(
        publication,
        attempt,
        Unknown("no_answer", f"请求已发出但没有收到完整应答（{reason}），不知道是否成功。"),
        "",
        now=now,
    )


def unknown(publication: Publication, attempt: Attempt, answer: Unknown, raw: str, *, now: datetime) -> None:
    """Kept apart: looked up later, never resent blindly."""
    with audit.serialised():
        if not close(attempt, "unknown", code=answer.code, message=answer.message, answer=raw, now=now):
            return
        ids = {**publication.ids, **answer.ids}
        publication.ids = ids
        wait = spec_of(publication.account).mode(publication.mode).confirm[0] if answer.ids else first_look(publication)
        try:
            move(
                publication, Event.SILENCE, actor=ACTOR, now=now, ids=ids, looks=0, absents=0, next_at=now + wait,
                sent_at=_sent_at(publication, attempt), reason=f"{answer.message}正在向平台核对，核对清楚之前不会重发。",
            )  # fmt: skip
        except Stale:
            return  # a callback settled it first


def _sent_at(publication: Publication, attempt: Attempt) -> datetime | None:
    """When it was sent as far as known. A replay that meets its own key tells of the call before it, not of itself."""
    if attempt.kind == "probe":
        return publication.sent_at
    return attempt.sent_at or publication.sent_at


def accepted(publication: Publication, attempt: Attempt, ids: Mapping[str, str], raw: str, *, now: datetime) -> None:
    """The platform took it; whether it is public is for the looks to say."""
    with audit.serialised():
        if not close(attempt, "accepted", answer=raw, now=now):
            return
        publication.refresh_from_db()
        if publication.status is not State.SENDING:
            Publication.objects.filter(pk=publication.pk).update(
                ids={**publication.ids, **ids}, sent_at=attempt.sent_at or publication.sent_at
            )
            return
        first = spec_of(publication.account).mode(publication.mode).confirm[0]
        move(
            publication, Event.ACCEPTED, actor=ACTOR, now=now, ids={**publication.ids, **ids}, accepted_at=now,
            sent_at=attempt.sent_at or publication.sent_at, looks=0, absents=0, next_at=now + first,
            reason="平台已受理，正在核对。",
        )  # fmt: skip


def refused(publication: Publication, attempt: Attempt, answer: Refused, raw: str, *, now: datetime) -> None:
    """Without effect. The machine tries again where that can help in time; else a person."""
    with audit.serialised():
        if not close(attempt, "refused", code=answer.code, message=answer.message, answer=raw, now=now):
            return
        if attempt.kind == "probe":
            _still_unknown(publication, f"核对请求被拒（{answer.message}），稍后再试。", now)
            return
        again = _again_at(publication, answer, now)
        if again is None:
            move(publication, Event.REFUSED, actor=ACTOR, now=now, batch=None, next_at=None, reason=_final_word(answer))
            return
        move(
            publication, Event.NOT_SENT, actor=ACTOR, now=now, batch=None, not_before=max(again, publication.not_before),
            next_at=now, reason=f"{answer.message}未发出，将自动重试。",
        )  # fmt: skip


def _final_word(answer: Refused) -> str:
    """The sentence for a person when the machine is done: it promises no further try."""
    if answer.remedy is Remedy.REFRESH:
        return f"平台一再拒绝本账号的令牌（代码 {answer.code}），没有发出，系统不再自动重试。请系统管理员核对凭据后，由两人确认重发，或作废。"
    if answer.remedy is Remedy.WAIT:
        return f"{answer.message}到那时已超过最迟发送时限，系统不会自动重试；请决定改期另发，或作废。"
    return answer.message


def _again_at(publication: Publication, answer: Refused, now: datetime) -> datetime | None:
    """When the machine may try again by itself, None when a person must."""
    last = publication.instant + settings.TONGFA.max_lateness
    tries = publication.attempts.filter(outcome="refused").count()
    if tries >= MEND_LIMIT:
        return None
    if answer.remedy is Remedy.REFRESH and tries <= 1:
        return now + timedelta(milliseconds=200)
    if answer.remedy is Remedy.WAIT and answer.wait_until and answer.wait_until <= last:
        return max(answer.wait_until, now)
    return None


def record(publication: Publication, attempt: Attempt, adapter: Channel, answer: WireAnswer, *, now: datetime) -> None:
    """Read an HTTP answer with the channel's own table and apply what it says."""
    verdict = adapter.read_answer(answer, after_unknown=publication.attempts.filter(outcome="unknown").exists())
    raw = masked(answer.body)
    audit.append(
        ACTOR, "platform.answered", f"publication:{publication.pk}",
        {"attempt": attempt.number, "verdict": type(verdict).__name__, "status": answer.status, "answer": raw[:500]}, now=now,
    )  # fmt: skip
    match verdict:
        case Pending(ids=ids):
            accepted(publication, attempt, ids, raw, now=now)
        case Receipt() as receipt:
            accepted(publication, attempt, receipt.ids, raw, now=now)
        case Refused():
            refused(publication, attempt, verdict, raw, now=now)
        case Unknown():
            unknown(publication, attempt, verdict, raw, now=now)


def store_receipt(publication: Publication, receipt: Receipt, *, now: datetime) -> None:
    """Keep every position's platform id and address. `receipt` has one place for each item."""
    told = _told_by_events(publication, receipt)
    for index, (item, place) in enumerate(zip(publication.items.order_by("position"), receipt.positions, strict=True)):
        url = place.url or item.url or (told[index] if index < len(told) else "")
        Item.objects.filter(pk=item.pk).update(
            platform_id=place.platform_id[:100], url=_storable(url),
            published_at=place.published_at or publication.sent_at or now,
        )  # fmt: skip


def _storable(url: str) -> str:
    """An address that the record can hold; one that it cannot is as good as none."""
    return url if len(url) <= 1000 and url.isprintable() else ""


def _told_by_events(publication: Publication, receipt: Receipt) -> list[str]:
    """Addresses from events that came before the answer to our own call."""
    known = {**publication.ids, **receipt.ids}
    for event in CallbackRecord.objects.filter(account=publication.account, outcome__isnull=False).order_by("-pk")[:50]:
        if any(known.get(name) == value for name, value in event.ids.items()):
            return list((event.outcome or {}).get("urls", []))
    return []
