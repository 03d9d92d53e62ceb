"""The wall before text that is not public yet: one decorator for every page that shows it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from bot.services.people import require_reader

from .people import person

P = ParamSpec("P")
R = TypeVar("R", bound=HttpResponseBase)


def only(view: Callable[Concatenate[HttpRequest, P], R]) -> Callable[Concatenate[HttpRequest, P], R]:
    """A view for those who may read; administrators without another role get the page that says so (403)."""

    @wraps(view)
    def walled(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> R:
        require_reader(person(request))
        return view(request, *args, **kwargs)

    return walled
