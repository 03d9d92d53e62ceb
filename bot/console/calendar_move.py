"""改期: what moving a release would mean, and moving it. The same form in the calendar's dialog and as a page of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from bot.domain.calendar.days import in_words
from bot.domain.instants import BEIJING, beijing_date, require_sensible, to_beijing
from bot.models import Release
from bot.services import moving, releases
from bot.services.errors import Refused
from bot.services.people import require
from bot.services.releases import find_release

from . import chips
from .calendar import MOVERS
from .people import now, person

UNREADABLE = "没有看懂要改到的日期和时刻，没有改期，未做改动。请填写完整的日期和 24 小时制的时刻。"


@require_http_methods(["GET", "POST"])
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """Look at what another instant would mean (GET, `at` or `date` and `time`), or take it (POST)."""
    who, at = person(request), now()
    release = find_release(pk, unit=who.unit)
    require(who, *MOVERS)
    try:
        wished = _wished(request.POST if request.method == "POST" else request.GET, release)
        if request.method == "POST":
            return _moved(request, release, wished, at)
    except Refused as refused:
        if refused.code in {"role", "not_found"}:
            raise
        release.refresh_from_db()
        return _form(request, release, _or_as_it_is(request, release), at, error=refused.message)
    return _form(request, release, wished, at)


def _moved(request: HttpRequest, release: Release, wished: datetime, at: datetime) -> HttpResponse:
    signed = release.signed
    seen = request.POST.get("seen")
    releases.reschedule(release, instant=wished, person=person(request), now=at, seen=seen)
    rest = "原签发已作废，须重新签发；签发之前到时不会发出。" if signed else "还没有签发，签发之前到时不会发出。"
    messages.success(request, f"“{release.title}”已改到 {_in_words(wished)}。{rest}")
    return redirect(_back(request, beijing_date(wished)))


def _wished(given: QueryDict, release: Release) -> datetime:
    """The instant that is asked for, Beijing time; that of the release itself where none is."""
    text = given.get("at") or (f"{given.get('date', '')}T{given.get('time', '')}" if "date" in given else "")
    if not text:
        return release.instant
    try:
        typed = datetime.fromisoformat(text) if "T" in text else None
        wished = require_sensible(typed if typed.tzinfo else typed.replace(tzinfo=BEIJING)) if typed else None
    except (ValueError, OverflowError):
        wished = None
    if wished is None:
        raise Refused("when", UNREADABLE)
    same = wished == release.instant.replace(microsecond=0)  # no field holds less than a second
    return release.instant if same else wished


def _or_as_it_is(request: HttpRequest, release: Release) -> datetime:
    """What was typed, once more, so that nobody has to type it again."""
    try:
        return _wished(request.POST if request.method == "POST" else request.GET, release)
    except Refused:
        return release.instant


def _in_words(instant: datetime) -> str:
    return f"{in_words(beijing_date(instant))} {_time(instant)}"


def _time(instant: datetime) -> str:
    local = to_beijing(instant)
    return local.strftime("%H:%M:%S" if local.second else "%H:%M")


def _back(request: HttpRequest, day: object) -> str:
    """The calendar as the person left it, where that is an address of ours; else the calendar at that day."""
    asked = request.POST.get("back") or request.GET.get("back") or ""
    ours = url_has_allowed_host_and_scheme(asked, allowed_hosts=None) and asked.startswith(reverse("calendar"))
    return asked if ours else f"{reverse('calendar')}?{urlencode({'date': day})}"


def _form(request: HttpRequest, release: Release, wished: datetime, at: datetime, *, error: str = "") -> HttpResponse:
    template = "parts/calendar_move.html" if request.headers.get("HX-Request") else "calendar_move.html"
    status = 409 if error and request.method == "POST" else 200
    return render(request, template, _context(request, release, wished, at, error), status=status)


def _context(request: HttpRequest, release: Release, wished: datetime, at: datetime, error: str) -> Mapping[str, Any]:
    prospect = moving.foresee(release, wished, now=at)
    back = _back(request, beijing_date(release.instant))
    address = reverse("calendar-move", args=[release.pk])

    def to(instant: datetime) -> tuple[str, str]:
        """An instant to try instead: its words, and the form with it filled in."""
        local = to_beijing(instant)
        query = urlencode({"at": f"{local:%Y-%m-%d}T{_time(instant)}", "back": back})
        return _in_words(instant), f"{address}?{query}"

    return {
        "release": release,
        "standing": chips.standing(release, list(release.publications.all()), at),
        "prospect": prospect,
        "date": to_beijing(wished).date().isoformat(),
        "time": _time(wished),
        "seconds": to_beijing(wished).second != 0,
        "words": _in_words(wished),
        "first": to_beijing(prospect.earliest).date().isoformat(),
        "to": to,
        "address": address,
        "back": back,
        "error": error,
        "in_dialog": bool(request.headers.get("HX-Request")),
    }
