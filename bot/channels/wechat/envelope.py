"""Verification and decryption of callback requests, and safe parsing of their payloads. Pure.

Signature: SHA-1 hex of the sorted and joined token, timestamp, nonce (and Encrypt). Cipher: AES-256-CBC, key =
base64(EncodingAESKey + "="), IV = its first 16 bytes, PKCS#7 to 32-byte blocks; plaintext = 16 random bytes,
4-byte big-endian length, message, AppID.

Signer and cipher are wechatpy's; what it does not check (constant time, padding, lengths, entities) is checked here.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from typing import Any
from xml.parsers.expat import ExpatError

import xmltodict
from wechatpy.crypto import WeChatCipher
from wechatpy.utils import WeChatSigner

from bot.channels.http import parse_object

BLOCK = 32
PREFIX = 16  # random bytes before the length


class EnvelopeError(ValueError):
    """The request is not genuine or not readable. The text is a Chinese reason for the log."""


def signature(*parts: str) -> str:
    """The platform's signature over its parts, token included."""
    signer = WeChatSigner()
    signer.add_data(*(part.encode("utf-8", "replace") for part in parts))
    return str(signer.signature)


def genuine(given: str, *parts: str) -> bool:
    """Compare a signature in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), signature(*parts).encode())


def aes_key(encoded: str) -> bytes:
    """The 32 key bytes of an EncodingAESKey (43 characters)."""
    try:
        key = base64.b64decode(encoded + "=", validate=False)
    except (binascii.Error, ValueError):
        key = b""
    if len(encoded) != 43 or len(key) != BLOCK:
        raise EnvelopeError("消息加解密密钥的长度或写法不对")
    return key


def decrypt(encrypted: str, key: bytes, app_id: str) -> bytes:
    """The message inside `encrypted` (base64). EnvelopeError on wrong key, damage or another AppID."""
    try:
        data = base64.b64decode(encrypted, validate=True)
    except (binascii.Error, ValueError):
        raise EnvelopeError("密文不是 base64") from None
    if not data or len(data) % 16:
        raise EnvelopeError("密文长度不对")
    return _message(_unpad(WeChatCipher(key).decrypt(data)), app_id)


def _unpad(plain: bytes) -> bytes:
    size = plain[-1]
    if not 1 <= size <= BLOCK or size > len(plain) or plain[-size:] != bytes([size]) * size:
        raise EnvelopeError("密文解不开")
    return plain[:-size]


def _message(plain: bytes, app_id: str) -> bytes:
    start = PREFIX + 4
    length = int.from_bytes(plain[PREFIX:start], "big")
    if len(plain) < start + length:
        raise EnvelopeError("密文里的长度不对")
    owner = plain[start + length :]
    if not hmac.compare_digest(owner, app_id.encode()):
        raise EnvelopeError("密文属于别的公众号（AppID 不符）")
    return plain[start : start + length]


def parse(body: bytes) -> dict[str, Any]:
    """The payload of a callback: the children of `<xml>`, or a JSON object. EnvelopeError on anything else.

    Document types and entities are refused before the parser sees them.
    """
    try:
        return parse_object(body) if body.lstrip()[:1] == b"{" else _parse_xml(body)
    except (ValueError, ExpatError):
        raise EnvelopeError("内容不是约定的 XML 或 JSON") from None


def _parse_xml(body: bytes) -> dict[str, Any]:
    text = body.decode("utf-8")
    if re.search(r"<!\s*(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise ValueError("document type refused")
    root = xmltodict.parse(text, disable_entities=True)
    value = root.get("xml")
    if not isinstance(value, dict):
        raise ValueError("no <xml> element")
    return value


def text_of(payload: Mapping[str, Any], name: str) -> str:
    """A child as text: "" when absent, repeated or nested; numbers (JSON payloads) as their digits."""
    value = payload.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip()


def entries(value: Any) -> list[Mapping[str, Any]]:
    """`item` children of a list element: one, several, a bare JSON list, or none."""
    items = value.get("item") if isinstance(value, Mapping) else value
    items = items if isinstance(items, list) else [items]
    return [item for item in items if isinstance(item, Mapping)]
