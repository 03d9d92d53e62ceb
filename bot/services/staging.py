"""Staging: everything that followers cannot see is put in place ahead of T, read back and compared."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import structlog

from bot.domain import timeline
from bot.domain.channel import ChannelFault, Remedy, Staged
from bot.domain.delivery import State
from bot.domain.engine import staging as engine
from bot.domain.post import Post
from bot.models import Publication

from .accounts import channel_of
from .errors import Refused
from .facts import facts_of
from .locks import ProcessLock, is_held
from .transitions import Stale, enact, lease

log = structlog.get_logger(__name__)
ACTOR = "系统"


def load(publication_id: int) -> Publication:
    """A publication with all that a step needs."""
    return Publication.objects.select_related("account__unit", "release__unit").get(pk=publication_id)


def signed_posts(publication: Publication) -> tuple[Post, ...]:
    """The signed bytes of every position, in order."""
    items = publication.items.select_related("account", "edition").order_by("position")
    return tuple(item.signed_post for item in items)


def stage(publication_id: int, *, now: Callable[[], datetime]) -> None:
    """Stage one publication. Safe to ring twice: only one worker gets it, and staging repeats without harm."""
    lock = ProcessLock("stage", publication_id)
    if not lock.acquire():
        return
    try:
        publication = load(publication_id)
        if publication.release.signed and _take(publication, now()):
            _stage(publication, now)
    finally:
        lock.release()


def _stage(publication: Publication, now: Callable[[], datetime]) -> None:
    try:
        _put_in_place(publication, now)
    except ChannelFault as fault:
        _faulted(publication, fault, now())
    except Stale:
        return
    except Refused as refusal:
        _faulted(publication, ChannelFault(Remedy.OPERATOR, refusal.message, code=refusal.code), now())
    except Exception as error:  # whatever it is, it must stand before a person and not stop the worker
        log.exception("staging.failed", publication=publication.pk)
        message = f"准备时程序出错（{type(error).__name__}），未发出，稍后自动重试。请系统管理员查看日志。"
        _faulted(publication, ChannelFault(Remedy.OPERATOR, message, code="internal"), now())


def _put_in_place(publication: Publication, now: Callable[[], datetime]) -> None:
    """Never a new draft after an act whose effect is unknown: the one that may have been consumed is all there is."""
    adapter = channel_of(publication.account, mode=publication.mode)
    if publication.staged and publication.attempts.filter(outcome="unknown").exists():
        adapter.grant()
        _staged(publication, Staged(publication.staged, verified=True), publication.since, now())
        return
    since = adapter.newest_own_id()
    staged = adapter.stage(signed_posts(publication), key=publication.key, previous=publication.staged or None)
    adapter.grant()
    _staged(publication, staged, since, now())


def _take(publication: Publication, now: datetime) -> bool:
    taken = engine.taken(facts_of(publication), now=now)
    if taken is None:
        return publication.status is State.STAGING and lease(publication, now + timeline.STAGE_LEASE, now=now)
    try:
        enact(publication, taken, actor=ACTOR, now=now)
    except Stale:
        return False
    return True


def take_back(*, now: datetime) -> None:
    """Staging whose worker is dead is due at once, not when its lease ends."""
    for publication in Publication.objects.filter(state=State.STAGING, lease_until__gt=now):
        if not is_held("stage", publication.pk):
            Publication.objects.filter(pk=publication.pk, state=State.STAGING, fence=publication.fence).update(
                lease_until=None, next_at=now, rung_at=None
            )


def _staged(publication: Publication, staged: Staged, since: str, now: datetime) -> None:
    if not staged.verified:
        raise ChannelFault(
            Remedy.PERSON, "平台上的草稿与签发内容不一致，未发出。请联系系统管理员核对后重新签发。", code="read_back"
        )
    hand_out = publication.not_before - timeline.HAND_OUT
    step = engine.staged(facts_of(publication), staged.table, since=since, hand_out=hand_out, now=now)
    enact(publication, step, actor=ACTOR, now=now)


def _faulted(publication: Publication, fault: ChannelFault, now: datetime) -> None:
    """Blocked, with the reason; tried again while there is time (a person's fault may be mended meanwhile)."""
    step = engine.faulted(facts_of(publication), fault.message, wait_until=fault.wait_until, now=now)
    with suppress(Stale):
        enact(publication, step, actor=ACTOR, now=now)
