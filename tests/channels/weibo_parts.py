"""What the Weibo tests share: an account, a post, the product's side in memory, and a scripted platform."""

from __future__ import annotations

import json
import struct
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from bot.channels.weibo.adapter import WeiboChannel
from bot.domain.channel import OWN_QUOTA, OWN_RESERVE, AccountConfig, ChannelFault, Evidence, Grant, Remedy, WireAnswer
from bot.domain.post import Asset, Post
from bot.domain.secret import Secret

from .stub import Asked, Say, Stub, running_stub

NOW = datetime(2026, 11, 23, 1, 0, 2, tzinfo=UTC)  # 09:00:02 in Beijing
SENT = datetime(2026, 11, 23, 1, 0, 0, tzinfo=UTC)
UID = "2607741009"
TOKEN = "2.00canaryTOKENcanary"
LINK = "https://www.hedong.gov.cn/info/9000/2017001.htm?tf=k7m2"
TEXT = f"【河东区公布“零跑腿”事项清单】两批共纳入49项“零跑腿”事项和141项“只跑一次”事项。 全文：{LINK}"


def png(width: int = 8, padding: int = 0) -> bytes:
    """A valid one-colour PNG, with `padding` bytes of comment."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\xc0\x10\x10" * width for _ in range(width))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, width, 8, 2, 0, 0, 0))
    comment = chunk(b"tEXt", b"Comment\0" + b"x" * padding) if padding else b""
    return b"\x89PNG\r\n\x1a\n" + header + comment + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


PICTURE = Asset(png(), "image/png", "card.png")


def make_post(text: str = TEXT, *, picture: Asset | None = None, marker: str = "k7m2") -> Post:
    """An approved post."""
    return Post("weibo", {"status": text, **({"pic": picture.ref} if picture else {})}, marker)


def make_account(api: str = "http://127.0.0.1:1", **options: str) -> AccountConfig:
    """The district's account; `options` replace its settings."""
    settings = {"app_key": "1234", "uid": UID, "safe_domain": "www.hedong.gov.cn", "rip": "203.0.113.7", **options}
    return AccountConfig(
        slug="wb", channel="weibo", name="临沂河东", mode="share", endpoints={"api": api},
        credentials={"app_secret": Secret("app-secret-canary")}, options=settings,
    )  # fmt: skip


@dataclass
class MemoryPorts:
    """Ports in memory. `stored` is the product's token; None = nobody has authorised."""

    stored: Grant | None = field(default_factory=lambda: Grant(Secret(TOKEN), NOW + timedelta(days=20)))
    assets: dict[str, Asset] = field(default_factory=lambda: {PICTURE.sha256: PICTURE})
    clock: datetime = NOW
    spent: Counter[tuple[str, str]] = field(default_factory=Counter)
    to_send: int = 0
    dates: list[str] = field(default_factory=list)
    trail: list[tuple[str, str, str]] = field(default_factory=list)

    def asset(self, sha256: str) -> Asset:
        return self.assets[sha256]

    def token(self, fetch: Callable[[bool], Grant] | None, *, refused: Secret | None = None) -> Grant:
        if self.stored and self.stored.token != refused and self.stored.expires_at > self.clock:
            return self.stored
        if fetch is None:
            raise ChannelFault(Remedy.OPERATOR, "没有可用的授权，请重新授权。")
        self.stored = fetch(True)
        return self.stored

    def spend(self, bucket: str, *, limit: int, period: str, reserve: int = 0, each: int = 0) -> None:
        kept = max(reserve, each * self.to_send)
        if self.spent[bucket, period] >= limit - kept:
            code = OWN_RESERVE if self.spent[bucket, period] < limit else OWN_QUOTA
            end = datetime(2026, 11, 23, 16, tzinfo=UTC)
            raise ChannelFault(Remedy.WAIT, "今天的调用次数已用完。", code=code, wait_until=end)
        self.spent[bucket, period] += 1

    def platform_date(self, value: str, took: float = 0.0, sent: datetime | None = None) -> None:
        self.dates.append(value)

    def record(self, call: str, outcome: str, detail: str = "") -> None:
        self.trail.append((call, outcome, detail))

    def now(self) -> datetime:
        return self.clock


class Platform:
    """The scripted stub, in Weibo's terms. The last answer of a script repeats."""

    def __init__(self, stub: Stub) -> None:
        self._stub, self.url = stub, stub.url

    def script(self, path: str, *answers: Any, status: int = 200) -> None:
        """What `path` answers (JSON values, or bytes as they are), all with one HTTP status."""
        self._stub.script(path, *(answer if isinstance(answer, Say) else Say(answer, status) for answer in answers))

    @property
    def seen(self) -> list[Asked]:
        """Every request received."""
        return self._stub.asked

    def calls(self, path: str) -> list[Asked]:
        """Requests received on `path`."""
        return self._stub.calls(path)


@contextmanager
def running_platform() -> Iterator[Platform]:
    """The scripted platform, on a free port of loopback."""
    with running_stub() as stub:
        yield Platform(stub)


def form_of(asked: Asked) -> dict[str, str]:
    """The urlencoded body of a request."""
    return dict(parse_qsl(asked.body.decode(), keep_blank_values=True))


def make_channel(account: AccountConfig | None = None, ports: MemoryPorts | None = None) -> WeiboChannel:
    """An adapter that never sleeps."""
    return WeiboChannel(account or make_account(), ports or MemoryPorts(), sleep=lambda seconds: None)


def created(at: datetime) -> str:
    """An instant as Weibo writes it."""
    beijing = at + timedelta(hours=8)
    days, months = (
        ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    )
    return f"{days[beijing.weekday()]} {months[beijing.month - 1]} {beijing:%d %H:%M:%S} +0800 {beijing:%Y}"


def make_status(
    idstr: str = "5300000000000001", text: str = TEXT, *, at: datetime = SENT, **more: Any
) -> dict[str, Any]:
    """A post as the platform returns it: t.cn link, and a blank and U+200B at the end."""
    shown = text.replace(LINK, "http://t.cn/A6abcdef") + " \u200b"
    return {
        "created_at": created(at), "id": int(idstr), "idstr": idstr, "mid": idstr, "text": shown,
        "uid": int(UID), "reposts_count": 0, "comments_count": 0, "attitudes_count": 0,
        "visible": {"type": 0, "list_id": 0}, "pic_urls": [], **more,
    }  # fmt: skip


def timeline(*statuses: dict[str, Any]) -> dict[str, Any]:
    """The envelope of user_timeline."""
    return {"statuses": list(statuses), "previous_cursor": 0, "next_cursor": 0, "total_number": len(statuses)}


def make_evidence(post: Post | None = None, **changes: Any) -> Evidence:
    """What is known some seconds after an act whose outcome is unknown."""
    evidence = Evidence(
        key="pub-1", posts=(post or make_post(),), staged={}, ids={}, sent_at=SENT,
        now=SENT + timedelta(seconds=15), after_unknown=True, since="5299999999999999",
    )  # fmt: skip
    return replace(evidence, **changes)


def wire(body: Any, status: int = 200, *, complete: bool = True, date: str = "") -> WireAnswer:
    """An answer as the launcher hands it over."""
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return WireAnswer(status, (("Date", date),) if date else (), raw, complete)


def refusal(code: int | str, error: str = "some english text") -> dict[str, Any]:
    """An error body."""
    return {"error": error, "error_code": code, "request": "/2/statuses/share.json"}
