"""Guessing passwords is slowed down: 5 tries per account and address in 15 minutes, 60 per address.

Tries are lines of the audit trail, so that they hold over restarts and for all web processes, and an inspector
can read them. A try is written before the password is looked at, and taken back in the same transaction when it
is one too many: neither parallel guesses nor a flood get further, and a flood does not fill the trail.

What was guessed at is gone once the password was set anew by who manages people: the tries before that line count no
longer, so that somebody who locked themself out is let in by whoever they ask, and need not wait.
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
TRIED, OPENED, FAILED, RESET = "login.tried", "login.opened", "login.failed", "person.password_reset"


class TooManyTries(Exception):
    """Locked for now, whether the account exists or not. `until` is when the next try is possible.

    `whole_address`: all accounts from there, which no new password of one of them ends.
    """

    def __init__(self, until: datetime, *, whole_address: bool) -> None:
        super().__init__(f"locked until {until:%F %T}")
        self.until = until
        self.whole_address = whole_address


def _who(username: str) -> str:
    """A login name as a key: what is typed there may be a password, so it is never stored as it is."""
    return salted_hmac("tongfa.login", username).hexdigest()[:16]


def _subject(address: str) -> str:
    return f"login:{address}"


def take_try(username: str, address: str, *, now: datetime) -> None:
    """Count one try. Raises TooManyTries, with nothing written, when it is one too many."""
    with transaction.atomic():
        audit.append("访客", TRIED, _subject(address), {"who": _who(username)}, now=now)
        tries = _tries(username, address, now)
        _refuse_if_over(tries.get(_who(username), []), PER_ACCOUNT)
        _refuse_if_over(sorted(at for some in tries.values() for at in some), PER_ADDRESS, whole_address=True)


def opened(username: str, address: str, *, now: datetime) -> None:
    """The try was right: note the login; earlier tries of this account from here no longer count."""
    audit.append(username, OPENED, _subject(address), {"who": _who(username)}, now=now)


def failed(username: str, address: str, *, code: bool = False, known: bool = False, now: datetime) -> None:
    """The try was wrong: the password or, after it, the `code`. `known`: by somebody who is logged in."""
    data = {"who": _who(username), "what": "code" if code else "password"}
    audit.append(username if known else "访客", FAILED, _subject(address), data, now=now)


def _tries(username: str, address: str, now: datetime) -> dict[str, list[datetime]]:
    """Instants of the tries from an address that count, oldest first, by account."""
    since: dict[str, list[datetime]] = {}
    subjects = [_subject(address), f"person:{username}"]
    lines = AuditEvent.objects.filter(subject__in=subjects, at__gt=now - WINDOW).order_by("sequence")
    for action, data, at in lines.values_list("action", "data", "at"):
        if action == OPENED:
            since[data["who"]] = []
        elif action == RESET:
            since[_who(username)] = []
        elif action == TRIED:
            since.setdefault(data["who"], []).append(at)
    return since


def _refuse_if_over(tries: list[datetime], limit: int, *, whole_address: bool = False) -> None:
    if len(tries) > limit:
        raise TooManyTries(tries[-limit - 1] + WINDOW, whole_address=whole_address)
