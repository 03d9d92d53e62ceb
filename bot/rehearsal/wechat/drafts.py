"""The draft box (wechat.md section 3). A draft is gone once it is published or mass-sent."""

from __future__ import annotations

import secrets
from typing import Any

from ..store import Doc
from ..world import Call
from .articles import MOST_ARTICLES, accepted
from .errors import WeChatError
from .media import page_of


def add_draft(call: Call, body: Doc) -> Doc:
    """POST draft/add `{articles: [...]}`: `{media_id}` and no errcode."""
    articles = body.get("articles")
    if not isinstance(articles, list) or not articles:
        raise WeChatError(44003)
    if len(articles) > MOST_ARTICLES:
        raise WeChatError(45008)
    stored = [accepted(call, article, single=len(articles) == 1) for article in articles]
    media_id = secrets.token_urlsafe(64)[:64]
    call.store.put(
        "wx_draft", call.id, media_id, {"media_id": media_id, "articles": stored, "at": int(call.world.now())}
    )
    return {"media_id": media_id, "item": []}


def update_draft(call: Call, body: Doc) -> Doc:
    """POST draft/update `{media_id, index, articles: {one}}`; 40114 for an index that is not there."""
    draft = draft_of(call, body.get("media_id"))
    index, article = body.get("index"), body.get("articles")
    if not isinstance(article, dict):
        raise WeChatError(47001)
    if not isinstance(index, int) or not 0 <= index < len(draft["articles"]):
        raise WeChatError(40114)
    draft["articles"][index] = accepted(call, article, single=len(draft["articles"]) == 1)
    call.store.put("wx_draft", call.id, draft["media_id"], draft | {"at": int(call.world.now())})
    return {"errcode": 0, "errmsg": "ok"}


def get_draft(call: Call, body: Doc) -> Doc:
    """POST draft/get: the articles as stored, with a temporary preview link."""
    draft = draft_of(call, body.get("media_id"))
    if draft.get("busy") and not call.switch("draft_readable_while_publishing", True):
        raise WeChatError(40007)
    items = [
        news_item(article, preview_url(draft["media_id"], index)) for index, article in enumerate(draft["articles"])
    ]
    return {"news_item": items, "create_time": draft["at"], "update_time": draft["at"]}


def delete_draft(call: Call, body: Doc) -> Doc:
    """POST draft/delete: cannot be undone."""
    draft = draft_of(call, body.get("media_id"))
    call.store.delete("wx_draft", call.id, draft["media_id"])
    return {"errcode": 0, "errmsg": "ok"}


def count_drafts(call: Call) -> Doc:
    """GET draft/count."""
    return {"total_count": len(call.store.all("wx_draft", call.id))}


def list_drafts(call: Call, body: Doc) -> Doc:
    """POST draft/batchget: newest first; no_content=1 leaves out `content` only."""
    offset, count = page_of(body)
    drafts = list(reversed(call.store.all("wx_draft", call.id)))
    shown = [_entry(call, draft, bool(body.get("no_content"))) for draft in drafts[offset : offset + count]]
    return {"total_count": len(drafts), "item_count": len(shown), "item": shown}


def _entry(call: Call, draft: Doc, short: bool) -> Doc:
    urls = [preview_url(draft["media_id"], index) for index in range(len(draft["articles"]))]
    items = [news_item(article, url) for article, url in zip(draft["articles"], urls, strict=True)]
    content = {"news_item": [without_content(item) if short else item for item in items]}
    content |= {"create_time": draft["at"], "update_time": draft["at"]}
    return {"media_id": draft["media_id"], "content": content, "update_time": draft["at"]}


def draft_of(call: Call, media_id: Any) -> Doc:
    """A draft of this account; 40007 when there is none, be it published, deleted or never made."""
    found = call.store.get("wx_draft", call.id, str(media_id)) if media_id else None
    if found is None:
        raise WeChatError(40007)
    return found


def news_item(article: Doc, url: str) -> Doc:
    """An article as every read call shows it."""
    return {name: value for name, value in article.items() if name != "url"} | {"show_cover_pic": 0, "url": url}


def without_content(item: Doc) -> Doc:
    """The item as `no_content=1` shows it: everything but `content` (the sandbox reading of an unsure point)."""
    return {name: value for name, value in item.items() if name != "content"}


def preview_url(media_id: str, index: int) -> str:
    """The temporary preview address of a draft's article."""
    return f"http://mp.weixin.qq.com/s?__biz=rehearsal&tempkey={media_id[:24]}&idx={index + 1}&chksm=preview#rd"
