"""Reading the answer to the one public call. Pure. What does not prove the contrary is Unknown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from bot.channels.http import FAR
from bot.channels.wire import parse_object
from bot.domain.channel import Pending, Refused, Unknown, WireAnswer

from .codes import Code, Do, OnShare, error_code, known, window_end

_LOOKING = "系统正在核对账号时间线，请勿手工重发；核对不到时会转人工处理。"
_DELAYED = "微博已受理，将在一至两分钟后显示，请勿重发；系统正在核对账号时间线。"
_TAKEN = "微博已受理，正在核对是否公开可见。"


def read_share(
    answer: WireAnswer, *, uid: str, now: datetime, after_unknown: bool = False
) -> Pending | Refused | Unknown:
    """Class of (statuses/share, error_code, after_unknown).

    The HTTP status never decides what an answer means (weibo.md, fact 6): refusals come as 4xx and as 200. It only adds doubt:
    one under a 3xx or 5xx may be somebody else's on the way, and is Unknown. `now` is used for quota windows when the answer has no `Date`.
    A success is Pending, never Receipt: live needs the read-back. `ids` are {idstr, uid}.
    """
    if not answer.complete:
        return _unknown("cut", "微博的应答不完整")
    try:
        body = parse_object(answer.body)
    except ValueError:
        return _unknown("not_json", f"微博的应答不是约定的格式（HTTP {answer.status}）")
    code = error_code(body)
    if code is None:
        return _success(answer, body, uid)
    return _failure(answer, body, code, now, after_unknown)


_ID = re.compile(r"[0-9]{1,20}")  # 64 bits; of a longer row of digits Python makes no number


def status_id(body: Mapping[str, Any]) -> str:
    """The exact id of a post, or "". Only `idstr` counts: `id` may have been rounded on the way."""
    value = body.get("idstr")
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return text if _ID.fullmatch(text) else ""


def owner_id(body: Mapping[str, Any]) -> str:
    """The uid that a post belongs to, or "" where the answer does not say (trim_user leaves a bare `uid`)."""
    user = body.get("user")
    value = (user.get("idstr") or user.get("id")) if isinstance(user, dict) else body.get("uid")
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def _success(answer: WireAnswer, body: Mapping[str, Any], uid: str) -> Pending | Unknown:
    idstr, owner = status_id(body), owner_id(body)
    ids = {"idstr": idstr, "uid": owner or uid} if idstr else {}
    if not idstr:
        return _unknown("no_idstr", "微博的应答没有微博编号")
    if not _is_the_platforms(answer.status):
        return _unknown("contradiction", f"微博的应答自相矛盾（HTTP {answer.status} 却带有微博编号）", ids)
    if uid and owner and owner != uid:
        return _unknown("foreign_uid", f"微博的应答显示发布在另一个账号（uid {owner}）下", ids)
    return Pending(ids, _TAKEN)


def _failure(
    answer: WireAnswer, body: Mapping[str, Any], code: int, now: datetime, after_unknown: bool
) -> Pending | Refused | Unknown:
    error = str(body.get("error") or "")[:200]
    line, idstr = known(code, error), status_id(body)
    if line is None:
        return _unknown(str(code), f"微博返回了未列入说明的错误码 {code}", _hint(idstr), error)
    if line.share is OnShare.ACCEPTED and _is_the_platforms(answer.status):
        return Pending(_hint(idstr), _DELAYED)
    what = f"微博返回“{line.meaning}”（错误码 {code}）"
    if line.share is not OnShare.CLEAN or idstr or not _is_the_platforms(answer.status):
        return _unknown(str(code), what, _hint(idstr), error)
    if after_unknown:
        return _unknown(str(code), f"{what}，这次没有发出，但前一次发送的结果仍不清楚", detail=error)
    return _refused(line, code, error, answered_at(answer, now))


def _is_the_platforms(status: int) -> bool:
    return 200 <= status < 300 or 400 <= status < 500


def _refused(line: Code, code: int, error: str, at: datetime) -> Refused:
    return Refused(
        str(code),
        line.remedy,
        f"微博拒绝发布：{line.meaning}（错误码 {code}），没有发出。{line.counsel}",
        wait_until=window_end(code, at) if line.do is Do.QUOTA else None,
        detail=error,
    )


def _unknown(code: str, what: str, ids: Mapping[str, str] | None = None, detail: str = "") -> Unknown:
    return Unknown(code, f"{what}，不能确定是否已经发出。{_LOOKING}", ids or {}, detail)


def _hint(idstr: str) -> dict[str, str]:
    return {"idstr": idstr} if idstr else {}


def answered_at(answer: WireAnswer, now: datetime) -> datetime:
    """The platform's own time of the answer (`Date` header), else `now`; nor is one believed that is days away from ours."""
    try:
        stamp = parsedate_to_datetime(answer.header("Date"))
    except (ValueError, OverflowError, TypeError):
        return now
    stamp = stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)
    return stamp if abs(stamp - now) < FAR else now
