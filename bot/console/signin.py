"""Logging in and out."""

from __future__ import annotations

from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from bot.domain.instants import to_beijing

from . import throttle
from .people import now

WRONG = "登录名或密码不对，没有登录。请核对后再试；连续 5 次不对，将锁定 15 分钟。"


@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    """The login page. A right password opens a session with a new id; a wrong one never says what was wrong."""
    if request.user.is_authenticated:
        return HttpResponseRedirect(_next(request))
    username = request.POST.get("username", "").strip()[:60]
    if request.method != "POST":
        return _page(request, username, "")
    address = request.META.get("REMOTE_ADDR", "")
    try:
        throttle.take_try(username, address, now=now())
    except throttle.TooManyTries as locked:
        time = to_beijing(locked.until).strftime("%H:%M")
        return _page(request, username, f"尝试次数过多，已暂时锁定。请在 {time} 以后再试，或联系系统管理员。", 429)
    found = authenticate(request, username=username, password=request.POST.get("password", "")[:200])
    if found is None:
        return _page(request, username, WRONG, 401)
    login(request, found)
    throttle.opened(username, address, now=now())
    return HttpResponseRedirect(_next(request))


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return redirect("login")


def _next(request: HttpRequest) -> str:
    """Where the person wanted to go; only addresses of our own."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    own = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if own else reverse("today")


def _page(request: HttpRequest, username: str, error: str, status: int = 200) -> HttpResponse:
    target = request.POST.get("next") or request.GET.get("next") or ""
    return render(request, "login.html", {"username": username, "error": error, "next": target}, status=status)
