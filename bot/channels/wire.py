"""Bytes that go to a platform and bytes that come back: encoders and strict parsers, no I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from urllib3.fields import RequestField
from urllib3.filepost import encode_multipart_formdata


def json_body(value: Any) -> bytes:
    r"""JSON as raw UTF-8: platforms count a `\uXXXX` escape as six characters or keep it literally."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def form_body(fields: Mapping[str, str]) -> bytes:
    """`application/x-www-form-urlencoded` bytes, in the mapping's order, UTF-8."""
    return urlencode(fields).encode("ascii")


def with_query(url: str, params: Mapping[str, str]) -> str:
    """`url` with `params` appended to its query, UTF-8 percent-encoded, in order."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(params)}" if params else url


@dataclass(frozen=True, slots=True)
class FilePart:
    """One file of a multipart body."""

    name: str  # form field
    filename: str
    data: bytes = field(repr=False)
    media_type: str


def multipart_body(
    fields: Mapping[str, str], files: Sequence[FilePart] = (), *, boundary: str | None = None
) -> tuple[bytes, str]:
    """Encode a form with files: (body, Content-Type). With a fixed `boundary`, same input gives same bytes."""
    parts: list[RequestField] = []
    for name, value in fields.items():
        part = RequestField(name, value)
        part.make_multipart()
        parts.append(part)
    for file in files:
        part = RequestField(file.name, file.data, file.filename)
        part.make_multipart(content_type=file.media_type)
        parts.append(part)
    return encode_multipart_formdata(parts, boundary)


def host_port(url: str) -> str:
    """`host` or `host:port` of a URL: the only part of an address that may appear in messages."""
    parts = urlsplit(url)
    host = parts.hostname or "?"
    return f"{host}:{parts.port}" if parts.port else host


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate key")
    return result


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def parse_json(body: bytes) -> Any:
    """Strict JSON from UTF-8 bytes. ValueError on anything else, duplicate keys and NaN included."""
    try:
        return json.loads(body.decode("utf-8-sig"), object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def parse_object(body: bytes) -> dict[str, Any]:
    """A JSON object from UTF-8 bytes; ValueError on anything else (arrays, numbers, HTML, nothing)."""
    value = parse_json(body)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value
