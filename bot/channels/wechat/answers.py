"""The one public call: its bytes, and the class of its answer. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from bot.channels.http import FAR, json_body, parse_object, with_query
from bot.domain.channel import AccountConfig, Pending, Refused, Unknown, WireAnswer, WireRequest

from . import codes
from .client import detail_of, error_code, text_id
from .spec import MASS

PATHS = {"publish": "/cgi-bin/freepublish/submit", "mass": "/cgi-bin/message/mass/sendall"}  # of the public call


def client_message_id(key: str) -> str:
    """`clientmsgid` for a key: the key itself when it fits the platform's 32 bytes, else 32 digits of its hash."""
    return key if re.fullmatch(r"[0-9A-Za-z_-]{1,32}", key) else hashlib.sha256(key.encode()).hexdigest()[:32]


def public_body(account: AccountConfig, staged: Mapping[str, Any], key: str) -> bytes:
    """Body of freepublish/submit or mass/sendall. ValueError when nothing was staged."""
    media_id = staged.get("draft")
    if not isinstance(media_id, str) or not media_id:
        raise ValueError("no draft has been staged")
    if account.mode != MASS:
        return json_body({"media_id": media_id})
    return json_body(
        {
            "filter": {"is_to_all": True},
            "mpnews": {"media_id": media_id},
            "msgtype": "mpnews",
            "send_ignore_reprint": int(account.option("send_ignore_reprint", "0") == "1"),
            "clientmsgid": client_message_id(key),
        }
    )


def wire_request(account: AccountConfig, address: str, token: str, body: bytes) -> WireRequest:
    """The request around a body. `address` is the absolute URL without the token."""
    headers = (
        ("Content-Type", "application/json; charset=utf-8"),
        ("Accept", "application/json"),
        ("User-Agent", "Tongfa"),
    )
    return WireRequest("POST", with_query(address, {"access_token": token}), headers, body, account.proxy)


def _platform_now(answer: WireAnswer, fallback: datetime) -> datetime:
    """The platform's own clock (its Date header): quotas reset at its midnight.

    One that is days away from ours dates no wait: it would end in the past, or never.
    """
    try:
        value = parsedate_to_datetime(answer.header("Date"))
    except (ValueError, OverflowError, TypeError):
        return fallback
    value = value if value.tzinfo else value.replace(tzinfo=UTC)
    return value if abs(value - fallback) < FAR else fallback


def _unreadable(code: str, what: str) -> Unknown:
    return Unknown(code, f"{what}；{codes.UNKNOWN_EFFECT}；{codes.UNKNOWN_ACTION}。")


def _ids(mode: str, body: Mapping[str, Any]) -> dict[str, str]:
    """The well-formed ids of an answer, as text."""
    names = ("msg_id", "msg_data_id") if mode == MASS else ("publish_id", "msg_data_id")
    return {name: value for name in names if (value := text_id(body.get(name)))}


def read_answer(
    account: AccountConfig, answer: WireAnswer, *, after_unknown: bool, now: datetime
) -> Pending | Refused | Unknown:
    """Class of (call, code, after-unknown?). Whatever is not provably refused or accepted is Unknown.

    The HTTP status does not decide (wechat.md, section 0: failures come as 200); it only adds doubt, to what comes as 3xx or 5xx
    and may be somebody else's on the way, and to an acceptance that is no 2xx. The ids of such an answer are kept as hints.
    """
    if not answer.complete:
        return _unreadable("cut", "微信的应答中途断开或过大")
    try:
        body = parse_object(answer.body)
    except ValueError:
        return _unreadable("not_json", f"微信的应答不是约定的格式（HTTP {answer.status}）")
    if not (200 <= answer.status < 300 or (400 <= answer.status < 500 and error_code(body))):
        strange = _unreadable(f"http_{answer.status}", f"微信的应答异常（HTTP {answer.status}）")
        return replace(strange, ids=_ids(account.mode, body))
    code = error_code(body)
    if code is None:
        return _unreadable("errcode", "微信应答里的错误码格式不对")
    if code == 0:
        return _accepted(account.mode, body)
    return _declined(account, code, body, after_unknown, _platform_now(answer, now))


def _accepted(mode: str, body: Mapping[str, Any]) -> Pending | Unknown:
    ids = _ids(mode, body)
    if ("msg_id" if mode == MASS else "publish_id") not in ids:
        return _unreadable("no_id", "微信说已接收，但没有给出任务编号")
    return Pending(ids, "微信已接收，正在处理；系统会核对结果。")


def _declined(
    account: AccountConfig, code: int, body: Mapping[str, Any], after_unknown: bool, now: datetime
) -> Refused | Unknown:
    """A refusal, unless nothing proves it: an answer that names a job as well contradicts itself."""
    detail, ids = detail_of(body), _ids(account.mode, body)
    verdict = codes.public_verdict(account.mode, code, after_unknown=after_unknown)
    if ids or not verdict.refused:
        message = codes.unknown_sentence(code, detail)
        return Unknown(str(code), message, ids, detail, codes.hold_of(code))
    until = codes.wait_until(verdict.meaning.wait, now)
    message = codes.sentence(code, codes.Group.PUBLIC, detail)
    return Refused(str(code), verdict.meaning.remedy, message, until, detail)
