"""Faults by switch: armed through the control API, taken by the calls they name, in order.

Two kinds. Transport faults (here) change whether a call is executed and what travels back. Behaviour faults
(`publish`, `mass`, `event`, `effect_late`, `delayed`, `timeline_lag`...) are only handed to the platform's
own code, which asks `call.armed`. Several faults may be armed for one call; they combine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from .store import Doc, Store
from .wire import Answer

FOREVER = -1
TRANSPORT = {
    "lost_before": "connection closed, not executed",
    "lost_after": "executed, connection closed without a byte",
    "reset_before": "connection reset (RST), not executed",
    "reset_after": "executed, then connection reset (RST)",
    "hang_before": "no byte for args.seconds (default 20), then closed; not executed",
    "hang_after": "executed, no byte for args.seconds (default 20), then closed",
    "slow": "wait args.seconds (args.when: before or after execution; after by default)",
    "drip": "executed, body sent byte by byte, args.interval seconds apart",
    "truncate": "executed, full Content-Length announced, only args.bytes (default half) sent",
    "empty": "HTTP 200 with no body (args.effect, default true: executed)",
    "html_502": "HTML page with HTTP 502 (args.effect, default false)",
    "http_500": "HTTP 500 (args.effect, default false)",
    "array": "HTTP 200 with a JSON array (args.effect, default true)",
    "duplicate_keys": "executed, the first key of the answer's object stands in it twice",
    "bad_utf8": "executed, the answer holds bytes that are no UTF-8",
    "redirect": "HTTP args.status (default 302) to args.location on another host (args.effect, default false)",
    "error": "the platform's error args.code (args.message, args.fields; args.effect, default false)",
    "busy": "-1 on WeChat, 10001 on Weibo (args.effect, default false)",
    "plain_text": "Content-Type text/plain without a charset",
    "string_code": "error_code as a string",
    "status_200": "error body with HTTP 200",
}
BEHAVIOUR = {
    "publish": "freepublish/submit: status 1 for args.seconds, then args.status, later args.later after args.later_after",
    "mass": "mass/sendall: SENDING for args.seconds, then the event's args.status, e.g. err(20001)",
    "event": "job event args.mode: late, double, before_reply, never, rename, unknown_id (args.seconds for late)",
    "effect_late": "accepted now, public args.seconds later",
    "no_msg_data_id": "submit answers without msg_data_id",
    "delayed": "Weibo 20032: accepted, public after args.seconds (default 90)",
    "timeline_lag": "the new post shows in reads only after args.seconds",
    "act": "args.action is done args.when (before or after) the call, with args.args; see /_control/act",
}
KNOWN = TRANSPORT | BEHAVIOUR


def arm(store: Store, spec: Doc) -> int:
    """Arm one fault; its id. ValueError for an unknown platform or fault."""
    fault, platform = str(spec.get("fault", "")), str(spec.get("platform", ""))
    if fault not in KNOWN or platform not in ("wechat", "weibo"):
        raise ValueError(f"unknown fault {fault!r} or platform {platform!r}")
    if fault == "error" and "code" not in spec.get("args", {}):
        raise ValueError("fault 'error' needs args.code")
    return store.run(
        "INSERT INTO faults (platform, account, call, fault, times, args) VALUES (?, ?, ?, ?, ?, ?)",
        platform,
        str(spec.get("account") or ""),
        str(spec.get("call") or "*"),
        fault,
        int(spec.get("times", 1)),
        json.dumps(spec.get("args") or {}, ensure_ascii=False),
    )


def listed(store: Store) -> list[Doc]:
    """Every fault armed, spent ones too, with how often it struck."""
    return [row | {"args": json.loads(row["args"])} for row in store.rows("SELECT * FROM faults ORDER BY id")]


def take(store: Store, platform: str, account: str, call: str) -> dict[str, Doc]:
    """The faults that strike this call: fault -> args, each counted as used."""
    sql = "SELECT * FROM faults WHERE platform = ? AND (account = '' OR account = ?) AND (call = '*' OR call = ?)"
    found: dict[str, Doc] = {}
    for row in store.rows(sql + " AND (times = -1 OR used < times) ORDER BY id", platform, account, call):
        if row["fault"] in found:
            continue  # the same fault armed twice strikes on successive calls
        store.run("UPDATE faults SET used = used + 1 WHERE id = ?", row["id"])
        found[row["fault"]] = json.loads(row["args"])
    return found


@dataclass(frozen=True)
class Delivery:
    """How an answer travels: `cut` "" | "close" | "reset" sends nothing; `stop_after` bytes; `interval` per byte."""

    answer: Answer
    cut: str = ""
    stop_after: int | None = None
    interval: float = 0.0


@dataclass(frozen=True)
class Plan:
    """What the transport faults make of one call."""

    armed: dict[str, Doc] = field(default_factory=dict)

    @property
    def executes(self) -> bool:
        """Whether the platform acts at all."""
        if {"lost_before", "reset_before", "hang_before"} & self.armed.keys():
            return False
        return all(bool(self.armed[name].get("effect", on)) for name, on in _EFFECTS.items() if name in self.armed)

    def wait(self, when: str) -> float:
        """Seconds to wait before or after execution."""
        args, hang = self.armed.get("slow"), self.armed.get(f"hang_{when}")
        slow = float(args.get("seconds", 1)) if args and args.get("when", "after") == when else 0.0
        return max(slow, float(hang.get("seconds", 20))) if hang is not None else slow

    def deliver(self, answer: Answer) -> Delivery:
        """The delivery of the platform's true answer under these faults."""
        if {"lost_before", "lost_after", "hang_before", "hang_after"} & self.armed.keys():
            return Delivery(answer, cut="close")
        if {"reset_before", "reset_after"} & self.armed.keys():
            return Delivery(answer, cut="reset")
        shown = self._shown(answer)
        stop = None
        if "truncate" in self.armed:
            stop = int(self.armed["truncate"].get("bytes", len(shown.body) // 2))
        interval = float(self.armed["drip"].get("interval", 0.02)) if "drip" in self.armed else 0.0
        return Delivery(shown, stop_after=stop, interval=interval)

    def _shown(self, answer: Answer) -> Answer:
        if "redirect" in self.armed:
            return _redirect(self.armed["redirect"])
        for name, status, body, media_type in _REPLACEMENTS:
            if name in self.armed:
                return Answer(body, status, media_type)
        changes: dict[str, Any] = {}
        if "plain_text" in self.armed:
            changes["media_type"] = "text/plain"
        if "status_200" in self.armed:
            changes["status"] = 200
        if "string_code" in self.armed:
            changes["body"] = _with_string_code(answer.body)
        if "duplicate_keys" in self.armed:
            changes["body"] = _with_a_key_twice(answer.body)
        if "bad_utf8" in self.armed:
            changes["body"] = answer.body.replace(b"{", b'{"note": "\xe5\xff\xfe", ', 1)
        return replace(answer, **changes)


#: Whether a call is executed under a fault that leaves it open, where `args.effect` does not say.
_EFFECTS = {
    "html_502": False,
    "http_500": False,
    "redirect": False,
    "error": False,
    "busy": False,
    "empty": True,
    "array": True,
}
ELSEWHERE = "http://127.0.0.1:9/elsewhere"
_PAGE = b"<html><head><title>%s</title></head><body><center><h1>%s</h1></center><hr>nginx</body></html>"
_REPLACEMENTS = (
    ("empty", 200, b"", "application/json; charset=utf-8"),
    ("html_502", 502, _PAGE.replace(b"%s", b"502 Bad Gateway"), "text/html"),
    ("http_500", 500, _PAGE.replace(b"%s", b"500 Internal Server Error"), "text/html"),
    ("array", 200, b"[]", "application/json; charset=utf-8"),
)


def _with_string_code(body: bytes) -> bytes:
    try:
        value = json.loads(body)
    except ValueError:
        return body
    for name in ("error_code", "errcode"):
        if isinstance(value, dict) and name in value:
            value[name] = str(value[name])
    return json.dumps(value, ensure_ascii=False).encode()


def _with_a_key_twice(body: bytes) -> bytes:
    try:
        value = json.loads(body)
    except ValueError:
        return body
    if not isinstance(value, dict) or not value:
        return body
    name = next(iter(value))
    again = json.dumps({name: value[name]}, ensure_ascii=False).encode()
    return body.rstrip()[:-1] + b", " + again[1:]


def _redirect(args: Doc) -> Answer:
    headers = {"Location": str(args.get("location", ELSEWHERE))}
    page = _PAGE.replace(b"%s", b"302 Found")
    return Answer(page, int(args.get("status", 302)), "text/html", headers)
