"""Guessing passwords is slowed down: 5 tries per account and address in 15 minutes, 60 per address; of somebody who is logged in
5 per session, whatever others try.

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


def _who(username: str, session: str = "") -> str:
    """A login name as a key: what is typed there may be a password, so it is never stored as it is."""
    return salted_hmac("tongfa.login", f"{username}\0{session}" if session else username).hexdigest()[:16]


def _subject(address: str) -> str:
    return f"login:{address}"


def take_try(username: str, address: str, *, now: datetime, session: str = "") -> None:
    """Count one try. Raises TooManyTries, with nothing written, when it is one too many.

    `session`: of somebody who is logged in. Their tries are counted by themselves: what strangers guess at must not keep a
    person at work from signing, least of all from stopping what is under way.
    """
    key = _who(username, session)
    with transaction.atomic():
        by = username if session else "访客"
        audit.append(by, TRIED, _subject(address), {"who": key} | ({"known": True} if session else {}), now=now)
        tries = _tries(username, address, now)
        _refuse_if_over([at for at, _ in tries.get(key, [])], PER_ACCOUNT)
        if not session:
            strange = sorted(at for some in tries.values() for at, known in some if not known)
            _refuse_if_over(strange, PER_ADDRESS, whole_address=True)


def opened(username: str, address: str, *, now: datetime, session: str = "") -> None:
    """The try was right: note the login; earlier tries of this account from here no longer count."""
    audit.append(username, OPENED, _subject(address), {"who": _who(username, session)}, now=now)


def failed(username: str, address: str, *, code: bool = False, known: bool = False, now: datetime) -> None:
    """The try was wrong: the password or, after it, the `code`. `known`: by somebody who is logged in."""
    data = {"who": _who(username), "what": "code" if code else "password"}
    audit.append(username if known else "访客", FAILED, _subject(address), data, now=now)


def _tries(username: str, address: str, now: datetime) -> dict[str, list[tuple[datetime, bool]]]:
    """Instants of the tries from an address that count, oldest first, by account; and whether by somebody logged in."""
    since: dict[str, list[tuple[datetime, bool]]] = {}
    subjects = [_subject(address), f"person:{username}"]
    lines = AuditEvent.objects.filter(subject__in=subjects, at__gt=now - WINDOW).order_by("sequence")
    for action, data, at in lines.values_list("action", "data", "at"):
        if action == OPENED:
            since[data["who"]] = []
        elif action == RESET:
            since[_who(username)] = []
        elif action == TRIED:
            since.setdefault(data["who"], []).append((at, bool(data.get("known"))))
    return since


def _refuse_if_over(tries: list[datetime], limit: int, *, whole_address: bool = False) -> None:
    if len(tries) > limit:
        raise TooManyTries(tries[-limit - 1] + WINDOW, whole_address=whole_address)
