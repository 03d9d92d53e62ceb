"""Events posted to an account's callback (wechat.md section 5): signed, plain or encrypted, 5 s, three tries.

An account's `callback`: {url, token, aes_key (43 characters), mode "plain" | "compat" | "safe", format "xml" | "json"}.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import struct
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ..store import Doc
from ..world import World

DEADLINE = 5.0
TRIES = 3
LEASE = 8.0  # an attempt that a kill cut short is taken up again after this


@dataclass(frozen=True)
class Parcel:
    """One try to deliver one event."""

    account: str
    key: str
    url: str
    body: bytes
    media_type: str
    tries_left: int


def queue(world: World, account: str, name: str, content: Doc, due: float) -> None:
    """Let an event be posted at `due`. Nothing happens on an account without a callback."""
    if not _callback(world, account).get("url"):
        return
    key = str(world.store.bump("wx_events"))
    event = {"name": name, "content": content, "at": int(world.clock("date")), "tries_left": TRIES}
    world.store.put("wx_event", account, key, event)
    world.store.set_timer("wx_event", account, key, due)


def take_due(world: World) -> list[Parcel]:
    """The events to post now, each leased to the caller."""
    found = [(row["account"], row["key"]) for row in world.store.timers_due(world.now(), "wx_event")]
    return [parcel for account, key in found if (parcel := _parcel(world, account, key))]


def deliver_now(world: World, account: str) -> None:
    """Post everything that is due on this account and wait for the answers: events that overtake the HTTP reply."""
    with world.store.transaction():
        parcels = [parcel for parcel in take_due(world) if parcel.account == account]
    for parcel in parcels:
        attempt(world, parcel)


def _parcel(world: World, account: str, key: str) -> Parcel | None:
    event, callback = world.store.get("wx_event", account, key), _callback(world, account)
    if event is None or event["tries_left"] <= 0 or not callback.get("url"):
        world.store.set_timer("wx_event", account, key, None)
        return None
    event["tries_left"] -= 1
    world.store.put("wx_event", account, key, event)
    world.store.set_timer("wx_event", account, key, world.now() + LEASE)
    owner = world.store.get("account", "wechat", account) or {}
    url, body, media_type = sealed(callback, owner, event, world.clock("date"))
    return Parcel(account, key, url, body, media_type, event["tries_left"])


def attempt(world: World, parcel: Parcel) -> None:
    """Post once; on failure the next try follows at once, up to three in all."""
    answer = _post(parcel)
    if world.stopping.is_set():
        return  # the lease runs out after the restart, and the event is posted again
    with world.store.transaction():
        event = world.store.get("wx_event", parcel.account, parcel.key)
        if event is None:
            return
        event.setdefault("answers", []).append(answer)
        world.store.put("wx_event", parcel.account, parcel.key, event)
        over = answer in ("200:", "200:success") or parcel.tries_left == 0
        world.store.set_timer("wx_event", parcel.account, parcel.key, None if over else world.now() + 0.1)
    world.wake.set()


def _post(parcel: Parcel) -> str:
    headers = {"Content-Type": parcel.media_type, "User-Agent": "Mozilla/4.0", "Pragma": "no-cache"}
    request = urllib.request.Request(parcel.url, data=parcel.body, headers=headers, method="POST")  # noqa: S310
    try:
        # No proxy: the callback of a rehearsal is on this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=DEADLINE) as reply:
            return f"{reply.status}:{reply.read(64).decode('utf-8', 'replace').strip()}"
    except urllib.error.HTTPError as error:
        return f"{error.code}:"
    except (OSError, ValueError) as error:
        return f"failed:{type(error).__name__}"


def _callback(world: World, account: str) -> Doc:
    owner = world.store.get("account", "wechat", account) or {}
    return owner.get("callback") or {}


# --- the envelope ---


def sealed(callback: Doc, owner: Doc, event: Doc, now: float) -> tuple[str, bytes, str]:
    """Address with signature, body and content type of one event."""
    as_json = callback.get("format", "xml") == "json"
    fields = {"ToUserName": owner.get("gh_id", ""), "FromUserName": "oRehearsalMphelper", "CreateTime": event["at"]}
    fields |= {"MsgType": "event", "Event": event["name"]} | event["content"]
    plain, mode = _written(fields, as_json), callback.get("mode", "plain")
    stamp, nonce, token = str(int(now)), secrets.token_hex(5), str(callback.get("token", ""))
    query = {
        "signature": signature(token, stamp, nonce),
        "timestamp": stamp,
        "nonce": nonce,
        "openid": "oRehearsalMphelper",
    }
    body = plain
    if mode in ("compat", "safe"):
        cipher = encrypt(plain, str(callback["aes_key"]), str(owner["id"]))
        query |= {"encrypt_type": "aes", "msg_signature": signature(token, stamp, nonce, cipher)}
        outer: Doc = {"ToUserName": fields["ToUserName"], "Encrypt": cipher}
        body = _written(outer if mode == "safe" else fields | {"Encrypt": cipher}, as_json)
    url = str(callback["url"])
    return url + ("&" if "?" in url else "?") + urlencode(query), body, "application/json" if as_json else "text/xml"


def signature(*parts: str) -> str:
    """SHA-1 hex of the sorted and joined parts."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def encrypt(message: bytes, aes_key: str, appid: str) -> str:
    """AES-256-CBC with PKCS#7 to 32-byte blocks: 16 random bytes, length, message, appid; in base64."""
    key = base64.b64decode(aes_key + "=")
    plain = secrets.token_bytes(16) + struct.pack(">I", len(message)) + message + appid.encode()
    padding = 32 - len(plain) % 32
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()).decode()


def _written(fields: Doc, as_json: bool) -> bytes:
    if as_json:
        return json.dumps(fields, ensure_ascii=False).encode()
    return f"<xml>{_elements(fields)}</xml>".encode()


def _elements(fields: Doc) -> str:
    return "".join(_element(name, value) for name, value in fields.items())


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):  # a repeated element
        return "".join(_element(name, one) for one in value)
    if isinstance(value, dict):
        return f"<{name}>{_elements(value)}</{name}>"
    if isinstance(value, int):
        return f"<{name}>{value}</{name}>"
    text = f"<![CDATA[{value}]]>" if "]]>" not in str(value) else escape(str(value))
    return f"<{name}>{text}</{name}>"
