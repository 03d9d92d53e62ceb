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
    writes what it caught in one way where the vendor has several. Its group `owner`, where an address has it, is the account's
    name on the vendor's site. `example` is shown to staff.
    """

    hosts: tuple[str, ...]
    pattern: str
    example: str
    identity: Callable[[str], str] = str

    def post(self, parts: SplitResult) -> str:
        """Which post it is, "" when the address is none of this shape."""
        found = self._found(parts)
        return self.identity(found["post"]) if found else ""

    def owner(self, parts: SplitResult) -> str:
        """Whose post it is by the address, "" when it does not say."""
        found = self._found(parts)
        return found.groupdict().get("owner") or "" if found else ""

    def _found(self, parts: SplitResult) -> re.Match[str] | None:
        if parts.hostname not in self.hosts or parts.port not in {None, 80, 443} or parts.username is not None:
            return None
        return re.fullmatch(self.pattern, parts.path + (f"?{parts.query}" if parts.query else ""))


def which_post(url: str, links: Iterable[PostLink]) -> str:
    """Which post an address leads to, "" when it is not the address of a post there."""
    parts = _parts(url)
    return next((post for link in links if parts and (post := link.post(parts))), "")


def whose_post(url: str, links: Iterable[PostLink]) -> str:
    """The account that an address names, as the vendor writes it; "" when it names none."""
    parts = _parts(url)
    return next((owner for link in links if parts and (owner := link.owner(parts))), "")


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    usable = parts.scheme in {"http", "https"} and url.isprintable() and len(url) <= MOST
    return parts if usable else None
