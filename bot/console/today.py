"""值班台: what goes out today, what needs a person, and the switch that stops everything."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from bot.domain.instants import beijing_date, to_beijing
from bot.domain.workflow import Role
from bot.models import Person
from bot.services import alarming, deputies, reconciling, stops
from bot.services.errors import Refused
from bot.services.people import require

from . import alarms, board, chosen, clocks, health, incidents, portalhealth, stepup, stood, urgentmarks, veil
from .people import now, person

WEEKDAYS = "一二三四五六日"


@require_safe
def today(request: HttpRequest) -> HttpResponse:
    """The page."""
    return render(request, "today.html", _desk(person(request), now()))


def _desk(who: Person, at: datetime) -> Mapping[str, Any]:
    unit = who.unit
    found = board.on_the_desk(unit, at)
    shown = [*found.board, *found.others]
    coming = chosen.next_up(unit, at)
    day = beijing_date(at)
    standing, frozen = alarming.standing(unit), board.frozen(unit)
    halted = stood.lately(unit, at)
    alarmed = [one.release for one in standing if one.release is not None]
    also = [coming.release] if coming else []
    veil.over([*shown, *alarmed, *also, *(hit.release for one in halted for hit in one.hits)], who)
    veil.over_alarms(standing, who)
    rows = [board.row(release, unit, at) for release in found.board]
    asks = board.asks(shown, who, at, frozen=frozen is not None)
    return {
        "now": at,
        "date_words": f"{day.year}年{day.month}月{day.day}日 星期{WEEKDAYS[day.weekday()]}",
        "groups": _groups(rows, at),
        "asks": incidents.rows(asks),
        "asked": len(asks),
        "asks_more": found.more,
        "board_cut": found.cut,
        "urgents": urgentmarks.banners(who, at),
        "stood": halted,
        "alarms": alarms.grouped(standing),
        "alarmed": len(standing),
        "own_calls": alarming.calls_of(standing, person=who),
        "may_read": alarms.may_read(who),
        "alarm_chip": alarms.chip,
        "next": coming,
        "held_up": chosen.held_up(unit),
        "frozen": frozen,
        "duty": deputies.covering(unit, Role.DUTY, now=at),
        "health": health.of_unit(unit, now=at),
        "clocks": clocks.of_unit(unit, now=at),
        "portal": portalhealth.of_unit(unit, now=at),
        "may_freeze": who.has_role(Role.DUTY) or who.has_role(Role.RELEASER),
        "may_lift": who.has_role(Role.RELEASER),
        "may_authorize": who.has_role(Role.SYSADMIN),
    }


def _groups(rows: list[board.Row], at: datetime) -> list[tuple[str, list[board.Row]]]:
    """今天 first, then what lies behind unsettled, then the coming days."""
    day = beijing_date(at)
    dated = [(beijing_date(row.release.instant), row) for row in rows]
    groups = [
        ("今天", [row for on, row in dated if on == day]),
        ("以前未了结", [row for on, row in dated if on < day]),
        ("未来七天", [row for on, row in dated if on > day]),
    ]
    return [group for group in groups if group[1] or group[0] == "今天"]


def _may_stop(request: HttpRequest) -> None:
    require(person(request), Role.DUTY, Role.RELEASER)


def _may_go_on(request: HttpRequest) -> None:
    require(person(request), Role.RELEASER)


@require_POST
@stepup.required("一键停发", _may_stop)
def freeze(request: HttpRequest) -> HttpResponse:
    """一键停发, with a reason; the honest answer is shown."""
    who = person(request)
    try:
        answer = stops.freeze(who.unit, person=who, reason=request.POST.get("reason", "").strip()[:300], now=now())
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        time = to_beijing(now()).strftime("%H:%M:%S")
        messages.warning(request, f"已于 {time} 一键停发。{answer.message}")
    return redirect("today")


@require_POST
@stepup.required("解除停发", _may_go_on)
def unfreeze(request: HttpRequest) -> HttpResponse:
    """Lift the freeze; what it held stays held until somebody resumes it."""
    who = person(request)
    try:
        stops.unfreeze(who.unit, person=who, now=now())
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, "停发已解除。被拦下的发布仍处于“已暂停”，没有自动发出；请签发人逐张核对后恢复。")
        left = reconciling.standing()
        if left and left.warning:
            messages.warning(request, left.warning)
    return redirect("today")
