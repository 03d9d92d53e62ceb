"""What a signer signs: order, accounts, modes, instants, sync policy and the hash of the bytes (design.md section 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .hashing import content_hash
from .instants import require_aware


@dataclass(frozen=True, slots=True)
class ManifestItem:
    """One position: which edition, and the hash of the payload with its credit line."""

    edition_hash: str
    payload_hash: str
    marker: str


@dataclass(frozen=True, slots=True)
class ManifestPublication:
    """One account's push."""

    account: str
    mode: str
    lane: int
    instant: datetime
    items: tuple[ManifestItem, ...]


def manifest(
    release: str, sync: str | Mapping[str, Any], publications: Sequence[ManifestPublication],
    by_hand: Sequence[ManifestPublication] = (),
) -> dict[str, Any]:  # fmt: skip
    """The JSON that is frozen and hashed at signing. `sync` is the whole sync policy (`bot.domain.sync.as_json`).

    `by_hand`: what people post, on accounts that the machine may not post on; named only where there is some.
    """
    value: dict[str, Any] = {
        "release": release,
        "sync": sync if isinstance(sync, str) else dict(sync),
        "publications": [_entry(publication) for publication in publications],
    }
    return value | ({"by_hand": [_entry(message) for message in by_hand]} if by_hand else {})


def _entry(publication: ManifestPublication) -> dict[str, Any]:
    return {
        "account": publication.account,
        "mode": publication.mode,
        "lane": publication.lane,
        "instant": require_aware(publication.instant).isoformat(),
        "items": [
            {"edition": item.edition_hash, "payload": item.payload_hash, "marker": item.marker}
            for item in publication.items
        ],
    }


def manifest_hash(value: dict[str, Any]) -> str:
    """Hash of the frozen manifest."""
    return content_hash(value)
