"""A cover that staff upload, and the parts of it that each of WeChat's shapes shows.

The picture is decoded within bounds and written anew as one JPEG: what is hashed, previewed and approved is what is uploaded
to the platform.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from bot.domain.article import OwnCover
from bot.domain.post import Asset

from . import pictures

MOST_BYTES = 10 << 20
LONGEST_SIDE = 2_000  # pixels; WeChat shows a cover 900 wide
ENCODED = 300_000  # bytes, as the drawn cover (`CoverSpec.max_bytes`)
QUALITIES = (90, 84, 78, 70, 60)
#: Name of a shape -> width by height, and the fewest pixels across that still look sharp on a phone.
RATIOS = {"wide": 2.35, "square": 1.0}
FEWEST = {"wide": 470, "square": 200}
LEAST = (600, 255)  # of the whole picture: room to choose within
LABELS = {"wide": "头条封面（2.35:1）", "square": "次条与分享封面（1:1）"}


class CoverError(Exception):
    """The picture or the frame cannot be used; the message is a Chinese sentence that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A part of a picture in pixels; its height follows from its shape."""

    left: int
    top: int
    width: int


def take(data: bytes) -> tuple[Asset, int, int]:
    """The picture as it will go out, with its width and height. Raises CoverError."""
    if len(data) > MOST_BYTES:
        raise CoverError(f"图片超过 {MOST_BYTES >> 20} MB，没有采用。请缩小后再传。")
    try:
        asset = pictures.take(data)
    except pictures.PictureError as error:
        raise CoverError(f"{error}，没有采用。请换一张图片，或用看图软件另存为 JPG 再传。") from error
    with Image.open(BytesIO(asset.data)) as decoded:
        image = _flat(decoded)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    if image.width < LEAST[0] or image.height < LEAST[1]:
        raise CoverError(
            f"图片只有 {image.width}×{image.height}，放到封面上会模糊，没有采用。"
            f"请用至少 {LEAST[0]}×{LEAST[1]} 的图片，900×383 以上更好。"
        )
    return Asset(_encoded(image), "image/jpeg", "own-cover"), image.width, image.height


def _flat(image: Image.Image) -> Image.Image:
    """On white where it is transparent: a JPEG has no other ground."""
    if "A" not in image.getbands():
        return image.convert("RGB")
    ground = Image.new("RGBA", image.size, "white")
    ground.alpha_composite(image.convert("RGBA"))
    return ground.convert("RGB")


def _encoded(image: Image.Image) -> bytes:
    """The best quality within ENCODED bytes; noise that fits at none is taken at the last."""
    for quality in QUALITIES:
        out = BytesIO()
        image.save(out, "JPEG", quality=quality, optimize=True)
        if out.tell() <= ENCODED:
            break
    return out.getvalue()


def middle(width: int, height: int, shape: str) -> Frame:
    """The largest frame of that shape, in the middle."""
    ratio = RATIOS[shape]
    across = min(width, int(height * ratio))
    return Frame((width - across) // 2, (height - round(across / ratio)) // 2, across)


def corners(frame: Frame, width: int, height: int, shape: str) -> str:
    """The frame as the platform reads it, "X1_Y1_X2_Y2" in shares with six decimals. Raises CoverError."""
    down = round(frame.width / RATIOS[shape])
    if frame.left < 0 or frame.top < 0 or frame.left + frame.width > width or frame.top + down > height:
        raise CoverError(f"{LABELS[shape]}的裁剪框超出了图片，没有保存。请把框移到图片里面。")
    if frame.width < FEWEST[shape]:
        raise CoverError(
            f"{LABELS[shape]}的裁剪框太小（宽 {frame.width} 像素），会模糊，没有保存。请放大到至少 {FEWEST[shape]} 像素。"
        )
    shares = (frame.left / width, frame.top / height, (frame.left + frame.width) / width, (frame.top + down) / height)
    return "_".join(f"{share:.6f}" for share in shares)


def frame_of(cover: OwnCover, shape: str) -> Frame:
    """Inverse of `corners`."""
    text = cover.wide if shape == "wide" else cover.square
    left, top, right, _ = (float(share) for share in text.split("_"))
    return Frame(round(left * cover.width), round(top * cover.height), round((right - left) * cover.width))


def own(asset: Asset, width: int, height: int, frames: dict[str, Frame]) -> OwnCover:
    """The choice as a value. Raises CoverError for a frame that does not fit."""
    cut = {shape: corners(frame, width, height, shape) for shape, frame in frames.items()}
    return OwnCover(asset.ref, width, height, cut["wide"], cut["square"])
