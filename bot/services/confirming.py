"""After the answer: read-only looks until the platform shows it, or says that it never will be.

Looks repeat freely; nothing here sends, but for a WeChat mass probe (a replay of the same key), which goes
through the same sender as everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

import structlog
from django.db import OperationalError, transaction
from django.db.models import Prefetch

from bot.domain import timeline
from bot.domain.channel import Absent, Doubled, Failed, Receipt, Unclear
from bot.domain.delivery import Event, State
from bot.domain.engine import looking as engine
from bot.domain.engine.facts import Facts, Step
from bot.domain.instants import require_aware
from bot.models import Item, Publication

from . import answers, audit, batches, story, takedowns
from .accounts import channel_of
from .bulk import in_parallel, write_together
from .clocksafety import far_off
from .errors import Refused
from .facts import evidence_of, facts_of
from .measuring import first_sample_at
from .quotas import follow
from .trail import TOLD
from .transitions import Stale, enact, lease

log = structlog.get_logger(__name__)
ACTOR = "系统"


def look(publication_id: int, *, now: Callable[[], datetime]) -> None:
    """One look at one publication. Safe to ring twice: only one worker looks at a time."""
    require_aware(now())
    look_all([publication_id], now=now)


def look_all(publication_ids: Sequence[int], *, now: Callable[[], datetime]) -> None:
    """Looks at several: the platforms are asked side by side, and what they said is written down together."""
    require_aware(now())
    taken: list[Publication] = []
    due = [one for one in _whole(publication_ids) if _due(one, now())]
    write_together(due, lambda one: taken.append(one) if lease(one, now() + timeline.LOOK_LEASE, now=now()) else None)
    asked = [(one, _Question(one, engine.next_act(_facts(one, now()), now=now()), now())) for one in taken]
    answered = in_parallel(lambda pair: pair[1].ask(), asked)
    done = list(zip(taken, answered, strict=True))
    write_together(done, lambda pair: _write(*pair, now))


def _facts(publication: Publication, now: datetime) -> Facts:
    """What is known of it; where the clock decides, also whether it may be believed so far."""
    facts = facts_of(publication)
    decides = engine.time_is_up(facts, now) or engine.weighs_the_clock(facts)
    return replace(facts, clock_far_off=True) if decides and far_off(now=now, account=publication.account) else facts


def _due(publication: Publication, now: datetime) -> bool:
    watched = publication.status is State.LIVE and facts_of(publication).watched
    looked_at = watched or publication.status in {State.CONFIRMING, State.UNKNOWN}
    return looked_at and publication.next_at is not None and publication.next_at <= now


def _whole(ids: Sequence[int]) -> list[Publication]:
    """Publications with all that a look needs, in the order of `ids`."""
    items = Item.objects.select_related("account", "edition").order_by("position")
    found = (
        Publication.objects.select_related("account__unit", "release__unit")
        .defer("release__manifest")
        .prefetch_related(Prefetch("items", items), "attempts", "account__credentials")
        .in_bulk(ids)
    )
    return [found[pk] for pk in ids if pk in found]


_LATER = "本账号的另一条推送正要发出，等它发完再用同一编号核对。"
_NO_SLOT = (
    "是否已发出不明。用同一编号重放核对时已到另一天（月），会占用已签给别的发布的额度，没有重放。"
    "请到公众平台查看：已发出就登记链接，确实没有再决定是否重发。"
)


@dataclass(frozen=True, slots=True)
class Replay:
    """A look found nothing, and the same call is to be made once more under its own key."""

    verdict: Absent


Answer: TypeAlias = engine.Verdict | Replay | Step


class _Question:
    """What is to be done for one publication; only `ask` calls the platform, and it touches no records of its own."""

    def __init__(self, publication: Publication, act: engine.Ask | Step, now: datetime) -> None:
        self._publication, self._act = publication, act
        if isinstance(act, engine.Ask):
            posts = tuple(item.signed_post for item in publication.items.all())
            known = evidence_of(publication, posts, now=now)
            # of what is live every one is looked for, also where a person has declared which one stays
            self._evidence = replace(known, ids={}) if publication.status is State.LIVE else known

    def ask(self) -> Answer:
        """The platform's verdict, or what was decided without it. A replay only where a look does not tell already."""
        if not isinstance(self._act, engine.Ask):
            return self._act
        adapter = channel_of(self._publication.account, mode=self._publication.mode)
        verdict = adapter.look(self._evidence)
        return Replay(verdict) if self._act is engine.Ask.PROBE and isinstance(verdict, Absent) else verdict


def _write(publication: Publication, answer: Answer | Exception, now: Callable[[], datetime]) -> None:
    try:
        with transaction.atomic():
            _apply(publication, answer, now())
    except Stale:
        return
    except OperationalError:
        raise
    except Exception as error:  # an odd answer must not leave it waiting in silence: the deadline is kept
        log.exception("confirming.look", publication=publication.pk)
        message = f"核对时程序出错（{type(error).__name__}），稍后再核对。如持续出现请联系系统管理员。"
        with suppress(Stale), transaction.atomic():
            publication.refresh_from_db()
            story.note_error(publication, message, now=now())
            facts, begun = _facts(publication, now()), now()
            live = publication.status is State.LIVE
            again = (
                engine.after_watch(facts, Unclear(message), now=begun)
                if live
                else engine.wait(facts, message, now=begun)
            )
            enact(publication, again, actor=ACTOR, now=begun)


def _apply(publication: Publication, answer: Answer | Exception, now: datetime) -> None:
    if isinstance(answer, Exception):
        raise answer
    if isinstance(answer, Replay):
        story.note_look(publication, answer.verdict, now=now)
        _replay(publication, now)
    elif isinstance(answer, Step):
        enact(publication, answer, actor=ACTOR, now=now)
    elif publication.status is State.LIVE:
        _watch(publication, answer, now)
    else:
        story.note_look(publication, answer, now=now)
        told = None if isinstance(answer, Receipt | Failed | Doubled) else _told_before(publication, now)
        apply(publication, told or answer, now=now)


def _told_before(publication: Publication, now: datetime) -> Failed | None:
    """The platform may have said that it failed before its answer had told us which one it was: that is its word still."""
    told = answers.failure_told(publication) if publication.status is State.CONFIRMING else None
    if told:
        data = {"verdict": "Failed", "message": f"平台回告：{told.message}"[: story.MESSAGE_LENGTH]}
        subject = f"publication:{publication.pk}"
        audit.append(ACTOR, TOLD, subject, data | story.gone_or_not(told), now=now)
    return told


def _watch(publication: Publication, verdict: engine.Verdict, now: datetime) -> None:
    """What one look for a second post does. While we take it down ourselves it only waits: that has its own looks."""
    with audit.serialised():
        if takedowns.is_under_way(publication.pk):
            verdict = Unclear("正在撤下。")
        else:
            story.note_look(publication, verdict, now=now)
        enact(publication, engine.after_watch(_facts(publication, now), verdict, now=now), actor=ACTOR, now=now)


def _replay(publication: Publication, now: datetime) -> None:
    """The same key once more, unless the account's next push is about to leave: of one account one call is under way.

    If the first call never came, this one counts: where that is another day's (or month's) quota, it needs a slot there.
    """
    if batches.is_busy(publication.account_id):
        enact(publication, engine.wait(_facts(publication, now), _LATER, now=now), actor=ACTOR, now=now)
        return
    try:
        with transaction.atomic():
            follow(publication, now, now=now)
    except Refused:
        enact(publication, engine.give_up(facts_of(publication), _NO_SLOT), actor=ACTOR, now=now)
        return
    batches.arrange_probe(publication, now=now)


def apply(publication: Publication, verdict: engine.Verdict, *, now: datetime) -> None:
    """What one look (or a callback's proof) does to a publication that is confirming or unknown."""
    require_aware(now)
    steps = engine.after_look(_facts(publication, now), verdict, places=publication.items.count(), now=now)
    with audit.serialised():
        for step in steps:
            if step.event is Event.CONFIRM and isinstance(verdict, Receipt):
                answers.store_receipt(publication, verdict, now=now)
                enact(publication, step, actor=ACTOR, now=now, next_sample_at=first_sample_at(publication, now=now))
            else:
                enact(publication, step, actor=ACTOR, now=now)
