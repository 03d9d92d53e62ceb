"""再核对: a person has the platform asked now. Read-only and repeatable; it sends nothing and replays nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import transaction

from bot.channels.http import within
from bot.domain.channel import ChannelFault, Receipt, Unclear
from bot.domain.engine import cases as engine
from bot.domain.engine.looking import Verdict
from bot.domain.instants import require_aware
from bot.domain.workflow import Role
from bot.models import AuditEvent, Person, Publication

from . import audit, cases, confirming
from .accounts import channel_of
from .errors import Refused
from .facts import evidence_of
from .people import require
from .story import MESSAGE_LENGTH, gone_or_not
from .trail import GLANCED, LOOKED, found
from .transitions import Stale

log = structlog.get_logger(__name__)
PATIENCE = 10.0  # seconds that somebody waits at a page


@dataclass(frozen=True, slots=True)
class Glance:
    """What one look told: its words for staff, and whether the push moved on by it."""

    verdict: str
    words: str
    message: str
    moved: bool


def look(publication: Publication, *, person: Person, now: Callable[[], datetime]) -> Glance:
    """Ask the platform, keep what it said, and let it move what the machine is still looking for."""
    require_aware(now())
    require(person, Role.RELEASER, Role.DUTY)
    _require_sense(publication, now())
    verdict = _ask(publication, now())
    moved = False
    with audit.serialised():
        _note(publication, verdict, person, now())
        if engine.moves(publication.status, verdict):
            with suppress(Stale), transaction.atomic():  # the machine was quicker: its own look stands
                confirming.apply(publication, verdict, now=now())
                moved = True
    name = type(verdict).__name__
    words = found(name, publication.account.channel, publication.mode)
    return Glance(name, words, getattr(verdict, "message", ""), moved)


def _require_sense(publication: Publication, now: datetime) -> None:
    why_not = cases.choices_of(publication, now=now)[engine.Choice.LOOK]
    if why_not:
        raise Refused("nothing", why_not)
    mine = AuditEvent.objects.filter(subject=f"publication:{publication.pk}", action__in=[LOOKED, GLANCED])
    if mine.filter(at__gt=now - engine.BETWEEN_LOOKS, at__lte=now).exists():
        raise Refused("pause", "几秒前刚核对过（每次核对都占用平台的调用次数），这一次没有再问。请稍后再试。")


def _ask(publication: Publication, now: datetime) -> Verdict:
    items = publication.items.select_related("account", "edition").order_by("position")
    posts = tuple(item.signed_post for item in items)
    try:
        with within(PATIENCE):
            adapter = channel_of(publication.account, mode=publication.mode)
            return adapter.look(evidence_of(publication, posts, now=now))
    except ChannelFault as fault:
        return Unclear(fault.message)
    except Exception as error:  # it proves nothing; whoever asked is told so
        log.exception("glancing.look", publication=publication.pk)
        return Unclear(f"核对时程序出错（{type(error).__name__}），请联系系统管理员。")


def _note(publication: Publication, verdict: Verdict, person: Person, now: datetime) -> None:
    """What told something is evidence like every other look; what told nothing is kept apart, and disproves nothing."""
    urls = [place.url for place in verdict.positions if place.url] if isinstance(verdict, Receipt) else []
    data = {
        "verdict": type(verdict).__name__,
        "message": getattr(verdict, "message", "")[:MESSAGE_LENGTH],
        "urls": urls,
    }
    action = LOOKED if engine.tells(verdict) else GLANCED
    audit.append(person.username, action, f"publication:{publication.pk}", data | gone_or_not(verdict), now=now)
