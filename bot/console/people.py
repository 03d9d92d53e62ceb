"""Who is asking."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import cast

from django.http import HttpRequest

from bot.models import Person


def person(request: HttpRequest) -> Person:
    """The member of staff who is logged in; only for views behind the login."""
    return cast(Person, request.user)


def now() -> datetime:
    """The present instant, aware."""
    return datetime.now(UTC)


def names(usernames: Iterable[str]) -> dict[str, str]:
    """Login name to full name; actors that are no people (系统, 平台回调) are not in it."""
    return dict(Person.objects.filter(username__in=set(usernames)).values_list("username", "name"))
