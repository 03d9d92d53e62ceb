"""Is what is about to be sent what was signed? Compared with the manifest once more, shortly before T."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot.domain.hashing import content_hash
from bot.models import Publication

from .errors import Refused


def require_signed(publication: Publication) -> None:
    """Refused unless account, mode, lane, order and bytes are those of the signed manifest, and it is not too early.

    Two people may have sent it again later than signed; never earlier.
    """
    entry = _entry(publication)
    items = list(publication.items.select_related("edition").order_by("position"))
    actual = [
        {
            "edition": item.edition.content_hash,
            "payload": content_hash(item.payload or {}),
            "marker": item.edition.marker,
        }
        for item in items
    ]
    early = entry is not None and publication.not_before < datetime.fromisoformat(entry["instant"])
    if entry is None or entry["mode"] != publication.mode or entry["items"] != actual or early:
        raise Refused("manifest", "要发的内容、次序或时刻与签发的清单不一致")


def _entry(publication: Publication) -> dict[str, Any] | None:
    manifest: dict[str, Any] = publication.release.manifest or {}
    if content_hash(manifest) != publication.release.manifest_hash:
        return None
    for entry in manifest.get("publications", []):
        if entry["account"] == publication.account.slug and entry["lane"] == publication.lane:
            return dict(entry)
    return None
