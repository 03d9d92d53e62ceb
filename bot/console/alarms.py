"""警报: what stands before a person, on the duty desk and in the header of every page."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from bot.domain.alarms import Kind, Out
from bot.domain.workflow import Role
from bot.models import Person
from bot.services import alarming
from bot.services.errors import Refused

from .chips import Chip
from .people import now, person

LOOKS: dict[Kind, tuple[str, str]] = {
    Kind.OVERDUE: ("bad", "late"),
    Kind.UNKNOWN: ("doubt", "question"),
    Kind.GONE: ("bad", "trash"),
    Kind.URGENT: ("bad", "pen"),
    Kind.LAPSED: ("bad", "cross"),
    Kind.RETURNED: ("bad", "undo"),
    Kind.NEEDS_PERSON: ("bad", "hand"),
    Kind.MISSED: ("missed", "late"),
    Kind.SPLIT: ("bad", "part"),
    Kind.HELD: ("warn", "pause"),
    Kind.REVIEW_LATE: ("bad", "late"),
    Kind.REVIEW_DUE: ("warn", "clock"),
    Kind.BY_HAND: ("warn", "hand"),
    Kind.WITHDRAWAL: ("bad", "undo"),
    Kind.CHAIN: ("bad", "stop"),
    Kind.RULES: ("bad", "stop"),
    Kind.CLOCK: ("bad", "clock"),
    Kind.PREFLIGHT: ("warn", "alert"),
    Kind.DISK: ("warn", "alert"),
}
#: 是否已发出, never by colour alone.
OUTS = {Out.YES: "good", Out.NO: "wait", Out.UNKNOWN: "doubt", Out.PART: "bad", Out.NONE: "off"}


def chip(kind: str) -> Chip:
    """How a kind of alarm looks."""
    sort = Kind(kind)
    return Chip(sort.label, *LOOKS[sort])


def may_read(who: Person) -> bool:
    """Who may take an alarm on."""
    return any(who.has_role(role) for role in (Role.DUTY, Role.RELEASER, Role.SYSADMIN))


@require_POST
def read(request: HttpRequest, pk: int) -> HttpResponse:
    """已阅: nobody else is woken for it."""
    who = person(request)
    try:
        alarm = alarming.read(alarming.find_alarm(pk, unit=who.unit), person=who, now=now())
    except Refused as refused:
        if refused.code in {"role", "not_found"}:
            raise
        messages.error(request, refused.message)
    else:
        messages.success(request, f"已登记：您阅过“{alarm.label}”，不再升级通知。")
    back = request.POST.get("back", "")
    return redirect(back if url_has_allowed_host_and_scheme(back, allowed_hosts=None) else "today")
