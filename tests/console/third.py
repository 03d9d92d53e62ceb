"""A third kind of channel, as a folder brings it: what its spec says is all that anybody knows of it."""

from __future__ import annotations

import dataclasses

import pytest

from bot import channels
from bot.domain.channel import ChannelKind, OptionSpec
from bot.models import Account

WEIBO = channels.kinds()["weibo"]
SPEC = dataclasses.replace(
    WEIBO.spec,
    name="bulletin",
    label="村村屏",
    credentials=(OptionSpec("token", "访问令牌", required=True),),
    metrics=("shown", "comments"),
    metric_labels={"shown": "播放"},
    metrics_lag="实时。",
)


def becomes_third(account: Account, monkeypatch: pytest.MonkeyPatch) -> Account:
    """This Weibo account is one of the third kind from now on, in this test alone."""
    kinds = channels.kinds() | {SPEC.name: ChannelKind(SPEC, WEIBO.build)}
    monkeypatch.setattr(channels, "kinds", lambda: dict(kinds))
    Account.objects.filter(pk=account.pk).update(channel=SPEC.name, name="河东村村屏")
    account.refresh_from_db()
    return account
