"""What a public call's answer does to its publication. After "accepted" nothing leads back to sending."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import connection

from bot.domain.channel import Channel, Failed, Pending, Receipt, Refused, Unknown, WireAnswer
from bot.domain.delivery import State
from bot.domain.engine import answers as engine
from bot.domain.engine.facts import Facts, Step
from bot.domain.instants import require_aware
from bot.models import Attempt, CallbackRecord, Item, Publication

from . import addresses, audit
from .bulk import chunks
from .facts import Try, facts_of, tries_of
from .quotas import give_back_others
from .stops import free_items
from .transitions import Change, Stale, adapted, enact, move_all

log = structlog.get_logger(__name__)
ACTOR = "系统"
_SECRET = re.compile(r'("?(?:access_token|secret|refresh_token|token)"?\s*[:=]\s*"?)[^"&\s,}]+', re.IGNORECASE)


def masked(body: bytes) -> str:
    """An answer for the record: at most 2,000 characters, no token in it."""
    text = settings.TONGFA_REDACTOR.text(body[:4000].decode("utf-8", "replace"))
    return _SECRET.sub(r"\1***", text)[:2000].replace("\x00", "")


Steps = Callable[[Facts], tuple[Step, ...]]


@dataclass(frozen=True, slots=True)
class Ending:
    """How one attempt ended, as far as it can be read without the records; `steps` says what follows from it.

    `heard`: the line of the audit trail about the platform's answer, where there was one. `earlier`: a replay was told
    that the call before it had been taken.
    """

    publication: Publication
    attempt: Attempt
    outcome: str
    steps: Steps
    code: str = ""
    message: str = ""
    answer: str = ""
    heard: Mapping[str, Any] | None = None
    earlier: bool = False

    @property
    def columns(self) -> dict[str, Any]:
        """What the attempt keeps."""
        return {
            "outcome": self.outcome, "code": self.code[:40], "message": self.message[:500], "answer": self.answer,
            "sent_at": self.attempt.sent_at, "last_byte_at": self.attempt.last_byte_at,
        }  # fmt: skip

    @property
    def told(self) -> tuple[audit.Entry, ...]:
        """Lines of the audit trail."""
        if self.heard is None:
            return ()
        return (audit.Entry(ACTOR, "platform.answered", f"publication:{self.publication.pk}", dict(self.heard)),)


# --- what an event means ------------------------------------------------------------------------------------


def not_sent(publication: Publication, attempt: Attempt, reason: str, *, now: datetime) -> Ending:
    """Provably no byte left (or a probe's did not): back to staged, or held/cancelled if somebody asked."""

    require_aware(now)

    def steps(facts: Facts) -> tuple[Step, ...]:
        return engine.not_sent(facts, reason, probe=attempt.kind == "probe", now=now)

    return Ending(publication, attempt, "not_sent", steps, message=reason)


def broken(publication: Publication, attempt: Attempt, reason: str, *, now: datetime) -> Ending:
    """Bytes left and no answer came: unknown."""
    require_aware(now)
    return unknown(publication, attempt, engine.silence(reason), "", now=now)


def unknown(publication: Publication, attempt: Attempt, answer: Unknown, raw: str, *, now: datetime) -> Ending:
    """Kept apart: looked up later, never resent blindly."""

    require_aware(now)

    def steps(facts: Facts) -> tuple[Step, ...]:
        return (engine.unknown(facts, answer, sent_at=attempt.sent_at, probe=attempt.kind == "probe", now=now),)

    ending = Ending(publication, attempt, "unknown", steps, answer.code, answer.message, raw)
    return replace(ending, earlier=attempt.kind == "probe" and bool(answer.ids))


def accepted(publication: Publication, attempt: Attempt, ids: Mapping[str, str], raw: str, *, now: datetime) -> Ending:
    """The platform took it; whether it is public is for the looks to say."""

    require_aware(now)

    def steps(facts: Facts) -> tuple[Step, ...]:
        return (engine.accepted(facts, ids, sent_at=attempt.sent_at, now=now),)

    return Ending(publication, attempt, "accepted", steps, answer=raw)


def refused(publication: Publication, attempt: Attempt, answer: Refused, raw: str, *, now: datetime) -> Ending:
    """Without effect. The machine tries again where that can help in time; else a person."""

    require_aware(now)

    def steps(facts: Facts) -> tuple[Step, ...]:
        return (engine.refused(facts, answer, probe=attempt.kind == "probe", now=now),)

    return Ending(publication, attempt, "refused", steps, answer.code, answer.message, raw)


def read(publication: Publication, attempt: Attempt, adapter: Channel, answer: WireAnswer, *, now: datetime) -> Ending:
    """Read an HTTP answer with the channel's own table."""
    require_aware(now)
    verdict = adapter.read_answer(answer, after_unknown=_in_doubt(publication, attempt))
    raw = masked(answer.body)
    match verdict:
        case Pending(ids=ids):
            ending = accepted(publication, attempt, ids, raw, now=now)
        case Receipt() as receipt:
            ending = accepted(publication, attempt, receipt.ids, raw, now=now)
        case Refused():
            ending = refused(publication, attempt, verdict, raw, now=now)
        case Unknown():
            ending = unknown(publication, attempt, verdict, raw, now=now)
    heard = {"attempt": attempt.number, "verdict": type(verdict).__name__, "status": answer.status, "answer": raw[:500]}
    return replace(ending, heard=heard)


def _in_doubt(publication: Publication, attempt: Attempt) -> bool:
    """Whether an earlier call may be what this answer speaks of (the quota is used up: by that very one).

    Under its own key an acceptance has had no verdict: one that the platform stated as failed gave way to a new key.
    """
    earlier = [one for one in publication.attempts.all() if one.pk != attempt.pk]
    return any(one.outcome == "unknown" or (one.outcome == "accepted" and one.key == attempt.key) for one in earlier)


# --- writing it down ----------------------------------------------------------------------------------------


def settle(ending: Ending, *, now: datetime) -> bool:
    """Write one ending down, once. False when the attempt had an outcome already: then nothing else is changed."""
    require_aware(now)
    publication, attempt = ending.publication, ending.attempt
    with audit.serialised():
        audit.append_all(ending.told, now=now)
        if not Attempt.objects.filter(pk=attempt.pk, outcome="").update(**ending.columns, answered_at=now):
            return False
        _freshen(publication, ending.outcome)
        facts = facts_of(publication, tries_of(publication, fresh=True))
        for step in ending.steps(facts):
            # what a callback has settled first stays settled: an unknown result says nothing against it
            with suppress(Stale) if ending.outcome == "unknown" else nullcontext():
                enact(publication, step, actor=ACTOR, now=now)
        if publication.status is State.CANCELLED:
            free_items(publication, now=now)
        if ending.earlier:
            give_back_others(publication, publication.not_before, now=now)
    return True


def _freshen(publication: Publication, outcome: str) -> None:
    """What others may have written meanwhile: a callback that overtook the answer, a wish to stop."""
    if outcome == "accepted":
        publication.refresh_from_db()
    elif outcome == "not_sent":
        wish = Publication.objects.values_list("stop_event", "stop_reason", "stop_by").get(pk=publication.pk)
        publication.stop_event, publication.stop_reason, publication.stop_by = wish


def settle_all(endings: Sequence[Ending], *, now: datetime) -> list[Ending]:
    """Write many down in short transactions; returns what could not be written, for the caller to settle one by one.

    Plain cases only: still being sent, as this process left it, one step to go. The others are returned as they are.
    """
    require_aware(now)
    left: list[Ending] = []
    for part in chunks(endings):
        try:
            with audit.serialised():
                left += _settle_together(part, now)
        except Exception as error:  # one odd row must not take the others along: each is then tried alone
            log.warning("answers.one_by_one", count=len(part), error=type(error).__name__)
            left += part
    return left


def _settle_together(endings: Sequence[Ending], now: datetime) -> list[Ending]:
    known = {ending.publication.pk: ending for ending in endings}
    rows = Publication.objects.select_for_update().filter(pk__in=known).order_by("pk")
    plain: list[tuple[Ending, Change]] = []
    for row in rows:
        ending = known[row.pk]
        if (change := _plain(ending, row)) is not None:
            plain.append((ending, change))
    _close_all([ending for ending, _ in plain], now)
    move_all([change for _, change in plain], actor=ACTOR, now=now)
    done = {ending.publication.pk for ending, _ in plain}
    return [ending for ending in endings if ending.publication.pk not in done]


def _plain(ending: Ending, row: Publication) -> Change | None:
    """The one change that follows, where nobody has touched it meanwhile."""
    sent = ending.publication
    if (row.state, row.fence) != (State.SENDING, sent.fence) or row.stop_event:
        return None
    row.account = sent.account
    before = [
        Try(one.kind, one.outcome, one.key, one.code) for one in sent.attempts.all() if one.pk != ending.attempt.pk
    ]
    ended = Try(ending.attempt.kind, ending.outcome, ending.attempt.key, ending.attempt.code)
    steps = ending.steps(facts_of(row, [*before, ended]))
    if len(steps) != 1 or steps[0].event is None:
        return None
    return Change(row, steps[0].event, dict(steps[0].changes), ending.told)


def _close_all(endings: Sequence[Ending], now: datetime) -> None:
    if not endings:
        return
    names = (*endings[0].columns, "answered_at")
    rows = [(*adapted(Attempt, {**ending.columns, "answered_at": now}), ending.attempt.pk) for ending in endings]
    sets = ", ".join(f"{name} = %s" for name in names)
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {Attempt._meta.db_table} SET {sets} WHERE id = %s AND outcome = ''", rows)  # noqa: S608
        if cursor.rowcount != len(rows):
            raise Stale(f"{len(rows) - cursor.rowcount} attempts had an outcome already")


def store_receipt(publication: Publication, receipt: Receipt, *, now: datetime) -> None:
    """Keep every position's platform id and address. `receipt` has one place for each item."""
    require_aware(now)
    told = _told_by_events(publication, receipt)
    for index, (item, place) in enumerate(zip(publication.items.order_by("position"), receipt.positions, strict=True)):
        url = place.url or item.url or (told[index] if index < len(told) else "")
        Item.objects.filter(pk=item.pk).update(
            platform_id=place.platform_id[:100], published_at=place.published_at or publication.sent_at or now,
            **addresses.columns(publication.account, _storable(url)),
        )  # fmt: skip


def _storable(url: str) -> str:
    """An address that the record can hold; one that it cannot is as good as none."""
    return url if len(url) <= 1000 and url.isprintable() else ""


def _told_by_events(publication: Publication, receipt: Receipt) -> list[str]:
    """Addresses from events that came before the answer to our own call."""
    known = {**publication.ids, **receipt.ids}
    for event in CallbackRecord.objects.filter(account=publication.account, outcome__has_key="urls").order_by("-pk")[
        :50
    ]:
        if any(known.get(name) == value for name, value in event.ids.items()):
            return list((event.outcome or {}).get("urls", []))
    return []


def failure_told(publication: Publication) -> Failed | None:
    """What an event that came before the answer to our own call said of failing; None where none did."""
    events = CallbackRecord.objects.filter(account=publication.account_id, outcome__has_key="failed")
    for event in events.order_by("-pk")[:50]:
        if any(publication.ids.get(name) == value for name, value in event.ids.items()):
            return Failed(**(event.outcome or {})["failed"])
    return None
