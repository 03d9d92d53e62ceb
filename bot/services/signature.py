"""Is what is about to be sent what was signed? Compared with the manifest once more, shortly before T."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.domain.hashing import content_hash
from bot.models import Item, Publication, Release

from .errors import Refused


class Signatures:
    """The manifests of the releases of one batch, each read and hashed once."""

    def __init__(self) -> None:
        self._entries: dict[int, dict[tuple[str, int], dict[str, Any]]] = {}

    def require(self, publication: Publication, items: Sequence[Item]) -> tuple[str, ...]:
        """The hashes of the bytes, in order. Refused unless sync policy, account, mode, lane, order and bytes are those of the signed manifest, and it is not too early.

        `items` in order, each with its edition. Two people may have sent it again later than signed; never earlier.
        """
        entry = self._entry(publication)
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
            raise Refused("manifest", "要发的内容、次序、时刻或同步方式与签发的清单不一致")
        return tuple(str(part["payload"]) for part in actual)

    def _entry(self, publication: Publication) -> dict[str, Any] | None:
        release = publication.release
        if release.pk not in self._entries:
            self._entries[release.pk] = _entries(release)
        return self._entries[release.pk].get((publication.account.slug, publication.lane))


def _entries(release: Release) -> dict[tuple[str, int], dict[str, Any]]:
    """By account and lane; none when the manifest is not what was signed."""
    manifest: dict[str, Any] = release.manifest or {}
    if content_hash(manifest) != release.manifest_hash or manifest.get("sync") != release.signed_policy:
        return {}
    return {(entry["account"], entry["lane"]): dict(entry) for entry in manifest.get("publications", [])}
