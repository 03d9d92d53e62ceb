"""`tongfa init`."""

from __future__ import annotations

import secrets
import socket
from typing import Any

import click

from .common import at_work, now, secret_from
from .output import Reply, command

_NEW_MASTER = (
    "注意：master.key 原先丢失，已新建一个。各账号以前录入的凭据都打不开了，重新录入（tongfa account credential）之前什么也发不出去；"
    "找得到原文件的，请先停下各进程，放回原文件。"
)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@click.command("init")
@click.option("--live", is_flag=True, help="正式环境。默认是演练环境；定下后不能更改。")
@click.option("--admin", default="admin", show_default=True, help="首位系统管理员的登录名。")
@click.option("--admin-name", default="系统管理员", show_default=True, help="首位系统管理员的姓名。")
@click.option("--unit", default="office", show_default=True, help="管理员所在单位的代号。")
@click.option("--unit-name", default="河东区人民政府办公室", show_default=True, help="单位名称。")
@click.option("--place", metavar="NAME", help="本地全称，写在推送里发布机构的前面。默认 临沂市河东区；定下后不能更改。")
@click.option("--password-env", metavar="VAR", help="从环境变量取管理员密码。")
@click.option("--password-file", metavar="FILE", help="从文件取管理员密码。")
@command
def init(**options: Any) -> Reply:
    """建立环境：目录、密钥、数据库、首位管理员。重复执行不改变已有内容。"""
    return initialise(**options)


def initialise(
    *,
    live: bool,
    admin: str,
    admin_name: str,
    unit: str,
    unit_name: str,
    place: str | None = None,
    password_env: str | None = None,
    password_file: str | None = None,
    password: str = "",
) -> Reply:
    """What `init` does, for `demo` too. `password`: that of the first administrator where it is known to everybody."""
    from django.conf import settings

    from bot.models import Person
    from bot.services import home, people, vault, wall

    settings.TONGFA.home.make()
    home.write(home.HomeFacts(live=live, rehearsal_port=0 if live else _free_port(), place=place or home.place()))
    vault.require_trail_key(settings.TONGFA.home.path)
    made = {path.name for path in vault.make_keys(settings.TONGFA.home.path)}
    wall.bring_up_to_date(clock=now, at_work=at_work())
    lines = [f"{home.facts().label}已就绪：{settings.TONGFA.home.path}"]
    if "master.key" in made and vault.holds_credentials():
        lines.append(_NEW_MASTER)
    data: dict[str, Any] = {
        "home": str(settings.TONGFA.home.path),
        "live": home.is_live(),
        "admin": admin,
        "created": False,
    }
    if not Person.objects.filter(username=admin).exists():
        given = password or secret_from(file=password_file, variable=password_env)
        password = given or secrets.token_urlsafe(12)
        owner = people.ensure_unit(unit, unit_name, now=now(), actor="tongfa init")
        people.add_person(
            admin, name=admin_name, unit=owner, roles=["sysadmin"], password=password, actor="tongfa init", now=now(),
            must_change=not given,
        )  # fmt: skip
        data["created"] = True
        lines.append(
            f"首位系统管理员：{admin}" + ("" if given else f"　初始密码（只显示这一次，请记下并尽快更换）：{password}")
        )
        if not given:
            data["password"] = password
    lines.append(f"下一步：{_lacking()}tongfa up。")
    return Reply(data, lines)


def _lacking() -> str:
    """What has to be added before anything can be published: initialised once more, a home has it."""
    from bot.models import Account, Person

    there = {"tongfa user add": Person.objects.count() > 1, "tongfa account add": Account.objects.exists()}
    missing = "、".join(words for words, is_there in there.items() if not is_there)
    return f"{missing}，然后 " if missing else ""
