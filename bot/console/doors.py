"""Addresses that platforms and machines call, and the way out to a platform's authorisation and back."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bot.domain.channel import ChannelFault
from bot.domain.workflow import Role
from bot.services import accounts, callbacks
from bot.services.errors import Refused
from bot.services.people import require

from . import stepup
from .people import now, person

MOST_BYTES = 64 * 1024
PLAIN = "text/plain; charset=utf-8"


@login_not_required
@require_GET
def healthz(request: HttpRequest) -> HttpResponse:
    """For the supervisor and load balancers: this process answers."""
    return HttpResponse("ok", content_type=PLAIN)


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "POST"])
def callback(request: HttpRequest, slug: str) -> HttpResponse:
    """A platform's event. The account's adapter verifies it; nothing here is believed."""
    body = request.read(MOST_BYTES + 1) if request.method == "POST" else b""
    if len(body) > MOST_BYTES:
        return HttpResponse("too large", status=413, content_type=PLAIN)
    reply = callbacks.receive(slug, str(request.method), request.GET.dict(), body, now=now())
    if reply is None:
        return HttpResponse("not found", status=404, content_type=PLAIN)
    return HttpResponse(reply.body, status=reply.status, content_type=reply.content_type)


def _may_authorize(request: HttpRequest, slug: str) -> None:
    require(person(request), Role.SYSADMIN)
    accounts.find_account(slug, unit=person(request).unit)


@require_POST
@stepup.required("发起账号的网页授权", _may_authorize)
def authorize(request: HttpRequest, slug: str) -> HttpResponse:
    """Lead the system administrator to the platform to authorise an account.

    By a link of a page: `form-action 'self'` lets no form end at another site, be it by a redirect.
    """
    who = person(request)
    require(who, Role.SYSADMIN)
    account = accounts.find_account(slug, unit=who.unit)
    back = account.options.get("redirect_uri") or f"{settings.TONGFA.public_url}{reverse('oauth-callback')}"
    address = accounts.begin_authorization(account, person=who, redirect_uri=back, now=now())
    minutes = int(accounts.AUTHORIZATION_LIFE.total_seconds() // 60)
    return render(request, "authorize.html", {"account": account, "address": address, "minutes": minutes})


@require_GET
def oauth_callback(request: HttpRequest) -> HttpResponse:
    """Where the platform sends the administrator back with a code."""
    who = person(request)
    state, code = request.GET.get("state", "")[:200], request.GET.get("code", "")[:500]
    if not state or not code:
        told = "平台没有给出授权（可能是在平台页面上点了取消），没有保存任何授权。需要时请重新发起授权。"
        return _result(request, "", told)
    try:
        account = accounts.finish_authorization(state=state, code=code, person=who, now=now())
    except (Refused, ChannelFault) as refused:
        return _result(request, "", refused.message)
    return _result(request, account.name, "")


def _result(request: HttpRequest, account: str, error: str) -> HttpResponse:
    context = {"account": account, "error": error}
    return render(request, "authorized.html", context, status=400 if error else 200)
