"""How long a login holds, and what it must settle before anything else is opened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from bot.domain.workflow import ADMINISTRATORS, Role
from bot.models import Person
from bot.services import deputies, home, logins, secondfactor

from . import homeward
from .people import now, person

Respond = Callable[[HttpRequest], HttpResponse]
ABSOLUTE = timedelta(hours=12)
"""GB/T 22239-2019, 8.1.4.1: a login ends by itself. Half a day is a shift; nobody's login outlives it."""
WRITE_EVERY = timedelta(minutes=1)  # a session row written at every click would be a write lock at every click
BEGAN, SEEN = "began_at", "seen_at"
CODE_GIVEN = "second_factor"
"""In a session in which a code of the authenticator was given: at the login, or when it was set up."""
PRIVILEGED = frozenset({Role.RELEASER, Role.DUTY, *ADMINISTRATORS})
ALWAYS = ("logout", "password", "second-factor", "second-factor-confirm")
UNATTENDED = ("X-Live",)
STREAMS = "/events/"
"""What a page fetches by itself, by header or address: nobody need sit there."""
SCRIPTED = ("HX-Request", "X-CSRFToken", "X-Live")
"""A script of ours sends one of these with what it posts; a form that a person sends has none of them."""


class SessionLimits:
    """Ends a session that was idle for too long, or that is too old."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Log out first where a limit is passed; then the login page says why."""
        if request.user.is_authenticated:
            words = _over(request, now())
            if words:
                logout(request)
                messages.warning(request, words)
        return self._respond(request)


def _over(request: HttpRequest, at: datetime) -> str:
    """Why this session ends now, or ""; else the click is noted. An instant that lies ahead (a clock set back) counts as now."""
    began, seen = (_instant(request, key, at) for key in (BEGAN, SEEN))
    if at - began > ABSOLUTE:
        return f"登录已满 {ABSOLUTE.total_seconds() / 3600:.0f} 小时，请重新登录。没有做任何改动。"
    idle: timedelta = settings.TONGFA.idle
    if at - seen > idle:
        return f"超过 {idle.total_seconds() / 60:.0f} 分钟没有操作，已自动退出。请重新登录；没有做任何改动。"
    if SEEN not in request.session or (_attended(request) and at - seen >= WRITE_EVERY):
        request.session[SEEN] = at.timestamp()
        request.session.setdefault(BEGAN, at.timestamp())
    return ""


def _instant(request: HttpRequest, key: str, at: datetime) -> datetime:
    stamp = request.session.get(key)
    return at if stamp is None else min(at, datetime.fromtimestamp(float(stamp), UTC))


def _attended(request: HttpRequest) -> bool:
    return not request.path.startswith(STREAMS) and not any(request.headers.get(name) for name in UNATTENDED)


class LoginRequired(LoginRequiredMiddleware):
    """Asks for a login. What was pressed without one is not done, and its address is no page to come back to."""

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseRedirect:
        """A form leads back to the page that it was sent from, and it is said that nothing was done; the rest is Django's."""
        if not _is_form(request):
            return super().handle_no_permission(request, view_func)
        if request.path == reverse("logout"):
            return HttpResponseRedirect(reverse("login"))  # that is what was asked for
        return HttpResponseRedirect(homeward.login_after_a_press(request))


def _is_form(request: HttpRequest) -> bool:
    """Whether a person sent it from a page. (Browsers say themselves what a script fetches, but only under https.)"""
    by_script = any(request.headers.get(name) for name in SCRIPTED)
    return (
        request.method == "POST" and not by_script and request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
    )


class Standing:
    """Who this is today, deputyships included; and first things first: an own password, a second factor where it is asked."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Sends the person to what they must settle; what needs no login is left alone."""
        if not request.user.is_authenticated:
            return self._respond(request)
        who = deputies.standing_in(person(request), now=now())
        if request.path not in {reverse(name) for name in ALWAYS} and not request.path.startswith(settings.STATIC_URL):
            first = _first_of_all(request, who)
            if first is not None:
                return first
        return self._respond(request)


def _first_of_all(request: HttpRequest, who: Person) -> HttpResponseRedirect | None:
    if who.must_change_password:
        messages.warning(request, "这是系统给的初始密码，请先换成您自己的密码。")
        return redirect("password")
    if demands_second_factor(who) and not request.session.get(CODE_GIVEN):
        if not secondfactor.has(who):
            messages.warning(request, "您的角色需要验证器（第二因素），请先启用。")
            return redirect("second-factor")
        logout(request)  # opened by the password alone, before there was an authenticator
        messages.warning(request, "您已启用验证器，这次登录没有输入过验证码，已退出。请重新登录；没有做任何改动。")
        return redirect("login")
    return None


def code_given(request: HttpRequest) -> None:
    """Note that a code was given in this session."""
    request.session[CODE_GIVEN] = True


def alone(request: HttpRequest) -> None:
    """End the person's other sessions, and give this one another name: a copy of its cookie is worth nothing."""
    request.session.cycle_key()
    logins.end_sessions(person(request), now=now(), but=request.session.session_key or "")


def demands_second_factor(who: Person) -> bool:
    """Whether this person may not work without one."""
    asked = settings.TONGFA.asks_second_factor(rehearsal=not home.is_live())
    return asked == "all" or (asked == "privileged" and any(who.has_role(role) for role in PRIVILEGED))
