"""钉钉群机器人: POST text to robot/send?access_token=…, signed (加签) with timestamp and HMAC-SHA256, errcode 0."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.domain.notice import Notice, Notifier, NotifierKind, Setting, Target
from bot.domain.secret import Secret

from .. import http

ADDRESS = "https://oapi.dingtalk.com/robot/send"
MOST = 6000  # characters; the robot takes 20,000 bytes
HINTS = {
    310000: "安全设置不符：签名、关键词或 IP 不对，请核对加签密钥",
    300001: "机器人的令牌无效，请重新取得",
    130101: "发送过于频繁（每分钟至多 20 条），稍后自动再试",
}


def sign(secret: Secret, timestamp: int) -> str:
    """Base64 of HMAC-SHA256 over "timestamp\\nsecret" (milliseconds); valid for an hour."""
    text = f"{timestamp}\n{secret.reveal()}"
    return base64.b64encode(hmac.new(secret.reveal().encode(), text.encode(), hashlib.sha256).digest()).decode()


@dataclass(frozen=True, slots=True)
class _Robot:
    target: Target
    ca_file: str | None

    def tell(self, notice: Notice) -> None:
        """One text message."""
        params = {"access_token": self.target.secrets["token"].reveal()}
        if secret := self.target.secrets.get("sign"):
            timestamp = round(datetime.now(UTC).timestamp() * 1000)
            params |= {"timestamp": str(timestamp), "sign": sign(secret, timestamp)}
        mobiles = [number.strip() for number in self.target.option("mention").split(",") if number.strip()]
        at = {"atMobiles": [number for number in mobiles if number != "@all"], "isAtAll": "@all" in mobiles}
        body = http.json_body({"msgtype": "text", "text": {"content": notice.text[:MOST]}, "at": at})
        status, answer = http.post(self.target.option("address", ADDRESS), body, params=params, ca_file=self.ca_file)
        http.require_errcode_zero(status, answer, HINTS)


def _build(target: Target, ca_file: str | None) -> Notifier:
    return _Robot(target, ca_file)


KIND = NotifierKind(
    "dingtalk",
    "钉钉群机器人",
    (
        Setting("address", "接口地址", ADDRESS),
        Setting("mention", "提醒的手机号，逗号分隔，@all 为全体"),
        Setting("token", "机器人地址里 access_token= 后面的部分", required=True, secret=True),
        Setting("sign", "加签密钥（SEC 开头）", secret=True),
    ),
    lambda target: http.hosts_of(target.option("address", ADDRESS)),
    _build,
)
