"""Before T: everything that can be known beforehand is checked; nothing of the post is on the platform yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from ipaddress import IPv4Address
from typing import Any

from bot.domain.channel import AccountConfig, ChannelFault, Grant, Ports, Remedy, Staged
from bot.domain.findings import blocking
from bot.domain.instants import show
from bot.domain.post import Asset, Post

from .checks import check_posts
from .pictures import media_type, picture_sha

#: A token must outlive the release by the time that a late retry may take.
TOKEN_MARGIN = timedelta(minutes=30)


def require_sendable(posts: Sequence[Post], account: AccountConfig, ports: Ports) -> None:
    """ChannelFault(PERSON) for the first thing that the platform would refuse."""
    stops = blocking(check_posts(posts, account, ports.asset))
    if stops:
        message = f"{stops[0].message}（发布前检查未通过，没有发出）"
        raise ChannelFault(Remedy.PERSON, message, code=stops[0].rule)


def is_public_form(rip: str) -> bool:
    """Whether `rip` is a dotted IPv4 address, the form that statuses/share requires."""
    try:
        return bool(IPv4Address(rip))
    except ValueError:
        return False


def require_rip(account: AccountConfig) -> None:
    """ChannelFault(OPERATOR) unless the account names the address that statuses/share requires."""
    if not is_public_form(account.option("rip")):
        message = (
            "账号没有填写服务器公网出口 IP（rip），或不是 IPv4 地址，微博会拒绝发布；请系统管理员在账号设置里填写。"
        )
        raise ChannelFault(Remedy.OPERATOR, message, code="rip")


def require_life(grant: Grant, ports: Ports) -> None:
    """ChannelFault(OPERATOR) when the token ends before a late release could be over."""
    if grant.expires_at - ports.now() < TOKEN_MARGIN:
        message = f"微博授权将在 {show(grant.expires_at)} 到期，来不及完成这次发布，没有发出；请系统管理员用政务账号重新授权。"
        raise ChannelFault(Remedy.OPERATOR, message, code="token_life")


def staged_table(posts: Sequence[Post], ports: Ports, *, since: str) -> Staged:
    """The table: picture by hash and type, newest own id (decimal string or "").

    Verified, since there is nothing on the platform that could differ from the approved bytes.
    """
    sha = picture_sha(posts[0].payload)
    kind = media_type(ports.asset(sha).data) if sha else ""
    table = {"post": posts[0].hash, "picture": sha, "media_type": kind, "since": since}
    return Staged(table, verified=True)


def staged_picture(posts: Sequence[Post], staged: Mapping[str, Any], ports: Ports) -> Asset | None:
    """The picture of the post about to go out. ValueError when it is not what was staged: that is not approved."""
    if len(posts) != 1:
        raise ValueError("a Weibo publication is exactly one post")
    sha = picture_sha(posts[0].payload)
    if sha != (staged.get("picture") or "") or staged.get("post", posts[0].hash) != posts[0].hash:
        raise ValueError("the post differs from what was staged")
    asset = ports.asset(sha) if sha else None
    if asset is not None and asset.sha256 != sha:
        raise ValueError("the picture's bytes are not those approved")
    return asset
