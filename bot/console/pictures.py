"""Crops of a cover, drawn as SVG: inline styles are not allowed in our pages, attributes are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Crop:
    """A picture in a box of width `width` and height 1; x, y, w, h place the whole picture in it.

    Without a crop (`whole`) the picture fills the box and is cut at the edges, as platforms do.
    """

    href: str
    width: float
    x: float = 0.0
    y: float = 0.0
    w: float = 1.0
    h: float = 1.0
    whole: bool = False


def crop(href: str, corners: str, ratio: float) -> Crop:
    """`corners` is "X1_Y1_X2_Y2" in parts of the picture (wechat.md: pic_crop_235_1), "" for none."""
    box = _corners(corners)
    if box is None:
        return Crop(href, ratio, w=ratio, whole=True)
    left, top, right, bottom = box
    w, h = ratio / (right - left), 1 / (bottom - top)
    return Crop(href, ratio, round(-left * w, 6), round(-top * h, 6), round(w, 6), round(h, 6))


def _corners(text: str) -> tuple[float, float, float, float] | None:
    try:
        left, top, right, bottom = (float(part) for part in text.split("_"))
    except ValueError:
        return None
    return (left, top, right, bottom) if 0 <= left < right <= 1 and 0 <= top < bottom <= 1 else None
