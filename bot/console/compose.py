"""编制发布单: what goes out, in which order, where, how, when. Nothing is written until it is saved; errors keep what was typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bot.domain.channel import ChannelSpec, ModeSpec
from bot.domain.sync import Then
from bot.models import Account, Person, Release, Unit
from bot.services import composing, forecasting, releases, replanning
from bot.services.accounts import known, spec_of
from bot.services.errors import Refused
from bot.services.people import require

from . import manifest
from .acts import PLANNERS
from .deeds import ELSEWHERE, instant_of
from .people import now, person, plain
from .typed import Typed, accounts_of, after, begun, documents_of, policy_of, typed_of, with_page

# --- the pages ----------------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """An empty one, or with `?at=2026-12-01T09:30` and `?document=HD17-001` (several) filled in already."""
    who = person(request)
    require(who, *PLANNERS)
    if request.method == "GET":
        return _page(request, begun(request.GET, who.unit))
    return _sent(request, None)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """A release of which nothing has left, planned anew: another one takes its place."""
    who = person(request)
    require(who, *PLANNERS)
    release = releases.find_release(pk, unit=who.unit)
    if request.method == "POST":
        return _sent(request, release)
    publications, tasks = manifest.pushes_of(release), manifest.tasks_of(release)
    refusal = replanning.why_not(release, publications)
    if refusal:
        messages.error(request, refusal)
        return redirect("release", pk=pk)
    return _page(request, typed_of(release, publications, tasks), release)


@require_POST
def panel(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """The chosen items and what would go out, after a change of the form: a part of the page, nothing is written."""
    who = person(request)
    require(who, *PLANNERS)
    release = releases.find_release(pk, unit=who.unit) if pk is not None else None
    do = request.POST.get("do", "")
    typed = after(Typed.of(request.POST), do, who.unit)
    context = _context(request, typed, release) | {"partial": True}
    if do.startswith(("add:", "remove:")):  # else the list stays as it is, and where it was scrolled to
        context |= _found(who, typed, context)
    return render(request, "parts/compose.html", context)


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Approved documents as one types: a part of the page."""
    who = person(request)
    require(who, *PLANNERS)
    accounts = accounts_of(who.unit, [plain(slug) for slug in request.GET.getlist("account")])
    context = {
        "pieces": composing.candidates(who.unit, plain(request.GET.get("q", "")), accounts),
        "accounts": accounts,
        "chosen": set(request.GET.getlist("document")),
    }
    return render(request, "parts/found.html", context)


def _sent(request: HttpRequest, release: Release | None) -> HttpResponse:
    """Save, or (in a browser without scripts) do one step of the form and show it again."""
    typed, do = Typed.of(request.POST), request.POST.get("do", "save")
    if do != "save":
        return _page(request, after(typed, do, person(request).unit), release)
    try:
        saved = _save(request, typed, release)
    except Refused as refused:
        if refused.code in ELSEWHERE:
            raise
        if release is not None and refused.code == "changed":  # pressed again, it is done knowingly
            typed = replace(typed, seen=releases.as_seen(release))
        return _page(request, typed, release, refused)
    _say(request, typed, saved, release)
    return redirect("release", pk=saved.pk)


def _say(request: HttpRequest, typed: Typed, saved: Release, replaced: Release | None) -> None:
    """What was saved; and what stands against signing it, so that nobody waits for a release that cannot be signed."""
    if replaced is None:
        words = f"发布单 {saved.pk} 已编好，还没有签发，到时不会自动发出。"
    else:
        words = f"已改编为发布单 {saved.pk}，原发布单 {replaced.pk} 作废。须重新签发，到时不会自动发出。"
    notes = _outlook(saved.unit, typed, accounts_of(saved.unit, typed.accounts), saved).notes
    against = [note.words for note in notes if note.weight is forecasting.Weight.STOP]
    if against:
        messages.warning(request, f"{words}现在签发不了，有 {len(against)} 处“不能这样发”：{''.join(against)}")
    else:
        messages.success(request, words)


def _save(request: HttpRequest, typed: Typed, release: Release | None) -> Release:
    who, at = person(request), now()
    documents = documents_of(who.unit, typed.documents)
    chosen: dict[str, Any] = {
        "title": typed.title, "instant": instant_of(typed.day, typed.time), "documents": documents,
        "accounts": accounts_of(who.unit, typed.accounts), "modes": dict(typed.modes),
        "sync": policy_of(with_page(typed, documents)),
    }  # fmt: skip
    if release is None:
        return releases.plan(**chosen, person=who, now=at)
    return replanning.replan(release, **chosen, person=who, now=at, seen=typed.seen or None)


# --- what is shown --------------------------------------------------------------------------------------------


def _context(request: HttpRequest, typed: Typed, release: Release | None) -> dict[str, Any]:
    unit = person(request).unit
    accounts = accounts_of(unit, typed.accounts)
    seen = _outlook(unit, typed, accounts, release)
    return {
        "typed": typed,
        "release": release,
        "panel": reverse("release-panel") if release is None else reverse("release-edit-panel", args=[release.pk]),
        "outlook": seen,
        "accounts": accounts,
        "picks": composing.picks(seen.pushes, now=now(), instead_of=release),
        "partial": False,
    }


def _outlook(unit: Unit, typed: Typed, accounts: Sequence[Account], release: Release | None) -> forecasting.Outlook:
    return forecasting.outlook(
        unit, documents=documents_of(unit, typed.documents), accounts=accounts, modes=typed.modes,
        instant=typed.instant, now=now(), instead_of=release,
    )  # fmt: skip


def _found(who: Person, typed: Typed, context: Mapping[str, Any]) -> dict[str, Any]:
    """The documents to choose from, and which of them are chosen."""
    return {
        "pieces": composing.candidates(who.unit, typed.words, context["accounts"]),
        "chosen": {one.document.external_id for one in context["outlook"].pieces},
    }


def _option(account: Account, typed: Typed) -> tuple[Account, ChannelSpec, Sequence[ModeSpec], str]:
    """An account with its channel, the ways that it offers, and which of them is chosen: its own where none of them is."""
    offered, chosen = releases.offered_modes(account), typed.modes.get(account.slug, "")
    ticked = chosen if chosen in {one.name for one in offered} else releases.own_mode(account)
    return account, spec_of(account), offered, ticked


def _page(
    request: HttpRequest, typed: Typed, release: Release | None = None, refused: Refused | None = None
) -> HttpResponse:
    who = person(request)
    context = _context(request, typed, release)
    options = [_option(account, typed) for account in filter(known, who.unit.accounts.order_by("pk"))]
    context |= {
        "options": options,
        **_found(who, typed, context),
        "refused": refused,
        "thens": list(Then),
        "looked_through": composing.LOOKED_THROUGH,
        "now": now(),
    }
    return render(request, "compose.html", context, status=409 if refused else 200)
