"""The marked link: the document's own address with one query parameter that read-back recognises."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit, urlunsplit

MARKER_PARAMETER = "tf"
_MARKER = re.compile(r"[0-9A-Za-z_-]{1,32}")
#: Everything that may stand in an address as it is; the rest (汉字, blanks, quotes) is percent-encoded as
#: UTF-8, because both platforms end a link at the first such character.
_KEPT = "!#$%&()*+,-./:;=?@_~"


class UnusableLinkError(ValueError):
    """The address is not an absolute http or https one."""


def clean_url(source_url: str) -> str:
    """The address with everything outside ASCII encoded; raises UnusableLinkError unless it is http(s)."""
    try:
        parts = urlsplit(source_url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UnusableLinkError(source_url) from error
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        raise UnusableLinkError(source_url)
    return urlunsplit(
        (
            parts.scheme,
            _ascii_host(parts.netloc),
            quote(parts.path, safe=_KEPT),
            quote(parts.query, safe=_KEPT),
            quote(parts.fragment, safe=_KEPT),
        )
    )


def marked_url(source_url: str, marker: str) -> str:
    """Add `tf=<marker>` to an address, before its fragment, leaving its other parameters as they are.

    An earlier `tf` is replaced, so that marking twice is the same as marking once with the last marker.
    Raises UnusableLinkError for anything but absolute http(s), ValueError for a marker that is not
    1-32 letters, digits, `-` or `_`.
    """
    if not _MARKER.fullmatch(marker):
        raise ValueError(f"not a marker: {marker!r}")
    parts = urlsplit(clean_url(source_url))
    kept = [piece for piece in parts.query.split("&") if piece and not _is_marker(piece)]
    query = "&".join([*kept, f"{MARKER_PARAMETER}={marker}"])
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, parts.fragment))


def _is_marker(piece: str) -> bool:
    return piece.partition("=")[0] == MARKER_PARAMETER


def _ascii_host(netloc: str) -> str:
    if netloc.isascii():
        return netloc
    try:
        return netloc.encode("idna").decode()
    except UnicodeError as error:
        raise UnusableLinkError(netloc) from error
