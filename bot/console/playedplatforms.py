"""The rehearsal platforms, asked over HTTP on loopback: for the pages that show what followers and console users see.

Everything there was made on this machine, so whoever sits at it needs no login; from elsewhere one is asked for. A live home
has no such pages.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any, Concatenate, ParamSpec
from urllib.parse import quote

import requests
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from bot.models import Account
from bot.services import home
from bot.services.accounts import spec_of

WAIT = (1.0, 4.0)  # seconds to connect, to answer

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


class PlatformDown(Exception):
    """The rehearsal servers do not answer."""


class NotDone(Exception):
    """The platform refuses what was asked of it; the text is its own."""


def rehearsal_only(view: View[P]) -> View[P]:
    """A page: 404 in a live home; a login is asked for from other machines."""
    return login_not_required(require_safe(_guarded(view)))


def rehearsal_act(view: View[P]) -> View[P]:
    """A button of such a page."""
    return login_not_required(require_POST(_guarded(view)))


def _guarded(view: View[P]) -> View[P]:
    @functools.wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if home.is_live():
            raise Http404
        if not request.user.is_authenticated and not _on_this_machine(request):
            return redirect_to_login(request.get_full_path())
        return view(request, *args, **kwargs)

    return guarded


def _on_this_machine(request: HttpRequest) -> bool:
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def identity(account: Account) -> str:
    """What the account is called on its platform."""
    return str(account.options.get(spec_of(account).identity) or account.slug)


def view_path(account: Account, part: str = "") -> str:
    """Where the platform shows an account, or a `part` of it."""
    return f"/_view/{account.channel}/{part and part + '/'}{quote(identity(account), safe='')}"


def get(path: str) -> requests.Response:
    """One GET, past any proxy. Raises PlatformDown or Http404."""
    return _asked("GET", path, {})


def act(account: Account, action: str, **args: Any) -> Any:
    """What a person does in the platform's own console. Raises NotDone, PlatformDown or Http404."""
    told = {"platform": account.channel, "account": identity(account), "action": action, "args": args}
    return _asked("POST", "/_control/act", told).json()


def _asked(method: str, path: str, told: Mapping[str, Any]) -> requests.Response:
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(
                method, f"{home.rehearsal_url()}{path}", json=told or None, timeout=WAIT, allow_redirects=False
            )
    except requests.RequestException as error:
        raise PlatformDown from error
    if answer.status_code == 404:
        raise Http404
    if answer.status_code == 400:
        raise NotDone(answer.text)
    if answer.status_code != 200:
        raise PlatformDown
    return answer
