"""Marks of Chinese text, where a program puts them (GB/T 15834-2011)."""

from __future__ import annotations

_INNER = str.maketrans("《》", "〈〉")


def quoted(title: str) -> str:
    """A title in 《》; what stands in 《》 within it goes into 〈〉 (GB/T 15834-2011, 4.13)."""
    return f"《{title.translate(_INNER)}》"
