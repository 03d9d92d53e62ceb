"""Access tokens: `token` and `stable_token` with their quotas and overlaps (wechat.md section 1)."""

from __future__ import annotations

import secrets
from typing import Any

from ..store import Doc
from ..world import Call, beijing_day
from .errors import WeChatError

LIFETIME = 7200
OVERLAP = 300  # the replaced token of `token` lives on about 5 minutes; stable_token renews itself that early


def issue_token(call: Call) -> Doc:
    """GET token: every call makes a new one and leaves the previous one 5 minutes. 2,000 a day."""
    if call.request.method != "GET":
        raise WeChatError(43001)
    query = call.request.query
    _check_caller(call, query.get("grant_type"), query.get("appid"), query.get("secret"))
    _limit(call, f"token:{beijing_day(call.world.clock('quota'))}", 2000, 45009)
    _shorten(call, "token", OVERLAP)
    return _new(call, "token")


def issue_stable_token(call: Call, body: Doc) -> Doc:
    """POST stable_token: the same token until 5 minutes before its end; `force_refresh` kills it at once."""
    _check_caller(call, body.get("grant_type"), body.get("appid"), body.get("secret"))
    minute, day = int(call.world.clock("quota") // 60), beijing_day(call.world.clock("quota"))
    _limit(call, f"stable:{minute}", 10_000, 45011)
    _limit(call, f"stable:{day}", 500_000, 45009)
    if body.get("force_refresh") is True:
        return _force(call, str(day))
    now = call.world.now()
    alive = [token for token in _tokens(call, "stable") if token["expires"] - now > OVERLAP]
    if alive:
        return {"access_token": alive[-1]["token"], "expires_in": int(alive[-1]["expires"] - now)}
    return _new(call, "stable")


def _force(call: Call, day: str) -> Doc:
    last = float(call.store.setting(f"forced:{call.id}", 0.0))
    if call.world.now() - last < float(call.switch("force_gap", 30)):
        raise WeChatError(45011)
    _limit(call, f"forced:{day}", 20, 45009)
    call.store.set_setting(f"forced:{call.id}", call.world.now())
    kill_tokens(call, "stable")
    return _new(call, "stable")


def _check_caller(call: Call, grant: Any, appid: Any, secret: Any) -> None:
    if not appid:
        raise WeChatError(41002)
    if not secret:
        raise WeChatError(41004)
    if grant != "client_credential":
        raise WeChatError(40002)
    if not call.account:
        raise WeChatError(40013)
    check_ip(call)
    if secret != call.account["secret"]:
        raise WeChatError(40125 if len(str(secret)) != len(call.account["secret"]) else 40001, "invalid appsecret")


def check_ip(call: Call) -> None:
    """40164 when the account has an allow-list and the caller is not on it."""
    allowed = call.account.get("ip_allow")
    if allowed is not None and call.request.remote not in allowed:
        ip = call.request.remote
        raise WeChatError(40164, f"invalid ip {ip} ipv6 ::ffff:{ip}, not in whitelist")


def authenticate(call: Call) -> None:
    """The token of a business call: 41001 missing, 40001 unknown or superseded, 42001 run out."""
    token = call.request.query.get("access_token", "")
    if not token:
        raise WeChatError(41001)
    found = call.store.by_key("wx_token", token)
    if found is None or found[1].get("dead"):
        raise WeChatError(40001)
    if found[1]["expires"] <= call.world.now():
        raise WeChatError(40001 if found[1].get("superseded") else 42001)
    check_ip(call)


def kill_tokens(call: Call, source: str = "", *, code: str = "dead") -> None:
    """End the account's tokens at once, as superseded ("dead") or as run out ("expired")."""
    for token in _tokens(call, source):
        change: Doc = {"dead": True} if code == "dead" else {"expires": call.world.now() - 1}
        call.store.put("wx_token", call.id, token["token"], token | change)


def _tokens(call: Call, source: str) -> list[Doc]:
    found = call.store.all("wx_token", call.id)
    return [token for token in found if not token.get("dead") and source in ("", token["source"])]


def _shorten(call: Call, source: str, seconds: float) -> None:
    for token in _tokens(call, source):
        end = min(token["expires"], call.world.now() + seconds)
        call.store.put("wx_token", call.id, token["token"], token | {"expires": end, "superseded": True})


def _new(call: Call, source: str) -> Doc:
    token = f"{call.store.bump('wx_tokens', 60)}_{secrets.token_urlsafe(96)}"
    life = int(call.switch("token_seconds", LIFETIME))
    data = {"token": token, "source": source, "expires": call.world.now() + life}
    call.store.put("wx_token", call.id, token, data)
    return {"access_token": token, "expires_in": life}


def _limit(call: Call, bucket: str, limit: int, code: int) -> None:
    if call.store.bump(f"wx:{call.id}:{bucket}") > limit:
        raise WeChatError(code)
