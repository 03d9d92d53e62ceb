"""企业微信群机器人: POST {"msgtype": "text", ...} to webhook/send?key=…, errcode 0 (work.weixin.qq.com doc 91770)."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.notice import Notice, Notifier, NotifierKind, Setting, Target

from .. import http

ADDRESS = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"
MOST_BYTES = 2048  # of text.content in UTF-8
HINTS = {93000: "机器人地址无效或已删除，请重新取得密钥", 45009: "发送过于频繁（每分钟至多 20 条），稍后自动再试"}


@dataclass(frozen=True, slots=True)
class _Robot:
    target: Target
    ca_file: str | None

    def tell(self, notice: Notice) -> None:
        """One text message; `mention` names user ids, or @all."""
        names = [name.strip() for name in self.target.option("mention").split(",") if name.strip()]
        content = {"content": cut(notice.text, notice.link), **({"mentioned_list": names} if names else {})}
        status, body = http.post(
            self.target.option("address", ADDRESS),
            http.json_body({"msgtype": "text", "text": content}),
            params={"key": self.target.secrets["key"].reveal()},
            ca_file=self.ca_file,
        )
        http.require_errcode_zero(status, body, HINTS)


def cut(text: str, link: str) -> str:
    """At most `MOST_BYTES` of UTF-8, never within a character; what is left out is behind the link."""
    if len(text.encode()) <= MOST_BYTES:
        return text
    tail = f"…\n查看：{link}"
    room = MOST_BYTES - len(tail.encode())
    return text.encode()[: max(0, room)].decode("utf-8", "ignore") + tail


def _build(target: Target, ca_file: str | None) -> Notifier:
    return _Robot(target, ca_file)


KIND = NotifierKind(
    "wecom",
    "企业微信群机器人",
    (
        Setting("address", "接口地址", ADDRESS),
        Setting("mention", "提醒的成员 userid，逗号分隔，@all 为全体"),
        Setting("key", "机器人地址里 key= 后面的部分", required=True, secret=True),
    ),
    lambda target: http.hosts_of(target.option("address", ADDRESS)),
    _build,
)
