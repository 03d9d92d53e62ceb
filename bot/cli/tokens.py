"""`tongfa token`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from .common import chosen, now
from .output import Reply, command, table

RIGHTS_HELP = (
    "权限，可多次，写中文或代号：查看文件 documents:read、报送文件、提交送审 documents:write、查看发布单 releases:read、"
    "编制发布单 releases:plan、查看指标 metrics:read、查看运行状况 health:read。"
)


@click.group("token")
def token() -> None:
    """接口令牌：供门户等系统调用接口（/api/v1）；不能审核，也不能签发。"""


@token.command("add")
@click.argument("name")
@click.option("--person", "username", required=True, metavar="USER", help="以哪位人员的身份办理；其角色照常适用。")
@click.option("--right", "rights", multiple=True, required=True, help=RIGHTS_HELP)
@click.option("--days", type=click.IntRange(1, 1095), default=365, show_default=True, help="有效天数。")
@click.option("--as", "actor", default="命令行", metavar="USER", help="以哪位管理员的身份办理，记入留痕。")
@command
def add(name: str, username: str, rights: tuple[str, ...], days: int, actor: str) -> Reply:
    """添加一个令牌，内容只显示这一次。"""
    from bot.domain.rights import RIGHT_LABELS
    from bot.services import apitokens, people

    known = {str(right): label for right, label in RIGHT_LABELS.items()}
    made, secret = apitokens.add_token(
        name,
        person=people.acting(username),
        rights=[chosen(right, known, "权限") for right in rights],
        life=timedelta(days=days),
        actor=actor,
        now=now(),
    )
    lines = [
        f"已添加令牌 {made.pk}（{made.name}），以 {made.person.name} 的身份办理，{days} 天后到期。",
        f"令牌（只显示这一次）：{secret.reveal()}",
        *filter(None, [apitokens.of_no_use(made)]),
    ]
    return Reply({"token": token_data(made, now()), "secret": secret.reveal()}, lines)


@token.command("list")
@command
def list_tokens() -> Reply:
    """列出令牌；令牌的内容无处可查。"""
    from bot.domain.instants import show
    from bot.models import ApiToken

    found = list(ApiToken.objects.select_related("unit", "person").order_by("unit_id", "pk"))
    at = now()
    data = [token_data(one, at) for one in found]
    rows = [
        [str(one.pk), one.name, one.unit.name, one.person.name, "、".join(one.rights), STATES[told["state"]],
         show(one.expires_at, seconds=False), show(one.last_used_at, seconds=False) if one.last_used_at else "—"]
        for one, told in zip(found, data, strict=True)
    ]  # fmt: skip
    return Reply(
        {"tokens": data}, table(["编号", "名称", "单位", "人员", "权限", "状态", "到期", "最近使用（到小时）"], rows)
    )


@token.command("revoke")
@click.argument("pk", type=int, metavar="ID")
@click.option("--as", "actor", default="命令行", metavar="USER", help="以哪位管理员的身份办理，记入留痕。")
@command
def revoke(pk: int, actor: str) -> Reply:
    """吊销一个令牌，立即生效。"""
    from bot.services import apitokens

    gone = apitokens.revoke_token(pk, actor=actor, now=now())
    return Reply({"token": token_data(gone, now())}, [f"已吊销令牌 {gone.pk}（{gone.name}）。"])


STATES = {"valid": "在用", "expired": "过期", "revoked": "已吊销"}


def token_data(one: Any, at: Any) -> dict[str, Any]:
    """The JSON form of a token, which never holds its secret."""
    state = "revoked" if one.revoked_at else ("expired" if one.expires_at <= at else "valid")
    return {
        "id": one.pk,
        "name": one.name,
        "unit": one.unit.code,
        "person": one.person.username,
        "rights": one.rights,
        "state": state,
        "created_at": one.created_at.isoformat(),
        "expires_at": one.expires_at.isoformat(),
        "revoked_at": one.revoked_at.isoformat() if one.revoked_at else None,
        "last_used_at": one.last_used_at.isoformat() if one.last_used_at else None,
    }
