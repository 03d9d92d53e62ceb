"""Job events to PlatformEvents: PUBLISHJOBFINISH and MASSSENDJOBFINISH, told apart by their ids, not names.

One report of 2022 received the mass event's name for a publish job; the ids decide.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from bot.domain.channel import Failed, Pending, PlatformEvent, PositionReceipt, Receipt

from .client import text_id
from .envelope import entries, text_of
from .looking import PUBLISH_FAILURES, detail_urls, position_id, publish_failure

JOB_EVENTS = frozenset({"PUBLISHJOBFINISH", "MASSSENDJOBFINISH"})

SEND_ERRORS = {
    10001: "涉嫌广告",
    20001: "涉嫌政治",
    20002: "涉嫌色情",
    20004: "涉嫌社会危害",
    20006: "涉嫌违法犯罪",
    20008: "涉嫌欺诈",
    20013: "涉嫌版权问题",
    21000: "涉嫌其他违规",
    22000: "涉嫌互推（互相宣传）",
    30001: "原创校验时系统出错",
    30002: "原创校验判定不能群发",
    30003: "被判定为转载，而账号设置为转载时不群发",
    40001: "管理员拒绝了这次群发（API 群发保护）",
    40002: "管理员 30 分钟内没有确认（API 群发保护）",
}
_ERR = re.compile(r"err\((\d+)\)")
_NOT_ALLOWED = 3  # CheckState: reprint not allowed


def job_event(payload: Mapping[str, Any], raw: str) -> PlatformEvent | None:
    """The event about one of our jobs, or None for every other message and event."""
    name = text_of(payload, "Event")
    if name not in JOB_EVENTS:
        return None
    info = payload.get("PublishEventInfo")
    if isinstance(info, Mapping):
        return _publish_event(name, info, raw)
    msg_id = text_id(payload.get("MsgID") or payload.get("MsgId"))
    return _mass_event(name, msg_id, payload, raw) if msg_id else None


# --- freepublish ----------------------------------------------------------------------------------------


def _publish_event(name: str, info: Mapping[str, Any], raw: str) -> PlatformEvent | None:
    publish_id, status = text_id(info.get("publish_id")), text_of(info, "publish_status")
    if not publish_id:
        return None
    article_id = text_id(info.get("article_id"))
    ids = {"publish_id": publish_id} | ({"article_id": article_id} if article_id else {})
    outcome, urls = _publish_outcome(status, info, ids), detail_urls(info)
    return PlatformEvent(
        name, f"publish:{publish_id}:{status}", ids, outcome, raw, said_public=status == "0",
        urls=tuple(urls[number] for number in sorted(urls)),
    )  # fmt: skip


def _publish_outcome(status: str, info: Mapping[str, Any], ids: Mapping[str, str]) -> Failed | Pending | None:
    """What a publish event proves. Success is still Pending: live needs our own read-back."""
    if status in {"0", "1"}:
        done = status == "0"
        return Pending(ids, "微信通知已发布，系统正在读回核对。" if done else "微信正在发布。")
    if status.isascii() and status.isdigit() and int(status) in PUBLISH_FAILURES:
        return publish_failure(int(status), info)
    return None


# --- mass sends -----------------------------------------------------------------------------------------


def _mass_event(name: str, msg_id: str, payload: Mapping[str, Any], raw: str) -> PlatformEvent:
    status, ids = text_of(payload, "Status"), {"msg_id": msg_id}
    outcome = _mass_outcome(status, payload, ids)
    said_public = isinstance(outcome, Receipt | Pending)
    urls = tuple(place.url or "" for place in outcome.positions) if isinstance(outcome, Receipt) else ()
    return PlatformEvent(name, f"mass:{msg_id}:{status}", ids, outcome, raw, said_public=said_public, urls=urls)


def _mass_outcome(status: str, payload: Mapping[str, Any], ids: Mapping[str, str]) -> Receipt | Failed | Pending | None:
    lowered = status.lower().replace(" ", "")
    if lowered == "sendsuccess":
        return _mass_success(payload, ids)
    found = _ERR.fullmatch(lowered)
    if found:
        return _mass_error(int(found.group(1)), payload)
    if lowered == "sendfail":
        return Failed(status, "微信报告群发失败，没有送达；请在公众平台查看原因后决定是否重发。")
    return None


def _mass_success(payload: Mapping[str, Any], ids: Mapping[str, str]) -> Receipt | Pending:
    """With the list of addresses: every position, an address perhaps None. Without it: mass/get will tell."""
    result = payload.get("ArticleUrlResult")
    urls = {_number(item): text_of(item, "ArticleUrl") for item in _results(result) if _number(item)}
    if not urls or sorted(urls) != list(range(1, len(urls) + 1)):
        return Pending(ids, "微信通知群发完成，系统正在核对。")
    positions = tuple(
        PositionReceipt(position_id(ids["msg_id"], number), urls[number] or None) for number in sorted(urls)
    )
    return Receipt(ids, positions, json.dumps(dict(payload), ensure_ascii=False))


def _mass_error(number: int, payload: Mapping[str, Any]) -> Failed:
    reason = SEND_ERRORS.get(number, "原因未说明")
    barred = [place for item in _barred(payload) if (place := _number(item))]
    where = f"（第 {'、'.join(map(str, barred))} 篇不允许转载）" if barred else ""
    message = f"群发没有送达：{reason}{where}；请在公众平台查看详情，修改或改期后重新提交。"
    return Failed(f"err({number})", message, position=barred[0] - 1 if barred else None)


def _barred(payload: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Articles that the copyright check does not let through; CheckState may stand on the item or above it."""
    result = payload.get("CopyrightCheckResult")
    items = _results(result)
    overall = text_of(result, "CheckState") if isinstance(result, Mapping) else ""
    barred = [item for item in items if text_of(item, "CheckState") == str(_NOT_ALLOWED)]
    return barred or (items if overall == str(_NOT_ALLOWED) and len(items) == 1 else [])


def _results(result: Any) -> list[Mapping[str, Any]]:
    return entries(result.get("ResultList")) if isinstance(result, Mapping) else []


def _number(item: Mapping[str, Any]) -> int:
    text = text_of(item, "ArticleIdx")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
