"""A further unit (乡镇街道, 部门), with the first person who manages the people in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from bot.domain.instants import require_aware
from bot.domain.workflow import Role
from bot.models import Person, Unit

from . import audit
from .errors import Refused
from .people import add_person, require_manager, require_steps

CODE = re.compile(r"[a-z][a-z0-9-]{1,38}[a-z0-9]")
LONGEST_NAME = 100
NOTHING = "没有新建单位。"


def open_unit(
    code: str, name: str, *, steps: Sequence[str], manager: str, manager_name: str, password: str, person: Person,
    now: datetime,
) -> Person:  # fmt: skip
    """Make a unit and its first 安全管理员, who is returned; all of it or nothing.

    Whoever makes it manages their own unit as before, and nobody in the new one: so it comes with somebody who does.
    The trail of both units tells it.
    """
    require_aware(now)
    require_manager(person)
    name = " ".join(name.split())
    _require_code(code)
    _require_name(name)
    require_steps(steps)
    if not manager.strip() or not manager_name.strip():
        raise Refused("manager", f"没有填安全管理员的姓名和登录名，新单位会没有人管理，{NOTHING}请填写这两栏。")
    with audit.serialised():
        unit = _create(code, name, steps)
        data = {"name": name, "steps": list(steps)}
        audit.append(person.username, "unit.created", f"unit:{code}", data, now=now)
        made = add_person(
            manager.strip(), name=manager_name.strip(), unit=unit, roles=[Role.SECADMIN], password=password,
            actor=person.username, now=now, must_change=True,
        )  # fmt: skip
        told = {"name": name, "code": code, "manager": made.name, "username": made.username}
        audit.append(person.username, "unit.opened", f"unit:{person.unit.code}", told, now=now)
    return made


def _create(code: str, name: str, steps: Sequence[str]) -> Unit:
    if Unit.objects.filter(name=name).exists():
        raise Refused("exists", f"已有单位“{name}”，{NOTHING}请核对是否已经建过，或换一个能区分的名称。")
    try:
        with transaction.atomic():
            return Unit.objects.create(code=code, name=name, steps=list(steps))
    except IntegrityError:
        raise Refused("exists", f"代号“{code}”已有单位在用，{NOTHING}请换一个代号。") from None


def _require_code(code: str) -> None:
    if not CODE.fullmatch(code):
        raise Refused(
            "code",
            f"代号“{code[:40]}”不合规则，{NOTHING}代号为 3 至 40 位小写字母、数字和“-”，以字母开头，不以“-”结尾，如 jiuqu。请改正代号。",
        )


def _require_name(name: str) -> None:
    if not 2 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise Refused("name", f"单位名称须为 2 至 {LONGEST_NAME} 个字，{NOTHING}请填写单位全称。")
