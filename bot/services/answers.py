"""What a public call's answer does to its publication. After "accepted" nothing leads back to sending."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from django.conf import settings

from bot.domain.channel import Channel, Pending, Receipt, Refused, Unknown, WireAnswer
from bot.domain.delivery import State
from bot.domain.engine import answers as engine
from bot.models import Attempt, CallbackRecord, Item, Publication

from . import audit
from .facts import facts_of
from .releases import free_items
from .transitions import Stale, enact

ACTOR = "系统"
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
        wish = Publication.objects.values_list("stop_event", "stop_reason").get(pk=publication.pk)
        publication.stop_event, publication.stop_reason = wish
        for step in engine.not_sent(facts_of(publication), reason, probe=attempt.kind == "probe", now=now):
            enact(publication, step, actor=ACTOR, now=now)
        if publication.status is State.CANCELLED:
            free_items(publication, now=now)


def broken(publication: Publication, attempt: Attempt, reason: str, *, now: datetime) -> None:
    """Bytes left and no answer came: unknown."""
    unknown(publication, attempt, engine.silence(reason), "", now=now)


def unknown(publication: Publication, attempt: Attempt, answer: Unknown, raw: str, *, now: datetime) -> None:
    """Kept apart: looked up later, never resent blindly."""
    with audit.serialised():
        if not close(attempt, "unknown", code=answer.code, message=answer.message, answer=raw, now=now):
            return
        probe = attempt.kind == "probe"
        step = engine.unknown(facts_of(publication), answer, sent_at=attempt.sent_at, probe=probe, now=now)
        with suppress(Stale):  # a callback settled it first
            enact(publication, step, actor=ACTOR, now=now)


def accepted(publication: Publication, attempt: Attempt, ids: Mapping[str, str], raw: str, *, now: datetime) -> None:
    """The platform took it; whether it is public is for the looks to say."""
    with audit.serialised():
        if not close(attempt, "accepted", answer=raw, now=now):
            return
        publication.refresh_from_db()
        enact(
            publication, engine.accepted(facts_of(publication), ids, sent_at=attempt.sent_at, now=now), actor=ACTOR, now=now
        )  # fmt: skip


def refused(publication: Publication, attempt: Attempt, answer: Refused, raw: str, *, now: datetime) -> None:
    """Without effect. The machine tries again where that can help in time; else a person."""
    with audit.serialised():
        if not close(attempt, "refused", code=answer.code, message=answer.message, answer=raw, now=now):
            return
        probe = attempt.kind == "probe"
        enact(publication, engine.refused(facts_of(publication), answer, probe=probe, now=now), actor=ACTOR, now=now)


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
