"""Post: one edition rendered for one account; and Asset: a picture named by its hash."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .hashing import content_hash, sha256

#: Where the credit line (来源 / 责编 / 审核) goes. It is filled from the review record when the release is
#: signed, so that a deputy's review voids no rendering; the manifest covers the filled bytes.
CREDIT_SLOT = "<!--credit-->"


@dataclass(frozen=True, slots=True)
class Asset:
    """A picture that travels with a post; posts name it `asset:<sha256>`."""

    data: bytes
    media_type: str  # image/png or image/jpeg
    name: str = ""

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of the bytes."""
        return sha256(self.data)

    @property
    def ref(self) -> str:
        """How a payload names it."""
        return f"asset:{self.sha256}"


@dataclass(frozen=True, slots=True)
class Post:
    """The payload for one channel. `payload` is JSON-able, with pictures as `asset:<sha256>` only.

    Platform ids, platform image addresses and tokens are never part of it. `marker` is the short id that
    stands in the payload's link, so that read-back recognises the post.
    """

    channel: str
    payload: Mapping[str, Any]
    marker: str

    @property
    def hash(self) -> str:
        """Hash of the payload's canonical JSON."""
        return content_hash(self.payload)

    def with_credit(self, line: str) -> Post:
        """The same post with the credit line (plain text, escaped here) in its slot, if it has one."""

        def fill(value: Any) -> Any:
            return value.replace(CREDIT_SLOT, html.escape(line)) if isinstance(value, str) else value

        return Post(self.channel, {key: fill(value) for key, value in self.payload.items()}, self.marker)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A post and the pictures it names."""

    post: Post
    assets: tuple[Asset, ...] = ()
