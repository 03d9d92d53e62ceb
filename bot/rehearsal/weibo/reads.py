"""Reading back and counting (weibo.md 3.2), and the calls that are closed or given only to some."""

from __future__ import annotations

from ..store import Doc
from ..world import Call, beijing
from . import text as weibo_text
from .errors import WeiboError
from .statuses import counts, status_object, user_object

NEWEST = 5
MOST_IDS = 100


def visible(call: Call) -> list[Doc]:
    """The account's latest statuses as reads see them now, newest first, without deleted ones."""
    now = call.world.now()
    found = [
        one for one in call.store.newest("wb_status", call.id, 300) if one["visible_at"] <= now and not one["deleted"]
    ]
    return sorted(found, key=lambda one: int(one["id"]), reverse=True)


def user_timeline(call: Call) -> Doc:
    """GET 2/statuses/user_timeline.json: the own account only (21335), its newest five."""
    query = call.request.query
    if (
        query.get("uid", call.id) != call.id
        or query.get("screen_name", call.account["screen_name"]) != call.account["screen_name"]
    ):
        raise WeiboError(21335)
    found = visible(call)
    if query.get("base_app") == "1":
        found = [one for one in found if not one.get("foreign")]
    total = len(found)
    found = found[: int(call.switch("timeline_newest", NEWEST))]
    since, until = _number(query, "since_id", 0), _number(query, "max_id", 0)
    found = [one for one in found if int(one["id"]) > since and (not until or int(one["id"]) <= until)]
    found = found[: max(0, min(_number(query, "count", 20), 100))] if _number(query, "page", 1) == 1 else []
    trim = query.get("trim_user") == "1"
    shown = [status_object(call.world, call.account, one, trim_user=trim) for one in found]
    return {"statuses": shown, "previous_cursor": 0, "next_cursor": 0, "total_number": total}


def _number(query: dict[str, str], name: str, default: int) -> int:
    try:
        return int(query.get(name) or default)
    except ValueError as error:
        raise WeiboError(10017, f"{name} is no number") from error


def show(call: Call) -> Doc:
    """GET 2/statuses/show.json: a post of an authorising user, or the stub of a deleted one."""
    status = _own(call, call.request.query.get("id", ""))
    return status_object(call.world, call.account, status)


def _own(call: Call, status_id: str) -> Doc:
    if not status_id:
        raise WeiboError(20109)
    found = call.store.by_key("wb_status", status_id)
    if found is None or found[1]["visible_at"] > call.world.now():
        raise WeiboError(20101)
    if found[0] != call.id:
        raise WeiboError(20102)
    return found[1]


def count(call: Call) -> list[Doc]:
    """GET 2/statuses/count.json: up to 100 ids; those that are not there are simply absent."""
    ids = [one for one in call.request.query.get("ids", "").split(",") if one]
    if not ids:
        raise WeiboError(20001)
    if len(ids) > MOST_IDS:
        raise WeiboError(20009)
    known = {status_id: one for status_id in ids if (one := _countable(call, status_id))}
    rows = []
    for status_id in ids:
        if status_id in known:
            row: Doc = {"id": int(status_id), "idstr": status_id} | counts(call.world, known[status_id])
            rows.append(
                row | {"number_display_strategy": {"apply_scenario_flag": 3, "display_text_min_number": 1_000_000}}
            )
    return rows


def _countable(call: Call, status_id: str) -> Doc | None:
    found = call.store.get("wb_status", call.id, status_id)
    return found if found and not found["deleted"] and found["visible_at"] <= call.world.now() else None


def destroy(call: Call) -> Doc:
    """POST 2/statuses/destroy.json: only where granted (switch destroy)."""
    if not call.switch("destroy", False):
        raise WeiboError(10014)
    status = _own(call, call.request.form.get("id", ""))
    delete_status(call, status)
    return status_object(call.world, call.account, status)


def delete_status(call: Call, status: Doc) -> None:
    """Take a status away, by the call above or by a person in the app."""
    call.store.put("wb_status", status["uid"], status["id"], status | {"deleted": True})
    call.store.bump(f"wb:deleted:{status['uid']}")
    call.world.effect_gone(status["id"])


def show_user(call: Call) -> Doc:
    """GET 2/users/show.json: complete for the own account; others show no counters."""
    query = call.request.query
    if not query.get("uid") and not query.get("screen_name"):
        raise WeiboError(10016, "miss required parameter (uid) , see doc for more info.")
    for account in call.store.all("account", "weibo"):
        if (
            query.get("uid", account["id"]) == account["id"]
            and query.get("screen_name", account["screen_name"]) == account["screen_name"]
        ):
            user = user_object(call.world, account)
            return (
                user
                if account["id"] == call.id
                else {name: user[name] for name in ("id", "idstr", "screen_name", "name")}
            )
    raise WeiboError(20003)


def comments(call: Call) -> Doc:
    """GET 2/comments/show.json: comments that control actions have written."""
    status = _own(call, call.request.query.get("id", ""))
    kept = call.store.get("wb_comments", call.id, status["id"]) or {"comments": []}
    shown = list(reversed(kept["comments"]))[: max(0, min(_number(call.request.query, "count", 50), 200))]
    return {"comments": shown, "previous_cursor": 0, "next_cursor": 0, "total_number": len(kept["comments"])}


def write_comments(call: Call, status_id: str, texts: list[str]) -> None:
    """Readers write comments (control action)."""
    kept = call.store.get("wb_comments", call.id, status_id) or {"comments": []}
    for text in texts:
        number = weibo_text.new_id(call.world.now(), call.store.bump("wb_sequence"))
        one = {"created_at": weibo_text.created_at(call.world.now()), "id": number, "idstr": str(number), "text": text}
        kept["comments"].append(one | {"user": {"id": 1, "idstr": "1", "screen_name": "网友"}})
    call.store.put("wb_comments", call.id, status_id, kept)


def rate_limit(call: Call) -> Doc:
    """GET 2/account/rate_limit_status.json: a hint, as on the platform. Needs a token like any call."""
    moment = beijing(call.world.clock("quota"))
    used = call.store.counter(f"wb:calls:{call.id}:{moment.date()}")
    limit = int(call.switch("calls_per_day", 100))
    ends = 3600 - moment.minute * 60 - moment.second
    found: Doc = {"ip_limit": 15_000, "limit_time_unit": "HOURS", "remaining_ip_hits": 14_990, "user_limit": limit}
    found |= {"remaining_user_hits": max(0, limit - used), "reset_time_in_seconds": ends, "api_rate_limits": []}
    return found | {"reset_time": f"{moment:%Y-%m-%d} {(moment.hour + 1) % 24:02}:00:00"}


def query_mid(call: Call) -> Doc:
    """GET 2/statuses/querymid.json: the permalink code of an id."""
    status_id = call.request.query.get("id", "")
    if not status_id:
        raise WeiboError(20109)
    if not (status_id.isascii() and status_id.isdigit()):
        raise WeiboError(10017, "id is no number")
    return {"mid": weibo_text.permalink_code(status_id)}
