"""Jobs that finish by themselves, freepublish and mass alike: when due, the post becomes public and an event leaves.

A job document: id, kind "publish" | "mass", media_id, articles, msg_data_id, article_id, status, due, final,
request (journal id), event (args of the armed fault) and what the two kinds add.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ..store import Doc
from ..world import World
from . import callbacks


def start_job(world: World, account: str, job: Doc) -> Doc:
    """Keep a new job and let it come due."""
    world.store.put("wx_job", account, job["id"], job)
    world.store.set_timer("wx_job", account, job["id"], job["due"])
    return job


def settle_due(world: World) -> None:
    """Finish every job whose time has come. Called by the worker and ahead of every call, so reads never lag."""
    for timer in world.store.timers_due(world.now(), "wx_job"):
        settle(world, timer["account"], timer["key"], timer["due"])


def settle(world: World, account: str, key: str, at: float) -> None:
    """Take one job its next step: to its end, or from public to gone (status 5 and 6)."""
    job = world.store.get("wx_job", account, key)
    world.store.set_timer("wx_job", account, key, None)
    if job is None:
        return
    if job["stage"] == "waiting":  # 30 minutes without the administrator's confirmation
        job |= {"stage": "running", "final": "err(40002)"}
    if job["stage"] == "running":
        finish(world, account, job, at)
    elif job["stage"] == "public" and job.get("later"):
        job |= {"status": job.pop("later"), "stage": "gone"}
        world.effect_gone(job["id"])
        world.store.put("wx_job", account, key, job)
        tell(world, account, job)


def finish(world: World, account: str, job: Doc, at: float) -> None:
    """End a running job with its `final` verdict, publishing where that is a success; then tell the callback."""
    good = job["final"] in (0, "send success")
    job |= {"status": job["final"], "stage": "public" if good else "failed", "finished_at": at}
    if good:
        publish(world, account, job, at)
    else:
        _give_back(world, account, job)
    world.store.put("wx_job", account, job["id"], job)
    if good and job.get("later"):
        world.store.set_timer("wx_job", account, job["id"], at + float(job.get("later_after", 1)))
    tell(world, account, job)


def publish(world: World, account: str, job: Doc, at: float) -> None:
    """Make the job's articles public: permanent addresses, one effect each, the draft consumed."""
    for index, article in enumerate(job["articles"], start=1):
        article["url"] = article_url(account, job["msg_data_id"], index)
        article["is_deleted"] = False
        world.effect(
            at=at,
            platform="wechat",
            account=account,
            kind="mass" if job["kind"] == "mass" else "freepublish",
            object=job["id"],
            position=index,
            marker=article.get("content_source_url", ""),
            url=article["url"],
            title=article["title"],
            request=job["request"],
        )
    world.store.delete("wx_draft", account, job["media_id"])


def _give_back(world: World, account: str, job: Doc) -> None:
    if job.get("bucket"):
        world.store.bump(job["bucket"], by=-1)  # only successful sends use up the quota
    draft = world.store.get("wx_draft", account, job["media_id"])
    if draft:
        world.store.put("wx_draft", account, job["media_id"], draft | {"busy": False})


def article_url(account: str, msg_data_id: int, index: int) -> str:
    """The permanent long address: it carries `mid` (= msg_data_id) and `idx`."""
    return f"http://mp.weixin.qq.com/s?__biz={quote(account)}&mid={msg_data_id}&idx={index}&sn=rehearsal{msg_data_id}{index}#rd"


def article_detail(job: Doc) -> Doc:
    """`article_detail` of freepublish/get and of the event."""
    items = [{"idx": index, "article_url": item["url"]} for index, item in enumerate(job["articles"], start=1)]
    return {"count": len(items), "item": items}


def tell(world: World, account: str, job: Doc) -> None:
    """Queue the job's event for the account's callback, as the armed fault wants it."""
    fault = job.get("event") or {}
    mode = fault.get("mode", "")
    if mode == "never":
        return
    due = world.now() + (float(fault.get("seconds", 2)) if mode == "late" else 0.0)
    name, content = _mass_event(job) if job["kind"] == "mass" else _publish_event(job)
    if mode == "rename":
        name = "MASSSENDJOBFINISH" if name == "PUBLISHJOBFINISH" else "PUBLISHJOBFINISH"
    if mode == "unknown_id":
        content = _with_unknown_id(content)
    for _ in range(2 if mode == "double" else 1):
        callbacks.queue(world, account, name, content, due)


def _with_unknown_id(content: Doc) -> Doc:
    if "MsgID" in content:
        return content | {"MsgID": int(content["MsgID"]) + 900_000_000}
    info = content["PublishEventInfo"]
    return {"PublishEventInfo": info | {"publish_id": f"9{info['publish_id']}"}}


def _publish_event(job: Doc) -> tuple[str, Doc]:
    info: Doc = {"publish_id": job["id"], "publish_status": job["status"]}
    if job["stage"] == "public":
        info |= {"article_id": job["article_id"], "article_detail": article_detail(job)}
    if job.get("fail_idx"):
        info["fail_idx"] = job["fail_idx"]
    return "PUBLISHJOBFINISH", {"PublishEventInfo": info}


def _mass_event(job: Doc) -> tuple[str, Doc]:
    total = int(job.get("audience", 0))
    sent = total if job["stage"] == "public" else 0
    content: dict[str, Any] = {"MsgID": int(job["id"]), "Status": job["status"]}
    content |= {"TotalCount": total, "FilterCount": sent, "SentCount": sent, "ErrorCount": 0}
    results = [
        {
            "ArticleIdx": i,
            "UserDeclareState": 0,
            "AuditState": 0,
            "OriginalArticleUrl": "",
            "OriginalArticleType": "",
            "CanReprint": 0,
            "NeedReplaceContent": 0,
            "NeedShowReprintSource": 0,
        }
        for i, _ in enumerate(job["articles"], start=1)
    ]
    content["CopyrightCheckResult"] = {"Count": len(results), "ResultList": {"item": results}, "CheckState": 1}
    urls = [
        {"ArticleIdx": i, "ArticleUrl": item["url"]}
        for i, item in enumerate(job["articles"], start=1)
        if item.get("url")
    ]
    content["ArticleUrlResult"] = {"Count": len(urls), "ResultList": {"item": urls}}
    return "MASSSENDJOBFINISH", content
