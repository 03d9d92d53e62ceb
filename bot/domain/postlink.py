"""Addresses of published posts, as a person types them in: does this one belong to the vendor, and to which post."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

MOST = 1000  # characters of an address


@dataclass(frozen=True, slots=True)
class PostLink:
    """One shape that the address of a post has on a vendor's site.

    `pattern` is matched against the whole of path and query; its group `post` tells one post from another, `identity`
    writes what it caught in one way where the vendor has several. `example` is shown to staff.
    """

    hosts: tuple[str, ...]
    pattern: str
    example: str
    identity: Callable[[str], str] = str

    def post(self, parts: SplitResult) -> str:
        """Which post it is, "" when the address is none of this shape."""
        if parts.hostname not in self.hosts or parts.port not in {None, 80, 443} or parts.username is not None:
            return ""
        found = re.fullmatch(self.pattern, parts.path + (f"?{parts.query}" if parts.query else ""))
        return self.identity(found["post"]) if found else ""


def which_post(url: str, links: Iterable[PostLink]) -> str:
    """Which post an address leads to, "" when it is not the address of a post there."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not url.isprintable() or len(url) > MOST:
        return ""
    return next((post for link in links if (post := link.post(parts))), "")
