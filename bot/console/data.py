"""数据与报表: the figures of a period, one row for each text, files to take away, and the sheet for paper."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote, urlencode

from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from bot.domain.channel import ChannelSpec
from bot.domain.sampling import metric_words
from bot.services import reporting, reportperiods, reportrows, reportsource
from bot.services.errors import Refused
from bot.services.reportperiods import Choice, Period
from bot.services.reportrows import Entry, Mark

from . import readers
from .people import now, person

FORMS = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
#: What a row tells of a post, beside its vendor's own; files tell all that its vendor reports.
SHOWN = frozenset({"reads", "shares", "recommends", "comments", "reposts", "attitudes"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A period from an address, and what was wrong with it."""

    period: Period
    error: str = ""

    @property
    def query(self) -> dict[str, str]:
        """The same period in an address."""
        if self.period.choice is not Choice.OWN:
            return {"period": str(self.period.choice)}
        return {
            "period": str(Choice.OWN),
            "first": self.period.first.isoformat(),
            "last": self.period.last.isoformat(),
        }


def asked_for(query: QueryDict, today: date) -> Asked:
    """The period that is meant; what cannot be understood is this month, and is said."""
    given = query.get("period", "")
    choice = Choice(given) if given in set(Choice) else Choice.MONTH
    try:
        return Asked(
            reportperiods.period_of(
                choice, today=today, first=_day(query.get("first", "")), last=_day(query.get("last", ""))
            )
        )
    except Refused as refused:
        return Asked(reportperiods.period_of(Choice.MONTH, today=today), f"{refused.message}下面是本月的数据。")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@require_safe
@readers.only
def page(request: HttpRequest) -> HttpResponse:
    """`?period=`, `?first=&last=` for one's own, `?after=` where the page before ended, `?sheet=1` for paper."""
    who, at = person(request), now()
    asked = asked_for(request.GET, reportperiods.today_of(at))
    sheet, after = request.GET.get("sheet") == "1", Mark.parse(request.GET.get("after", ""))
    specs = reportsource.channels_of(who.unit)
    most = reportrows.SHEET if sheet else reportrows.AT_ONCE
    rows, rest = reportrows.page(who.unit, asked.period, after=after, most=most)
    context: dict[str, Any] = {
        "now": at,
        "period": asked.period,
        "error": asked.error,
        "cards": reporting.cards(who.unit, asked.period),
        "choices": [(one.label, _address(period=str(one)), one is asked.period.choice) for one in Choice if one is not Choice.OWN],
        "own": asked.period.choice is Choice.OWN,
        "specs": specs,
        "rows": rows,
        "numbers": _numbers,
        "several": _several(who.unit.accounts.values_list("channel", flat=True)),
        "dash_note": reportrows.DASH_NOTE,
        "portal_note": reportrows.PORTAL_NOTE,
        "lags": [(spec.label, spec.metrics_lag) for spec in specs if spec.metrics_lag],
        "sheet": sheet,
        "sheet_address": _address(**asked.query, sheet="1"),
        "back": _address(**asked.query),
        "files": {form: f"{reverse('data-export')}?{urlencode(asked.query | {'form': form})}" for form in FORMS},
        "first": after is None,
        "older": _address(**asked.query, after=str(rest)) if rest and not sheet else "",
        "cut": rest is not None and sheet,
    }  # fmt: skip
    return render(request, "data.html", context)


def _address(**query: str) -> str:
    return f"{reverse('data')}?{urlencode(query)}"


def _several(channels: Any) -> set[str]:
    """Kinds of channels on which there are several accounts: there a row names them."""
    found = list(channels)
    return {channel for channel in found if found.count(channel) > 1}


def _numbers(entry: Entry, spec: ChannelSpec) -> list[tuple[str, int | None]]:
    shown, words = SHOWN | set(spec.metric_labels), metric_words(spec)
    return [(words[name], entry.numbers.get(name)) for name in reportrows.metrics_of(spec) if name in shown]


@require_safe
@readers.only
def export(request: HttpRequest) -> HttpResponseBase:
    """`?form=csv|xlsx` and the period: all rows of it."""
    who = person(request)
    asked = asked_for(request.GET, reportperiods.today_of(now()))
    form = request.GET.get("form", "")
    if form not in FORMS or asked.error:
        raise Refused("form", f"{asked.error or '没有这种导出格式。'}什么都没有导出。请回到“数据与报表”重试。")
    response: HttpResponseBase
    if form == "csv":
        response = StreamingHttpResponse(reportrows.as_csv(who.unit, asked.period), content_type=FORMS[form])
    else:
        told = reporting.cards(who.unit, asked.period)
        response = HttpResponse(reportrows.as_xlsx(who.unit, asked.period, told), content_type=FORMS[form])
    name = quote(f"数据与报表 {who.unit.name} {asked.period.name}.{form}")
    response.headers["Content-Disposition"] = f"attachment; filename=\"data.{form}\"; filename*=UTF-8''{name}"
    return response
