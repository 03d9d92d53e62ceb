"""留痕: the trail in sentences, filtered and by pages; a check of the whole chain; and files to take away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

from django.core import signing
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from bot.domain.instants import beijing_date
from bot.domain.trail import SORT_LABELS, Sort
from bot.domain.workflow import Role
from bot.models import AuditEvent, Person
from bot.services import trailcheck, trailexport, trailindex, trailpages
from bot.services.audit import Part
from bot.services.errors import Refused
from bot.services.people import manages_people, may_read, require
from bot.services.trail import PROGRAMS
from bot.services.trailnames import Thing
from bot.services.trailpages import ABOUT, READERS, Asked, Cursor

from .people import now, person, plain

FILTERS = ("actor", "sort", "about", "name", "first", "last", "words")
#: Who acts and is no person: as it stands in the chain -> its word for staff.
NOBODY = {name: name for name in ("系统", "平台回调", "审阅链接", "访客", "命令行")} | PROGRAMS
FORMS: Mapping[str, tuple[Callable[..., Iterator[str]], str]] = {
    "csv": (trailexport.as_sheet, "text/csv; charset=utf-8"),
    "jsonl": (trailexport.as_evidence, "application/x-ndjson"),
}
CHECK, CHECK_LASTS = "trail-check", 3600  # salt and seconds of a check that goes on in turns


# --- the list ---------------------------------------------------------------------------------------------------


@require_safe
def trail_page(request: HttpRequest) -> HttpResponse:
    """The newest lines first; htmx asks for the rows alone."""
    who = person(request)
    require(who, *READERS)
    given = _given(request.GET)
    asked, error = asked_for(given)
    lacking = trailindex.catch_up_for_a_page()
    page = trailpages.page(asked, person=who, after=Cursor.parse(request.GET.get("before", "")))
    context: dict[str, Any] = {
        "page": page,
        "rows": [(line, _door(line.thing, who) if line.mine else "") for line in page.lines],
        "more": _more(given, page.after),
        "later": bool(request.GET.get("before")),
        "error": error,
        "given": given,
        "filtered": any(given.values()),
        "lacking": lacking,
        "part": request.headers.get("HX-Target") == "rows",
    }
    if context["part"]:
        return render(request, "parts/trail_found.html", context)
    context |= {
        "sorts": SORT_LABELS,
        "about": ABOUT,
        "people": who.unit.people.order_by("-is_active", "name"),
        "nobody": NOBODY,
        "house": who.has_role(Role.AUDITADMIN),
        "today": beijing_date(now()).isoformat(),
    }
    return render(request, "trail.html", context)


def _given(query: QueryDict) -> dict[str, str]:
    return {name: plain(query.get(name, ""))[:100] for name in FILTERS}


def asked_for(given: Mapping[str, str]) -> tuple[Asked, str]:
    """The filters, and what is wrong with them: what cannot be understood filters nothing, and is said."""
    problems = []
    days: dict[str, date | None] = {}
    for name, label in (("first", "开始"), ("last", "结束")):
        try:
            days[name] = date.fromisoformat(given[name]) if given[name] else None
        except ValueError:
            days[name] = None
            problems.append(f"{label}日期“{given[name]}”不是日期，没有按它筛选。请写成 2026-11-23 的样子。")
        if (day := days[name]) is not None and not 2000 <= day.year < 2200:
            days[name] = None
            problems.append(f"{label}日期“{given[name]}”不在 2000 年至 2199 年之间，没有按它筛选。")
    if days["first"] and days["last"] and days["first"] > days["last"]:
        problems.append("开始日期在结束日期之后，所以没有结果。请对调。")
    if bool(given["about"]) is not bool(given["name"]):
        problems.append("按事项查找要同时选种类、填编号，没有按它筛选。")
    sort = given["sort"] if given["sort"] in set(Sort) else ""
    about = given["about"] if given["about"] in ABOUT else ""
    asked = Asked(
        given["actor"], sort, about, given["name"], days["first"], days["last"], tuple(given["words"].split()[:6])
    )
    return asked, "".join(problems)


def _more(given: Mapping[str, str], after: Cursor | None) -> str:
    """The address of what follows, or ""."""
    if after is None:
        return ""
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in given.items() if value} | {"before": str(after)})
    return f"{reverse('trail')}?{query.urlencode()}"


def _door(thing: Thing, who: Person) -> str:
    """Where more is to be seen of it, for those who may look there; else ""."""
    if thing.kind == "account" or (thing.kind in {"release", "document"} and may_read(who)):
        return reverse(thing.kind, args=[thing.key])
    if thing.kind == "person" and manages_people(who):
        return reverse("member", args=[thing.key])
    if thing.kind == "token" and who.has_role(Role.SYSADMIN):
        return reverse("tokens")
    return ""


# --- the check ----------------------------------------------------------------------------------------------------


@require_POST
def verify(request: HttpRequest) -> HttpResponse:
    """The next turn of a check. How far it has come travels with the page, signed, and is its own person's alone."""
    who = person(request)
    require(who, *READERS)
    part = trailcheck.check_on(_carried(request, who), person=who, now=now())
    head = AuditEvent.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0
    context = {
        "part": part,
        "total": max(head, part.sequence),
        "state": signing.dumps([who.pk, part.sequence, part.head], salt=CHECK),
        "at": now(),
        "tail": part.head[-8:],
    }
    whole = not request.headers.get("HX-Request")
    return render(request, "trail_check.html" if whole else "parts/trail_check.html", context)


def _carried(request: HttpRequest, who: Person) -> Part:
    state = request.POST.get("state", "")
    if not state:
        return Part()
    try:
        pk, sequence, head = signing.loads(state[:500], salt=CHECK, max_age=CHECK_LASTS)
    except (signing.BadSignature, ValueError):
        raise Refused("state", "这次核验停得太久或页面不完整，没有得出结论，没有改动。请回到留痕页重新核验。") from None
    if pk != who.pk:
        raise Refused("state", "这次核验是另一个人开始的，没有得出结论，没有改动。请回到留痕页重新核验。")
    return Part(sequence, head)


# --- files ----------------------------------------------------------------------------------------------------------


@require_POST
def export(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """A sheet or the evidence, piece by piece; who takes it away is noted first."""
    who = person(request)
    form = request.POST.get("form", "")
    if form not in FORMS:
        raise Refused("form", "没有这种导出格式，什么都没有导出。请回到留痕页重试。")
    given = _given(request.POST)
    asked, _ = asked_for(given)
    trailexport.note(form, "；".join(in_words(given, form)), person=who, now=now())
    pieces, content_type = FORMS[form]
    response = StreamingHttpResponse(pieces(asked, person=who), content_type=content_type)
    name = f"trail-{who.unit.code}-{beijing_date(now()):%Y%m%d}.{form}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def in_words(given: Mapping[str, str], form: str) -> Iterator[str]:
    """The filters of an export, for its line in the trail; the evidence goes by days alone."""
    labels = {"first": "从", "last": "到"}
    if form == "csv":
        labels |= {"actor": "人员", "sort": "类别", "name": "事项", "words": "文字"}
    yield from (f"{label} {given[name]}" for name, label in labels.items() if given[name])
