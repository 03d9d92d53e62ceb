"""Pictures inside documents: decoded, bounded, and written anew, so that only pixels travel on.

Controls: ASVS 5.0 5.2.2 (type), 5.2.6 (pixels). EXIF (place, device, time), comments, profiles, appended bytes and
animation stay behind.
"""

from __future__ import annotations

import base64
import binascii
import re
from io import BytesIO

from PIL import Image, ImageOps

from bot.domain.post import Asset

MAX_BYTES = 20 << 20
MAX_PIXELS = 25_000_000
MAX_PICTURES = 100
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
_DATA = re.compile(r"data:image/[a-z0-9.+-]+;base64,(?P<data>[A-Za-z0-9+/=\s]+)", re.IGNORECASE)


class PictureError(Exception):
    """The picture cannot be taken; the message is a Chinese phrase."""


def take(data: bytes, name: str = "") -> Asset:
    """The picture as a fresh PNG or JPEG. Raises PictureError on other types, damage, or too many pixels or bytes."""
    if len(data) > MAX_BYTES:
        raise PictureError(f"图片超过 {MAX_BYTES >> 20} MB")
    try:
        with Image.open(BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise PictureError(f"图片超过 {MAX_PIXELS // 10_000} 万像素")
            lossy = image.format == "JPEG"
            return _written(ImageOps.exif_transpose(image), lossy=lossy, name=name)
    except PictureError:
        raise
    except Exception as error:  # Pillow's decoders raise many types on damaged data
        raise PictureError("图片已损坏或格式不支持（支持 PNG、JPEG、GIF、WebP、BMP）") from error


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
