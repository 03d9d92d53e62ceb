"""What followers would see, as JSON for the product's page with the two phones; the pictures in it; and the 草稿箱.

The 草稿箱 is what people see who work in the account's own console, followers never.
"""

from __future__ import annotations

import html
import re

from .store import Doc
from .wechat.filter import plain_text
from .weibo import text as weibo_text
from .weibo.statuses import counts, permalink, user_object
from .wire import Answer, Request, json_answer
from .world import World, iso

PICTURE = re.compile(r"https?://[a-z.]*(?:qpic\.cn|mmecoa\.com)/[^\"'\s)]*")
TCN = re.compile(r"http://t\.cn/([0-9A-Za-z]+)")
MISSING = json_answer({"error": "not found"}, 404)


def handle(world: World, request: Request) -> Answer:
    """GET /_view/wechat/<account>, …/wechat/article/<id>, …/wechat/drafts/<account>, …/weibo/<uid>, …/tcn/<code>, …/find?url=…, /_media/<hash>."""
    parts = request.path.strip("/").split("/")
    if request.method != "GET" or len(parts) < 2:
        return MISSING
    if parts[0] == "_media":
        kept = world.store.bytes_of(parts[1])
        return Answer(kept[1], media_type=kept[0], headers={"Cache-Control": "max-age=86400"}) if kept else MISSING
    with world.store.transaction():
        found = _find(world, request.query.get("url", "")) if parts[1] == "find" else _page(world, parts[1:])
    return found if isinstance(found, Answer) else MISSING if found is None else json_answer(found)


def _page(world: World, parts: list[str]) -> Doc | Answer | None:
    if parts[0] == "wechat" and len(parts) == 3 and parts[1] == "article":
        return _article(world, parts[2])
    if parts[0] == "wechat" and len(parts) == 3 and parts[1] == "drafts":
        return _drafts(world, parts[2])
    if parts[0] == "wechat" and len(parts) == 2:
        return _wechat(world, parts[1])
    if parts[0] == "weibo" and len(parts) == 2:
        return _weibo(world, parts[1])
    if parts[0] == "tcn" and len(parts) == 2:
        kept = world.store.get("wb_tcn", "", parts[1])
        return Answer(b"", 302, "text/html", {"Location": kept["url"]}) if kept else None
    return None


def _find(world: World, url: str) -> Doc | None:
    """Which post stands at that address: its account, and its article where it has one."""
    for account in world.store.all("account", "wechat"):
        for job in world.store.all("wx_job", account["id"]):
            for index, article in enumerate(job["articles"], start=1):
                if url and article.get("url") == url and job["stage"] in ("public", "gone"):
                    return {"platform": "wechat", "account": account["id"], "article": f"{job['msg_data_id']}_{index}"}
    for account in world.store.all("account", "weibo"):
        for status in world.store.all("wb_status", account["id"]):
            if url == permalink(status):
                return {"platform": "weibo", "account": account["id"]}
    return None


def _wechat(world: World, identity: str) -> Doc | None:
    account = world.store.get("account", "wechat", identity)
    if account is None:
        return None
    jobs = [one for one in world.store.all("wx_job", identity) if one["stage"] in ("public", "gone")]
    entries = [(one["kind"], _message(world, identity, one)) for one in jobs]
    named = {name: account[name] for name in ("id", "name", "gh_id", "type", "verified", "followers")}
    pushed = [entry for kind, entry in entries if kind == "mass"]
    return {
        "account": named,
        "conversation": pushed,
        "published": [entry for kind, entry in entries if kind == "publish"],
    }


def _drafts(world: World, identity: str) -> Doc | None:
    if world.store.get("account", "wechat", identity) is None:
        return None
    found = [one for one in world.store.all("wx_draft", identity) if not one.get("busy")]
    return {"drafts": [_draft(one) for one in reversed(found)]}


def _draft(draft: Doc) -> Doc:
    articles = [{"title": one["title"]} for one in draft["articles"]]
    return {"media_id": draft["media_id"], "at": iso(draft["at"]), "articles": articles}


def _message(world: World, identity: str, job: Doc) -> Doc:
    articles = [_card(world, identity, job, index) for index in range(1, len(job["articles"]) + 1)]
    kind = "mass" if job["kind"] == "mass" else "freepublish"
    return {"at": iso(job["finished_at"]), "kind": kind, "id": job["id"], "articles": articles}


def _card(world: World, identity: str, job: Doc, index: int) -> Doc:
    article = job["articles"][index - 1]
    crops = {name: article[name] for name in ("pic_crop_235_1", "pic_crop_1_1") if article.get(name)}
    return {
        "id": f"{job['msg_data_id']}_{index}",
        "title": article["title"],
        "digest": article.get("digest", ""),
        "cover_url": _cover(world, identity, article),
        "url": article.get("url", ""),
        "crops": crops,
        "deleted": bool(article.get("is_deleted")) or job["stage"] == "gone",
        "view": f"{world.base_url()}/_view/wechat/article/{job['msg_data_id']}_{index}",
    }


def _cover(world: World, identity: str, article: Doc) -> str:
    if article.get("thumb_url"):
        return _local(world, article["thumb_url"])
    material = world.store.get("wx_material", identity, article.get("thumb_media_id", ""))
    return f"{world.base_url()}/_media/{material['hash']}" if material else ""


def _article(world: World, article_id: str) -> Doc | None:
    number, _, index = article_id.partition("_")
    for account in world.store.all("account", "wechat"):
        for job in world.store.all("wx_job", account["id"]):
            if str(job["msg_data_id"]) == number and job["stage"] in ("public", "gone") and index.isdigit():
                found: Doc = _full(world, account, job, int(index)) if 1 <= int(index) <= len(job["articles"]) else {}
                return found or None
    return None


def _full(world: World, account: Doc, job: Doc, index: int) -> Doc:
    card, article = _card(world, account["id"], job, index), job["articles"][index - 1]
    content = "" if card["deleted"] else _with_local_pictures(world, article["content"])
    return card | {
        "author": article.get("author", ""),
        "account": account["name"],
        "published_at": iso(job["finished_at"]),
        "content_html": content,
        "text": plain_text(content),
        "source_url": article.get("content_source_url", ""),
    }


def _with_local_pictures(world: World, content: str) -> str:
    content = content.replace(" data-src=", " src=")
    return PICTURE.sub(lambda found: _local(world, html.unescape(found.group(0))), content)


def _local(world: World, url: str) -> str:
    for part in url.split("?")[0].split("/"):
        kept = world.store.get("wx_picture", "", part)
        if kept:
            return f"{world.base_url()}/_media/{kept['hash']}"
    return ""  # a picture this platform never got: a broken frame, as followers would see


def _weibo(world: World, uid: str) -> Doc | None:
    account = world.store.get("account", "weibo", uid)
    if account is None:
        return None
    found = [one for one in world.store.all("wb_status", uid) if one["public_at"] <= world.now() and not one["deleted"]]
    found.sort(key=lambda one: int(one["id"]), reverse=True)
    return {"user": user_object(world, account), "statuses": [_status(world, one) for one in found]}


def _status(world: World, status: Doc) -> Doc:
    shown = status["text"].rstrip(weibo_text.TAIL)
    links = []
    for code in TCN.findall(shown):
        kept = world.store.get("wb_tcn", "", code)
        links.append({"short": f"http://t.cn/{code}", "url": kept["url"] if kept else ""})
    picture = f"{world.base_url()}/_media/{status['picture']}" if status.get("picture") else ""
    head: Doc = {"id": status["id"], "text": shown, "links": links, "created_at": iso(status["public_at"])}
    return head | {"picture_url": picture, "permalink": permalink(status)} | counts(world, status)
