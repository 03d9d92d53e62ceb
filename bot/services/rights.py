"""Rights and passwords: who may change them, and what holds whoever asks."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from bot.domain.instants import require_aware
from bot.domain.workflow import exclusive
from bot.models import Person

from . import audit, logins
from .errors import Refused
from .people import require_known_roles, require_manager, require_strong

LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none that is taken for another


def new_password() -> str:
    """One that is read out and typed in once: 20 letters and digits in groups, 100 bits."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(5)) for _ in range(4))


def set_roles(subject: Person, roles: Sequence[str], *, person: Person, now: datetime) -> Person:
    """Give a person these roles instead of theirs. Nobody changes their own, so somebody who manages people always stays."""
    require_aware(now)
    require_manager(person)
    _require_other(subject, person)
    require_known_roles(roles)
    refusal = exclusive(roles)
    if refusal:
        raise Refused(refusal.code, refusal.message)
    chosen, before = sorted(set(roles)), list(subject.roles)
    if chosen == before:
        return subject
    with audit.serialised():
        Person.objects.filter(pk=subject.pk).update(roles=chosen)
        data = {"from": before, "to": chosen}
        audit.append(person.username, "person.roles", f"person:{subject.username}", data, now=now)
    subject.refresh_from_db()
    return subject


def set_active(subject: Person, active: bool, *, reason: str, person: Person, now: datetime) -> Person:
    """Disable somebody, or let them in again. A disabled person's open pages stop answering at once, and for good: who is let
    in again logs in again."""
    require_aware(now)
    require_manager(person)
    _require_other(subject, person)
    if not reason.strip():
        raise Refused("reason", "停用或启用须写明原因，未做任何改动。")
    with audit.serialised():
        if not Person.objects.filter(pk=subject.pk, is_active=not active).update(is_active=active):
            words = "没有停用，不需要启用" if active else "已经停用"
            raise Refused("active", f"{subject.name}{words}，未做改动。请刷新后再看。")
        if not active:
            logins.end_sessions(subject, now=now)
        action = "person.enabled" if active else "person.disabled"
        audit.append(person.username, action, f"person:{subject.username}", {"reason": reason.strip()[:200]}, now=now)
    subject.refresh_from_db()
    return subject


def reset_password(subject: Person, *, person: Person, now: datetime) -> str:
    """A new password, told once; the person must choose their own at the next login. Ends their sessions."""
    require_aware(now)
    require_manager(person)
    _require_other(subject, person)
    password = new_password()
    subject.set_password(password)
    with audit.serialised():
        subject.must_change_password = True
        subject.save(update_fields=["password", "must_change_password"])
        audit.append(person.username, "person.password_reset", f"person:{subject.username}", now=now)
    return password


WRONG_PASSWORD = "wrong_password"  # noqa: S105 - a code of a refusal, not a password


def change_password(person: Person, *, old: str, new: str, now: datetime) -> None:
    """By the person themself. Ends their other sessions (the session's hash is bound to the password).

    Refused `WRONG_PASSWORD` where the old one is not right: who asks counts that as a guess.
    """
    require_aware(now)
    if not person.check_password(old):
        raise Refused(WRONG_PASSWORD, "原密码不对，密码没有改。请再试一次；连续 5 次不对，将锁定 15 分钟。")
    if old == new:
        raise Refused("password", "新密码与原密码相同，密码没有改。请换一个。")
    require_strong(new, person.username)
    person.set_password(new)
    with audit.serialised():
        person.must_change_password = False
        person.save(update_fields=["password", "must_change_password"])
        audit.append(person.username, "person.password_changed", f"person:{person.username}", now=now)


def _require_other(subject: Person, person: Person) -> None:
    if subject.unit_id != person.unit_id:
        raise Refused("role", "只能管理本单位的人员，未做任何改动。")
    if subject.pk == person.pk:
        raise Refused("self", "不能更改本人的角色、状态或密码，未做任何改动。请由另一位管理员办理。")
