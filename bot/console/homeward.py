"""The way back to a page, from where a form was sent or an address was opened that is no page."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from django.http import HttpRequest, QueryDict
from django.urls import Resolver404, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme

UNDONE = "undone"
"""Names, in the login page's address, what was pressed while nobody was logged in."""

MACHINES = ("/api/", "/callback/", "/events/", "/healthz")
"""Addresses that no person opens."""

STEPS = 8  # upwards from an address, whatever somebody sends as one
_METHODS = "request_method_list"  # what Django's `require_http_methods` calls them in its closure
AGAIN = "请重新办理。"
#: Where "nothing was changed" is not the news: what goes on all the same.
_SPECIAL = {"freeze": "没有停发：按下“立即停发”时登录已失效，签发了的发布照常进行。"}

View = Callable[..., Any]


def takes_get(view: View) -> bool:
    """Whether an address can be opened, or is only sent to. Django says so nowhere but in the decorator's closure."""
    found = inspect.unwrap(view, stop=_names_methods)
    methods = inspect.getclosurevars(found).nonlocals.get(_METHODS) if _names_methods(found) else None
    return methods is None or "GET" in methods


def _names_methods(view: View) -> bool:
    return _METHODS in getattr(getattr(view, "__code__", None), "co_freevars", ())


def nearest_page(path: str) -> str:
    """The address itself where it is a page behind the login, else the nearest one above it; the desk where there is none."""
    for _ in range(STEPS):
        if path and _is_page(path):
            return path
        path = path.rpartition("/")[0]
    return reverse("today")


def _is_page(path: str) -> bool:
    view = _view(path)
    return view is not None and bool(getattr(view, "login_required", True)) and takes_get(view)


def _view(path: str) -> View | None:
    if path.startswith(MACHINES):
        return None
    try:
        return resolve(unquote(path)).func
    except Resolver404:
        return None


def came_from(request: HttpRequest) -> str:
    """The page of ours on which a form was sent. After a refusal a page stands at an address that only takes forms:
    then the page above it."""
    referer = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(referer, {request.get_host()}, require_https=request.is_secure()):
        return reverse("today")
    parts = urlsplit(referer)
    page = nearest_page(parts.path)
    return f"{page}?{parts.query}" if parts.query and page == parts.path else page


def login_after_a_press(request: HttpRequest) -> str:
    """The login page's address that leads back there, and says that what was pressed was not done."""
    query = QueryDict(mutable=True)
    query["next"], query[UNDONE] = came_from(request), request.path
    return f"{reverse('login')}?{query.urlencode(safe='/')}"


def undone_words(path: str, then: str = AGAIN) -> str:
    """What became of the act at an address that was pressed without a login: nothing. `then`: what to do."""
    try:
        match = resolve(unquote(path))
    except Resolver404:
        return f"没有办理：提交时登录已失效，未做任何改动。{then}"
    act = getattr(match.func, "act", "")
    named = f"“{act}”" if act else ""
    special = _SPECIAL.get(match.url_name or "")
    return f"{special or f'没有办理{named}：提交时登录已失效，未做任何改动。'}{then}"
