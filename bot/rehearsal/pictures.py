"""What a picture file really is, by its first bytes: the platforms do not believe file names either."""

from __future__ import annotations

_MAGIC = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
)


def kind_of(body: bytes) -> str:
    """ "jpeg", "png", "gif", "bmp", or "" for anything else."""
    return next((name for magic, name in _MAGIC if body.startswith(magic)), "")
