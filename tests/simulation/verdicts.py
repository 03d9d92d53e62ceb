"""What the channels' own code makes of each answer to the public call: asked once per kind, kept.

An answer of the simulated platforms is a tuple: ("ok",), ("code", number), ("http", status), ("garbage",), with the
ids that it carries beside it. Here it becomes the HTTP answer that the platform would send, and is read by the code
that reads real ones.
"""

from __future__ import annotations

import json
from datetime import datetime
from email.utils import format_datetime
from functools import cache
from typing import Any

from bot.channels.wechat.answers import read_answer
from bot.channels.wechat.spec import SPEC as WECHAT
from bot.channels.weibo.answers import read_share
from bot.channels.weibo.spec import SPEC as WEIBO
from bot.domain.channel import AccountConfig, ModeSpec, Pending, Refused, Unknown, WireAnswer

from .world import BASE

MASS, PUBLISH, SHARE = WECHAT.mode("mass"), WECHAT.mode("publish"), WEIBO.mode("share")
SPACING = {"mass": WECHAT.spacing, "publish": WECHAT.spacing, "share": WEIBO.spacing}
WINDOW = 5  # newest own posts that a Weibo timeline shows

Answer = tuple[Any, ...]
Verdict = Pending | Refused | Unknown

_SOUND = {
    "mass": {"errcode": 0, "errmsg": "ok", "msg_id": 1},
    "publish": {"errcode": 0, "errmsg": "ok", "publish_id": "1"},
    "share": {"idstr": "1", "text": "x", "user": {"idstr": "77"}},
}


def read(mode: ModeSpec, answer: Answer, ids: dict[str, str], after_unknown: bool, at: datetime) -> Verdict:
    """The verdict of `bot.channels` on this answer."""
    relative = at if answer == ("code", 20016) else BASE  # its wait counts from the answer, not from midnight
    verdict = _asked(mode.name, answer, after_unknown, relative)
    if isinstance(verdict, Pending):
        return Pending(ids, verdict.message)
    if isinstance(verdict, Unknown):
        return Unknown(verdict.code, verdict.message, ids)
    return verdict


@cache
def _asked(mode: str, answer: Answer, after_unknown: bool, at: datetime) -> Verdict:
    wire = _wire(mode, answer, at)
    if mode == "share":
        return read_share(wire, uid="77", now=at, after_unknown=after_unknown)
    account = AccountConfig("a", "wechat", "账号", mode, {}, {}, {"account_type": "subscription"})
    return read_answer(account, wire, after_unknown=after_unknown, now=at)


def _wire(mode: str, answer: Answer, at: datetime) -> WireAnswer:
    headers = (("Date", format_datetime(at, usegmt=True)),)
    match answer:
        case ("ok",):
            return WireAnswer(200, headers, json.dumps(_SOUND[mode]).encode())
        case ("code", int(code)):
            if mode == "share":
                return WireAnswer(400, headers, json.dumps({"error": "x", "error_code": code}).encode())
            return WireAnswer(200, headers, json.dumps({"errcode": code, "errmsg": "x"}).encode())
        case ("http", int(status)):
            return WireAnswer(status, headers, b"<html>bad gateway</html>")
    return WireAnswer(200, headers, b'{"errcode": 0, "msg_', complete=False)
