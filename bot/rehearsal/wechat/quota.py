"""Daily call quotas and the diagnosis calls (wechat.md sections 1 and 1.1). They reset at 00:00 Beijing time."""

from __future__ import annotations

import json

from ..store import Doc
from ..world import Call, beijing_day
from .errors import WeChatError

PER_DAY = {
    "menu/create": 1000,
    "menu/get": 10_000,
    "menu/delete": 1000,
    "media/upload": 100_000,
    "media/uploadimg": 1_000_000,
    "message/mass/sendall": 100,
    "message/mass/send": 100,
    "message/mass/delete": 10,
    "message/mass/preview": 100,
    "draft/add": 1000,
    "draft/get": 500,
    "draft/update": 1000,
    "draft/delete": 1000,
    "draft/count": 1000,
    "draft/batchget": 1000,
    "freepublish/submit": 100,
    "freepublish/get": 100,
    "freepublish/delete": 10,
    "freepublish/getarticle": 100,
    "freepublish/batchget": 100,
}
DEFAULT = 1000
UNLIMITED = ("openapi/", "clear_quota")
PER_MINUTE = {"message/mass/sendall": 60}


def spend(call: Call) -> None:
    """Count this call against the day (45009) and, where one is set, the minute (45011)."""
    if call.name.startswith(UNLIMITED):
        return
    if call.store.bump(_bucket(call, call.name)) > limit_of(call, call.name):
        raise WeChatError(45009)
    minute = int(call.world.clock("quota") // 60)
    most = PER_MINUTE.get(call.name)
    if most and call.store.bump(f"wxq-minute:{call.id}:{call.name}:{minute}") > most:
        raise WeChatError(45011)


def limit_of(call: Call, name: str) -> int:
    """Calls per day of a path on this account; the switch `quotas` {path: number} wins."""
    own = call.switch("quotas", {})
    return int(own.get(name, PER_DAY.get(name, DEFAULT)))


def _bucket(call: Call, name: str) -> str:
    return f"wxq:{call.id}:{beijing_day(call.world.clock('quota'))}:{name}"


def show(call: Call, body: Doc, known: set[str]) -> Doc:
    """POST openapi/quota/get `{cgi_path}`."""
    name = str(body.get("cgi_path", "")).removeprefix("/cgi-bin/").removeprefix("/").split("?")[0]
    if name not in known:
        raise WeChatError(76021)
    used, limit = call.store.counter(_bucket(call, name)), limit_of(call, name)
    quota = {"daily_limit": limit, "used": min(used, limit), "remain": max(0, limit - used)}
    rate = {"call_count": PER_MINUTE.get(name, 10_000), "refresh_second": 60}
    return {"errcode": 0, "errmsg": "ok", "quota": quota, "rate_limit": rate}


def clear(call: Call, body: Doc) -> Doc:
    """POST clear_quota and openapi/quota/clear: 10 and 50 a month."""
    month, one = f"{beijing_day(call.world.clock('quota')):%Y-%m}", call.name == "openapi/quota/clear"
    if call.store.bump(f"wx-clear:{call.id}:{month}:{one}") > (50 if one else 10):
        raise WeChatError(48006)
    name = str(body.get("cgi_path", "")).removeprefix("/cgi-bin/") if one else ""
    call.store.clear_counters(_bucket(call, name))
    return {"errcode": 0, "errmsg": "ok"}


def explain_rid(call: Call, body: Doc) -> Doc:
    """POST openapi/rid/get `{rid}`: what that call was, 7 days back."""
    rid, oldest = str(body.get("rid", "")), call.world.now() - 7 * 86_400
    found = call.store.rows("SELECT * FROM journal WHERE rid = ? AND rid != '' AND at > ?", rid, oldest)
    if not found:
        raise WeChatError(76001)
    row = found[0]
    request = {"invoke_time": int(row["at"]), "cost_in_ms": 20, "request_url": row["path"], "client_ip": "127.0.0.1"}
    request |= {
        "request_body": json.dumps(json.loads(row["params"]), ensure_ascii=False),
        "response_body": row["reply"],
    }
    return {"errcode": 0, "errmsg": "ok", "request": request}
