"""发布单 list: every release of the unit, newest instant first, a page at a time however many there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from bot.domain.delivery import STOPPABLE, State
from bot.domain.instants import require_aware
from bot.domain.sync import AT_TIME, LETTING_THROUGH
from bot.domain.urgent import SENT_BACK
from bot.models import Account, ManualTask, Publication, Release, Unit
from bot.services import byhand, moving

from . import acts, chips, chosen, readers, urgentmarks
from .chips import Chip
from .people import now, person, plain

PAGE = 30
#: Word of the filter in the address -> what staff read.
FILTERS = {"": "全部", "unsigned": "未签发", "waiting": "待发", "out": "已发", "asks": "需处理"}
OUT = (State.LIVE, State.GONE, State.WITHDRAWN)
ON_ITS_WAY = (*STOPPABLE, State.SENDING, State.CONFIRMING)


@dataclass(frozen=True, slots=True)
class Row:
    """One release in the list."""

    release: Release
    standing: Chip
    says: str
    accounts: list[tuple[Publication, list[Chip]]]
    by_hand: list[tuple[Account, Chip]]
    urgent: Chip | None = None


@require_safe
@readers.only
def releases(request: HttpRequest) -> HttpResponse:
    """`?state=unsigned|waiting|out|asks`, `?q=` words of the title, `?before=` where the page before ended."""
    who, at = person(request), now()
    state, words = request.GET.get("state", ""), plain(request.GET.get("q", ""))[:100]
    state = state if state in FILTERS else ""
    found = _page(_chosen(who.unit, state, words, at), request.GET.get("before", ""))
    rows = [_row(release, at) for release in found[:PAGE]]
    context: dict[str, Any] = {
        "rows": rows,
        "filters": [(label, _address(name, words), name == state) for name, label in FILTERS.items()],
        "state": state,
        "q": words,
        "first": not request.GET.get("before"),
        "newest": _address(state, words),
        "older": _address(state, words, before=_mark(found[PAGE - 1])) if len(found) > PAGE else "",
        "may_plan": any(who.has_role(role) for role in acts.PLANNERS),
    }
    return render(request, "releases.html", context)


def _address(state: str, words: str, *, before: str = "") -> str:
    query = {name: value for name, value in (("state", state), ("q", words), ("before", before)) if value}
    return f"{reverse('releases')}{'?' if query else ''}{urlencode(query)}"


def _chosen(unit: Unit, state: str, words: str, at: datetime) -> QuerySet[Release]:
    found = Release.objects.filter(unit=unit)
    if words:
        found = found.filter(title__icontains=words)
    standing = found.filter(cancelled_at__isnull=True)
    match state:
        case "unsigned":
            return standing.filter(signed_at__isnull=True)
        case "waiting":
            return standing.filter(
                _with(*ON_ITS_WAY) | Q(pk__in=_by_hand().exclude(_due(at)).values("release")),
                signed_at__isnull=False,
            )
        case "out":
            return found.filter(_with(*OUT) | Exists(_posted()))
        case "asks":
            return found.filter(_with(*chosen.ASKS) | Q(pk__in=_by_hand().filter(_due(at)).values("release")))
        case _:
            return found


def _by_hand() -> QuerySet[ManualTask]:
    """What people are still to post of signed releases: never many, and an index knows which tasks are open.

    Of all units, since the list asks for its own anyway: by the unit a database goes through all releases of it instead.
    """
    return ManualTask.objects.filter(
        done_at__isnull=True, release__signed_at__isnull=False, release__cancelled_at__isnull=True
    )


def _due(at: datetime) -> Q:
    """Their instant is reached, and their portal page live: people are waited for. 应急 “尽快” begins with the signature."""
    through = Q(release__sync=AT_TIME) | Q(release__gate__state__in=[str(state) for state in LETTING_THROUGH])
    at_once = Q(release__urgency__isnull=False, release__urgency__instant__isnull=True)
    returned = Q(release__urgency__isnull=False, release__urgency__stage__in=sorted(map(str, SENT_BACK)))
    return (Q(release__instant__lte=at) | at_once) & through & ~returned


def _posted() -> QuerySet[ManualTask]:
    return ManualTask.objects.filter(release=OuterRef("pk"), done_at__isnull=False, drop_reason="")


def _with(*states: State) -> Exists:
    """Releases that have a push in one of these states: one look into the index of the pushes for each."""
    return Exists(Publication.objects.filter(release=OuterRef("pk"), state__in=[str(state) for state in states]))


def _page(found: QuerySet[Release], before: str) -> list[Release]:
    """At most one more than a page, from a mark on."""
    mark = _read(before)
    if mark is not None:
        instant, pk = mark
        found = found.filter(Q(instant__lt=instant) | Q(instant=instant, pk__lt=pk), instant__lte=instant)
    pushes = Publication.objects.select_related("account").prefetch_related(moving.outcomes())
    tasks = byhand.tasks().select_related("account").defer("payload")
    whole = found.select_related("signed_by", "created_by", "gate", "urgency").prefetch_related(
        Prefetch("publications", pushes.order_by("account_id", "lane")), Prefetch("manual_tasks", tasks)
    )
    return list(whole.order_by("-instant", "-pk")[: PAGE + 1])


def _mark(release: Release) -> str:
    return f"{release.instant.isoformat()}~{release.pk}"


def _read(mark: str) -> tuple[datetime, int] | None:
    """A mark from the address; one that nobody made is none."""
    instant, _, pk = mark.partition("~")
    try:
        return require_aware(datetime.fromisoformat(instant)), int(pk[:18])
    except ValueError:
        return None


def _row(release: Release, at: datetime) -> Row:
    publications = list(release.publications.all())
    groups: dict[int, list[Publication]] = {}
    for one in publications:
        groups.setdefault(one.account_id, []).append(one)
    lines = [(group[0], chips.grouped([one.status for one in group])) for group in groups.values()]
    mark = urgentmarks.mark(release.urgency, at)
    standing = chips.standing(release, publications, at)
    says = chips.public_words(publications, list(release.manual_tasks.all()))
    return Row(release, standing, says, lines, chips.by_account(release, at), mark)
