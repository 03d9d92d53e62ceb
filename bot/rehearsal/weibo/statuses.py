"""A status as reads show it (weibo.md 3.1), its permalink, and its counters that grow with the statistics clock."""

from __future__ import annotations

import hashlib
import math

from ..store import Doc
from ..world import World
from . import text as weibo_text

COUNTERS = {"reposts": 60, "comments": 25, "attitudes": 180}
DELETED_TEXT = "抱歉，此微博已被作者删除。查看帮助：http://t.cn/Rfd3rQV"


def permalink(status: Doc) -> str:
    """`https://weibo.com/{uid}/{base62}`."""
    return f"https://weibo.com/{status['uid']}/{weibo_text.permalink_code(status['id'])}"


def counts(world: World, status: Doc) -> dict[str, int]:
    """reposts, comments, attitudes by now: 0 at the start, levelling off over days, the same for the same seed."""
    hours = max(0.0, (world.clock("statistics") - status["public_at"]) / 3600)
    seed = world.store.setting("seed", 2017)
    found = {}
    for name, most in COUNTERS.items():
        digest = hashlib.sha256(f"{seed}:{status['sent']}:{name}".encode()).digest()
        final = most * (0.25 + digest[0] / 255)
        found[name] = int(final * (1 - math.exp(-hours / 20)))
    return found


def user_object(world: World, account: Doc) -> Doc:
    """The profile, complete as for the own account."""
    statuses = world.store.count("wb_status", account["id"]) - world.store.counter(f"wb:deleted:{account['id']}")
    user: Doc = {"id": int(account["id"]), "idstr": account["id"], "screen_name": account["screen_name"]}
    user |= {
        "name": account["screen_name"],
        "profile_url": f"u/{account['id']}",
        "location": "山东 临沂",
        "gender": "m",
    }
    user |= {"verified": True, "verified_type": 1, "verified_reason": f"{account['screen_name']}官方微博"}
    user |= {"followers_count": int(account.get("followers", 0)), "friends_count": 96}
    return user | {"statuses_count": int(account.get("earlier_statuses", 1200)) + statuses, "following": False}


def status_object(world: World, account: Doc, status: Doc, *, trim_user: bool = False) -> Doc:
    """The full object, or the stub that a deleted post leaves."""
    number = int(status["id"])
    ids: Doc = {
        "created_at": weibo_text.created_at(status["public_at"]),
        "id": number,
        "idstr": status["id"],
        "mid": status["id"],
    }
    if status["deleted"]:
        return ids | {"deleted": "1", "state": 7, "text": DELETED_TEXT}
    found: Doc = ids | {
        "can_edit": False,
        "text": status["text"],
        "textLength": weibo_text.half_widths(status["text"].rstrip(" \u200b")),
    }
    app = account.get("app_name", "河东发布平台")
    found |= {
        "source": status.get("source", f'<a href="http://app.weibo.com/t/feed/rehearsal" rel="nofollow">{app}</a>')
    }
    found |= {
        "favorited": False,
        "truncated": False,
        "in_reply_to_status_id": "",
        "geo": None,
        "mlevel": 0,
        "isLongText": False,
    }
    found |= {f"{name}_count": value for name, value in counts(world, status).items()}
    found |= {"visible": {"type": 0, "list_id": 0}, "biz_feature": 0, "pic_urls": [], "pic_num": 0}
    found |= _pictures(world, status)
    return found | ({"uid": int(account["id"])} if trim_user else {"user": user_object(world, account)})


def _pictures(world: World, status: Doc) -> Doc:
    if not status.get("picture"):
        return {}
    base = f"{world.base_url()}/_media/{status['picture']}"
    sizes = {f"{size}_pic": f"{base}?size={size}" for size in ("thumbnail", "bmiddle", "original")}
    return sizes | {"pic_urls": [{"thumbnail_pic": sizes["thumbnail_pic"]}], "pic_num": 1}
