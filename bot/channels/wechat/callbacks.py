"""The account's callback: verify first, parse later, answer `success` at once.

Refused without looking inside: bodies over 64 KiB, timestamps off by more than 300 s, wrong signatures, plain
bodies on an account in safe (aes) mode.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.domain.channel import AccountConfig, CallbackReply
from bot.domain.secret import Secret

from .envelope import EnvelopeError, aes_key, decrypt, genuine, parse, text_of
from .events import job_event

MAX_BODY = 64 * 1024
MAX_ECHO = 1024
WINDOW = 300  # seconds, either way
SUCCESS = b"success"


def configuration_gap(account: AccountConfig) -> str:
    """What is missing for callbacks to work, in Chinese; "" when nothing is."""
    if not account.credentials.get("callback_token"):
        return "没有配置消息推送令牌"
    if account.option("callback_mode", "aes") == "plain":
        return ""
    secret = account.credentials.get("callback_aes_key")
    if not secret:
        return "安全模式下没有配置消息加解密密钥"
    try:
        aes_key(secret.reveal())
    except EnvelopeError as error:
        return str(error)
    return ""


class Receiver:
    """Callback handling of one account. Pure but for `now`."""

    def __init__(self, account: AccountConfig) -> None:
        self._account = account
        self._token = account.credentials.get("callback_token") or Secret("")

    def receive(self, method: str, query: Mapping[str, str], body: bytes, *, now: datetime) -> CallbackReply:
        """Answer one request; genuine news about our jobs is in `events`."""
        if method.upper() not in {"GET", "POST"}:
            return _refuse(405, "回调只接受 GET 和 POST")
        if len(body) > MAX_BODY:
            return _refuse(413, "回调内容超过 64 KiB")
        try:
            self._verify(query, now)
        except EnvelopeError as error:
            return _refuse(403, str(error))
        return _echo(query) if method.upper() == "GET" else self._post(query, body)

    def _verify(self, query: Mapping[str, str], now: datetime) -> None:
        if not self._token:
            raise EnvelopeError("账号没有配置消息推送令牌")
        timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        if not genuine(query.get("signature", ""), self._token.reveal(), timestamp, nonce):
            raise EnvelopeError("回调签名不对")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise EnvelopeError("回调时间写法不对")
        if abs(int(timestamp) - now.timestamp()) > WINDOW:
            raise EnvelopeError("回调时间与本机相差超过 300 秒")

    def _post(self, query: Mapping[str, str], body: bytes) -> CallbackReply:
        try:
            plain = self._open(query, body)
        except EnvelopeError as error:
            return _refuse(403, str(error))
        try:
            payload = parse(plain)
        except EnvelopeError as error:
            return _refuse(400, str(error))
        if not self._addressed_to_us(text_of(payload, "ToUserName")):
            return _refuse(403, "回调不是发给本公众号的（原始 ID 不符）")
        event = job_event(payload, plain.decode("utf-8"))
        return CallbackReply(200, SUCCESS, events=(event,) if event else ())

    def _open(self, query: Mapping[str, str], body: bytes) -> bytes:
        """The payload's bytes: decrypted in safe mode, as they stand in plain mode."""
        encrypted = query.get("encrypt_type", "raw") == "aes"
        if self._account.option("callback_mode", "aes") == "plain" and not encrypted:
            return body
        if not encrypted:
            raise EnvelopeError("安全模式的账号不接受明文回调")
        inside = text_of(parse(body), "Encrypt")
        if not genuine(
            query.get("msg_signature", ""),
            *(self._token.reveal(), query.get("timestamp", ""), query.get("nonce", ""), inside),
        ):
            raise EnvelopeError("回调密文签名不对")
        return self._decrypt(inside)

    def _decrypt(self, inside: str) -> bytes:
        """With the present key, or the one before it: the platform switches over some minutes."""
        reason = "账号没有配置消息加解密密钥"
        for name in ("callback_aes_key", "callback_aes_key_previous"):
            secret = self._account.credentials.get(name)
            if not secret:
                continue
            try:
                return decrypt(inside, aes_key(secret.reveal()), self._account.option("app_id"))
            except EnvelopeError as error:
                reason = str(error)
        raise EnvelopeError(reason)

    def _addressed_to_us(self, name: str) -> bool:
        expected = self._account.option("original_id")
        return not expected or name == expected


def _echo(query: Mapping[str, str]) -> CallbackReply:
    """The URL check: echostr as it stands."""
    echo = query.get("echostr", "")
    if not echo or len(echo) > MAX_ECHO:
        return _refuse(400, "地址校验缺少 echostr")
    return CallbackReply(200, echo.encode())


def _refuse(status: int, reason: str) -> CallbackReply:
    return CallbackReply(status, b"", refusal=reason)
