"""Any system that takes JSON: POST, signed with HMAC-SHA256 over "timestamp.body", any 2xx answer."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.domain.notice import Notice, Notifier, NotifierKind, NotTold, Setting, Target
from bot.domain.secret import Secret

from .. import http


def sign(secret: Secret, timestamp: str, body: bytes) -> str:
    """What `X-Tongfa-Signature` holds."""
    digest = hmac.new(secret.reveal().encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"sha256={digest}"


def document(notice: Notice) -> dict[str, Any]:
    """The JSON that is posted."""
    return {
        "environment": "live" if notice.live else "rehearsal",
        "subject": notice.subject,
        "lines": list(notice.lines),
        "text": notice.text,
        "link": notice.link,
        "ring": notice.ring,
        "at": notice.at.isoformat(),
    }


@dataclass(frozen=True, slots=True)
class _Hook:
    target: Target
    ca_file: str | None

    def tell(self, notice: Notice) -> None:
        """One POST; the receiver checks the signature and may refuse old timestamps."""
        body, timestamp = http.json_body(document(notice)), str(int(datetime.now(UTC).timestamp()))
        headers = {"X-Tongfa-Timestamp": timestamp}
        if secret := self.target.secrets.get("sign"):
            headers["X-Tongfa-Signature"] = sign(secret, timestamp, body)
        status, _ = http.post(self.target.option("address"), body, headers=headers, ca_file=self.ca_file)
        if not 200 <= status < 300:
            raise NotTold(f"对方没有接收（HTTP {status}）；请系统管理员核对对方系统。")


def _build(target: Target, ca_file: str | None) -> Notifier:
    return _Hook(target, ca_file)


KIND = NotifierKind(
    "webhook",
    "通用 JSON 接口",
    (
        Setting("address", "接口地址", required=True),
        Setting("sign", "签名密钥（HMAC-SHA256）", secret=True),
    ),
    lambda target: http.hosts_of(target.option("address")),
    _build,
)
