"""发到我的微信预览: one person sees the post in WeChat itself, from a draft that is deleted again. Nothing becomes public."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.post import Post

from .client import Client
from .codes import Group
from .staging import Stager


def show(client: Client, posts: Sequence[Post], to: str) -> str:
    """message/mass/preview to a WeChat name (a follower's, wechat.md 4.2: 100 a day). Returns what was done, for staff."""
    stager = Stager(client)
    draft = str(stager.stage(posts, None).table["draft"])
    body = {"towxname": to, "mpnews": {"media_id": draft}, "msgtype": "mpnews"}
    try:
        client.call("/cgi-bin/message/mass/preview", body, group=Group.STAGE, read=False)
    finally:
        stager.discard(draft)
    return f"已发到微信号“{to}”，请在手机上打开“{client.account.name}”查看。没有公开，关注者看不到。"
