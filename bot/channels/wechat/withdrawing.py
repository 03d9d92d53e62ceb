"""Taking a publication down: freepublish/delete or mass/delete (10 a day each, not to be undone)."""

from __future__ import annotations

from typing import Any

from bot.domain.channel import ByHand, ChannelFault, Receipt, Withdrawn

from .client import Client
from .codes import Group

ALREADY_GONE = "53600"


def withdraw(client: Client, receipt: Receipt, position: int | None) -> Withdrawn | ByHand:
    """Delete one position (0-based) or, with None, all of them. The platform counts from 1; 0 means all."""
    index = 0 if position is None else position + 1
    what = "全部文章" if position is None else f"第 {index} 篇"
    if receipt.ids.get("msg_id"):  # the way it went out, whatever the account's mode is now
        return _mass(client, receipt.ids["msg_id"], index, what)
    return _publish(client, receipt, index, what)


def _publish(client: Client, receipt: Receipt, index: int, what: str) -> Withdrawn | ByHand:
    article_id = receipt.ids.get("article_id", "")
    if not article_id:
        return ByHand(f"没有文章或群发编号，系统不能撤下{what}；请在公众平台“发表记录”里手工删除。")
    body = {"article_id": article_id, "index": index}
    try:
        client.call("/cgi-bin/freepublish/delete", body, group=Group.WITHDRAW, read=False)
    except ChannelFault as fault:
        if fault.code != ALREADY_GONE:
            raise
        return Withdrawn(f"{what}在平台上已经不存在。")
    return Withdrawn(f"{what}已从微信撤下，原链接不能再打开。")


def _mass(client: Client, msg_id: str, index: int, what: str) -> Withdrawn:
    number: Any = int(msg_id) if msg_id.isascii() and msg_id.isdigit() else msg_id
    body = {"msg_id": number, "article_idx": index}
    client.call("/cgi-bin/message/mass/delete", body, group=Group.WITHDRAW, read=False)
    return Withdrawn(f"{what}已从微信撤下；关注者仍能看到卡片，点开显示内容已删除。")
