"""The bytes of the one public call, statuses/share. Pure: same inputs, same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from bot.channels.wire import FilePart, form_body, multipart_body
from bot.domain.channel import AccountConfig, Grant, WireRequest
from bot.domain.hashing import sha256
from bot.domain.post import Asset

from .pictures import EXTENSIONS, media_type
from .spec import api_base


class Unprinted(str):
    """A header value whose repr shows nothing: a request that is printed or logged must not give its token away."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def share_request(account: AccountConfig, text: str, picture: Asset | None, grant: Grant, *, key: str) -> WireRequest:
    """POST /2/statuses/share.json: urlencoded without a picture, multipart with one.

    The token travels in the header, for query strings end up in proxy logs.
    """
    fields = {"status": text, **({"rip": account.option("rip")} if account.option("rip") else {})}
    if picture is None:
        body, content_type = form_body(fields), "application/x-www-form-urlencoded"
    else:
        body, content_type = _multipart(account, fields, picture, key)
    headers = (
        ("Authorization", Unprinted(f"OAuth2 {grant.token.reveal()}")),
        ("Content-Type", content_type),
        ("Accept", "application/json"),
    )
    return WireRequest("POST", f"{api_base(account)}/2/statuses/share.json", headers, body, account.proxy)


def _multipart(account: AccountConfig, fields: Mapping[str, str], picture: Asset, key: str) -> tuple[bytes, str]:
    """`status` raw as UTF-8, or percent-encoded where the account says that the platform decodes it."""
    if account.option("multipart_encoding", "raw") == "percent":
        fields = {**fields, "status": quote(fields["status"], safe="")}
    kind = media_type(picture.data) or picture.media_type
    part = FilePart("pic", f"cover.{EXTENSIONS.get(kind, 'bin')}", picture.data, kind)
    return multipart_body(fields, [part], boundary=boundary_for(key, fields["status"].encode(), picture.data))


def boundary_for(key: str, *contents: bytes) -> str:
    """A boundary derived from the key that occurs in none of the contents."""
    boundary = sha256(key.encode())[:32]
    while any(boundary.encode() in content for content in contents):
        boundary = sha256(boundary.encode())[:32]
    return f"tongfa-{boundary}"
