"""Staging: everything that followers cannot see is put in place ahead of T, read back and compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.db import OperationalError, transaction
from django.db.models import Prefetch

from bot.domain import timeline
from bot.domain.channel import (
    DRAFT_GONE,
    Absent,
    Channel,
    ChannelFault,
    Doubled,
    Evidence,
    Failed,
    Pending,
    Receipt,
    Remedy,
    Staged,
)
from bot.domain.delivery import STOPPABLE, State
from bot.domain.engine import staging as engine
from bot.domain.instants import require_aware
from bot.domain.post import Post
from bot.models import Item, Publication

from .accounts import channel_of, spec_of
from .bulk import in_parallel, write_together
from .errors import Refused
from .facts import begun, doubted, evidence_of, facts_of, may_have_left
from .locks import ManyLocks, held_among
from .transitions import Stale, enact, lease

log = structlog.get_logger(__name__)
ACTOR = "系统"
FOUND = "found"  # what people took for unsent stands on the platform


def load(publication_id: int) -> Publication:
    """A publication with all that a step needs."""
    return Publication.objects.select_related("account__unit", "release__unit").get(pk=publication_id)


def signed_posts(publication: Publication) -> tuple[Post, ...]:
    """The signed bytes of every position, in order."""
    items = publication.items.select_related("account", "edition").order_by("position")
    return tuple(item.signed_post for item in items)


def stage(publication_id: int, *, now: Callable[[], datetime]) -> None:
    """Stage one publication. Safe to ring twice: only one worker gets it, and staging repeats without harm."""
    require_aware(now())
    stage_all([publication_id], now=now)


def stage_all(publication_ids: Sequence[int], *, now: Callable[[], datetime]) -> None:
    """Stage several: the platforms are asked side by side, and what came of it is written down together."""
    require_aware(now())
    locks = ManyLocks("stage")
    try:
        wanted = _whole([pk for pk in publication_ids if locks.acquire(pk)])
        taken: list[Publication] = []
        write_together(wanted, lambda publication: taken.append(publication) if _take(publication, now()) else None)
        tasks = [_task(publication, now()) for publication in taken]
        done = list(zip(taken, in_parallel(_put_in_place, tasks), strict=True))
        write_together(done, lambda pair: _finish(*pair, now()))
    finally:
        locks.release()


def _whole(ids: Sequence[int]) -> list[Publication]:
    """Signed publications with all that staging needs, in the order of `ids`."""
    items = Item.objects.select_related("account", "edition").order_by("position")
    found = (
        Publication.objects.select_related("account__unit", "release__unit")
        .defer("release__manifest")
        .prefetch_related(Prefetch("items", items), "attempts", "account__credentials")
        .in_bulk(ids)
    )
    return [found[pk] for pk in ids if pk in found and found[pk].release.signed]


Placed = tuple[Staged, str]


@dataclass(frozen=True, slots=True)
class Task:
    """One publication to be staged. `evidence`: where an act of it was begun before, under whatever key."""

    publication: Publication
    evidence: Evidence | None = None


def _task(publication: Publication, now: datetime) -> Task:
    if not may_have_left(publication):
        return Task(publication)
    return Task(publication, evidence_of(publication, _posts(publication), now=now))


def _posts(publication: Publication) -> tuple[Post, ...]:
    return tuple(item.signed_post for item in publication.items.all())


def _put_in_place(task: Task) -> Placed:
    """Never a new draft after an act that may have had an effect: the one that may have been consumed is all there is.

    Only calls: nothing of the publication is read or written here, so that several can be on their way at once. What was
    the newest post before the first act stays that: a later one may be ours.
    """
    publication = task.publication
    adapter = channel_of(publication.account, mode=publication.mode)
    if publication.staged and doubted(publication):
        adapter.grant()
        return Staged(publication.staged, verified=True), publication.since
    acted = task.evidence is not None and bool(publication.staged)
    since = publication.since if acted else adapter.newest_own_id()
    posts, earlier = _posts(publication), publication.staged or None
    try:
        staged = adapter.stage(posts, key=publication.key, previous=earlier, keep=acted)
    except ChannelFault as fault:
        if fault.code != DRAFT_GONE or task.evidence is None or begun(publication):
            raise
        _require_unpublished(adapter, publication, task.evidence, fault)
        staged = adapter.stage(posts, key=publication.key, previous=earlier)
    adapter.grant()
    return staged, since


def _require_unpublished(adapter: Channel, publication: Publication, evidence: Evidence, gone: ChannelFault) -> None:
    """Two people begin a new act, and the draft of the old one is gone: only what cannot be found is made anew."""
    verdict = adapter.look(evidence)
    if isinstance(verdict, Absent) and _only_its_key_tells(publication):
        raise gone  # only the same key could tell, and with another draft that would be another mass send
    if isinstance(verdict, Receipt | Pending | Doubled):
        raise ChannelFault(Remedy.UNKNOWN, "平台上已经有这篇，没有再发，正在核对。", code=FOUND)
    if not isinstance(verdict, Absent) and not (isinstance(verdict, Failed) and not verdict.gone):
        raise gone


def _only_its_key_tells(publication: Publication) -> bool:
    """Whether a look that finds nothing proves nothing: the platform shows no such act but to who repeats its key."""
    mode = spec_of(publication.account).mode(publication.mode)
    return mode.unknown.when_absent == "probe" and not publication.ids


def _finish(publication: Publication, placed: Placed | Exception, now: datetime) -> None:
    """Staged, or blocked with the reason. A fault in writing it down is a fault too."""
    try:
        if isinstance(placed, Exception):
            raise placed
        with transaction.atomic():
            _staged(publication, *placed, now)
    except ChannelFault as fault:
        _faulted(publication, fault, now)
    except Stale:
        return
    except Refused as refusal:
        _faulted(publication, ChannelFault(Remedy.OPERATOR, refusal.message, code=refusal.code), now)
    except OperationalError:
        raise
    except Exception as error:  # whatever it is, it must stand before a person and not stop the worker
        log.exception("staging.failed", publication=publication.pk)
        message = f"准备时程序出错（{type(error).__name__}），未发出，稍后自动重试。请系统管理员查看日志。"
        _faulted(publication, ChannelFault(Remedy.OPERATOR, message, code="internal"), now)


def _take(publication: Publication, now: datetime) -> bool:
    facts = facts_of(publication)
    if facts.disabled and publication.status in STOPPABLE:
        with suppress(Stale):
            enact(publication, engine.disabled(facts), actor=ACTOR, now=now)
        return False
    taken = engine.taken(facts, now=now)
    if taken is None:
        return publication.status is State.STAGING and lease(publication, now + timeline.STAGE_LEASE, now=now)
    try:
        enact(publication, taken, actor=ACTOR, now=now)
    except Stale:
        return False
    return True


def take_back(*, now: datetime) -> bool:
    """Staging whose worker is dead is due at once, not when its lease ends. Whether there was any."""
    require_aware(now)
    leased = {one.pk: one for one in Publication.objects.filter(state=State.STAGING, lease_until__gt=now).only("fence")}
    dead = leased.keys() - held_among("stage", leased) if leased else set()
    for pk in dead:
        Publication.objects.filter(pk=pk, state=State.STAGING, fence=leased[pk].fence).update(
            lease_until=None, next_at=now, rung_at=None
        )
    return bool(dead)


def _staged(publication: Publication, staged: Staged, since: str, now: datetime) -> None:
    if not staged.verified:
        raise ChannelFault(
            Remedy.PERSON, "平台上的草稿与签发内容不一致，未发出。请联系系统管理员核对后重新签发。", code="read_back"
        )
    hand_out = publication.not_before - timeline.HAND_OUT
    step = engine.staged(facts_of(publication), staged.table, since=since, hand_out=hand_out, now=now)
    enact(publication, step, actor=ACTOR, now=now)


def _faulted(publication: Publication, fault: ChannelFault, now: datetime) -> None:
    """Blocked, with the reason; tried again while there is time (a person's fault may be mended meanwhile).

    A draft that an act has consumed does not come back: that is held, and stays in doubt.
    """
    step = engine.faulted(facts_of(publication), fault.message, wait_until=fault.wait_until, now=now)
    if fault.code == DRAFT_GONE:
        step = engine.held_for_good(fault.message)
    doubt = fault.code in {DRAFT_GONE, FOUND} or publication.doubt
    with suppress(Stale):
        enact(publication, step, actor=ACTOR, now=now, doubt=doubt, **left_by(fault))


def left_by(fault: ChannelFault) -> dict[str, Any]:
    """The column of what a draft that is gone has left, where that is known: the next stage, after a person's word, begins
    with it."""
    return {"staged": dict(fault.staged)} if fault.code == DRAFT_GONE and fault.staged is not None else {}
