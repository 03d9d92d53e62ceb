"""微信公众号: drafts, publishing (发布) and mass sends (群发), statistics, callbacks."""

from __future__ import annotations

from bot.domain.channel import AccountConfig, Channel, ChannelKind, Ports

from .adapter import WeChat
from .spec import SPEC


def _build(account: AccountConfig, ports: Ports) -> Channel:
    return WeChat(account, ports)


KIND = ChannelKind(SPEC, _build)
