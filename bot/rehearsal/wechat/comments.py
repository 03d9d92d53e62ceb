"""Comments of published articles, addressed by msg_data_id and a 0-based index (wechat.md section 6)."""

from __future__ import annotations

from typing import Any

from ..store import Doc
from ..world import Call
from .errors import WeChatError

DONE = {"errcode": 0, "errmsg": "ok"}


def answer(call: Call, body: Doc) -> Doc:
    """POST comment/*."""
    if not call.switch("comment_privilege", True):
        raise WeChatError(88000)
    key = _key(call, body)
    verb = call.name.removeprefix("comment/")
    if verb in ("open", "close"):
        call.store.put("wx_commenting", call.id, key, {"open": verb == "open"})
        return dict(DONE)
    if verb == "list":
        return _list(call, key, body)
    return _change(call, key, verb, body)


def _key(call: Call, body: Doc) -> str:
    index = body.get("index", 0)
    for job in call.store.all("wx_job", call.id):
        meant = job["msg_data_id"] == body.get("msg_data_id") and job["stage"] == "public"
        if meant and isinstance(index, int) and 0 <= index < len(job["articles"]):
            return f"{job['msg_data_id']}:{index}"
    raise WeChatError(88001)


def _list(call: Call, key: str, body: Doc) -> Doc:
    begin, count, kind = body.get("begin", 0), body.get("count"), body.get("type", 0)
    if not isinstance(count, int) or not isinstance(begin, int) or begin < 0 or not 0 < count < 50:
        raise WeChatError(88010)
    found = _comments(call, key)
    if kind in (1, 2):
        found = [one for one in found if one["comment_type"] == kind - 1]
    return DONE | {"total": len(found), "comment": found[begin : begin + count]}


def _comments(call: Call, key: str) -> list[Doc]:
    kept = call.store.get("wx_comments", call.id, key)
    return kept["comments"] if kept else []


def _change(call: Call, key: str, verb: str, body: Doc) -> Doc:
    found = _comments(call, key)
    target = next((one for one in found if one["user_comment_id"] == body.get("user_comment_id")), None)
    if target is None:
        raise WeChatError(88008)
    if verb == "delete":
        found.remove(target)
    elif verb in ("markelect", "unmarkelect"):
        target["comment_type"] = int(verb == "markelect")
    else:
        _reply(call, target, verb, body.get("content"))
    call.store.put("wx_comments", call.id, key, {"comments": found})
    return dict(DONE)


def _reply(call: Call, target: Doc, verb: str, content: Any) -> None:
    if verb == "reply/delete":
        target.pop("reply", None)
        return
    if "reply" in target:
        raise WeChatError(88005)
    if not content or len(str(content)) > 600:
        raise WeChatError(88007)
    target["reply"] = {"content": content, "create_time": int(call.world.now())}


def write(call: Call, msg_data_id: int, index: int, texts: list[str]) -> None:
    """Readers write comments (control action)."""
    key = f"{msg_data_id}:{index}"
    found = _comments(call, key)
    for text in texts:
        number = call.store.bump("wx_comment_ids")
        one = {"user_comment_id": number, "openid": f"oReader{number}", "create_time": int(call.world.now())}
        found.append(one | {"content": text, "comment_type": 0})
    call.store.put("wx_comments", call.id, key, {"comments": found})
