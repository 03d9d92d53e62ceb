"""Limits of the platform over the posts of one publication: what would be refused, lost or changed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from urllib.parse import urlsplit

from bot.domain.channel import FieldSpec
from bot.domain.findings import Finding, Level
from bot.domain.post import Post

from .articles import CROPS, asset_sha, field, has_marker
from .spec import CONTENT_BYTES, FIELDS, LABELS, MAX_POSTS, utf8_length

SOURCE = "微信公众平台 草稿接口"
TITLE_BYTES, DIGEST_BYTES = 64, 120  # reports of refusals above these; documented limits count characters
REMOVED_TAGS = frozenset(
    ["script", "style", "link", "iframe", "form", "input", "object", "embed", "base", "meta", "svg"]
)
REMOVED_ATTRIBUTES = frozenset({"class", "id"})
SAFE_LINK_HOST = "mp.weixin.qq.com"
_CROP = re.compile(r"(?:[01](?:\.\d{1,6})?_){3}[01](?:\.\d{1,6})?")


def check(posts: Sequence[Post]) -> list[Finding]:
    """All findings, in the order of posts; `field` names the payload field."""
    findings = list(_count(posts))
    for number, post in enumerate(posts, 1):
        where = f"第 {number} 篇的" if len(posts) > 1 else ""
        findings += [*_fields(post, where), *_bytes(post, where), *_link(post, where), *_cover(post, where)]
        findings += _html(post, where)
    return findings


def _finding(rule: str, level: Level, name: str, message: str, found: str = "") -> Finding:
    return Finding(f"wechat.{rule}", level, message, field=name, found=found, source=SOURCE)


def _count(posts: Sequence[Post]) -> Iterator[Finding]:
    if not posts:
        yield _finding("empty", Level.BLOCK, "", "没有稿件，请至少放入一篇。")
    if len(posts) > MAX_POSTS:
        yield _finding("count", Level.BLOCK, "", f"一次最多 {MAX_POSTS} 篇，现有 {len(posts)} 篇，请分开发布。")


def _fields(post: Post, where: str) -> Iterator[Finding]:
    for spec in FIELDS:
        text = field(post, spec.name)
        if not text.strip():
            if spec.required:
                yield _finding("required", Level.BLOCK, spec.name, f"{where}{spec.label}是空的，请填写。")
        elif spec.limit is not None and spec.count(text) > spec.limit:
            yield _too_long(spec, spec.count(text), where)


def _too_long(spec: FieldSpec, size: int, where: str) -> Finding:
    unit = "字节" if spec.count is utf8_length else "字"
    message = f"{where}{spec.label}有 {size} {unit}，平台最多 {spec.limit} {unit}，请缩短。"
    return _finding("length", Level.BLOCK, spec.name, message)


def _bytes(post: Post, where: str) -> Iterator[Finding]:
    if utf8_length(field(post, "content")) > CONTENT_BYTES:
        yield _finding("length", Level.BLOCK, "content", f"{where}正文超过 1 MB，请缩短。")
    for name, limit in (("title", TITLE_BYTES), ("digest", DIGEST_BYTES)):
        size = utf8_length(field(post, name))
        if size > limit:
            message = f"{where}{LABELS[name]}有 {size} 字节，有账号在超过 {limit} 字节时被拒，请留意。"
            yield _finding("bytes", Level.HINT, name, message)


def _link(post: Post, where: str) -> Iterator[Finding]:
    name, url = "content_source_url", field(post, "content_source_url")
    if url and urlsplit(url).scheme not in {"http", "https"}:
        yield _finding("link", Level.BLOCK, name, f"{where}“阅读原文”链接不是网址，请核对。", url[:40])
    if url and not has_marker(url, post.marker):
        yield _finding(
            "marker", Level.BLOCK, name, f"{where}“阅读原文”链接里没有稿件标记，发布后无法核对，请重新生成稿件。"
        )


def _cover(post: Post, where: str) -> Iterator[Finding]:
    if not asset_sha(field(post, "cover")):
        yield _finding("cover", Level.BLOCK, "cover", f"{where}没有封面图，请重新生成封面。")
    for name in CROPS:
        crop = field(post, name)
        if crop and not _valid_crop(crop):
            yield _finding("crop", Level.BLOCK, name, f"{where}封面裁剪范围不对，请重新生成封面。", crop[:40])


def _valid_crop(crop: str) -> bool:
    if not _CROP.fullmatch(crop):
        return False
    left, top, right, bottom = (float(part) for part in crop.split("_"))
    return 0 <= left < right <= 1 and 0 <= top < bottom <= 1


class _Losses(HTMLParser):
    """What the platform would remove from the content, as (rule, level, message, found)."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: dict[tuple[str, str], tuple[Level, str]] = {}

    def _note(self, rule: str, level: Level, found: str, message: str) -> None:
        self.found.setdefault((rule, found), (level, message))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in REMOVED_TAGS:
            self._note("tag", Level.BLOCK, tag, f"正文里的 <{tag}> 会被平台去掉，请删除")
        for name, value in attrs:
            self._attribute(tag, name, value or "")

    def _attribute(self, tag: str, name: str, value: str) -> None:
        if name.startswith("on"):
            self._note("attribute", Level.BLOCK, name, f"正文里的 {name} 属性会被平台去掉，请删除")
        elif name in REMOVED_ATTRIBUTES:
            self._note("attribute", Level.BLOCK, name, f"正文里的 {name} 属性会被平台去掉，样式请直接写在元素上")
        elif tag == "img" and name in {"src", "data-src"} and not asset_sha(value):
            self._note("image", Level.BLOCK, value[:60], "正文里有外部图片，平台会不声不响地去掉，请改为上传图片")
        elif tag == "a" and name == "href" and _host(value) != SAFE_LINK_HOST:
            self._note("href", Level.WARN, value[:60], "正文里指向其他网站的链接可能被平台去掉，请以文字写出网址")


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _html(post: Post, where: str) -> Iterator[Finding]:
    parser = _Losses()
    parser.feed(field(post, "content"))
    parser.close()
    for (rule, found), (level, message) in parser.found.items():
        yield _finding(rule, level, "content", f"{where}{message}。", found)
