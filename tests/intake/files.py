"""Small files of every kind that may be attached, and of kinds that may not."""

from __future__ import annotations

import zipfile
from io import BytesIO

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


def picture(form: str = "PNG", size: tuple[int, int] = (8, 6), *, exif: bool = False, colour: str = "navy") -> bytes:
    """A picture; with `exif` it says with what it was taken."""
    out = BytesIO()
    image = Image.new("RGB", size, colour)
    about = Image.Exif()
    if exif:
        about[0x010F] = "SECRET-CAMERA"
    image.save(out, form, **({"exif": about.tobytes()} if exif else {}))
    return out.getvalue()
