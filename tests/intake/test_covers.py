"""A cover of one's own: bounded, bare of what a camera wrote, framed within its shape, and read back as it was set."""

from __future__ import annotations

import re
import struct
import zlib
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.domain.post import Asset
from bot.intake import covers
from bot.intake.covers import CoverError, Frame

from .files import picture

FORM = re.compile(r"(?:[01]\.\d{6}_){3}[01]\.\d{6}")


def test_what_goes_out_is_one_fresh_jpeg_without_what_the_camera_wrote() -> None:
    asset, width, height = covers.take(picture("JPEG", (1200, 800), exif=True))
    assert (asset.media_type, width, height) == ("image/jpeg", 1200, 800)
    assert b"SECRET-CAMERA" not in asset.data
    assert len(asset.data) <= covers.ENCODED
    assert covers.take(picture("JPEG", (1200, 800), exif=True))[0] == asset, "the same picture is the same bytes"


def test_a_large_picture_is_made_smaller() -> None:
    _, width, height = covers.take(picture("PNG", (4000, 1000)))
    assert (width, height) == (2000, 500)


def test_what_is_transparent_stands_on_white() -> None:
    out = BytesIO()
    Image.new("RGBA", (700, 300), (0, 0, 0, 0)).save(out, "PNG")
    asset, _, _ = covers.take(out.getvalue())
    with Image.open(BytesIO(asset.data)) as image:
        assert image.getpixel((0, 0)) == (255, 255, 255)


def bomb() -> bytes:
    """A PNG that says it is 60,000 by 60,000."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (picture("PNG", (500, 400)), "会模糊"),
        (picture("PNG", (900, 200)), "会模糊"),
        (b"GIF89a nothing", "已损坏或格式不支持"),
        (b"<svg/>", "格式不支持"),
        (bomb(), "没有采用"),
    ],
)
def test_what_cannot_be_a_cover_says_why_and_what_to_do(data: bytes, why: str) -> None:
    with pytest.raises(CoverError, match=why) as told:
        covers.take(data)
    assert "请" in str(told.value)


@settings(max_examples=80, deadline=None)
@given(width=st.integers(600, 2000), height=st.integers(255, 2000), data=st.data())
def test_any_frame_within_the_picture_comes_back_from_what_is_sent(
    width: int, height: int, data: st.DataObject
) -> None:
    frames = {}
    for shape, ratio in covers.RATIOS.items():
        middle = covers.middle(width, height, shape)
        across = data.draw(st.integers(covers.FEWEST[shape], middle.width))
        down = round(across / ratio)
        frame = Frame(data.draw(st.integers(0, width - across)), data.draw(st.integers(0, height - down)), across)
        frames[shape] = frame
        assert FORM.fullmatch(covers.corners(frame, width, height, shape))
        assert FORM.fullmatch(covers.corners(middle, width, height, shape)), "the proposed frame fits too"
    own = covers.own(Asset(b"x", "image/jpeg"), width, height, frames)
    assert {shape: covers.frame_of(own, shape) for shape in frames} == frames


@pytest.mark.parametrize(
    "frame", [Frame(-1, 0, 600), Frame(0, -1, 600), Frame(401, 0, 600), Frame(0, 246, 600), Frame(0, 0, 1001)]
)
def test_a_frame_that_sticks_out_of_the_picture_is_refused(frame: Frame) -> None:
    with pytest.raises(CoverError, match="超出了图片"):
        covers.corners(frame, 1000, 500, "wide")


def test_a_frame_too_small_to_be_sharp_is_refused() -> None:
    with pytest.raises(CoverError, match="太小"):
        covers.corners(Frame(0, 0, 199), 1000, 500, "square")
