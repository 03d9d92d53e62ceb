"""审批箱: what waits for whom, and everything that a reviewer must have seen before they pass it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bot.domain.article import Kind
from bot.domain.typography import quoted
from bot.domain.workflow import Verdict
from bot.models import Edition, Person
from bot.services import inbox as services
from bot.services.errors import NotFound, Refused
from bot.services.people import require, require_reader

from . import inbox
from .people import now, person
from .reviewing import detail, panel

MOST_REASON = 1000  # characters of a typed reason


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The list of a tab, nothing opened."""
    who, at = reader(request), now()
    shown = _list(request, who, inbox.deadlines(who.unit, at), at)
    return render(request, "reviews/page.html", {**shown, "detail": None, "panel": None})


@require_safe
def item(request: HttpRequest, pk: int) -> HttpResponse:
    """One edition beside the list. `against`: with which earlier edition it is compared."""
    who = reader(request)
    edition = services.find_edition(pk, unit=who.unit)
    channel, against = _number(request.GET.get("channel")), request.GET.get("against")
    at = now()
    until = inbox.deadlines(who.unit, at)
    shown = detail(edition, who, at, until=until, channel=channel, against=against)
    rows = _list(request, who, until, at)
    return render(request, "reviews/page.html", {**rows, "detail": shown, "panel": shown.panel})


def reader(request: HttpRequest) -> Person:
    """Who asks: somebody with a part in the editorial way. Text under embargo is not for those who keep the machine."""
    who = person(request)
    require_reader(who)
    return who


def _list(request: HttpRequest, who: Person, until: Mapping[int, datetime], at: datetime) -> Mapping[str, Any]:
    tab = _tab(request, who)
    counts = inbox.counts(who, until, at)
    return {
        "now": at,
        "tab": tab,
        "tabs": [(name, label, _counted(counts[name]), _address(tab=name)) for name, label in inbox.LABELS.items()],
        "listing": inbox.listing(tab, _page(request), who, until, at),
        "empty": inbox.EMPTY[tab],
        "label": inbox.LABELS[tab],
        "kinds": {kind.value: kind.label for kind in Kind},
        "may_set_phrases": inbox.may_review(who),
    }


def _counted(number: int) -> int | str:
    return number if number < inbox.MOST_COUNTED else f"{inbox.MOST_COUNTED - 1}+"


def _tab(request: HttpRequest, who: Person) -> str:
    asked = request.POST.get("tab") or request.GET.get("tab", "")
    return asked if asked in inbox.LABELS else inbox.opens_on(who)


def _page(request: HttpRequest) -> int:
    return min(max(_number(request.GET.get("page")) or 1, 1), inbox.MOST_PAGES)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def _address(pk: int | None = None, **query: str) -> str:
    base = reverse("reviews") if pk is None else reverse("review", args=[pk])
    return f"{base}?{urlencode(query)}"


# --- acts ----------------------------------------------------------------------------------------------------


@require_POST
def open_channel(request: HttpRequest, pk: int, post: int) -> HttpResponse:
    """A channel's tab: from here on it counts as opened. With htmx only the tabs and the bar are drawn anew."""
    who = reader(request)
    edition = services.find_edition(pk, unit=who.unit)
    chosen = next((one for one in services.posts_of(edition) if one.pk == post), None)
    if chosen is None:
        raise NotFound("渠道稿", post)
    services.open_post(chosen, person=who, now=now())
    if not request.headers.get("HX-Request"):
        return redirect(f"{_address(pk, tab=_tab(request, who), channel=str(post))}#channels")
    context = {"panel": panel(edition, who, channel=post), "tab": _tab(request, who)}
    return render(request, "reviews/opened.html", context)


@require_POST
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """通过 or 退回, for what the form says was seen. A refusal leads back to the edition as it stands."""
    who = reader(request)
    edition = services.find_edition(pk, unit=who.unit)
    tab = _tab(request, who)
    try:
        done = _decided(request, edition, who)
    except Refused as refused:
        if refused.code in {"role", "not_found"}:
            raise
        messages.error(request, refused.message)
        return redirect(_address(pk, tab=tab))
    verb = "已退回" if request.POST.get("verdict") == Verdict.RETURN else "已通过"
    words = "等拟稿人修改后重新送审" if verb == "已退回" else services.next_words(done)
    messages.success(request, f"{verb}{quoted(edition.title)}，{words}。")
    return redirect(_address(tab=tab))


def _decided(request: HttpRequest, edition: Edition, who: Person) -> Edition:
    seen = services.Seen.parse(request.POST.get("seen", ""))
    if seen.edition != edition.pk:
        raise Refused("form", "表单与稿件不符，没有记录任何审核。请刷新页面后再办。")
    if request.POST.get("verdict") not in set(Verdict):
        raise Refused("form", "没有说明是通过还是退回，没有记录任何审核。请重新选择。")
    verdict = Verdict(request.POST["verdict"])
    typed = request.POST.get("reason", "")[:MOST_REASON]
    comment = services.reason(request.POST.getlist("phrase"), typed, unit=who.unit) if verdict is Verdict.RETURN else ""
    return services.review_seen(
        edition.document, seen=seen, person=who, verdict=verdict, comment=comment, now=now()
    )  # fmt: skip


@require_POST
def pass_batch(request: HttpRequest) -> HttpResponse:
    """批量通过: each of the ticked by the same check; the page says which passed, and why others did not."""
    who = reader(request)
    chosen = [services.Seen.parse(text) for text in request.POST.getlist("seen")]
    if not chosen:
        messages.error(request, "没有勾选任何稿件，没有办理。请先勾选；只有各渠道都打开看过的才能勾选。")
        return redirect(_address(tab=inbox.DUE))
    outcomes = services.pass_many(chosen, person=who, now=now())
    passed = sum(one.passed for one in outcomes)
    return render(request, "reviews/batch.html", {"outcomes": outcomes, "passed": passed})


@require_http_methods(["GET", "POST"])
def phrases(request: HttpRequest) -> HttpResponse:
    """The unit's quick phrases for a return."""
    who = reader(request)
    require(who, *services.REVIEWERS)
    error, typed = "", "\n".join(services.return_phrases(who.unit))
    if request.method == "POST":
        typed = request.POST.get("phrases", "")[:4000]
        try:
            services.set_return_phrases(who.unit, typed.splitlines(), person=who, now=now())
        except Refused as refused:
            error = refused.message
        else:
            messages.success(request, "退回常用语已保存。")
            return redirect("review-phrases")
    context = {"typed": typed, "error": error, "defaults": services.DEFAULT_PHRASES}
    return render(request, "reviews/phrases.html", context, status=409 if error else 200)
