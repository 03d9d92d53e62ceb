"""One WeChat account in front of the rehearsal platform."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import requests

from bot.channels.http import Http
from bot.channels.wechat.adapter import WeChat
from bot.domain.channel import AccountConfig
from bot.domain.post import Asset
from bot.domain.secret import Secret
from bot.rehearsal import RehearsalServer, default_accounts

from .contract import Bench
from .wechat_parts import CALLBACK_TOKEN, KEY, PUBLIC_PATHS, MemoryPorts, make_post
from .weibo_parts import png

ACCOUNT = default_accounts()["wechat"][0]
PHOTO, COVER = Asset(png(16), "image/png", "图.png"), Asset(png(32), "image/png", "封面.png")
BODY = f'<section style="margin:0 0 16px;"><p style="color:#333;">第一批 &amp; “零跑腿”&nbsp;事项</p><img src="{PHOTO.ref}" alt="示意图"><p>附：<strong>49</strong> 项<br>见原文</p></section>'


@dataclass
class LivePorts(MemoryPorts):
    """Ports on the real clock: the rehearsal platform has its own."""

    assets: dict[str, Asset] = field(default_factory=lambda: {a.sha256: a for a in (PHOTO, COVER)})

    def now(self) -> datetime:
        return datetime.now(UTC)


class WeChatBench(Bench):
    def __init__(self, server: RehearsalServer, mode: str, count: int) -> None:
        self.server, self.mode, self.key = server, mode, KEY
        self.ports = LivePorts()
        self.account = AccountConfig(
            slug="wx",
            channel="wechat",
            name=str(ACCOUNT["name"]),
            mode=mode,
            endpoints={"api": f"{server.base_url}/wechat"},
            credentials={"app_secret": Secret(str(ACCOUNT["secret"])), "callback_token": Secret(CALLBACK_TOKEN)},
            options={"app_id": str(ACCOUNT["id"]), "account_type": "subscription", "callback_mode": "plain"},
        )
        self.channel = WeChat(self.account, self.ports, Http(self.ports, sleep=lambda _: None))
        self.posts = tuple(make_post(n, content=BODY, cover=COVER.ref) for n in range(1, count + 1))
        self.switch(publish_seconds=0.1, mass_seconds=0.1, clientmsgid_gap=0)

    @property
    def call(self) -> str:
        return PUBLIC_PATHS[self.mode].removeprefix("/cgi-bin/")

    def control(self, name: str, body: object) -> None:
        answer = requests.post(f"{self.server.base_url}/_control/{name}", json=body, timeout=5)
        assert answer.status_code == 200, answer.text

    def switch(self, **switches: object) -> None:
        self.control("accounts/change", {"platform": "wechat", "account": ACCOUNT["id"], "switches": switches})

    def arm(self, fault: str, call: str = "", **args: object) -> None:
        self.control(
            "faults", {"platform": "wechat", "call": call or self.call, "fault": fault, "times": 1, "args": args}
        )

    def act(self, action: str, **args: object) -> None:
        self.control("act", {"platform": "wechat", "account": ACCOUNT["id"], "action": action, "args": args})

    def public_effects(self) -> int:
        found = requests.get(f"{self.server.base_url}/_control/effects", timeout=5).json()["effects"]
        return len([one for one in found if not one.get("gone_at")])

    def public_calls(self) -> int:
        counts = requests.get(f"{self.server.base_url}/_control/journal", timeout=5).json()["journal"]
        return len([one for one in counts if one["call"] == self.call])

    def lose(self, *, executed: bool) -> None:
        self.arm("lost_after" if executed else "lost_before")

    def revoke_token(self) -> None:
        self.act("supersede_token")

    def go_down(self) -> None:
        self.server.stop()
        self.ports.stored = None
