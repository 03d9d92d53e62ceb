"""Canonical bytes and their hashes: what reviewers see is what is hashed is what goes out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import rfc8785

ASSET = re.compile(r"asset:([0-9a-f]{64})")


def sha256(data: bytes) -> str:
    """Lower-case hex SHA-256."""
    return hashlib.sha256(data).hexdigest()


def canonical_json(value: Any) -> bytes:
    """RFC 8785 JSON (sorted keys, no spaces, raw UTF-8)."""
    return rfc8785.dumps(value)


def content_hash(value: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON of `value`."""
    return sha256(canonical_json(value))


def assets_in(value: Any) -> list[str]:
    """SHA-256 names of all assets (`asset:<sha256>`) mentioned anywhere in a JSON value, first mention first."""
    return list(dict.fromkeys(ASSET.findall(canonical_json(value).decode())))
