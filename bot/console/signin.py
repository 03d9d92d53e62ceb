"""Logging in and out: the password, then the code of the authenticator app where the person has one."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from bot.domain.instants import to_beijing
from bot.models import Person
from bot.services import secondfactor

from . import homeward, sessions, throttle
from .people import now

WRONG = "登录名或密码不对，没有登录。请核对后再试；连续 5 次不对，将锁定 15 分钟。"
WRONG_CODE = "验证码不对或已用过，没有登录。请输入验证器现在显示的 6 位数字，或一个没有用过的恢复码。"
HALFWAY, HALFWAY_SECONDS = "half_logged_in", 300
BACKEND = "django.contrib.auth.backends.ModelBackend"


@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    """The login page. A right password opens a session with a new id; a wrong one never says what was wrong."""
    if request.user.is_authenticated:
        return _back(request, _next(request), _undone(request))
    username = request.POST.get("username", "").strip()[:60]
    if request.method != "POST":
        return _page(request, username, "")
    address = request.META.get("REMOTE_ADDR", "")
    try:
        throttle.take_try(username, address, now=now())
    except throttle.TooManyTries as locked:
        return _page(request, username, _locked(locked), 429)
    found = authenticate(request, username=username, password=request.POST.get("password", "")[:200])
    if not isinstance(found, Person):
        throttle.failed(username, address, now=now())
        return _page(request, username, WRONG, 401)
    if secondfactor.has(found):
        return _halfway(request, found)
    return _enter(request, found)


def _locked(locked: throttle.TooManyTries) -> str:
    wait = f"请在 {to_beijing(locked.until).strftime('%H:%M')} 以后再试"
    if locked.whole_address:
        return f"这台电脑（或同一网络出口）上尝试的次数过多，已暂时锁定，没有登录。{wait}。"
    return (
        f"尝试次数过多，已暂时锁定，没有登录。{wait}；急用的，请本单位安全管理员重设密码（没有设安全管理员的，"
        "请系统管理员），重设后马上可以登录。"
    )


def _enter(request: HttpRequest, found: Person) -> HttpResponse:
    target, undone = _next(request), _undone(request)
    login(request, found, backend=BACKEND)
    throttle.opened(found.username, request.META.get("REMOTE_ADDR", ""), now=now())
    return _back(request, target, undone)


def _back(request: HttpRequest, target: str, undone: str) -> HttpResponse:
    """On to where the person wanted to go. What they had pressed without a login was not done: that is said there."""
    if undone:
        messages.error(request, homeward.undone_words(undone))
    return HttpResponseRedirect(target)


def _halfway(request: HttpRequest, found: Person) -> HttpResponse:
    """The password was right; the session says so for five minutes, and opens nothing yet."""
    target, undone = _next(request), _undone(request)
    request.session.cycle_key()
    request.session[HALFWAY] = {"person": found.pk, "at": now().timestamp(), "next": target, homeward.UNDONE: undone}
    return redirect("login-code")


@login_not_required
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def log_in_code(request: HttpRequest) -> HttpResponse:
    """The second step. Wrong codes count as wrong passwords do."""
    found = _who_is_halfway(request)
    if found is None:
        return redirect("login")
    if request.method != "POST":
        return render(request, "login_code.html", {"error": ""})
    address = request.META.get("REMOTE_ADDR", "")
    try:
        throttle.take_try(found.username, address, now=now())
    except throttle.TooManyTries as locked:
        request.session.pop(HALFWAY)
        return _page(request, found.username, _locked(locked), 429)
    if not secondfactor.check(found, request.POST.get("code", "")[:40], now=now()):
        throttle.failed(found.username, address, code=True, now=now())
        return render(request, "login_code.html", {"error": WRONG_CODE}, status=401)
    half = request.session.pop(HALFWAY)
    login(request, found, backend=BACKEND)
    sessions.code_given(request)
    throttle.opened(found.username, address, now=now())
    return _back(request, str(half["next"]), str(half.get(homeward.UNDONE, "")))


def _who_is_halfway(request: HttpRequest) -> Person | None:
    half = request.session.get(HALFWAY)
    if not half or not 0 <= now().timestamp() - half["at"] < HALFWAY_SECONDS:
        return None
    return Person.objects.filter(pk=half["person"], is_active=True).first()


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


def _undone(request: HttpRequest) -> str:
    """The address of what was pressed without a login, "" where nothing was."""
    return (request.POST.get(homeward.UNDONE) or request.GET.get(homeward.UNDONE) or "")[:500]


def _page(request: HttpRequest, username: str, error: str, status: int = 200) -> HttpResponse:
    target, undone = request.POST.get("next") or request.GET.get("next") or "", _undone(request)
    words = homeward.undone_words(undone, "登录后请重新办理。") if undone else ""
    context = {"username": username, "error": error, "next": target, "undone": undone, "undone_words": words}
    return render(request, "login.html", context, status=status)
