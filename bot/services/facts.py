"""A publication's row and attempts as the domain's `Facts`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings

from bot.domain.alarms import TWICE
from bot.domain.channel import Evidence, PositionReceipt, Receipt
from bot.domain.delivery import State
from bot.domain.engine.facts import DOUBLES, DOUBTFUL, Facts
from bot.domain.instants import require_aware
from bot.domain.post import Post
from bot.models import CallbackRecord, Item, Publication

from .accounts import spec_of

_SAME = (
    "instant", "not_before", "stage_by", "rung_at", "stage_faults", "crashes", "looks", "absents", "lane", "reason",
    "stop_event", "stop_reason", "stop_by", "ids", "sent_at", "accepted_at",
    "lease_until", "held_by", "promised_at",
)  # fmt: skip


class Try(NamedTuple):
    """What the rules ask of an attempt."""

    kind: str
    outcome: str
    key: str
    code: str


def tries_of(publication: Publication, *, fresh: bool = False) -> list[Try]:
    """Each attempt: as prefetched, else (or if `fresh`) asked."""
    if not fresh and "attempts" in getattr(publication, "_prefetched_objects_cache", {}):
        return [Try(one.kind, one.outcome, one.key, one.code) for one in publication.attempts.all()]
    return [Try(*row) for row in publication.attempts.order_by("number").values_list(*Try._fields)]


def doubted(publication: Publication) -> bool:
    """Whether an act of it may have had an effect: then the platform is asked before anything is sent again."""
    return publication.doubt or any(one.outcome in DOUBTFUL for one in tries_of(publication))


def outcomes_of(publication: Publication) -> list[str]:
    """How its public calls ended, for whoever tells whether it is public: a refusal that is kept in doubt counts as
    unknown."""
    more = [*(["unknown"] if publication.doubt else []), *([TWICE] if is_doubled(publication) else [])]
    return [*more, *(one.outcome for one in tries_of(publication))]


def is_doubled(publication: Publication) -> bool:
    """Whether it stands before a person because the platform shows it more than once."""
    return publication.status is State.NEEDS_PERSON and bool(publication.ids.get(DOUBLES))


def may_have_left(publication: Publication) -> bool:
    """Whether a byte of it may have left: any attempt, under whatever key, but one that is proved not to have been sent."""
    return any(one.outcome != "not_sent" for one in tries_of(publication))


def may_have_counted(publication: Publication) -> bool:
    """Whether the platform may have counted it among what its mode allows: it counts what succeeds, and what was clearly
    refused did not (wechat.md 4.2), unless it was refused because others had used the quota up.
    """
    used_up = spec_of(publication.account).mode(publication.mode).used_up
    tries = tries_of(publication)
    return publication.doubt or any(one.outcome not in ("not_sent", "refused") or one.code in used_up for one in tries)


def begun(publication: Publication) -> bool:
    """Whether this very act (by its key) was begun before. Two people begin another one where each before is disproved."""
    return any(one.key == publication.key and one.outcome != "not_sent" for one in tries_of(publication))


def evidence_of(publication: Publication, posts: tuple[Post, ...], *, now: datetime) -> Evidence:
    """All that is known of one public act."""
    require_aware(now)
    begun = [one.sent_at or one.intent_at for one in publication.attempts.all() if one.outcome != "not_sent"]
    owned = Item.objects.filter(account=publication.account).exclude(platform_id="").exclude(publication=publication)
    return Evidence(
        key=publication.key,
        posts=posts,
        staged=publication.staged,
        ids=publication.ids,
        sent_at=max(begun, default=publication.sent_at or publication.not_before),
        now=now,
        after_unknown=doubted(publication),
        owned_ids=frozenset(
            [*owned.order_by("-pk").values_list("platform_id", flat=True)[:200], *_claimed(publication)]
        ),
        since=publication.since,
        first_at=min(begun, default=None),
        submits=len(begun),
        told=_told_since(publication, min(begun)) if begun and doubted(publication) else (),
    )


def _told_since(publication: Publication, begun_at: datetime) -> tuple[Mapping[str, str], ...]:
    """Where the answer was lost, an event may name what we do not know: its ids, for a look to follow."""
    events = CallbackRecord.objects.filter(account=publication.account_id, at__gte=begun_at - timedelta(minutes=5))
    return tuple(events.order_by("-pk").values_list("ids", flat=True)[:20])


def _claimed(publication: Publication) -> list[str]:
    """What the platform answered to other pushes of the account: theirs, also before it is read back."""
    others = Publication.objects.filter(account=publication.account_id).exclude(pk=publication.pk).exclude(ids={})
    return [str(value) for ids in others.order_by("-pk").values_list("ids", flat=True)[:200] for value in ids.values()]


def receipt_of(publication: Publication) -> Receipt:
    """What is known of its places on the platform."""
    places = tuple(
        PositionReceipt(item.platform_id, item.url or None, item.published_at)
        for item in sorted(publication.items.all(), key=lambda item: item.position)
    )
    return Receipt(publication.ids, places)


def facts_of(publication: Publication, attempts: Iterable[Try] | None = None) -> Facts:
    """What is known of it now. `attempts`: each of them, where the caller has them already; else asked.

    What was refused before people began another act (which has a key of its own) is no try of this one.
    """
    tries = tries_of(publication) if attempts is None else list(attempts)
    outcomes = [one.outcome for one in tries]
    return Facts(
        state=State(publication.state),
        mode=spec_of(publication.account).mode(publication.mode),
        unknowns=outcomes.count("unknown"),
        refusals=sum(1 for one in tries if one.outcome == "refused" and one.key == publication.key),
        unsent=outcomes.count("not_sent"),
        probes=sum(1 for one in tries if one.kind == "probe"),
        effects=sum(1 for outcome in outcomes if outcome != "not_sent"),
        doubts=sum(1 for outcome in outcomes if outcome in DOUBTFUL) + publication.doubt,
        disabled=publication.account.disabled_reason,
        max_lateness=settings.TONGFA.max_lateness,
        **{name: getattr(publication, name) for name in _SAME},
    )
