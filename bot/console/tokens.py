"""接口令牌: which systems may call the machine interface for the unit; made, told once, taken back by the 系统管理员."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from bot.domain.rights import RIGHT_LABELS, Right
from bot.domain.workflow import Role
from bot.models import ApiToken, Person
from bot.services import apitokens
from bot.services.errors import Refused
from bot.services.people import require

from . import stepup
from .chips import Chip
from .people import now, person, plain

MOST = 200  # rows; those in use come first
SOON = timedelta(days=30)
LIVES = {30: "30 天", 90: "90 天", 180: "半年", 365: "一年", 1095: "三年"}
ELSEWHERE = {"role", "not_found"}  # refusals that are a page of their own


@dataclass(frozen=True, slots=True)
class Row:
    """One token, as the list shows it."""

    token: ApiToken
    state: Chip
    rights: str
    by: str
    standing: bool
    of_no_use: str  # why some of its rights open nothing, "" else


@require_safe
def tokens(request: HttpRequest) -> HttpResponse:
    """The list, and the form for another."""
    who = person(request)
    require(who, Role.SYSADMIN)
    return _page(request, who, {})


def _page(request: HttpRequest, who: Person, given: dict[str, object], status: int = 200) -> HttpResponse:
    found = list(ApiToken.objects.filter(unit=who.unit).select_related("person").order_by("revoked_at", "-pk")[:MOST])
    found.sort(key=lambda one: (one.revoked_at is not None, -one.pk))
    by, at = apitokens.made_by(found), now()
    context = {
        "rows": [_row(one, by.get(one.pk, ""), at) for one in found],
        "rights": RIGHT_LABELS,
        "lives": LIVES,
        "people": who.unit.people.filter(is_active=True).order_by("name", "pk"),
        "given": {"name": "", "holder": "", "rights": [], "days": 365} | given,
    }
    return render(request, "tokens.html", context, status=status)


def _row(token: ApiToken, by: str, at: datetime) -> Row:
    rights = "、".join(Right(right).label if right in set(Right) else right for right in token.rights)
    state = _state(token, at)
    standing = token.revoked_at is None
    return Row(
        token, state, rights, by, standing, apitokens.of_no_use(token) if standing and token.person.is_active else ""
    )


def _state(token: ApiToken, at: datetime) -> Chip:
    if token.revoked_at is not None:
        return Chip("已吊销", "off", "cross")
    if token.expires_at <= at:
        return Chip("已过期", "missed", "late")
    if not token.person.is_active or token.person.unit_id != token.unit_id:
        return Chip("人员已停用", "warn", "alert")
    if token.expires_at - at < SOON:
        return Chip("快到期", "warn", "clock")
    return Chip("在用", "good", "check")


def _administers(request: HttpRequest, pk: int = 0) -> None:
    require(person(request), Role.SYSADMIN)


@require_POST
@stepup.required("添加接口令牌", _administers)
@sensitive_variables("secret")
def add(request: HttpRequest) -> HttpResponse:
    """Another, whose text is shown this once."""
    who = person(request)
    given = {
        "name": plain(request.POST.get("name", ""))[:100],
        "holder": plain(request.POST.get("holder", ""))[:60],
        "rights": request.POST.getlist("right")[:20],
        "days": _days(request.POST.get("days", "")),
    }
    try:
        made, secret = apitokens.issue(
            str(given["name"]), holder=str(given["holder"]), rights=request.POST.getlist("right")[:20],
            life=timedelta(days=_days(request.POST.get("days", ""))), person=who, now=now(),
        )  # fmt: skip
    except Refused as refused:
        if refused.code in ELSEWHERE:
            raise
        messages.error(request, refused.message)
        return _page(request, who, given, status=409)
    return render(
        request, "token_made.html", {"token": made, "secret": secret.reveal(), "of_no_use": apitokens.of_no_use(made)}
    )


def _days(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


@require_POST
@stepup.required("吊销接口令牌", _administers)
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """From now on it opens nothing."""
    try:
        gone = apitokens.take_back(pk, person=person(request), now=now())
    except Refused as refused:
        if refused.code in ELSEWHERE:
            raise
        messages.error(request, refused.message)
    else:
        messages.success(request, f"已吊销令牌“{gone.name}”，用它的系统从现在起被拒绝。")
    return redirect("tokens")
