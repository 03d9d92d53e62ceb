"""What the WeChat tests share: an account, posts, the product's side in memory, and a small platform."""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.channels.http import Http
from bot.channels.wechat.adapter import WeChat
from bot.domain.channel import AccountConfig, ChannelFault, Evidence, Grant, Remedy, WireAnswer
from bot.domain.post import Asset, Post
from bot.domain.secret import Secret

from .stub import Asked, Say, Stub

NOW = datetime(2026, 11, 23, 1, 5, 0, tzinfo=UTC)  # 09:05 in Beijing
SENT = datetime(2026, 11, 23, 1, 0, 0, tzinfo=UTC)  # 09:00 in Beijing
APP_ID, APP_SECRET = "wx0123456789abcdef", "app-secret-canary"
CALLBACK_TOKEN, AES_KEY = "callback-token", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
PICTURE = Asset(b"\xff\xd8\xff" + b"p" * 100, "image/jpeg", "图.jpg")
COVER = Asset(b"\x89PNG\r\n\x1a\n" + b"c" * 100, "image/png", "cover.png")
KEY = "0f" * 16
PUBLIC_PATHS = {"publish": "/cgi-bin/freepublish/submit", "mass": "/cgi-bin/message/mass/sendall"}


def make_post(number: int = 1, **payload: str) -> Post:
    """An approved post with one picture in its text."""
    marker = f"k7m{number}"
    values = {
        "title": f"河东区公布“零跑腿”事项清单（{number}）",
        "author": "河东区政务公开",
        "digest": "两批共纳入 49 项“零跑腿”事项。",
        "content": f'<section style="color:#333;"><p>第{number}批 &amp; 说明</p><img src="{PICTURE.ref}" alt="示意图"></section>',
        "content_source_url": f"https://www.hedong.gov.cn/info/{number}.htm?a=1&tf={marker}",
        "cover": COVER.ref,
        "pic_crop_235_1": "0_0_0.7_1",
        "pic_crop_1_1": "0.7_0_1_1",
    }
    return Post("wechat", values | payload, marker)


def make_account(api: str = "http://127.0.0.1:1", mode: str = "publish", **options: str) -> AccountConfig:
    """The district's account; `options` replace its settings."""
    return AccountConfig(
        slug="wx",
        channel="wechat",
        name="中国河东",
        mode=mode,
        endpoints={"api": api},
        credentials={
            "app_secret": Secret(APP_SECRET),
            "callback_token": Secret(CALLBACK_TOKEN),
            "callback_aes_key": Secret(AES_KEY),
        },
        options={"app_id": APP_ID, "account_type": "subscription", **options},
    )


@dataclass
class MemoryPorts:
    """Ports in memory; `token` keeps the contract: one fetch at a time, a differing stored token first."""

    stored: Grant | None = None
    assets: dict[str, Asset] = field(default_factory=lambda: {a.sha256: a for a in (PICTURE, COVER)})
    clock: datetime = NOW
    spent: Counter[tuple[str, str]] = field(default_factory=Counter)
    dates: list[str] = field(default_factory=list)
    trail: list[tuple[str, str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def asset(self, sha256: str) -> Asset:
        return self.assets[sha256]

    def token(self, fetch: Callable[[bool], Grant] | None, *, refused: Secret | None = None) -> Grant:
        with self.lock:
            if self.stored and self.stored.token != refused and self.stored.expires_at > self.clock:
                return self.stored
            if fetch is None:
                raise ChannelFault(Remedy.OPERATOR, "没有可用的令牌。")
            self.stored = fetch(refused is not None)
            return self.stored

    def spend(self, bucket: str, *, limit: int, period: str, reserve: int = 0, each: int = 0) -> None:
        if self.spent[bucket, period] >= limit:
            raise ChannelFault(Remedy.WAIT, "今天的次数已用完。", wait_until=self.clock + timedelta(hours=1))
        self.spent[bucket, period] += 1

    def platform_date(self, value: str, took: float = 0.0, sent: datetime | None = None) -> None:
        self.dates.append(value)

    def record(self, call: str, outcome: str, detail: str = "") -> None:
        self.trail.append((call, outcome, detail))

    def now(self) -> datetime:
        return self.clock


def make_channel(
    api: str = "http://127.0.0.1:1", mode: str = "publish", *, ports: Any = None, **options: str
) -> WeChat:
    """An adapter whose retries do not sleep."""
    ports = ports or MemoryPorts()
    return WeChat(make_account(api, mode, **options), ports, Http(ports, sleep=lambda _: None))


def evidence(posts: Sequence[Post], **values: Any) -> Evidence:
    """What the engine knows five minutes after sending."""
    known = {"key": KEY, "staged": {"draft": "DRAFT1"}, "ids": {}, "sent_at": SENT, "now": NOW} | values
    return Evidence(posts=tuple(posts), **known)


def wire(body: Any, status: int = 200, *, complete: bool = True, date: str = "") -> WireAnswer:
    """An answer to the public call."""
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return WireAnswer(status, (("Date", date),) if date else (), data, complete)


class SmallWeChat:
    """Just enough of a platform behind a stub: tokens, uploads, drafts. Tests bend it by scripting paths."""

    def __init__(self, stub: Stub) -> None:
        self.stub, self.drafts, self.uploads = stub, {}, []
        self.token, self._number = "TOKEN-1-canary", itertools.count(1)
        script = stub.script
        script("/cgi-bin/stable_token", self._stable_token)
        script("/cgi-bin/media/uploadimg", self._image)
        script("/cgi-bin/material/add_material", self._material)
        script("/cgi-bin/draft/add", self.add)
        script("/cgi-bin/draft/get", self.get)
        script(
            "/cgi-bin/draft/delete",
            lambda asked: {"errcode": 0 if self.drafts.pop(asked.json["media_id"], 0) else 40007},
        )
        script("/cgi-bin/draft/batchget", self._list)
        script("/cgi-bin/draft/count", {"total_count": 0})
        script("/cgi-bin/freepublish/batchget", {"total_count": 0, "item_count": 0, "item": []})

    def _stable_token(self, asked: Asked) -> dict[str, Any]:
        if asked.json["secret"] != APP_SECRET:
            return {"errcode": 40001, "errmsg": "invalid appsecret"}
        if asked.json["force_refresh"]:
            self.token = f"TOKEN-{next(self._number) + 1}-canary"
        return {"access_token": self.token, "expires_in": 7200}

    def _image(self, asked: Asked) -> dict[str, Any]:
        self.uploads.append(asked)
        return {"url": f"http://mmbiz.qpic.cn/mmbiz_jpg/{next(self._number)}/0?wx_fmt=jpeg"}

    def _material(self, asked: Asked) -> dict[str, Any]:
        self.uploads.append(asked)
        return {"media_id": f"MATERIAL{next(self._number)}", "url": "http://mmbiz.qpic.cn/x"}

    def add(self, asked: Asked) -> dict[str, Any]:
        media_id = f"DRAFT{next(self._number)}"
        self.drafts[media_id] = [self._stored(one) for one in asked.json["articles"]]
        return {"media_id": media_id}

    def _stored(self, article: dict[str, Any]) -> dict[str, Any]:
        content = article["content"].replace('src="', 'data-src="').replace("http://mmbiz", "https://mmbiz")
        return article | {"content": content, "url": "http://mp.weixin.qq.com/s?preview"}

    def get(self, asked: Asked) -> Say:
        """As the real one may: text/plain without a charset."""
        found = self.drafts.get(asked.json["media_id"])
        body = {"news_item": found} if found else {"errcode": 40007, "errmsg": "invalid media_id"}
        return Say(body, content_type="text/plain")

    def _list(self, asked: Asked) -> dict[str, Any]:
        items = [{"media_id": key, "content": {"news_item": value}} for key, value in reversed(self.drafts.items())]
        return {"total_count": len(items), "item_count": len(items), "item": items}
