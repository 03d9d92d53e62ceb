"""After the answer: read-only looks until the platform shows it, or says that it never will be.

Looks repeat freely; nothing here sends, but for a WeChat mass probe (a replay of the same key), which goes
through the same sender as everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import structlog

from bot.domain import timeline
from bot.domain.channel import Absent, Receipt
from bot.domain.delivery import Event, State
from bot.domain.engine import looking as engine
from bot.models import Publication

from . import answers, audit, batches
from .accounts import channel_of
from .facts import facts_of
from .measuring import first_sample_at
from .sending import evidence_of
from .staging import load, signed_posts
from .transitions import Stale, enact, lease

log = structlog.get_logger(__name__)
ACTOR = "系统"


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
            enact(publication, engine.wait(facts_of(publication), message, now=now()), actor=ACTOR, now=now())


def _look(publication: Publication, now: Callable[[], datetime]) -> None:
    act = engine.next_act(facts_of(publication), now=now())
    if not isinstance(act, engine.Ask):
        enact(publication, act, actor=ACTOR, now=now())
        return
    adapter = channel_of(publication.account, mode=publication.mode)
    posts = signed_posts(publication)
    verdict = adapter.look(evidence_of(publication, posts, now=now()))
    if act is engine.Ask.PROBE and isinstance(verdict, Absent):
        batches.arrange_probe(publication, now=now())
    else:
        apply(publication, verdict, now=now())


def apply(publication: Publication, verdict: engine.Verdict, *, now: datetime) -> None:
    """What one look (or a callback's proof) does to a publication that is confirming or unknown."""
    steps = engine.after_look(facts_of(publication), verdict, places=publication.items.count(), now=now)
    with audit.serialised():
        for step in steps:
            if step.event is Event.CONFIRM and isinstance(verdict, Receipt):
                answers.store_receipt(publication, verdict, now=now)
                enact(publication, step, actor=ACTOR, now=now, next_sample_at=first_sample_at(publication, now=now))
            else:
                enact(publication, step, actor=ACTOR, now=now)
