"""Staging: pictures, covers and the draft, read back and compared. Nothing here is public.

The table it leaves (JSON-able)::

    {"images": {sha256: address}, "materials": {sha256: media_id}, "draft": media_id, "hashes": [post hash, ...]}
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.channels.http import FilePart
from bot.domain.channel import DRAFT_GONE, ChannelFault, Remedy, Staged
from bot.domain.hashing import assets_in
from bot.domain.post import Asset, Post

from . import articles
from .client import Client, text_id
from .codes import Group
from .looking import is_published
from .spec import COVER_BYTES, IMAGE_BYTES, MASS

SUFFIXES = {"image/jpeg": "jpg", "image/png": "png"}
INVALID_MEDIA = "40007"


class Stager:
    """Stages the posts of one publication on one account."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def stage(self, posts: Sequence[Post], previous: Mapping[str, Any] | None, *, keep: bool = False) -> Staged:
        """Upload what is missing, make the draft or use the earlier one, read back and compare.

        With `keep` no other draft is made: one that was submitted and is gone may have been published, whatever the answer
        said. Neither is one where somebody has published it in the console before its time. Raises ChannelFault(PERSON)
        then, and when the read-back differs.
        """
        table = _start(previous)
        hashes = [post.hash for post in posts]
        same = bool(table["draft"]) and table["hashes"] == hashes
        found = self._read_again(posts, table) if same else None
        if same and found == "":
            return Staged(table, verified=True)
        earlier = table["draft"]
        if keep and earlier:
            raise _consumed()
        if same and found is None:
            self._require_untouched(posts, table)
        self._upload_all(posts, table)
        table["draft"], table["hashes"] = self._add(posts, table), hashes
        try:
            self._verify(posts, table)
        except ChannelFault as fault:
            fault.staged = table
            raise
        self.discard(earlier)
        return Staged(table, verified=True)

    # --- pictures ---

    def _upload_all(self, posts: Sequence[Post], table: dict[str, Any]) -> None:
        for post in posts:
            for sha in assets_in(articles.field(post, "content")):
                if sha not in table["images"]:
                    table["images"][sha] = self._upload_image(sha)
            cover = articles.asset_sha(articles.field(post, "cover"))
            if not cover:
                raise _person("稿件没有封面图", "请重新生成封面")
            if cover not in table["materials"]:
                table["materials"][cover] = self._upload_cover(cover)

    def _asset(self, sha: str, limit: int) -> Asset:
        try:
            asset = self._client.ports.asset(sha)
        except KeyError:
            asset = None
        if asset is None:
            raise _person("稿件引用的图片找不到了", "请重新提交带图片的稿件")
        if asset.media_type not in SUFFIXES or len(asset.data) >= limit:
            raise _person(f"图片“{asset.name or sha[:8]}”不是 JPG、PNG 或超过平台的大小限制", "请更换图片后重新提交")
        return asset

    def _file(self, sha: str, limit: int) -> FilePart:
        asset = self._asset(sha, limit)
        return FilePart("media", f"{sha[:16]}.{SUFFIXES[asset.media_type]}", asset.data, asset.media_type)

    def _upload_image(self, sha: str) -> str:
        answer = self._client.upload("/cgi-bin/media/uploadimg", self._file(sha, IMAGE_BYTES), {})
        url = answer.get("url")
        if not isinstance(url, str) or not re.match(r"https?://", url):
            raise _odd("上传图片")
        return url

    def _upload_cover(self, sha: str) -> str:
        file = self._file(sha, COVER_BYTES)
        answer = self._client.upload("/cgi-bin/material/add_material", file, {"type": "image"})
        return _required_id(answer, "media_id", "上传封面")

    # --- draft ---

    def _add(self, posts: Sequence[Post], table: dict[str, Any]) -> str:
        """draft/add; an invalid cover id (deleted by a person) is uploaded anew, once."""
        try:
            return self._add_once(posts, table)
        except ChannelFault as fault:
            if fault.code != INVALID_MEDIA:
                raise
        table["materials"] = {}
        self._upload_all(posts, table)
        return self._add_once(posts, table)

    def _add_once(self, posts: Sequence[Post], table: Mapping[str, Any]) -> str:
        """draft/add. When its answer is lost, the draft is looked for before giving up."""
        body = {"articles": articles.articles(posts, table, self._client.account)}
        try:
            answer = self._client.call("/cgi-bin/draft/add", body, group=Group.STAGE, read=False)
        except ChannelFault as fault:
            found = self._find(posts, table) if _maybe_done(fault) else ""
            if not found:
                raise
            return found
        return _required_id(answer, "media_id", "新建草稿")

    def _find(self, posts: Sequence[Post], table: Mapping[str, Any]) -> str:
        """The newest draft that equals the posts: the one whose answer was lost, or ""."""
        answer = self._client.call("/cgi-bin/draft/batchget", {"offset": 0, "count": 20, "no_content": 0})
        items = answer.get("item")
        for item in items if isinstance(items, list) else []:
            content = item.get("content") if isinstance(item, dict) else None
            if isinstance(content, dict) and not articles.compare(posts, table, articles.news_items(content)):
                return text_id(item.get("media_id"))
        return ""

    def _read(self, media_id: str) -> list[Mapping[str, Any]]:
        answer = self._client.call("/cgi-bin/draft/get", {"media_id": media_id}, group=Group.STAGE)
        return articles.news_items(answer)

    def _verify(self, posts: Sequence[Post], table: Mapping[str, Any]) -> None:
        found = articles.compare(posts, table, self._read(table["draft"]))
        if found:
            raise articles.altered(found)

    def _read_again(self, posts: Sequence[Post], table: Mapping[str, Any]) -> str | None:
        """What has changed in the earlier draft: "" nothing, None when it is gone."""
        try:
            return articles.compare(posts, table, self._read(table["draft"]))
        except ChannelFault as fault:
            if fault.code != INVALID_MEDIA:
                raise
            return None

    def _require_untouched(self, posts: Sequence[Post], table: Mapping[str, Any]) -> None:
        """A draft that is gone was deleted or made public by somebody (wechat.md 2.3): the published list tells which.

        It does not show a 群发. A second one of a subscription account is refused by its quota of one a day; a service
        account has four a month, so that people look first; after their word all begins anew.
        """
        account = self._client.account
        if is_published(self._client, posts, table):
            raise _published_by_hand()
        if account.mode == MASS and account.options.get("account_type") == "service":
            fault = _perhaps_mass_sent()
            fault.staged = {}
            raise fault

    def remove(self, media_id: str) -> None:
        """Delete a draft; one that is not there (deleted, published) is no fault. Raises ChannelFault."""
        try:
            self._client.call("/cgi-bin/draft/delete", {"media_id": media_id}, group=Group.STAGE, read=False)
        except ChannelFault as fault:
            if fault.code != INVALID_MEDIA:
                raise

    def discard(self, media_id: str) -> None:
        """Delete a draft that was replaced, so that nobody sends it by hand. Failing to is harmless."""
        if not media_id:
            return
        try:
            self.remove(media_id)
        except ChannelFault as fault:
            self._client.ports.record("/cgi-bin/draft/delete", "left", fault.code)


def _start(previous: Mapping[str, Any] | None) -> dict[str, Any]:
    """A fresh table, with what an earlier stage left in it."""
    earlier = previous or {}
    return {
        "images": dict(earlier.get("images") or {}),
        "materials": dict(earlier.get("materials") or {}),
        "draft": str(earlier.get("draft") or ""),
        "hashes": list(earlier.get("hashes") or []),
    }


def _maybe_done(fault: ChannelFault) -> bool:
    """Whether the call may have been executed although it failed."""
    return fault.remedy is Remedy.UNKNOWN and fault.code != INVALID_MEDIA


def _required_id(answer: Mapping[str, Any], name: str, step: str) -> str:
    value = text_id(answer.get(name))
    if not value:
        raise _odd(step)
    return value


def _odd(step: str) -> ChannelFault:
    message = f"微信在“{step}”一步的应答不完整，还没有发出任何内容；系统会再试。"
    return ChannelFault(Remedy.UNKNOWN, message, code="answer")


def _consumed() -> ChannelFault:
    message = (
        "这篇的草稿提交过一次，现在在平台上找不到或已被改动，不再另建草稿，以免重复发出；是否已发出不明。"
        "请到公众号后台核实：已发出就登记链接，确实没有再决定是否重发。"
    )
    return ChannelFault(Remedy.PERSON, message, code=DRAFT_GONE)


def _published_by_hand() -> ChannelFault:
    message = (
        "准备好的草稿已不在草稿箱，公众号上已经有这篇文章：应是有人在公众号后台提前发出了。系统没有再发。"
        "请到公众号后台核对：确是这一篇，过点后（本条转为“错过”）登记链接；要由系统重发，先删除那一篇，再恢复本条。"
    )
    return ChannelFault(Remedy.PERSON, message, code=DRAFT_GONE)


def _perhaps_mass_sent() -> ChannelFault:
    message = (
        "准备好的草稿已不在草稿箱：可能被人删除，也可能已有人在公众号后台群发，是否已发出不明（群发在接口上查不到）。"
        "系统没有再发。请到公众号后台看发表记录：确实没有就恢复本条，系统会另建草稿；已发出，过点后（本条转为“错过”）登记链接。"
    )
    return ChannelFault(Remedy.PERSON, message, code=DRAFT_GONE)


def _person(what: str, todo: str) -> ChannelFault:
    return ChannelFault(Remedy.PERSON, f"{what}，还没有发出任何内容；{todo}。", code="asset")
