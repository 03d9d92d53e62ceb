"""`tongfa user`."""

from __future__ import annotations

import secrets
from typing import Any

import click

from .common import chosen, now, secret_from
from .output import Reply, command, table


@click.group("user")
def user() -> None:
    """人员：添加、列出、停用。"""


@user.command("add")
@click.argument("username")
@click.option("--name", default="", help="姓名。")
@click.option("--unit", default="office", show_default=True, help="单位代号，没有则新建。")
@click.option("--unit-name", default="", help="新建单位的名称。")
@click.option(
    "--step",
    "steps",
    multiple=True,
    help="新建单位的审核步骤：初审（first）、复审（second）、终审（final），默认三级。",
)
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    help="角色，可多次，写中文或代号：拟稿 editor、初审 first、复审 second、终审 final、签发 releaser、值班 duty、审计 auditor、系统管理员 sysadmin、安全管理员 secadmin、审计管理员 auditadmin。",
)
@click.option("--password-env", metavar="VAR", help="从环境变量取密码。")
@click.option("--password-file", metavar="FILE", help="从文件取密码。")
@click.option("--as", "actor", default="命令行", metavar="USER", help="以哪位管理员的身份办理，记入留痕。")
@command
def add(**options: Any) -> Reply:
    """添加一位人员。"""
    from bot.domain.workflow import ROLE_LABELS, Step
    from bot.services import people

    known = {str(role): label for role, label in ROLE_LABELS.items()}
    roles = [chosen(role, known, "角色") for role in options["roles"]]
    steps = [chosen(step, {str(one): one.label for one in Step}, "审核步骤") for step in options["steps"]]
    given = secret_from(file=options["password_file"], variable=options["password_env"])
    password = given or secrets.token_urlsafe(12)
    unit = people.ensure_unit(
        options["unit"], options["unit_name"], now=now(), actor=options["actor"], steps=steps or None
    )
    person = people.add_person(
        options["username"],
        name=options["name"],
        unit=unit,
        roles=roles,
        password=password,
        actor=options["actor"],
        now=now(),
        must_change=not given,
    )
    data = {"username": person.username, "name": person.name, "unit": unit.code, "roles": person.roles}
    lines = [f"已添加：{person.name}（{person.username}），{unit.name}，{person.role_labels}"]
    if not given:
        data["password"] = password
        lines.append(f"初始密码（只显示这一次）：{password}")
    return Reply(data, lines)


@user.command("list")
@command
def list_people() -> Reply:
    """列出人员。"""
    from bot.models import Person

    people = list(Person.objects.select_related("unit").order_by("unit_id", "pk"))
    rows = [[p.username, p.name, p.unit.name, p.role_labels, "在用" if p.is_active else "停用"] for p in people]
    data = [
        {"username": p.username, "name": p.name, "unit": p.unit.code, "roles": p.roles, "active": p.is_active}
        for p in people
    ]
    return Reply({"users": data}, table(["登录名", "姓名", "单位", "角色", "状态"], rows))


@user.command("disable")
@click.argument("username")
@click.option("--as", "actor", default="命令行", metavar="USER", help="以哪位管理员的身份办理，记入留痕。")
@command
def disable(username: str, actor: str) -> Reply:
    """停用一位人员，权限立即收回。"""
    from bot.services import people

    person = people.disable_person(username, actor=actor, now=now())
    return Reply({"username": username, "active": False}, [f"已停用：{person.name}（{username}）。"])


@user.command("enable")
@click.argument("username")
@click.option("--as", "actor", default="命令行", metavar="USER", help="以哪位管理员的身份办理，记入留痕。")
@command
def enable(username: str, actor: str) -> Reply:
    """重新启用一位停用的人员，恢复原有角色。"""
    from bot.services import people

    person = people.enable_person(username, actor=actor, now=now())
    return Reply({"username": username, "active": True}, [f"已启用：{person.name}（{username}）。"])
