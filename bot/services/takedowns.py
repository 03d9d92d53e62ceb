"""The machine's part of a withdrawal: look, commit the intent, call once, read back. Done by a worker, never by a page.

What is due is a row (`Takedown.next_at`); the chore `takedowns` brings a worker to it. A worker that dies leaves the end
of its lease: whoever comes next finds the open intent, takes its answer for lost, and asks the platform.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db.models import F, Min, Q, QuerySet

from bot.channels.http import within
from bot.domain.channel import Channel, ChannelFault, PositionReceipt, Receipt, Unclear
from bot.domain.delivery import State
from bot.domain.engine import withdrawing as engine
from bot.domain.engine.facts import REASON_LENGTH
from bot.domain.engine.looking import Verdict
from bot.domain.engine.withdrawing import Known, Stage, Turn
from bot.domain.instants import require_aware
from bot.models import Chore, Item, Publication, Takedown, TakedownCall, Withdrawal

from . import audit, story
from .accounts import channel_of, spec_of
from .errors import Refused
from .facts import evidence_of, facts_of
from .transitions import Stale, enact

log = structlog.get_logger(__name__)
ACTOR = "系统"
CHORE = "takedowns"
LEASE = timedelta(minutes=3)
FAR = timedelta(hours=1)  # longer than any wait of ours: due later than that was written by a clock that was ahead
TIME_FOR_LOOK, TIME_FOR_CALL = 20.0, 40.0  # seconds
RAW_LENGTH = 20_000
PATIENCE = timedelta(seconds=30)  # one round of a worker, whose whole time is limited: the rest is rung for again


# --- what is due ----------------------------------------------------------------------------------------------


def call_the_worker(*, now: datetime) -> None:
    """Something is due: the next tick rings. In the caller's transaction."""
    require_aware(now)
    Chore.objects.filter(pk=CHORE).update(next_at=now, rung_at=None)


def due(now: datetime) -> QuerySet[Takedown]:
    """What a worker has to go on with."""
    require_aware(now)
    return Takedown.objects.filter(Q(next_at__lte=now) | Q(next_at__gt=now + FAR))


def work_all(*, now: Callable[[], datetime]) -> None:
    """Everything that is due; afterwards the chore comes back when the next look is."""
    require_aware(now())
    began = now()
    for pk in list(due(began).order_by("next_at", "pk").values_list("pk", flat=True)):
        if now() - began > PATIENCE:
            break
        try:
            work(pk, now=now)
        except Stale:
            continue
        except Exception:  # one odd row must not keep the others from their turn; its lease brings it back
            log.exception("takedowns.work", takedown=pk)
    come_back()


def come_back() -> None:
    """The chore comes when the next look is due."""
    soonest = Takedown.objects.aggregate(at=Min("next_at"))["at"]
    if soonest is not None:
        Chore.objects.filter(pk=CHORE, next_at__gt=soonest).update(next_at=soonest, rung_at=None)


def work(pk: int, *, now: Callable[[], datetime]) -> None:
    """One step of one taking down: what is due of it, if nobody else has it."""
    require_aware(now())
    takedown = _take(pk, now())
    if takedown is None or takedown.publication is None:
        return
    known = _known(takedown)
    if known.stage is Stage.WAITING:
        _take_down(takedown, known, now)
    elif known.stage is Stage.CALLING:
        _lost(takedown, now())
    elif known.stage is Stage.CHECKING:
        _look(takedown, known, now)


def _take(pk: int, now: datetime) -> Takedown | None:
    """Under a lease and a new fence, so that only one worker goes on."""
    found = Takedown.objects.select_related(
        "publication__account__unit", "publication__release__unit", "withdrawal__confirmed_by"
    ).get(pk=pk)
    if found.next_at is None or now < found.next_at <= now + FAR:
        return None
    turn(found, Turn(found.status, found.reason, now + LEASE, found.looks))
    return found


def _push(takedown: Takedown) -> Publication:
    """The push it is about. Pages of the portal are never due: they are a person's."""
    if takedown.publication is None:
        raise ValueError(f"takedown {takedown.pk} is about no push")
    return takedown.publication


def _known(takedown: Takedown) -> Known:
    publication = _push(takedown)
    places = publication.items.count()
    apart = spec_of(publication.account).mode(publication.mode).removal.tells_apart
    told = apart or takedown.position is None or places == 1
    return Known(takedown.status, takedown.position, places, takedown.looks, told)


# --- its steps ------------------------------------------------------------------------------------------------


def _take_down(takedown: Takedown, known: Known, now: Callable[[], datetime]) -> None:
    """Look once more what is public, then intent, call, answer."""
    try:
        adapter = _adapter(takedown)
    except (ChannelFault, Refused) as fault:
        turn(takedown, Turn(Stage.REFUSED, f"没有请平台删除：{fault.message}"))
        return
    seen = _asked(takedown, now())
    gone = engine.before_the_call(known, seen)
    if gone is not None:
        _finish(takedown, gone, seen, now())
        return
    call = _intend(takedown, seen, now())
    try:
        with within(TIME_FOR_CALL):
            answer: Any = adapter.withdraw(_receipt(takedown), position=takedown.position)
    except ChannelFault as fault:
        answer = fault
    except Exception as error:  # whatever it was, a byte may have left
        log.exception("takedowns.call", takedown=takedown.pk)
        _lost(takedown, now(), f"撤下时程序出错（{type(error).__name__}）。")
        return
    _close(takedown, call, engine.answered(answer, now=now()), now())


def _intend(takedown: Takedown, seen: Verdict, now: datetime) -> TakedownCall:
    """Committed before the first byte."""
    with audit.serialised():
        call = TakedownCall.objects.create(
            takedown=takedown, number=takedown.calls.count() + 1, fence=takedown.fence, intent_at=now
        )
        words = "撤下的请求即将发出，应答未到之前不知道结果。"
        before = {**takedown.before, "seen": _told(seen, now)}
        turn(takedown, Turn(Stage.CALLING, words, now + LEASE), before=before)
        data = {"number": call.number, "takedown": takedown.pk, "what": name_of(takedown)}
        audit.append(ACTOR, "takedown.intent", subject_of(takedown), data, now=now)
    return call


def _close(takedown: Takedown, call: TakedownCall, answer: engine.Answered, now: datetime) -> None:
    with audit.serialised():
        _write_outcome(call, answer.outcome, answer.code, answer.message, now)
        data = {"outcome": answer.outcome, "message": answer.message[:300], "takedown": takedown.pk}
        audit.append(ACTOR, "takedown.answered", subject_of(takedown), data, now=now)
        turn(takedown, answer.turn)


def _lost(takedown: Takedown, now: datetime, why: str = "撤下的请求可能已发出，但没有等到应答。") -> None:
    with audit.serialised():
        for call in takedown.calls.filter(outcome=""):
            _write_outcome(call, "unknown", "lost", why, now)
        data = {"outcome": "unknown", "message": why, "takedown": takedown.pk}
        audit.append(ACTOR, "takedown.answered", subject_of(takedown), data, now=now)
        turn(takedown, engine.lost(why, now=now))


def _write_outcome(call: TakedownCall, outcome: str, code: str, message: str, now: datetime) -> None:
    columns = {"outcome": outcome, "code": code[:40], "message": message[:500], "answered_at": now}
    TakedownCall.objects.filter(pk=call.pk, outcome="").update(**columns)


def _look(takedown: Takedown, known: Known, now: Callable[[], datetime]) -> None:
    verdict = _asked(takedown, now())
    at = now()
    found = engine.after_look(known, verdict, now=at)
    if found.stage is Stage.DONE:
        _finish(takedown, found, verdict, at)
        return
    with audit.serialised():
        _note_look(takedown, verdict, at)
        turn(takedown, found)


def _finish(takedown: Takedown, done: Turn, verdict: Verdict, now: datetime) -> None:
    """Gone, by the platform's own word."""
    with audit.serialised():
        _note_look(takedown, verdict, now)
        turn(takedown, done, done_at=now, before={**takedown.before, "after": _told(verdict, now)})
        settle(takedown, who="系统撤下并读回核实", actor=ACTOR, now=now)


# --- the platform ---------------------------------------------------------------------------------------------


def _adapter(takedown: Takedown) -> Channel:
    publication = _push(takedown)
    return channel_of(publication.account, mode=publication.mode)


def _asked(takedown: Takedown, now: datetime) -> Verdict:
    """Is it still to be seen? Whatever goes wrong proves nothing."""
    publication = _push(takedown)
    items = publication.items.select_related("account", "edition").order_by("position")
    posts = tuple(item.signed_post for item in items)
    try:
        with within(TIME_FOR_LOOK):
            return _adapter(takedown).look(evidence_of(publication, posts, now=now))
    except (ChannelFault, Refused) as fault:
        return Unclear(fault.message)
    except Exception as error:  # it must not end the search
        log.exception("takedowns.look", takedown=takedown.pk)
        return Unclear(f"核对时程序出错（{type(error).__name__}）。")


def _receipt(takedown: Takedown) -> Receipt:
    publication = _push(takedown)
    places = publication.items.order_by("position").values_list("platform_id", "url", "published_at")
    positions = tuple(PositionReceipt(platform_id, url or None, at) for platform_id, url, at in places)
    return Receipt({name: str(value) for name, value in publication.ids.items()}, positions)


def _told(verdict: Verdict, now: datetime) -> dict[str, Any]:
    """What one look told, for the record."""
    words = getattr(verdict, "message", "")
    raw = getattr(verdict, "raw", "")[:RAW_LENGTH].replace("\x00", "")
    return {"at": now.isoformat(), "verdict": type(verdict).__name__, "message": words, "raw": raw}


def _note_look(takedown: Takedown, verdict: Verdict, now: datetime) -> None:
    if takedown.publication is not None:
        story.note_look(takedown.publication, verdict, now=now)


# --- writing it down ------------------------------------------------------------------------------------------


def turn(takedown: Takedown, to: Turn, **more: Any) -> None:
    """Write a turn by compare-and-set: raises Stale when somebody else has taken it over meanwhile."""
    columns = {**asdict(to), "stage": str(to.stage), "reason": to.reason[:REASON_LENGTH], **more}
    touched = Takedown.objects.filter(pk=takedown.pk, stage=takedown.stage, fence=takedown.fence).update(
        **columns, fence=F("fence") + 1
    )
    if not touched:
        raise Stale(f"takedown {takedown.pk} is no longer {takedown.stage} with fence {takedown.fence}")
    for name, value in {**columns, "fence": takedown.fence + 1}.items():
        setattr(takedown, name, value)


def settle(takedown: Takedown, *, who: str, actor: str, now: datetime) -> None:
    """What follows when one of them has ended: its articles, its push, the withdrawal as a whole."""
    require_aware(now)
    if takedown.status is Stage.DONE:
        items_of(takedown).filter(withdrawn_at__isnull=True).update(withdrawn_at=now)
        _withdraw_push(takedown, who, actor, now)
    stages = Takedown.objects.filter(withdrawal=takedown.withdrawal_id).values_list("stage", flat=True)
    if all(stage in engine.ENDED for stage in stages):
        Withdrawal.objects.filter(pk=takedown.withdrawal_id, ended_at__isnull=True).update(ended_at=now)
        data = {"withdrawal": takedown.withdrawal_id, "done": sum(stage == Stage.DONE for stage in stages)}
        release = Withdrawal.objects.values_list("release_id", flat=True).get(pk=takedown.withdrawal_id)
        audit.append(actor, "withdrawal.ended", f"release:{release}", data, now=now)


def _withdraw_push(takedown: Takedown, who: str, actor: str, now: datetime) -> None:
    """With its last article down a push is withdrawn. One that the platform reported as gone meanwhile stays that."""
    publication = takedown.publication
    if publication is None or publication.items.filter(withdrawn_at__isnull=True).exists():
        return
    publication.refresh_from_db()
    if publication.status is State.LIVE:
        enact(publication, engine.withdrawn(facts_of(publication), who), actor=actor, now=now)


def is_under_way(publication_id: int) -> bool:
    """Whether it is being taken down by us: what the platform tells of it now is no surprise."""
    open_ones = Takedown.objects.filter(publication=publication_id, withdrawal__confirmed_at__isnull=False)
    return open_ones.exclude(stage__in=sorted(map(str, engine.ENDED))).exists()


# --- what it is about -----------------------------------------------------------------------------------------


def items_of(takedown: Takedown) -> Any:
    """The articles that it takes down; none for a page of the portal."""
    if takedown.publication_id is None:
        return Item.objects.none()
    found = Item.objects.filter(publication=takedown.publication_id).select_related("account", "edition__document")
    found = found if takedown.position is None else found.filter(position=takedown.position)
    return found.order_by("position")


def snapshot(takedown: Takedown) -> dict[str, Any]:
    """What is public of it as far as the records know: kept, whatever becomes of it."""
    if takedown.edition is not None:
        return {"places": [{"title": takedown.edition.title, "url": takedown.edition.content.get("source_url", "")}]}
    return {"places": [_place(item) for item in items_of(takedown)]}


def _place(item: Item) -> dict[str, Any]:
    return {
        "item": item.pk, "position": item.position, "title": item.edition.title, "url": item.url,
        "platform_id": item.platform_id, "hash": item.payload_hash,
        "published_at": item.published_at.isoformat() if item.published_at else "",
    }  # fmt: skip


def name_of(takedown: Takedown) -> str:
    """What staff call it."""
    if takedown.publication is None:
        return "门户网页"
    place = "" if takedown.position is None else f"第 {takedown.position + 1} 篇"
    return f"{takedown.publication.account.name}{place}"


def subject_of(takedown: Takedown) -> str:
    """The subject of its lines in the audit trail: the push, so that its story tells them; else the release."""
    if takedown.publication_id is not None:
        return f"publication:{takedown.publication_id}"
    release = Withdrawal.objects.values_list("release_id", flat=True).get(pk=takedown.withdrawal_id)
    return f"release:{release}"
