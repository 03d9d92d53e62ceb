"""Finding our post among the account's own posts. Pure: statuses in, one verdict out.

Weibo takes no key of ours and returns t.cn links instead of the marked one, so a post whose id is not known is
recognised by its text, its time, and not being somebody else's receipt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from typing import Any

from .answers import status_id
from .text import normalise

Status = Mapping[str, Any]

EARLY = timedelta(seconds=60)  # how far the platform's clock may be behind ours
_SIMILAR = 0.85  # from here on a different text is more likely ours altered than another one
_CUT_AT_LEAST = 100  # characters that a cut long text must show to count as ours
_ELLIPSIS = re.compile(r"(?:\.{3}|…+)?\s*(?:全文[：:]?\s*)?$")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was sent. `text` is the approved status; `newest` the newest own id known before ("" = none)."""

    text: str
    marker: str
    with_picture: bool
    sent_at: datetime
    newest: str = ""
    owned: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Search:
    """Outcome of one search: the post found, or a Chinese reason why a person must look, or neither."""

    found: Status | None = None
    person: str = ""


def parse_created(value: object) -> datetime | None:
    """`Wed Oct 24 23:49:17 +0800 2012` as an aware datetime, whatever the locale; None when it is something else."""
    parts = str(value or "").split()
    if len(parts) != 6 or parts[1] not in _MONTHS:
        return None
    _, month, day, clock, zone, year = parts
    try:
        return datetime.strptime(f"{year}-{_MONTHS.index(month) + 1}-{day} {clock} {zone}", "%Y-%m-%d %H:%M:%S %z")
    except ValueError:
        return None


def is_deleted(status: Status) -> bool:
    """Weibo leaves a shell in place of a deleted post: `{"deleted": "1", ...}` without counters."""
    return str(status.get("deleted") or "0") not in ("0", "False", "false")


def same_text(status: Status, text: str) -> bool:
    """Whether the stored text is the approved one, under `normalise`; a long text is shown cut and may be a prefix."""
    stored, sent = normalise(str(status.get("text") or "")), normalise(text)
    if stored == sent:
        return True
    if not (status.get("isLongText") or status.get("truncated")):
        return False
    shown = _ELLIPSIS.sub("", stored).rstrip()
    return len(shown) >= _CUT_AT_LEAST and sent.startswith(shown)


def alteration(status: Status, wanted: Wanted) -> str:
    """What differs from the approved post, as a Chinese clause; "" when nothing does."""
    if not same_text(status, wanted.text):
        return "平台上的正文与批准的不一致"
    if wanted.with_picture and _shows_no_picture(status):
        return "平台上的微博没有配图"
    visible = status.get("visible")
    if isinstance(visible, dict) and str(visible.get("type", 0)) != "0":
        return "平台上的微博不是公开可见"
    return ""


def _shows_no_picture(status: Status) -> bool:
    """True only when the answer says so: picture fields come and go, so their lack proves nothing."""
    if status.get("thumbnail_pic") or status.get("original_pic"):
        return False
    return any(name in status and not status[name] for name in ("pic_urls", "pic_ids", "pic_num"))


def is_repost(status: Status) -> bool:
    """Whether it passes on another's post: `statuses/share` makes none, so whatever it says, it is not ours."""
    return bool(status.get("retweeted_status"))


def by_id(statuses: Sequence[Status], idstr: str) -> Status | None:
    """The post with that id."""
    return next((status for status in statuses if status_id(status) == idstr), None)


def search(statuses: Sequence[Status], wanted: Wanted, *, window: int) -> Search:
    """Look for the post without knowing its id.

    `window` is how many newest posts the platform shows at most: when as many are newer than the act and none is
    ours, ours may have been pushed out, and only a person can tell.
    """
    recent = [status for status in statuses if _is_recent(status, wanted)]
    candidates = [status for status in recent if status_id(status) not in wanted.owned]
    alive = [status for status in candidates if not is_deleted(status)]
    equal = [status for status in alive if same_text(status, wanted.text) and not is_repost(status)]
    if len(equal) > 1:
        return Search(person=f"时间线上有 {len(equal)} 条内容相同的微博，可能重复发布")
    if equal:
        return Search(found=equal[0])
    if any(_resembles(status, wanted) for status in alive):
        return Search(person="时间线上有一条内容相近但不相同的微博，可能是本条被改动")
    if len(alive) < len(candidates):
        return Search(person="时间线上有一条刚被删除的微博，可能就是本条")
    if len(recent) >= window:
        return Search(
            person=f"发送之后账号又有 {len(recent)} 条以上新微博，接口只给最新 {window} 条，无法判断本条是否已发出"
        )
    return Search()


def _is_recent(status: Status, wanted: Wanted) -> bool:
    """Newer than the act, as far as id and time tell; a post that tells neither is kept."""
    created, idstr = parse_created(status.get("created_at")), status_id(status)
    if created is not None and created < wanted.sent_at - EARLY:
        return False
    return not (idstr and wanted.newest.isdecimal() and int(idstr) <= int(wanted.newest))


def _resembles(status: Status, wanted: Wanted) -> bool:
    stored = str(status.get("text") or "")
    if wanted.marker and wanted.marker in stored:
        return True
    return SequenceMatcher(None, normalise(stored), normalise(wanted.text), autojunk=False).ratio() >= _SIMILAR
