"""Step-up: acts that cannot be taken back ask once more who is sitting there.

A view behind `required` is answered with a page that asks for the password (and the code of the second factor, where the
person has one); the page carries the fields of the act along, so that nothing has to be typed again. The answer holds for
ten minutes of this session.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps

from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters

from bot.domain.instants import to_beijing
from bot.services import secondfactor

from . import throttle
from .people import now, person

HOLDS = timedelta(minutes=10)
CONFIRMED = "confirmed_at"
PASSWORD, CODE = "stepup-password", "stepup-code"
OURS = (PASSWORD, CODE, "csrfmiddlewaretoken")
WRONG = "密码不对，还没有办理，未做任何改动。请再试一次。"
WRONG_CODE = "验证码不对或刚刚用过，还没有办理，未做任何改动。请等验证器换出下一个数字再试，或用一个恢复码。"

View = Callable[..., HttpResponse]


def required(act: str, first: Callable[..., object] | None = None) -> Callable[[View], View]:
    """Decorates a view that takes POST. `act`: what is about to be done, for the page ("签发发布单"). `first`: takes what the view
    takes, and raises where it is not this person's to do: nobody is asked for a password in vain.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        @sensitive_post_parameters(PASSWORD, CODE)
        def confirmed_first(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            if request.method != "POST" or fresh(request):
                return view(request, *args, **kwargs)
            if first is not None:
                first(request, *args, **kwargs)
            if PASSWORD not in request.POST:
                return _page(request, act, "")
            error = _confirm(request)
            return _page(request, act, error, 401) if error else view(request, *args, **kwargs)

        confirmed_first.act = act  # type: ignore[attr-defined]  # after a login that came between, it is named as not done
        return confirmed_first

    return decorate


def fresh(request: HttpRequest) -> bool:
    """Whether the person said who they are a moment ago. What lies ahead (the clock was set back) does not count."""
    age = now().timestamp() - float(request.session.get(CONFIRMED, 0))
    return 0 <= age < HOLDS.total_seconds()


def confirm(request: HttpRequest) -> None:
    """Note that the person has just proved who they are."""
    request.session[CONFIRMED] = now().timestamp()


def forget(request: HttpRequest) -> None:
    """The answer does not hold any more: from now on more is asked."""
    request.session.pop(CONFIRMED, None)


def _confirm(request: HttpRequest) -> str:
    """Why not, or "": then it is noted. Wrong guesses count as wrong logins do."""
    who, address = person(request), request.META.get("REMOTE_ADDR", "")
    session = request.session.session_key or ""
    try:
        throttle.take_try(who.username, address, now=now(), session=session)
    except throttle.TooManyTries as locked:
        when = to_beijing(locked.until).strftime("%H:%M")
        return f"您连续输错的次数过多，没有办理。请在 {when} 以后再试；急用的，退出后重新登录，或请另一位有此权限的人办理。"
    if authenticate(request, username=who.username, password=request.POST.get(PASSWORD, "")[:200]) is None:
        throttle.failed(who.username, address, known=True, now=now())
        return WRONG
    if secondfactor.has(who) and not secondfactor.check(who, request.POST.get(CODE, "")[:40], now=now()):
        throttle.failed(who.username, address, code=True, known=True, now=now())
        return WRONG_CODE
    throttle.opened(who.username, address, now=now(), session=session)
    confirm(request)
    return ""


def _page(request: HttpRequest, act: str, error: str, status: int = 200) -> HttpResponse:
    carried = [(name, value) for name, values in request.POST.lists() if name not in OURS for value in values]
    context: dict[str, object] = {"act": act, "error": error, "carried": carried, "action": request.get_full_path()}
    context["asks_code"] = secondfactor.has(person(request))
    return render(request, "stepup.html", context, status=status)
