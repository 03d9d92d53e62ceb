"""Posts to the platform's articles and back: pure functions of payload, staging table and settings."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.domain.channel import READ_BACK, AccountConfig, ChannelFault, Remedy
from bot.domain.hashing import ASSET
from bot.domain.post import Post

from .normalise import difference, same_text
from .spec import LABELS

CROPS = ("pic_crop_235_1", "pic_crop_1_1")
TEXTS = ("title", "author", "content_source_url")


def field(post: Post, name: str) -> str:
    """A payload field as text, "" when absent."""
    value = post.payload.get(name)
    return value if isinstance(value, str) else ""


def asset_sha(reference: str) -> str:
    """The hash in `asset:<sha256>`, "" if it is something else."""
    found = ASSET.fullmatch(reference)
    return found.group(1) if found else ""


def article(post: Post, table: Mapping[str, Any], account: AccountConfig, *, single: bool) -> dict[str, Any]:
    """One entry of draft/add's `articles`. `digest` belongs to single-article drafts only."""
    images: Mapping[str, str] = table["images"]
    wire: dict[str, Any] = {
        "article_type": "news",
        "title": field(post, "title"),
        "author": field(post, "author"),
        "content": ASSET.sub(lambda found: html.escape(images[found.group(1)]), field(post, "content")),
        "content_source_url": field(post, "content_source_url"),
        "thumb_media_id": table["materials"][asset_sha(field(post, "cover"))],
        "need_open_comment": int(account.option("open_comment", "0") == "1"),
        "only_fans_can_comment": 0,
    }
    if single and field(post, "digest"):
        wire["digest"] = field(post, "digest")
    return wire | {name: field(post, name) for name in CROPS if field(post, name)}


def articles(posts: Sequence[Post], table: Mapping[str, Any], account: AccountConfig) -> list[dict[str, Any]]:
    """The body of a draft, in order."""
    return [article(post, table, account, single=len(posts) == 1) for post in posts]


def news_items(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """`news_item` of an answer as a list of objects; empty when it is missing or ill-formed."""
    items = answer.get("news_item")
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""


def has_marker(url: str, marker: str) -> bool:
    """Whether the marker stands in the link as a word of its own."""
    pattern = rf"(?<![0-9A-Za-z_-]){re.escape(marker)}(?![0-9A-Za-z_-])"
    return bool(marker) and re.search(pattern, html.unescape(url)) is not None


def same_markers(posts: Sequence[Post], items: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the items carry the posts' markers, all of them, in order."""
    return len(posts) == len(items) and all(
        has_marker(_text(item, "content_source_url"), post.marker) for post, item in zip(posts, items, strict=True)
    )


_TAG = re.compile(r"<[^>]*>")


def compare(posts: Sequence[Post], table: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> str:
    """The first difference between approved posts and what was read back, in Chinese; "" when equal."""
    if len(items) != len(posts):
        return f"篇数不同：批准 {len(posts)} 篇，读回 {len(items)} 篇"
    for number, (post, item) in enumerate(zip(posts, items, strict=True), 1):
        found = _compare_one(post, table, item, single=len(posts) == 1)
        if found:
            return f"第 {number} 篇的{found}"
    return ""


def _compare_one(post: Post, table: Mapping[str, Any], item: Mapping[str, Any], *, single: bool) -> str:
    names = (*TEXTS, "digest") if single and field(post, "digest") else TEXTS
    for name in names:
        if not same_text(field(post, name), _text(item, name)):
            return f"{LABELS[name]}不同：批准的是“{field(post, name)[:40]}”，读回的是“{_text(item, name)[:40]}”"
    if _text(item, "thumb_media_id") != table["materials"].get(asset_sha(field(post, "cover"))):
        return f"{LABELS['thumb_media_id']}不是上传的那一张"
    if post.marker and not has_marker(_text(item, "content_source_url"), post.marker):
        return f"{LABELS['marker']}不在“阅读原文”链接里"
    found = difference(field(post, "content"), _text(item, "content"), table["images"])
    return f"{LABELS['content']}不同：{found}" if found else ""


def wording_changed(posts: Sequence[Post], items: Sequence[Mapping[str, Any]]) -> str:
    """The first published title or text that does not read as approved, in Chinese; "" when all do.

    Of a published article only what a reader reads is compared: the platform rewrites markup and addresses.
    """
    for number, (post, item) in enumerate(zip(posts, items, strict=True), 1):
        if not same_text(field(post, "title"), _text(item, "title")):
            return f"第 {number} 篇的标题与批准的不一致"
        shown = _text(item, "content")
        if shown and _wording(shown) != _wording(field(post, "content")):
            return f"第 {number} 篇的正文与批准的不一致"
    return ""


def _wording(content: str) -> str:
    """What a reader reads, without white space."""
    text = html.unescape(_TAG.sub("", content)).replace("\u200b", "")
    return "".join(text.split())


def altered(what: str) -> ChannelFault:
    """The fault of a draft that is not what was approved."""
    message = f"草稿读回后与批准的内容不一致，{what}。还没有发出任何内容；请核对该处内容后修改，或请系统管理员查看。"
    return ChannelFault(Remedy.PERSON, message, code=READ_BACK)
