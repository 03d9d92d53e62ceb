"""Guessing passwords is slowed down: 5 tries per account and address in 15 minutes, 60 per address.

Tries are lines of the audit trail, so that they hold over restarts and for all web processes, and an inspector
can read them. A try is written before the password is looked at, and taken back in the same transaction when it
is one too many: neither parallel guesses nor a flood get further, and a flood does not fill the trail.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.crypto import salted_hmac

from bot.models import AuditEvent
from bot.services import audit

PER_ACCOUNT = 5
PER_ADDRESS = 60
WINDOW = timedelta(minutes=15)
TRIED, OPENED = "login.tried", "login.opened"


class TooManyTries(Exception):
    """Locked for now, whether the account exists or not. `until` is when the next try is possible."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"locked until {until:%F %T}")
        self.until = until


def _who(username: str) -> str:
    """A login name as a key: what is typed there may be a password, so it is never stored as it is."""
    return salted_hmac("tongfa.login", username).hexdigest()[:16]


def _subject(address: str) -> str:
    return f"login:{address}"


def take_try(username: str, address: str, *, now: datetime) -> None:
    """Count one try. Raises TooManyTries, with nothing written, when it is one too many."""
    with transaction.atomic():
        audit.append("访客", TRIED, _subject(address), {"who": _who(username)}, now=now)
        _refuse_if_over(_tries(address, _who(username), now), PER_ACCOUNT)
        _refuse_if_over(_tries(address, "", now), PER_ADDRESS)


def opened(username: str, address: str, *, now: datetime) -> None:
    """The try was right: note the login; earlier tries of this account from here no longer count."""
    audit.append(username, OPENED, _subject(address), {"who": _who(username)}, now=now)


def _tries(address: str, who: str, now: datetime) -> list[datetime]:
    """Instants of the tries that count, oldest first; of all accounts when `who` is ""."""
    since: dict[str, list[datetime]] = {}
    lines = AuditEvent.objects.filter(subject=_subject(address), at__gt=now - WINDOW).order_by("sequence")
    for action, data, at in lines.values_list("action", "data", "at"):
        if action == OPENED:
            since[data["who"]] = []
        elif action == TRIED:
            since.setdefault(data["who"], []).append(at)
    return since.get(who, []) if who else sorted(at for tries in since.values() for at in tries)


def _refuse_if_over(tries: list[datetime], limit: int) -> None:
    if len(tries) > limit:
        raise TooManyTries(tries[-limit - 1] + WINDOW)
