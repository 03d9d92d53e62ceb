"""The handbook's pictures, made small."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

QUALITY = 80
LARGEST = 3 * 1024 * 1024  # bytes of all of them


def shrink(source: Path, target: Path, size: str) -> None:
    """As WebP; of a desk's screen three quarters of its width."""
    with Image.open(source) as picture:
        seen = picture.convert("RGB")
        if size == "desk":
            seen = seen.resize((seen.width * 3 // 4, seen.height * 3 // 4), Image.Resampling.LANCZOS)
        seen.save(target, quality=QUALITY, method=6)
