"""freepublish: publishing without a push (wechat.md section 4.1). 0 from submit means "task accepted", no more."""

from __future__ import annotations

import secrets
from typing import Any

from ..store import Doc
from ..world import Call
from . import callbacks, events
from .drafts import draft_of, news_item, without_content
from .errors import WeChatError
from .media import page_of

FIRST_PUBLISH_ID, FIRST_MSG_DATA_ID = 100_000_000, 2_247_483_647


def submit(call: Call, body: Doc) -> Doc:
    """POST freepublish/submit `{media_id}`."""
    draft = draft_of(call, body.get("media_id"))
    if draft.get("busy"):
        _second_submit(call)
    call.store.put("wx_draft", call.id, draft["media_id"], draft | {"busy": True})
    job = events.start_job(call.world, call.id, _job(call, draft))
    call.effect = job["id"]
    arm_event(call, job)
    reply: Doc = {"errcode": 0, "errmsg": "ok", "publish_id": _publish_id(call, job["id"])}
    if "no_msg_data_id" not in call.armed and call.switch("msg_data_id", True):
        reply["msg_data_id"] = job["msg_data_id"]
    return reply


def _second_submit(call: Call) -> None:
    # What the platform does here is undocumented: (a) publishes again, (b) 40007, (c) 53501.
    mode = call.switch("duplicate_submit", "b")
    if mode == "b":
        raise WeChatError(40007)
    if mode == "c":
        raise WeChatError(53501)


def _job(call: Call, draft: Doc) -> Doc:
    fault = call.armed.get("publish", {})
    wait = float(fault.get("seconds", call.switch("publish_seconds", 0.8)))
    wait += float(call.armed.get("effect_late", {}).get("seconds", 0))
    job: Doc = {"kind": "publish", "id": str(call.store.bump("wx_publish", FIRST_PUBLISH_ID)), "stage": "running"}
    job |= {"media_id": draft["media_id"], "articles": draft["articles"], "status": 1}
    job |= {"msg_data_id": call.store.bump("wx_msg_data", FIRST_MSG_DATA_ID), "article_id": secrets.token_urlsafe(32)}
    job |= {"due": call.world.now() + wait, "final": int(fault.get("status", 0)), "request": call.journal_id}
    job |= {"fail_idx": fault.get("fail_idx", [1] if fault.get("status", 0) in (2, 4) else [])}
    if fault.get("later"):
        job |= {"later": int(fault["later"]), "later_after": float(fault.get("later_after", 1))}
    return job


def arm_event(call: Call, job: Doc) -> None:
    """Give the job its event fault; `before_reply` finishes it and posts the event ahead of the answer."""
    fault = call.armed.get("event")
    if not fault:
        return
    call.store.put("wx_job", call.id, job["id"], job | {"event": fault})
    if fault.get("mode") == "before_reply":
        world, account = call.world, call.id

        def overtake() -> None:
            with world.store.transaction():
                events.settle(world, account, job["id"], world.now())
            callbacks.deliver_now(world, account)

        call.afterwards.append(overtake)


def _publish_id(call: Call, key: str) -> str | int:
    return int(key) if call.switch("publish_id_type", "string") == "integer" else key


def get(call: Call, body: Doc) -> Doc:
    """POST freepublish/get `{publish_id}`: publish_status 0 to 6."""
    if not body.get("publish_id"):
        raise WeChatError(40002)
    job = call.store.get("wx_job", call.id, str(body["publish_id"]))
    if job is None or job["kind"] != "publish":
        raise WeChatError(53502)
    reply: Doc = {"publish_id": _publish_id(call, job["id"]), "publish_status": job["status"], "fail_idx": []}
    if job["stage"] == "public":
        reply |= {"article_id": job["article_id"], "article_detail": events.article_detail(job)}
    elif job["stage"] == "failed":
        reply["fail_idx"] = job.get("fail_idx", [])
    return reply


def delete(call: Call, body: Doc) -> Doc:
    """POST freepublish/delete `{article_id, index}`: 1-based; 0 or absent takes all."""
    job = published(call, body.get("article_id"))
    index = body.get("index", 0)
    if not isinstance(index, int) or not 0 <= index <= len(job["articles"]):
        raise WeChatError(40114)
    remove(call.world, call.id, job, index)
    return {"errcode": 0, "errmsg": "ok"}


def remove(world: Any, account: str, job: Doc, index: int) -> None:
    """Take down one article (1-based) or, with 0, all of a public job; with nothing left its status is 5."""
    for position, article in enumerate(job["articles"], start=1):
        if index in (0, position) and not article.get("is_deleted"):
            article["is_deleted"] = True
            world.effect_gone(job["id"], position)
    if all(article.get("is_deleted") for article in job["articles"]):
        job |= {"status": 5, "stage": "gone"} if job["kind"] == "publish" else {"stage": "gone"}
    world.store.put("wx_job", account, job["id"], job)


def get_article(call: Call, body: Doc) -> Doc:
    """POST freepublish/getarticle `{article_id}`."""
    job = published(call, body.get("article_id"))
    return {"news_item": [_shown(article) for article in job["articles"]]}


def list_published(call: Call, body: Doc) -> Doc:
    """POST freepublish/batchget: freepublish only, newest first, counted in objects, not articles."""
    offset, count = page_of(body)
    found = [job for job in call.store.all("wx_job", call.id) if job["kind"] == "publish" and job["stage"] == "public"]
    found.sort(key=lambda job: (job["finished_at"], int(job["id"])), reverse=True)
    items = [_entry(job, bool(body.get("no_content"))) for job in found[offset : offset + count]]
    return {"total_count": len(found), "item_count": len(items), "item": items}


def _entry(job: Doc, short: bool) -> Doc:
    shown = [_shown(article) for article in job["articles"]]
    moment = int(job["finished_at"])
    content = {"news_item": [without_content(item) if short else item for item in shown]}
    return {"article_id": job["article_id"], "content": content | {"update_time": moment}, "update_time": moment}


def _shown(article: Doc) -> Doc:
    item = news_item(article, article["url"])
    return {name: value for name, value in item.items() if name != "article_type"}  # the page does not list it


def published(call: Call, article_id: Any) -> Doc:
    """The public job of an article_id; 53600 for anything else."""
    for job in call.store.all("wx_job", call.id):
        if job["kind"] == "publish" and job["article_id"] == article_id and job["stage"] == "public":
            return job
    raise WeChatError(53600)
