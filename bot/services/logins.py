"""Sessions of people at the pages."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session

from bot.domain.instants import require_aware
from bot.models import Person


def end_sessions(person: Person, *, now: datetime, but: str = "") -> int:
    """End all sessions of somebody, or all others than `but` (a session key): a copy of their cookie is worth nothing then.
    Returns how many."""
    require_aware(now)
    who, ended = str(person.pk), 0
    for row in Session.objects.filter(expire_date__gt=now).exclude(session_key=but):
        if row.get_decoded().get(SESSION_KEY) == who:
            row.delete()
            ended += 1
    return ended
