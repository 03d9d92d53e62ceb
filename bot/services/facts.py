"""A publication's row and attempts as the domain's `Facts`."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings

from bot.domain.delivery import State
from bot.domain.engine.facts import DOUBTFUL, Facts
from bot.models import Publication

from .accounts import spec_of

_SAME = (
    "instant", "not_before", "stage_by", "rung_at", "stage_faults", "crashes", "looks", "absents", "lane", "reason",
    "stop_event", "stop_reason", "ids", "sent_at", "accepted_at",
    "lease_until",
)  # fmt: skip


def tries_of(publication: Publication) -> list[tuple[str, str]]:
    """(kind, outcome) of each attempt: as prefetched, else asked."""
    if "attempts" in getattr(publication, "_prefetched_objects_cache", {}):
        return [(attempt.kind, attempt.outcome) for attempt in publication.attempts.all()]
    return list(publication.attempts.values_list("kind", "outcome"))


def doubted(publication: Publication) -> bool:
    """Whether an attempt of it may have had an effect: then the platform is asked before anything is sent again."""
    return any(outcome in DOUBTFUL for _, outcome in tries_of(publication))


def may_have_left(publication: Publication) -> bool:
    """Whether a byte of it may have left: any attempt but one that is proved not to have been sent."""
    return publication.attempts.exclude(outcome="not_sent").exists()


def intended(publication: Publication) -> bool:
    """Whether this very act (by its key) was begun before, whatever came of it but a proof that no byte left."""
    if "attempts" in getattr(publication, "_prefetched_objects_cache", {}):
        return any(one.key == publication.key and one.outcome != "not_sent" for one in publication.attempts.all())
    return publication.attempts.filter(key=publication.key).exclude(outcome="not_sent").exists()


def facts_of(publication: Publication, attempts: Iterable[tuple[str, str]] | None = None) -> Facts:
    """What is known of it now. `attempts`: (kind, outcome) of each, where the caller has them already; else asked."""
    tries = tries_of(publication) if attempts is None else list(attempts)
    outcomes = [outcome for _, outcome in tries]
    return Facts(
        state=State(publication.state),
        mode=spec_of(publication.account).mode(publication.mode),
        unknowns=outcomes.count("unknown"),
        refusals=outcomes.count("refused"),
        unsent=outcomes.count("not_sent"),
        probes=sum(1 for kind, _ in tries if kind == "probe"),
        effects=sum(1 for outcome in outcomes if outcome != "not_sent"),
        doubts=sum(1 for outcome in outcomes if outcome in DOUBTFUL),
        disabled=publication.account.disabled_reason,
        max_lateness=settings.TONGFA.max_lateness,
        **{name: getattr(publication, name) for name in _SAME},
    )
