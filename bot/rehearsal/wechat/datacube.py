"""Statistics of the next day (wechat.md section 6): deterministic, plausible, cumulative; ready after 08:00.

The day is told by the statistics clock, which control calls move. Numbers depend on the seed and the article
alone, so a rehearsal can be repeated. A counter under 3 is left out of the answer: not reported is not 0.
"""

from __future__ import annotations

import hashlib
import math
from datetime import date, timedelta
from typing import Any

from ..store import Doc
from ..world import Call, beijing, beijing_day
from .errors import WeChatError

FIRST_DAY = date(2025, 11, 1)
SPANS = {
    "getarticletotaldetail": 1,
    "getarticleread": 1,
    "getarticleshare": 1,
    "getbizsummary": 30,
    "getusersummary": 7,
    "getusercumulate": 7,
}
OFFLINE = {"getarticlesummary", "getarticletotal", "getuserread", "getuserreadhour", "getusershare", "getusersharehour"}
SCENES = (
    ("公众号消息", 0.46),
    ("聊天会话", 0.17),
    ("朋友圈", 0.15),
    ("公众号主页", 0.08),
    ("推荐", 0.09),
    ("搜一搜", 0.03),
)
LEAST = 3


def answer(call: Call, body: Doc) -> Doc:
    """POST /datacube/<name> `{begin_date, end_date}`."""
    name = call.name.removeprefix("datacube/")
    if name in OFFLINE:
        raise WeChatError(47009)
    begin, end = _span(call, body, SPANS[name])
    if name == "getarticletotaldetail":
        return {"list": [_total(call, job, i) for job, i in _articles(call, begin)], "is_delay": _delayed(call)}
    if name in ("getarticleread", "getarticleshare"):
        return {"list": _daily(call, begin, name), "is_delay": _delayed(call)}
    days = [begin + timedelta(days=n) for n in range((end - begin).days + 1)]
    if name == "getbizsummary":
        return {"list": [_summary(call, day) for day in days], "is_delay": _delayed(call)}
    if name == "getusersummary":
        return {"list": [row for day in days for row in _growth(call, day)]}
    return {"list": [{"ref_date": str(day), "user_source": 0, "cumulate_user": _followers(call, day)} for day in days]}


def _delayed(call: Call) -> bool:
    return bool(call.switch("statistics_delay", False))


def _span(call: Call, body: Doc, most: int) -> tuple[date, date]:
    try:
        begin, end = (date.fromisoformat(str(body.get(name))) for name in ("begin_date", "end_date"))
    except ValueError as error:
        raise WeChatError(61500) from error
    moment = beijing(call.world.clock("statistics"))
    if end < begin or (end - begin).days >= most or end >= moment.date() or begin < FIRST_DAY:
        raise WeChatError(61501)
    if end == moment.date() - timedelta(days=1) and moment.hour < 8:
        raise WeChatError(61503)
    return begin, end


def _articles(call: Call, day: date) -> list[tuple[Doc, int]]:
    jobs = [
        job for job in call.store.all("wx_job", call.id) if "finished_at" in job and job["stage"] in ("public", "gone")
    ]
    found = [job for job in jobs if beijing_day(job["finished_at"]) == day]
    return [(job, index) for job in found for index in range(1, len(job["articles"]) + 1)]


def last_day(call: Call) -> date:
    """The newest day whose numbers are ready."""
    moment = beijing(call.world.clock("statistics"))
    return moment.date() - timedelta(days=1 if moment.hour >= 8 else 2)


def _total(call: Call, job: Doc, index: int) -> Doc:
    published, article = beijing_day(job["finished_at"]), job["articles"][index - 1]
    age = min((last_day(call) - published).days, 29)
    days = [published + timedelta(days=n) for n in range(age + 1)]
    head: Doc = {"ref_date": str(published), "msgid": f"{job['msg_data_id']}_{index}"}
    head |= {"publish_type": 0 if job["kind"] == "mass" else 1, "title": article["title"]}
    rows = [{"stat_date": str(day)} | _numbers(call, job, index, (day - published).days) for day in days]
    return head | {"content_url": article.get("url", ""), "detail_list": rows}


def _numbers(call: Call, job: Doc, index: int, age: int) -> Doc:
    key = f"{job['msg_data_id']}_{index}"
    readers = _readers(call, job, index, age)
    shares = {
        "share_user": 0.031,
        "zaikan_user": 0.006,
        "like_user": 0.014,
        "comment_count": 0.003,
        "collection_user": 0.008,
    }
    counts = {name: int(readers * rate * (0.5 + _chance(call, key + name))) for name, rate in shares.items()}
    found: Doc = {"read_user": readers} | counts
    found["read_subscribe_user"] = int(readers * 0.63)
    found = {name: value for name, value in found.items() if value >= LEAST}
    found |= {"read_user_source": _sources(readers), "praise_money": 0}
    found |= {"read_delivery_rate": round(readers / max(1, int(call.account.get("followers", 1))), 4)}
    found |= {"read_finish_rate": round(0.35 + 0.3 * _chance(call, key + "finish"), 4)}
    found |= {"read_avg_activetime": round(20 + 60 * _chance(call, key + "time"), 1)}
    found["read_jump_position"] = [
        {"position": n, "rate": rate} for n, rate in enumerate((0.3, 0.22, 0.16, 0.12, 0.2), start=1)
    ]
    return found


def _readers(call: Call, job: Doc, index: int, age: int) -> int:
    reach = 0.08 if job["kind"] == "mass" else 0.01
    share = (0.6 + 0.8 * _chance(call, f"{job['msg_data_id']}_{index}")) / index**0.7
    return int(int(call.account.get("followers", 0)) * reach * share * (1 - math.exp(-(age + 0.8) / 1.6)))


def _sources(readers: int) -> list[Doc]:
    parts = [(name, int(readers * rate)) for name, rate in SCENES]
    parts.append(("其他", readers - sum(count for _, count in parts)))
    rows = [{"user_count": count, "scene_desc": name} for name, count in [("全部", readers), *parts]]
    return [row for row in rows if int(str(row["user_count"])) >= LEAST]


def _daily(call: Call, day: date, name: str) -> list[Doc]:
    rows: list[Doc] = []
    for job in call.store.all("wx_job", call.id):
        if job.get("stage") not in ("public", "gone") or "finished_at" not in job:
            continue
        age = (day - beijing_day(job["finished_at"])).days
        for index in range(1, len(job["articles"]) + 1) if 0 <= age < 30 else ():
            detail = _fresh(call, job, index, age, name)
            if detail:
                rows.append({"ref_date": str(day), "msgid": f"{job['msg_data_id']}_{index}", "detail": detail})
    return rows


def _fresh(call: Call, job: Doc, index: int, age: int, name: str) -> Doc:
    earlier = _readers(call, job, index, age - 1) if age else 0
    readers = _readers(call, job, index, age) - earlier
    if name == "getarticleshare":
        shares = int(readers * 0.031)
        return {"share_user": shares} if shares >= LEAST else {}
    return {"read_user": readers, "read_user_source": _sources(readers)} if readers >= LEAST else {}


def _summary(call: Call, day: date) -> Doc:
    rows = _daily(call, day, "getarticleread")
    readers = sum(int(row["detail"]["read_user"]) for row in rows)
    counts: dict[str, Any] = {
        "read_user": readers,
        "share_user": int(readers * 0.031),
        "zaikan_user": int(readers * 0.006),
    }
    counts |= {"like_user": int(readers * 0.014), "comment_count": int(readers * 0.003)}
    counts |= {"collection_user": int(readers * 0.008), "redirect_ori_page_user": int(readers * 0.05)}
    shown = {name: value for name, value in counts.items() if value >= LEAST}
    return {
        "ref_date": str(day),
        "read_user_source": _sources(readers),
        "send_page_count": len(_articles(call, day)),
    } | shown


def _growth(call: Call, day: date) -> list[Doc]:
    rows = []
    for source, most in ((0, 12), (1, 9), (17, 6), (30, 15), (57, 3), (100, 4), (161, 5)):
        new, lost = (int(most * _chance(call, f"{day}{source}{what}")) for what in ("new", "lost"))
        rows.append({"ref_date": str(day), "user_source": source, "new_user": new, "cancel_user": lost // 3})
    return rows


def _followers(call: Call, day: date) -> int:
    base = int(call.account.get("followers", 0))
    return max(0, base + (day - FIRST_DAY).days + int(20 * _chance(call, str(day))))


def _chance(call: Call, key: str) -> float:
    seed = call.store.setting("seed", 2017)
    digest = hashlib.sha256(f"{seed}:{call.id}:{key}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
