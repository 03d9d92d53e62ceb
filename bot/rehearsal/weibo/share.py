"""statuses/share and the headline article: what may be posted, and what becomes of it (weibo.md 2.1, 2.4)."""

from __future__ import annotations

import difflib
import hashlib
import ipaddress
from typing import Any
from urllib.parse import unquote, unquote_plus, urlsplit

from .. import pictures
from ..store import Doc
from ..world import Call, World, beijing
from . import text as weibo_text
from .errors import WeiboError
from .statuses import permalink, status_object

PICTURE_BYTES = 5 * 1024 * 1024
BODY_BYTES = 10 * 1024 * 1024


def share(call: Call) -> Doc:
    """POST 2/statuses/share.json: text with a URL on the safe domain, at most one picture, always public."""
    if len(call.request.body) > BODY_BYTES:
        raise WeiboError(10018)
    text = _text(call)
    _check_rip(call)
    picture = _picture(call)
    _check_text(call, text)
    _check_repeat(call, text)
    status = keep_status(call, text, picture)
    if "delayed" in call.armed:
        raise WeiboError(20032)
    return status_object(call.world, call.account, status)


def _text(call: Call) -> str:
    if "status" not in call.request.form:
        raise WeiboError(10016, "miss required parameter (status) , see doc for more info.")
    text = call.request.form["status"]
    if call.request.media_type == "multipart/form-data" and call.switch("multipart_decode", False):
        text = unquote_plus(text)
    if not text.strip():
        raise WeiboError(20008)
    return text


def _check_rip(call: Call) -> None:
    rip = call.request.form.get("rip", "")
    if not rip:
        if call.switch("rip_required", True):
            raise WeiboError(10016, "miss required parameter (rip) , see doc for more info.")
        return
    try:
        ipaddress.IPv4Address(rip)
    except ValueError as error:
        raise WeiboError(10008, "param rip is not an IPv4 address") from error


def _picture(call: Call) -> str:
    if "pic" in call.request.form:
        raise WeiboError(10007)  # a picture needs a file part of a multipart body
    if not call.request.uploads:
        return ""
    if len(call.request.uploads) > 1 or call.request.uploads[0].field != "pic":
        raise WeiboError(10008, "only one file, named pic")
    body = call.request.uploads[0].body
    kind = pictures.kind_of(body)
    if kind not in ("jpeg", "gif", "png"):
        raise WeiboError(20005)
    if len(body) >= PICTURE_BYTES:
        raise WeiboError(20006)
    return call.store.keep_bytes(body, f"image/{kind}")


def _check_text(call: Call, text: str) -> None:
    if weibo_text.characters(text) > int(call.switch("characters", 140)):
        raise WeiboError(20012)
    _check_domains(call, weibo_text.urls_of(text))
    bare = weibo_text.without_urls(text)
    if call.switch("refuse_topic", True) and weibo_text.TOPIC.search(bare):
        raise WeiboError(int(call.switch("topic_code", 20018)), "topic is not allowed in share")


def _check_domains(call: Call, urls: list[str]) -> None:
    domains = call.account.get("safe_domains") or []
    if not domains or call.account.get("review") == "pending_domain":
        raise WeiboError(10017, "appkey not bind domain!")
    ours = [url for url in urls if _bound(call, url, domains)]
    if not ours:
        raise WeiboError(10017, "text not find domain!")
    if len(ours) < len(urls) and call.switch("refuse_foreign_url", True):
        raise WeiboError(20018, "url on a foreign domain")


def _bound(call: Call, url: str, domains: list[str]) -> bool:
    host = (urlsplit(url).hostname or "").lower()
    if host in domains:
        return True
    return bool(call.switch("subdomains", False)) and any(host.endswith("." + domain) for domain in domains)


def _check_repeat(call: Call, text: str) -> None:
    now, bare = call.world.now(), weibo_text.without_urls(text)
    window, likeness = float(call.switch("repeat_seconds", 300)), float(call.switch("similar_seconds", 0))
    last = call.store.get("wb_sent", call.id, _digest(text))
    if last and now - last["at"] <= window:
        raise WeiboError(20019)
    for status in call.store.newest("wb_status", call.id, 200) if likeness else ():
        if status.get("foreign") or now - status["at"] > likeness:
            continue
        if difflib.SequenceMatcher(None, weibo_text.without_urls(status["sent"]), bare).ratio() >= 0.8:
            raise WeiboError(20017)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def keep_status(call: Call, text: str, picture: str, *, kind: str = "share") -> Doc:
    """Store a new status with its effect; faults may make it public, or visible in reads, later."""
    now, delay = call.world.now(), 0.0
    for fault, default in (("delayed", 90), ("effect_late", 1)):
        if fault in call.armed:
            delay = max(delay, float(call.armed[fault].get("seconds", default)))
    lag = float(call.armed.get("timeline_lag", {}).get("seconds", 0)) + float(call.switch("timeline_lag", 0))
    status = make_status(call.world, call.account, text, picture, now + delay)
    status |= {"visible_at": now + delay + lag, "request": call.journal_id}
    call.store.put("wb_status", call.id, status["id"], status)
    call.store.put("wb_sent", call.id, _digest(text), {"at": now})
    call.effect = status["id"]
    call.store.bump(posts_bucket(call))
    urls = weibo_text.urls_of(text)
    call.world.effect(
        at=now + delay,
        platform="weibo",
        account=call.id,
        kind=kind,
        object=status["id"],
        position=1,
        marker=urls[0] if urls else "",
        url=permalink(status),
        title=text,
        request=call.journal_id,
    )
    return status


def posts_bucket(call: Call) -> str:
    """The counter of this hour's posts; only those that were accepted count."""
    return f"wb:posts:{call.id}:{beijing(call.world.clock('quota')):%Y-%m-%dT%H}"


def make_status(world: World, account: Doc, text: str, picture: str, public_at: float, **more: Any) -> Doc:
    """A status document, not yet stored: ids, t.cn links, the tail that reads show."""
    number = weibo_text.new_id(world.now(), world.store.bump("wb_sequence"))
    stored = weibo_text.shortened(text, lambda url: _tcn(world, url))
    status: Doc = {"id": str(number), "uid": account["id"], "text": stored, "sent": text, "picture": picture}
    return status | {"at": world.now(), "public_at": public_at, "visible_at": public_at, "deleted": False} | more


def _tcn(world: World, url: str) -> str:
    if (urlsplit(url).hostname or "").lower() == "t.cn":
        return url
    known = world.store.by_key("wb_tcn_of", url)
    code = known[1]["code"] if known else "A6" + weibo_text.base62(62**4 + world.store.bump("wb_tcn")).rjust(5, "0")
    world.store.put("wb_tcn", "", code, {"url": url})
    world.store.put("wb_tcn_of", "", url, {"code": code})
    return f"http://t.cn/{code}"


# --- headline article ---


def publish_article(call: Call) -> Doc:
    """POST proxy/article/publish.json: by grant only (switch article_permission); answers with its own codes."""
    if not call.switch("article_permission", False):
        raise WeiboError(10014)
    form = call.request.form
    title, content, text = form.get("title", ""), unquote(form.get("content", "")), form.get("text", "")
    complete = all(form.get(name) for name in ("title", "content", "cover", "text", "rip"))
    if not complete or len(title) > 32 or len(content) > 90_000 or weibo_text.characters(text) > 1900:
        return {"code": "10008", "msg": "param error", "data": {}}
    number = str(call.store.bump("wb_article", 2309404000000000))
    object_id = f"1022:{number}"
    url = f"https://weibo.com/ttarticle/p/show?id={number}"
    status = keep_status(call, f"{text} {url}", "", kind="article")
    call.store.put("wb_article", call.id, object_id, {"title": title, "content": content, "mid": status["id"]})
    return {"code": "100000", "msg": "success", "data": {"object_id": object_id, "url": url, "mid": status["id"]}}
