"""Pictures inside documents: decoded, bounded, and written anew, so that only pixels travel on.

Controls: ASVS 5.0 5.2.2 (type), 5.2.6 (pixels). EXIF (place, device, time), comments, profiles, appended bytes and
animation stay behind.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Set as AbstractSet
from io import BytesIO

from PIL import Image, ImageOps

from bot.domain.post import Asset

MAX_BYTES = 20 << 20
MAX_PIXELS = 25_000_000
MAX_PICTURES = 100
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
#: What came in with losses goes on with losses: a picture in a text has been a PNG whenever it was a WebP, and must stay
#: the same bytes each time its text comes in, so that the second holds for files that are added by hand.
LOSSY_IN_TEXTS = frozenset({"JPEG"})
LOSSY = frozenset({"JPEG", "WEBP"})
_DATA = re.compile(r"data:image/[a-z0-9.+-]+;base64,(?P<data>[A-Za-z0-9+/=\s]+)", re.IGNORECASE)


class PictureError(Exception):
    """The picture cannot be taken; the message is a Chinese phrase."""


def take(data: bytes, name: str = "", *, lossy: AbstractSet[str] = LOSSY_IN_TEXTS) -> Asset:
    """The picture as a fresh PNG or JPEG. Raises PictureError on other types, damage, or too many pixels or bytes.

    `lossy`: of which formats a picture with losses and without transparency becomes a JPEG.
    """
    if len(data) > MAX_BYTES:
        raise PictureError(f"图片超过 {MAX_BYTES >> 20} MB")
    try:
        with Image.open(BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise PictureError(f"图片超过 {MAX_PIXELS // 10_000} 万像素")
            with_losses = image.format in lossy and not (image.format == "WEBP" and _is_lossless(data))
            return _written(ImageOps.exif_transpose(image), lossy=with_losses, name=name)
    except PictureError:
        raise
    except Exception as error:  # Pillow's decoders raise many types on damaged data
        raise PictureError("图片已损坏或格式不支持（支持 PNG、JPEG、GIF、WebP、BMP）") from error


def count(data: bytes) -> int:
    """How many pixels the head of a picture says it has; 0 where nothing can be read."""
    try:
        with Image.open(BytesIO(data), formats=_FORMATS) as image:
            return image.width * image.height
    except Exception:  # as above; what is damaged is told when it is taken
        return 0


def _is_lossless(webp: bytes) -> bool:
    """By its first frame, which stands behind what describes it."""
    at = 12
    while at + 8 <= len(webp):
        kind, size = webp[at : at + 4], int.from_bytes(webp[at + 4 : at + 8], "little")
        if kind in {b"VP8L", b"VP8 "}:
            return kind == b"VP8L"
        at += 24 if kind == b"ANMF" else 8 + size + size % 2  # a frame of an animation holds its picture
    return False


def _written(image: Image.Image, *, lossy: bool, name: str) -> Asset:
    transparent = "A" in image.getbands() or "transparency" in image.info
    pixels = image.convert("RGBA" if transparent else "RGB")
    pixels.info = {}
    out = BytesIO()
    if lossy and not transparent:
        pixels.save(out, "JPEG", quality=90)
        return Asset(out.getvalue(), "image/jpeg", name)
    pixels.save(out, "PNG")
    return Asset(out.getvalue(), "image/png", name)


class Album:
    """The pictures of one document: each taken once, at most MAX_PICTURES, refused ones counted with their reason."""

    def __init__(self) -> None:
        self._assets: dict[str, Asset] = {}
        self.refused: dict[str, int] = {}

    def add(self, data: bytes) -> str:
        """The reference for a payload (`asset:<sha256>`), or "" when the picture is refused."""
        try:
            if len(self._assets) >= MAX_PICTURES:
                raise PictureError(f"图片超过 {MAX_PICTURES} 张")
            asset = take(data, f"图{len(self._assets) + 1}")
        except PictureError as error:
            self.refused[str(error)] = self.refused.get(str(error), 0) + 1
            return ""
        return self._assets.setdefault(asset.ref, asset).ref

    def add_data_url(self, url: str) -> str:
        """As `add`, for a `data:image/…;base64,` address; any other address gives ""."""
        match = _DATA.fullmatch(url.strip())
        if not match:
            return ""
        try:
            return self.add(base64.b64decode(re.sub(r"\s", "", match["data"]), validate=True))
        except binascii.Error:
            return self.add(b"")

    def all(self) -> tuple[Asset, ...]:
        """The pictures taken, in order."""
        return tuple(self._assets.values())
