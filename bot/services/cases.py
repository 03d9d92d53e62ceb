"""异常台: deliveries that are not solved, what is known of each, and what may safely be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, IntegerField, Prefetch, QuerySet, Value, When

from bot.domain import incidents
from bot.domain.alarms import Out
from bot.domain.delivery import FOR_A_PERSON
from bot.domain.engine import cases as engine
from bot.domain.engine.cases import OPEN_CASES, Choice
from bot.domain.instants import require_aware, show
from bot.models import Attempt, Item, Publication, Unit
from bot.models.gathering import gather

from . import disproof, settling, story
from .errors import Refused
from .facts import facts_of, may_have_left

MOST = 100  # the most urgent ones; more would be no list that anybody works through
MOST_OF_ONE = 500  # of one release or one incident: whoever asks for that wants to see all of it
TELLING = ("Receipt", "Pending", "Failed", "Doubled")
PUBLIC = ("Receipt", "Pending", "Doubled")


@dataclass(frozen=True, slots=True)
class Open:
    """One unsolved delivery as the list shows it."""

    publication: Publication
    out: Out
    asked: str
    came_back: str
    seen: str  # what the last look has found, "" where nobody looked
    choices: tuple[Choice, ...]  # what may be offered; whether the release lets it be sent again, its page weighs


def unsolved(unit: Unit) -> tuple[list[Open], bool]:
    """The most urgent ones, most urgent first; True when there are more. A fixed number of queries."""
    return _listed(_of(unit), MOST)


def of_release(release: int, *, unit: Unit) -> tuple[list[Open], bool]:
    """Those of one release of this unit, as `unsolved` gives them; none of another unit's."""
    return _listed(_of(unit).filter(release=release), MOST_OF_ONE)


def of_incident(signature: str, *, unit: Unit) -> tuple[list[Open], bool]:
    """Those of the releases to which exactly this has happened (`incidents.signature`), as `unsolved` gives them."""
    found: dict[int, list[tuple[str, str]]] = {}
    rows = _of(unit).order_by("release__instant", "release").values_list("release", "state", "reason")
    for release, state, reason in rows:
        found.setdefault(release, []).append((state, reason))
    alike = [release for release, cases in found.items() if incidents.signature(cases) == signature]
    return _listed(_of(unit).filter(release__in=alike[: MOST_OF_ONE + 1]), MOST_OF_ONE)


def _listed(found: QuerySet[Publication], most: int) -> tuple[list[Open], bool]:
    heads = found.select_related("account", "release").defer("release__manifest")
    rows = list(heads[: most + 1])
    items = Item.objects.select_related("edition").defer("payload", "edition__content").order_by("position")
    gather(rows, "items", items, "publication")
    gather(rows, "attempts", Attempt.objects.defer("answer").order_by("number"), "publication")
    looks, out = story.looks(rows[:most]), disproof.out_of(rows[:most])
    return [_open(one, looks[one.pk], out[one.pk]) for one in rows[:most]], len(rows) > most


def _open(publication: Publication, looks: Sequence[story.Look], out: Out) -> Open:
    known = engine.Case(publication.status, left=may_have_left(publication), seen=_seen(publication, looks))
    offered = tuple(choice for choice, why_not in engine.choices(known).items() if not why_not)
    last = looks[-1] if looks else None
    return Open(
        publication, out, asked(publication), came_back(publication),
        f"{show(last.at)}，{last.words}" if last else "", offered,
    )  # fmt: skip


def asked(publication: Publication) -> str:
    """What was asked of the platform last, in one sentence."""
    calls = list(publication.attempts.all())
    return f"{story.asked(publication, calls[-1])}。" if calls else "还没有向平台提出过请求。"


def count(unit: Unit) -> int:
    """How many there are, at most `MOST` + 1."""
    return int(_of(unit)[: MOST + 1].count())


def _of(unit: Unit) -> QuerySet[Publication]:
    ranks = [When(state=state, then=Value(place)) for place, state in enumerate(OPEN_CASES)]
    found = Publication.objects.filter(release__unit=unit, state__in=[str(state) for state in OPEN_CASES])
    ranked = found.annotate(rank=Case(*ranks, default=Value(len(ranks)), output_field=IntegerField()))
    return ranked.order_by("rank", "instant", "pk")


def find_case(pk: int, *, unit: Unit) -> Publication:
    """A delivery of this unit with everything that its page tells, solved or not."""
    found = settling.find_publication(pk, unit=unit)
    items = Item.objects.select_related("edition__document", "account").order_by("position")
    calls = Attempt.objects.order_by("number")
    whole = Publication.objects.select_related("account", "release__unit", "release__signed_by")
    return whole.prefetch_related(Prefetch("items", items), Prefetch("attempts", calls)).get(pk=found.pk)


def out_of(publication: Publication) -> Out:
    """是否已发出."""
    return disproof.out_of([publication])[publication.pk]


def came_back(publication: Publication) -> str:
    """What the last public call brought, in one sentence."""
    calls = list(publication.attempts.all())
    if not calls:
        return "没有发出过请求。"
    last = calls[-1]
    code = f"（代码 {code}）" if (code := story.platform_code(last.code)) else ""
    words = f"：{last.message}" if last.message else "。"
    return f"第 {last.number} 次请求，{story.ENDED[last.outcome]}{code}{words}"


def choices_of(publication: Publication, *, now: datetime) -> Mapping[Choice, str]:
    """For each choice "" where it may be offered, else why not."""
    require_aware(now)
    return engine.choices(
        engine.Case(
            publication.status,
            left=may_have_left(publication),
            seen=_seen(publication, story.looks([publication])[publication.pk]),
            until=show(_until(publication)),
            barred=_barred(publication),
        )
    )


def _until(publication: Publication) -> datetime:
    facts = facts_of(publication)
    return min(facts.since + facts.mode.verdict_within, facts.last_instant)


def _seen(publication: Publication, looks: Sequence[story.Look]) -> bool:
    """Whether the last look since the last call that told anything says that it is public, or about to be."""
    calls: Sequence[Attempt] = list(publication.attempts.all())
    since = max((one.intent_at for one in calls if one.outcome != "not_sent"), default=None)
    told = [look.verdict for look in looks if look.verdict in TELLING and since is not None and look.at >= since]
    return bool(told) and told[-1] in PUBLIC


def _barred(publication: Publication) -> str:
    if publication.status not in FOR_A_PERSON:
        return ""
    try:
        settling.require_release_lets(publication)
    except Refused as refused:
        return refused.message
    return ""
