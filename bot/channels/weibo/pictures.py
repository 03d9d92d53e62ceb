"""The one picture of a post: what the platform takes, judged by the bytes and not by a file name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bot.domain.hashing import ASSET
from bot.domain.post import Asset

from .spec import PICTURE_LIMIT

#: First bytes of what statuses/share accepts, and the media type sent with them.
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif"}


def picture_sha(payload: Mapping[str, Any]) -> str:
    """The SHA-256 of the post's picture, or "" for a post without one. ValueError when `pic` is something else."""
    ref = payload.get("pic") or ""
    match = ASSET.fullmatch(ref) if isinstance(ref, str) else None
    if ref and not match:
        raise ValueError("pic must be asset:<sha256>")
    return match[1] if match else ""


def media_type(data: bytes) -> str:
    """image/png, image/jpeg or image/gif by the first bytes, else ""."""
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), "")


def picture_problem(payload: Mapping[str, Any], load: Callable[[str], Asset]) -> tuple[str, str]:
    """(rule, Chinese sentence) of what is wrong with the picture, ("", "") when nothing is."""
    try:
        sha = picture_sha(payload)
        asset = load(sha) if sha else None
    except ValueError:
        return "weibo.picture_missing", "配图的写法不对，请重新生成渠道稿。"
    except KeyError:
        return "weibo.picture_missing", "找不到配图文件，请重新生成渠道稿。"
    if asset is None:
        return "", ""
    if not media_type(asset.data):
        return "weibo.picture_type", "配图不是 JPG、PNG 或 GIF 图片，微博不接受；请更换图片。"
    if len(asset.data) >= PICTURE_LIMIT:
        size = len(asset.data) / 1024 / 1024
        return "weibo.picture_size", f"配图有 {size:.1f} MB，微博要求小于 5 MB；请压缩或更换图片。"
    return "", ""
