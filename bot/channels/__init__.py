"""Post -> the outside world; one folder per vendor.

A vendor is a sub-package that exports `KIND` (a ChannelKind). Nothing else has to be edited to add one, and
vendors never import each other.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from bot.domain.channel import AccountConfig, Channel, ChannelFault, ChannelKind, Ports, Remedy


@cache
def _discovered() -> tuple[ChannelKind, ...]:
    """Every vendor folder's KIND, in the order of folder names."""
    found = []
    for name in sorted(info.name for info in pkgutil.iter_modules(__path__) if info.ispkg):
        kind = getattr(importlib.import_module(f"{__name__}.{name}"), "KIND", None)
        if isinstance(kind, ChannelKind):
            found.append(kind)
    return tuple(found)


def kinds() -> dict[str, ChannelKind]:
    """All channels this installation knows, by spec name. The result is the caller's own copy."""
    return {kind.spec.name: kind for kind in _discovered()}


def build(account: AccountConfig, ports: Ports) -> Channel:
    """The adapter of one account. Raises ChannelFault(OPERATOR) for a channel that does not exist."""
    kind = kinds().get(account.channel)
    if kind is None:
        raise ChannelFault(
            Remedy.OPERATOR,
            f"账号“{account.name}”的渠道“{account.channel}”不存在，什么也没有发出；请系统管理员核对账号配置。",
            code="channel",
        )
    return kind.build(account, ports)
