"""What the platform accepts as an article: fields and limits (wechat.md section 3.1), counted its own way."""

from __future__ import annotations

import re
from typing import Any

from ..store import Doc
from ..world import Call
from .errors import WeChatError
from .filter import filtered, plain_text
from .media import material_of

MOST_ARTICLES = 8
TEXT_LIMITS = (("title", 32, 45003), ("author", 16, 45110), ("digest", 128, 45004))
BYTE_LIMITS = (("title", 64, 45003), ("author", 8, 45110), ("digest", 120, 45004))
CONTENT_CHARACTERS, CONTENT_BYTES, URL_BYTES = 20_000, 1024 * 1024, 1024
NUMBER = r"(?:0(?:\.\d{1,6})?|1(?:\.0{1,6})?|\.\d{1,6})"
CROP = re.compile(rf"({NUMBER})_({NUMBER})_({NUMBER})_({NUMBER})")


def accepted(call: Call, article: Any, *, single: bool) -> Doc:
    """One article as it will be stored, filtered and filled in; raises WeChatError for what is refused."""
    if not isinstance(article, dict):
        raise WeChatError(47001)
    kind = article.get("article_type", "news")
    if kind not in ("news", "newspic"):
        raise WeChatError(40008)
    _check_texts(call, article)
    stored = _common(call, article)
    stored |= _picture_fields(call, article) if kind == "newspic" else _news_fields(call, article, single)
    _check_crops(article)
    return stored


def _common(call: Call, article: Doc) -> Doc:
    keep_links, rewrite = bool(call.switch("keep_external_links", False)), bool(call.switch("rewrite_div", False))
    fields = {name: article.get(name, "") for name in ("title", "author", "digest", "content_source_url")}
    flags = {name: int(article.get(name) in (1, "1")) for name in ("need_open_comment", "only_fans_can_comment")}
    crops = {name: article[name] for name in ("pic_crop_235_1", "pic_crop_1_1") if article.get(name)}
    content = filtered(str(article.get("content", "")), keep_links=keep_links, rewrite_div=rewrite)
    return fields | flags | crops | {"article_type": article.get("article_type", "news"), "content": content}


def _news_fields(call: Call, article: Doc, single: bool) -> Doc:
    material = _cover(call, article.get("thumb_media_id"))
    found: Doc = {"thumb_media_id": material["media_id"], "thumb_url": material.get("url", "")}
    if not article.get("digest"):
        found["digest"] = plain_text(str(article["content"]))[:54] if single else ""
    return found


def _picture_fields(call: Call, article: Doc) -> Doc:
    info = article.get("image_info")
    entries = info.get("image_list") if isinstance(info, dict) else None
    if not isinstance(entries, list) or not 1 <= len(entries) <= 20:
        raise WeChatError(40007)
    covers = [_cover(call, entry.get("image_media_id") if isinstance(entry, dict) else None) for entry in entries]
    return {
        "image_info": info,
        "thumb_media_id": covers[0]["media_id"],
        "thumb_url": covers[0].get("url", ""),
        "content": plain_text(str(article.get("content", ""))),
    }


def _cover(call: Call, media_id: Any) -> Doc:
    try:
        material = material_of(call, media_id)
    except WeChatError as error:
        raise WeChatError(40007) from error  # missing, misspelt and temporary all answer alike
    if material["type"] not in ("image", "thumb"):
        raise WeChatError(40007)
    return material


def _check_texts(call: Call, article: Doc) -> None:
    for name in ("title", "author", "digest", "content", "content_source_url"):
        if not isinstance(article.get(name, ""), str):
            raise WeChatError(47001)
    if not article.get("title", "").strip():
        raise WeChatError(40227)
    if not article.get("content", "").strip() and article.get("article_type", "news") == "news":
        raise WeChatError(44004)
    for name, limit, code in TEXT_LIMITS:
        if len(article.get(name, "")) > limit:
            raise WeChatError(code)
    if call.switch("strict_bytes", False):
        for name, limit, code in BYTE_LIMITS:
            if len(article.get(name, "").encode()) > limit:
                raise WeChatError(code)
    _check_sizes(article)


def _check_sizes(article: Doc) -> None:
    content, source = article.get("content", ""), article.get("content_source_url", "")
    if len(content) >= CONTENT_CHARACTERS or len(content.encode()) >= CONTENT_BYTES:
        raise WeChatError(45002)
    if len(source.encode()) > URL_BYTES:
        raise WeChatError(45005)
    if source and not re.match(r"https?://[^\s/]+", source):
        raise WeChatError(41039)


def _check_crops(article: Doc) -> None:
    for name in ("pic_crop_235_1", "pic_crop_1_1"):
        value = article.get(name)
        if not value:
            continue
        found = CROP.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise WeChatError(53402)
        left, top, right, bottom = (float(part) for part in found.groups())
        if not (left < right and top < bottom):
            raise WeChatError(53402)
