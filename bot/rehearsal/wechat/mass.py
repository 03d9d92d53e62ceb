"""Mass send: the push to followers, its quota and its only idempotency key (wechat.md section 4.2)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ..store import Doc
from ..world import Call, World, beijing_day
from . import events, freepublish
from .drafts import draft_of
from .errors import WeChatError

FIRST_MSG_ID = 3_147_483_647
DAY = 86_400.0
TYPES = {"mpnews": "media_id", "text": "content", "voice": "media_id", "image": "media_ids", "mpvideo": "media_id"}
ORDERS = {"clientmsgid": "kqm", "quota": "qkm", "media": "mkq"}


def send_all(call: Call, body: Doc) -> Doc:
    """POST message/mass/sendall. Success = accepted."""
    whom = body.get("filter")
    if not isinstance(whom, dict) or not (whom.get("is_to_all") is True or "tag_id" in whom):
        raise WeChatError(40215)
    return _send(call, body, to_all=whom.get("is_to_all") is True)


def send_to(call: Call, body: Doc) -> Doc:
    """POST message/mass/send: 2 to 10,000 openids, service accounts only."""
    if call.account["type"] != "service":
        raise WeChatError(48001)
    openids = body.get("touser")
    if not isinstance(openids, list) or not 2 <= len(openids) <= 10_000:
        raise WeChatError(40032)
    return _send(call, body, to_all=False)


def _send(call: Call, body: Doc, *, to_all: bool) -> Doc:
    _check_type(body)
    key = _client_key(call, body)
    # In which order the platform checks is unknown; a replay may meet the used quota or the dead draft first.
    for step in ORDERS.get(call.switch("check_order", "clientmsgid"), "kqm"):
        if step == "k":
            _check_key(call, key)
        elif step == "q":
            check_quota(call.world, call.account, to_all=to_all)
        else:
            _content(call, body)
    job = _accept(call, body, to_all=to_all, key=key)
    reply: Doc = {"errcode": 0, "errmsg": "send job submission success", "msg_id": int(job["id"])}
    if body["msgtype"] == "mpnews":
        reply["msg_data_id"] = job["msg_data_id"]
    if job["stage"] == "waiting":
        raise WeChatError(int(call.switch("protection_code", 89504)))
    return reply


def _check_type(body: Doc) -> None:
    kind = str(body.get("msgtype"))
    if kind == "wxcard":
        raise WeChatError(45113)
    if kind not in TYPES or not isinstance(body.get("images" if kind == "image" else kind), dict):
        raise WeChatError(40008)


def _content(call: Call, body: Doc) -> list[Doc]:
    if body["msgtype"] == "mpnews":
        articles: list[Doc] = draft_of(call, body["mpnews"].get("media_id"))["articles"]
        return articles
    inner = body["images" if body["msgtype"] == "image" else body["msgtype"]]
    if not inner.get(TYPES[body["msgtype"]]):
        raise WeChatError(40007)
    return [{"title": str(inner.get("content", inner.get("title", "")))[:64], "content": "", "digest": ""}]


def _client_key(call: Call, body: Doc) -> str:
    given = body.get("clientmsgid")
    if given:
        if len(str(given).encode()) > int(call.switch("clientmsgid_bytes", 32)):
            raise WeChatError(45067)
        return f"given:{given}"
    content = {name: value for name, value in body.items() if name != "clientmsgid"}
    return "derived:" + hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _check_key(call: Call, key: str) -> None:
    known, now = call.store.get("wx_client_key", call.id, key), call.world.now()
    if known is None or now - known["at"] >= DAY:
        return
    too_fast = now - known["last"] < float(call.switch("clientmsgid_gap", 60))
    call.store.put("wx_client_key", call.id, key, known | {"last": now})
    raise WeChatError(45066) if too_fast else WeChatError(45065, msg_id=int(known["msg_id"]))


def check_quota(world: World, account: Doc, *, to_all: bool) -> None:
    """45028 when the day's (subscription) or month's (service, to all) successful sends are used up."""
    bucket, limit = _quota(world, account, to_all)
    if bucket and world.store.counter(bucket) >= limit:
        raise WeChatError(45028)


def _quota(world: World, account: Doc, to_all: bool) -> tuple[str, int]:
    day = beijing_day(world.clock("quota"))
    if account["type"] == "service":
        return (f"mass:{account['id']}:{day:%Y-%m}", 4) if to_all else ("", 0)
    return f"mass:{account['id']}:{day}", int(account.get("switches", {}).get("mass_per_day", 1))


def use_quota(world: World, account: Doc, *, to_all: bool, by: int = 1) -> str:
    """Count a send, from here or from the web console; the counter's name, for giving it back."""
    bucket, _ = _quota(world, account, to_all)
    if bucket:
        world.store.bump(bucket, by=by)
    return bucket


def _accept(call: Call, body: Doc, *, to_all: bool, key: str) -> Doc:
    fault, now = call.armed.get("mass", {}), call.world.now()
    wait = float(fault.get("seconds", call.switch("mass_seconds", 1.0)))
    wait += float(call.armed.get("effect_late", {}).get("seconds", 0))
    protected = to_all and bool(call.switch("protection", False))
    inner = body.get("mpnews") or {}
    job: Doc = {
        "kind": "mass",
        "id": str(call.store.bump("wx_msg", FIRST_MSG_ID)),
        "media_id": inner.get("media_id", ""),
    }
    job |= {"articles": _content(call, body), "status": "SENDING", "msgtype": body["msgtype"], "wait": wait}
    job |= {"msg_data_id": call.store.bump("wx_msg_data", freepublish.FIRST_MSG_DATA_ID), "article_id": ""}
    job |= {"due": now + (1800 if protected else wait), "request": call.journal_id, "to_all": to_all}
    job |= {"stage": "waiting" if protected else "running", "final": fault.get("status", "send success")}
    job |= {
        "audience": int(call.account.get("followers", 0)),
        "bucket": use_quota(call.world, call.account, to_all=to_all),
    }
    call.store.put("wx_client_key", call.id, key, {"at": now, "last": now, "msg_id": job["id"]})
    call.effect = job["id"]
    events.start_job(call.world, call.id, job)
    freepublish.arm_event(call, job)
    return job


def titled(title: str) -> Doc:
    """An article of which only the title is told."""
    told: Doc = {"title": title, "author": "", "digest": "", "content": f"<p>{title}</p>"}
    return told | {"content_source_url": "", "thumb_media_id": ""}


def in_console(world: World, account: str, kind: str, told: list[Doc]) -> Doc:
    """Articles that a person makes public in the console ("mass" or "publish"), at once: no effect of ours, and no event."""
    first = {"mass": ("wx_msg", FIRST_MSG_ID), "publish": ("wx_publish", freepublish.FIRST_PUBLISH_ID)}[kind]
    number = world.store.bump("wx_msg_data", freepublish.FIRST_MSG_DATA_ID)
    articles = [
        article | {"url": events.article_url(account, number, index), "is_deleted": False}
        for index, article in enumerate(told, start=1)
    ]
    job: Doc = {"id": str(world.store.bump(*first)), "kind": kind, "stage": "public", "media_id": ""}
    job |= {"articles": articles, "msg_data_id": number, "article_id": f"console{number}" if kind == "publish" else ""}
    job |= {"status": 0 if kind == "publish" else "send success", "finished_at": world.now()}
    world.store.put("wx_job", account, job["id"], job)
    return {"msg_data_id": number, "urls": [article["url"] for article in articles]}


def decide(world: World, account: Doc, msg_id: str, outcome: str) -> None:
    """群发保护: the administrator confirms, refuses or lets 30 minutes pass. KeyError for an unknown job."""
    job = world.store.get("wx_job", account["id"], msg_id)
    if job is None or job["stage"] != "waiting":
        raise KeyError(f"no mass send {msg_id} waits for the administrator")
    job["stage"] = "running"
    job["due"] = world.now() + (job["wait"] if outcome == "confirm" else 0)
    if outcome != "confirm":
        job["final"] = "err(40001)" if outcome == "refuse" else "err(40002)"
    events.start_job(world, account["id"], job)


def get(call: Call, body: Doc) -> Doc:
    """POST message/mass/get `{msg_id}`: SENDING, SEND_SUCCESS, SEND_FAIL or DELETE, without a cause."""
    job = _job(call, body.get("msg_id"))
    words = {"public": "SEND_SUCCESS", "failed": "SEND_FAIL", "gone": "DELETE"}
    return {"msg_id": int(job["id"]), "msg_status": words.get(job["stage"], "SENDING")}


def delete(call: Call, body: Doc) -> Doc:
    """POST message/mass/delete `{msg_id | url, article_idx}`: 1-based, 0 = all; the card stays, opening to "deleted"."""
    if body.get("url"):
        job, found = _by_url(call, str(body["url"]))
        freepublish.remove(call.world, call.id, job, found)
        return {"errcode": 0, "errmsg": "ok"}
    job, index = _job(call, body.get("msg_id"), 40059), body.get("article_idx", 0)
    if job["stage"] != "public":
        raise WeChatError(40059)
    if not isinstance(index, int) or not 0 <= index <= len(job["articles"]):
        raise WeChatError(40060)
    freepublish.remove(call.world, call.id, job, index)
    return {"errcode": 0, "errmsg": "ok"}


def preview(call: Call, body: Doc) -> Doc:
    """POST message/mass/preview: to one person; nothing becomes public and the draft stays."""
    if not (body.get("touser") or body.get("towxname")):
        raise WeChatError(40003)
    _check_type(body)
    _content(call, body)
    return {"errcode": 0, "errmsg": "preview success", "msg_id": call.store.bump("wx_msg", FIRST_MSG_ID)}


def speed(call: Call, body: Doc) -> Doc:
    """POST message/mass/speed/get and /set: 0 to 4."""
    name = f"speed:{call.id}"
    if call.name.endswith("/set"):
        value = body.get("speed")
        if not isinstance(value, int) or not 0 <= value <= 4:
            raise WeChatError(45083)
        call.store.set_setting(name, value)
        return {"errcode": 0, "errmsg": "ok"}
    chosen = int(call.store.setting(name, 0))
    return {"speed": chosen, "realspeed": (80, 60, 45, 30, 10)[chosen]}


def _job(call: Call, msg_id: Any, code: int = 40059) -> Doc:
    job = call.store.get("wx_job", call.id, str(msg_id))
    if job is None or job["kind"] != "mass":
        raise WeChatError(code)
    return job


def _by_url(call: Call, url: str) -> tuple[Doc, int]:
    for job in call.store.all("wx_job", call.id):
        for index, article in enumerate(job["articles"], start=1):
            if article.get("url") == url and job["kind"] == "mass":
                return job, index
    raise WeChatError(40204, "invalid url")
