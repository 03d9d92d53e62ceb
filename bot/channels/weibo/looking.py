"""Is it public? Reads the own timeline, and a single post by id; never raises for a platform's answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.channels.http import about_a_read
from bot.domain.channel import (
    OWN_QUOTA,
    Absent,
    ChannelFault,
    Evidence,
    Failed,
    Pending,
    PositionReceipt,
    Receipt,
    Remedy,
    Unclear,
)
from bot.domain.instants import show

from .answers import owner_id, status_id
from .calls import Calls
from .spec import SHARE, TIMELINE_WINDOW
from .text import permalink
from .timeline import Status, Wanted, alteration, by_id, is_deleted, parse_created, search

Verdict = Receipt | Pending | Absent | Failed | Unclear

#: Within this time after sending, a post that the platform does not show yet may still be on its way.
APPEARS_WITHIN = timedelta(minutes=3)
#: Later than this the 5 newest posts no longer say much about one whose id is known.
TIMELINE_FRESH = timedelta(minutes=10)
_NO_SUCH_POST = "20101"

_ACCEPTED = "微博已受理，时间线上还没有出现，请勿重发；系统会继续核对。"
_BY_HAND = "请打开账号主页核对，确认后在本系统登记结果；确认之前请勿重发。"


def read_timeline(calls: Calls, uid: str, *, since: str = "", own_app: bool = True) -> list[Status]:
    """The newest own posts (5 at most, whatever `count` says), only those after `since` and of this app.

    GET statuses/user_timeline; foreign uids are refused (21335).
    """
    params = {"uid": uid, "count": str(TIMELINE_WINDOW), "trim_user": "1", "base_app": "1" if own_app else "0"}
    answer = calls.read("statuses/user_timeline", {**params, **({"since_id": since} if since else {})})
    statuses = answer.get("statuses") if isinstance(answer, dict) else None
    if not isinstance(statuses, list):
        # Black-listed callers get empty answers: that is no proof of absence.
        raise ChannelFault(Remedy.UNKNOWN, "微博时间线的应答不是约定的格式，请稍后重试。", code="no_statuses")
    return [status for status in statuses if isinstance(status, dict)]


def look(calls: Calls, uid: str, evidence: Evidence) -> Verdict:
    """One look. With a known id the post itself decides; without, its text and time do."""
    try:
        idstr = evidence.ids.get("idstr", "")
        return _look_for_id(calls, uid, evidence, idstr) if idstr else _look_for_text(calls, uid, evidence)
    except ChannelFault as fault:
        return _unreadable(fault, evidence)


def wanted_of(evidence: Evidence) -> Wanted:
    """What the evidence says was sent. `since` is the newer of those noted at staging and with the intent."""
    payload = evidence.posts[0].payload
    noted = [value for value in (evidence.since, str(evidence.staged.get("since") or "")) if value.isdecimal()]
    return Wanted(
        text=str(payload.get("status") or ""),
        marker=evidence.posts[0].marker,
        with_picture=bool(payload.get("pic")),
        sent_at=evidence.begun_at,
        newest=max(noted, key=int, default=""),
        owned=evidence.owned_ids,
    )


def _look_for_id(calls: Calls, uid: str, evidence: Evidence, idstr: str) -> Verdict:
    """Timeline first while it is fresh (it proves what followers see), then the post by id."""
    wanted = wanted_of(evidence)
    if evidence.now - evidence.sent_at <= TIMELINE_FRESH:
        found = by_id(read_timeline(calls, uid, since=wanted.newest), idstr)
        if found is not None:
            return _judge(found, uid, wanted)
    try:
        shown = calls.read("statuses/show", {"id": idstr})
    except ChannelFault as fault:
        if fault.code == _NO_SUCH_POST:
            return _vanished(evidence)
        raise
    if isinstance(shown, dict) and status_id(shown) == idstr:
        return _judge(shown, uid, wanted)
    return Unclear("微博返回的不是这条微博，本次核对没有结果；系统会再次核对。")


def _look_for_text(calls: Calls, uid: str, evidence: Evidence) -> Verdict:
    wanted = wanted_of(evidence)
    result = search(read_timeline(calls, uid, since=wanted.newest), wanted, window=TIMELINE_WINDOW)
    if result.person:
        return Unclear(f"{result.person}；本条是否已经发出不能断定。{_BY_HAND}", needs_person=True)
    if result.found is not None:
        return _judge(result.found, uid, wanted)
    return Absent("这次在账号时间线上没有找到本条微博；一次没找到不能说明没有发出，请勿重发。")


def _judge(status: Status, uid: str, wanted: Wanted) -> Verdict:
    """A post recognised as ours: live as approved, taken away, or altered."""
    if is_deleted(status):
        return Failed("deleted", "这条微博已在平台上被删除。请值班人员查明原因；需要再发请走新版本。", gone=True)
    owner = owner_id(status)
    if owner and owner != uid:
        return Unclear(f"这条微博属于另一个账号（uid {owner}）。{_BY_HAND}", needs_person=True)
    altered = alteration(status, wanted)
    if altered:
        return Unclear(f"{altered}。{_BY_HAND}", needs_person=True)
    return _receipt(status, uid)


def _receipt(status: Status, uid: str) -> Receipt:
    idstr = status_id(status)
    if not idstr:
        raise ChannelFault(Remedy.UNKNOWN, "微博返回的微博没有编号，请稍后重试。", code="no_idstr")
    position = PositionReceipt(idstr, permalink(uid, idstr), parse_created(status.get("created_at")))
    return Receipt({"idstr": idstr, "uid": uid}, (position,), raw=raw(status))


def raw(value: Any) -> str:
    """What the platform said, as JSON text."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _vanished(evidence: Evidence) -> Verdict:
    """20101 soon after sending is a late timeline; later it means deleted or hidden."""
    if evidence.now - evidence.sent_at <= APPEARS_WITHIN:
        return Pending(dict(evidence.ids), _ACCEPTED)
    message = "平台上已找不到这条微博（可能被删除或屏蔽）。请值班人员到账号主页核对并查明原因。"
    return Failed(_NO_SUCH_POST, message, gone=True)


def _unreadable(fault: ChannelFault, evidence: Evidence) -> Unclear:
    """A failed read. A person is needed when no later look can help before the verdict is due."""
    too_long = fault.wait_until is not None and fault.wait_until > evidence.sent_at + SHARE.verdict_within
    needs_person = too_long or fault.remedy is Remedy.OPERATOR
    if fault.code == OWN_QUOTA and fault.wait_until is not None:
        return _unasked(fault.wait_until, evidence, needs_person=needs_person)
    ending = _BY_HAND if needs_person else "发送结果以后续核对为准，请勿重发。"
    return Unclear(f"本次核对没有结果：{about_a_read(fault)}{ending}", needs_person=needs_person)


def _unasked(free_at: datetime, evidence: Evidence, *, needs_person: bool) -> Unclear:
    """Our own count of calls forbade the look, which costs none then: asked again until they are free, if that is in time."""
    known = "微博已受理本条，是否公开还没有核对" if evidence.ids.get("idstr") else "本条是否已经发出不能断定"
    ending = _BY_HAND if needs_person else "核对之前请勿重发。"
    words = f"本账号当期接口额度用完（{show(free_at)} 恢复），没有核对；{known}。{ending}"
    return Unclear(words, needs_person=needs_person)


def newest_id(statuses: Sequence[Status]) -> str:
    """The greatest id among posts, or ""."""
    return max((idstr for status in statuses if (idstr := status_id(status))), key=int, default="")
