"""Weibo (微博) by the open platform's statuses/share: one public call, read back in the account's own timeline."""

from __future__ import annotations

from bot.domain.channel import ChannelKind

from .adapter import WeiboChannel
from .spec import SPEC

KIND = ChannelKind(SPEC, WeiboChannel)
