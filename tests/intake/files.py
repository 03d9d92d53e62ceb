"""Small files of every kind that may be attached, and of kinds that may not."""

from __future__ import annotations

import random
import struct
import zipfile
from io import BytesIO
from typing import Any

from PIL import Image

PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


def container(*parts: str, content: bytes = b"<x/>") -> bytes:
    """A zip with these parts, the same bytes at any time."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in parts:
            archive.writestr(zipfile.ZipInfo(part), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def docx(*more: str) -> bytes:
    return container("[Content_Types].xml", "word/document.xml", *more)


def listing(entries: int, *, said: int) -> bytes:
    """A zip that is nothing but a directory, whose end says that it has so many entries."""
    head, one = b"PK\x03\x04" + b"\0" * 26, b"PK\x01\x02\x14\0\x14" + b"\0" * 21 + b"\x01" + b"\0" * 17 + b"a"
    size = entries * len(one)
    whole = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, said, said, size, len(head))
    place = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(head) + size, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", *[0xFFFF] * 4, *[0xFFFFFFFF] * 2, 0)
    return head + one * entries + whole + place + end


def noise(form: str, size: tuple[int, int] = (300, 200), *, mode: str = "RGB") -> bytes:
    """A picture that a lossless form keeps at full length."""
    out = BytesIO()
    pixels = random.Random(7).randbytes(size[0] * size[1] * len(mode))
    Image.frombytes(mode, size, pixels).save(out, form, quality=40)
    return out.getvalue()


def picture(
    form: str = "PNG", size: tuple[int, int] = (8, 6), *, exif: bool = False, colour: str = "navy", **how: Any
) -> bytes:
    """A picture; with `exif` it says with what it was taken."""
    out = BytesIO()
    image = Image.new("RGB", size, colour)
    about = Image.Exif()
    if exif:
        about[0x010F] = "SECRET-CAMERA"
    image.save(out, form, **({"exif": about.tobytes()} if exif else {}), **how)
    return out.getvalue()
