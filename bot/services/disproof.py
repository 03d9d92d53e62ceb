"""What the platform itself has disproved: of every call of a push it has said that nothing went out.

One answer for everybody who tells whether a push is public: the desk for exceptions, its list, the story of the release,
alarms.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from bot.domain.alarms import Out, is_out
from bot.domain.engine.resending import Ended, Said, is_new_act
from bot.models import Attempt, AuditEvent, Publication

from .facts import outcomes_of
from .trail import LOOKED, TOLD

_SUBJECT = "publication:"


def disproved(publications: Iterable[Publication]) -> frozenset[int]:
    """Those of them by primary key. What was kept in doubt is no proof. Two questions, none for none."""
    ids = [one.pk for one in publications if not one.doubt]
    if not ids:
        return frozenset()
    attempts: dict[int, list[Ended]] = defaultdict(list)
    rows = Attempt.objects.filter(publication__in=ids).order_by("publication", "number")
    for pk, at, outcome in rows.values_list("publication_id", "intent_at", "outcome"):
        attempts[pk].append(Ended(at, outcome))
    said = _said(attempts)
    return frozenset(pk for pk, ended in attempts.items() if is_new_act(ended, said[pk]))


def _said(ids: Iterable[int]) -> dict[int, list[Said]]:
    found: dict[int, list[Said]] = defaultdict(list)
    subjects = [f"{_SUBJECT}{pk}" for pk in ids]
    lines = AuditEvent.objects.filter(subject__in=subjects, action__in=[LOOKED, TOLD]).order_by("sequence")
    for subject, at, data in lines.values_list("subject", "at", "data"):
        failed = data.get("verdict") == "Failed" and data.get("gone") is False
        found[int(subject.removeprefix(_SUBJECT))].append(Said(at, failed))
    return found


def out_of(publications: Iterable[Publication]) -> dict[int, Out]:
    """是否已发出, by primary key. What is in doubt is never told as not public, except where the platform has disproved it.

    They come with their attempts.
    """
    whole = list(publications)
    told = {one.pk: is_out(one.status, outcomes_of(one)) for one in whole}
    no = disproved(one for one in whole if told[one.pk] is Out.UNKNOWN)
    return {pk: Out.NO if pk in no else out for pk, out in told.items()}
