"""Units and people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from bot.domain.instants import require_aware
from bot.domain.workflow import LEAST_STEPS, READERS, Role, Step, exclusive
from bot.models import Person, Unit

from . import audit
from .errors import NotFound, Refused

MIN_PASSWORD = 12
LOGIN_NAME = re.compile(r"[\w.@+-]{1,60}")


def ensure_unit(code: str, name: str, *, now: datetime, actor: str, steps: Sequence[str] | None = None) -> Unit:
    """The unit with this code, created if there is none."""
    require_aware(now)
    if steps is not None:
        require_steps(steps)
    with transaction.atomic():
        unit, created = Unit.objects.get_or_create(
            code=code, defaults={"name": name or code} | ({"steps": list(steps)} if steps is not None else {})
        )
        if created:
            audit.append(actor, "unit.created", f"unit:{unit.code}", {"name": unit.name, "steps": unit.steps}, now=now)
    return unit


def require_steps(steps: Sequence[str]) -> None:
    """Refused unless these are the reviews of a unit: two at least, in their order, from the first on.

    An edition waits for its first review when it is submitted: without that step nobody could take it up.
    """
    ordered = [step for step in Step if step in steps]
    if len(steps) < LEAST_STEPS or list(steps) != ordered or steps[0] != Step.FIRST:
        raise Refused("steps", "审核至少两级，从初审开始，且须按初审、复审、终审的次序。请改正单位的审核步骤。")


def add_person(
    username: str, *, name: str, unit: Unit, roles: Sequence[str], password: str | None, actor: str, now: datetime,
    must_change: bool = False,
) -> Person:  # fmt: skip
    """Create a member of staff. `must_change`: the password was made for them, they choose their own at the first login."""
    require_aware(now)
    require_login_name(username)
    require_known_roles(roles)
    refusal = exclusive(roles)
    if refusal:
        raise Refused(refusal.code, refusal.message)
    if password is not None:
        require_strong(password, username)
    try:
        with transaction.atomic():
            person = Person.objects.create_person(
                username, password, name=name or username, unit=unit, roles=sorted(set(roles)),
                must_change_password=must_change,
            )  # fmt: skip
            data = {"name": person.name, "unit": unit.code, "roles": person.roles}
            audit.append(actor, "person.added", f"person:{username}", data, now=now)
    except IntegrityError:
        raise Refused("exists", f"已有登录名“{username}”。请换一个登录名。") from None
    return person


def require_login_name(username: str) -> None:
    """Refused where it could not be typed again, said over the telephone, or stand in an address."""
    if not LOGIN_NAME.fullmatch(username):
        raise Refused(
            "username",
            "登录名须为 1 至 60 个汉字、字母、数字或 . _ - @ +，不含空格和斜杠。请改写登录名。"
            if username
            else "没有填写登录名。请填写登录名。",
        )


def require_known_roles(roles: Iterable[str]) -> None:
    """Refused when one is no role of ours."""
    unknown = [role for role in roles if role not in set(Role)]
    if unknown:
        raise Refused(
            "role", f"没有角色“{unknown[0]}”。可用的角色：{'、'.join(f'{role.label}（{role}）' for role in Role)}。"
        )


def enable_person(username: str, *, actor: str, now: datetime) -> Person:
    """Give somebody who was disabled the rights back that the roles hold."""
    require_aware(now)
    person = find_person(username)
    if person.is_active:
        raise Refused("enabled", f"{person.name}（{username}）没有停用，不需要启用。")
    with transaction.atomic():
        Person.objects.filter(pk=person.pk).update(is_active=True)
        audit.append(actor, "person.enabled", f"person:{username}", now=now)
    person.refresh_from_db()
    return person


def require_strong(password: str, username: str) -> None:
    """Long enough, no well-known password, no mere number, nothing like the login name (NIST SP 800-63B 5.1.1.2)."""
    if len(password) < MIN_PASSWORD:
        raise Refused("password", f"密码至少 {MIN_PASSWORD} 位。请换一个更长的密码。")
    try:
        validate_password(password, Person(username=username))
    except ValidationError as error:
        raise Refused("password", f"密码太容易猜到：{''.join(error.messages)}请换一个密码。") from None


def disable_person(username: str, *, actor: str, now: datetime) -> Person:
    """Take somebody's rights away at once."""
    require_aware(now)
    person = find_person(username)
    with transaction.atomic():
        Person.objects.filter(pk=person.pk).update(is_active=False)
        audit.append(actor, "person.disabled", f"person:{username}", now=now)
    person.refresh_from_db()
    return person


def find_person(username: str) -> Person:
    """By login name."""
    try:
        return Person.objects.select_related("unit").get(username=username)
    except Person.DoesNotExist:
        raise NotFound("人员", username) from None


def colleague(username: str, *, unit: Unit) -> Person:
    """A person of this unit by login name."""
    try:
        return Person.objects.select_related("unit").get(username=username, unit=unit)
    except Person.DoesNotExist:
        raise NotFound("人员", username) from None


def acting(username: str) -> Person:
    """The person a command acts as; refused when they are disabled."""
    person = find_person(username)
    if not person.is_active:
        raise Refused("disabled", f"人员“{person.name}”已停用，不能办理业务。请换一位在岗人员。")
    return person


def require(person: Person, *roles: Role) -> None:
    """Refused unless the person holds one of the roles."""
    if not any(person.has_role(role) for role in roles):
        words = "或".join(role.label for role in roles)
        raise Refused("role", f"您没有{words}权限，未做任何改动。请由具有{words}角色的人员办理。")


def may_read(person: Person) -> bool:
    """Whether this person may read what is not public yet."""
    return any(person.has_role(role) for role in READERS)


def require_reader(person: Person) -> None:
    """Refused to those who keep the machine, the people or the trail and have no part in what is published."""
    if not may_read(person):
        raise Refused(
            "role",
            "文件、渠道稿和发布单只给办理和审计它们的人看，管理员角色不看内容，没有显示。"
            "确有需要的，请安全管理员另给您一个业务角色（如审计）。",
        )


def require_manager(person: Person) -> None:
    """安全管理员 manage people; the 系统管理员 of a unit does as long as it has none."""
    if not manages_people(person):
        raise Refused("role", "您没有管理人员的权限，未做任何改动。请由安全管理员办理。")


def manages_people(person: Person) -> bool:
    """Whether this person may add people and change their rights."""
    if person.has_role(Role.SECADMIN):
        return True
    return person.has_role(Role.SYSADMIN) and not any(
        one.has_role(Role.SECADMIN) for one in person.unit.people.filter(is_active=True)
    )


def names(usernames: Iterable[str]) -> dict[str, str]:
    """Login name to full name; actors that are no people (系统, 平台回调) are not in it."""
    return dict(Person.objects.filter(username__in=set(usernames)).values_list("username", "name"))
