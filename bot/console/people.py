"""Who is asking."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

from django.http import HttpRequest

from bot.models import Person


def person(request: HttpRequest) -> Person:
    """The member of staff who is logged in; only for views behind the login."""
    return cast(Person, request.user)


def plain(text: str) -> str:
    """What was typed, trimmed. (That no database takes a NUL is seen to for all views: `middleware.NoNul`.)"""
    return text.strip()


def now() -> datetime:
    """The present instant, aware."""
    return datetime.now(UTC)
