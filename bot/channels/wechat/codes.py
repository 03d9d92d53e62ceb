"""Every error code a publisher meets: what it means, whether anything went out, what to do.

A class belongs to (call, code, after-unknown?). On a public call a code is a refusal only when it stands in
`CLEAN` for that call and nothing about the act is unknown; everything else, listed or not, is Unknown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.channel import Remedy
from bot.domain.instants import beijing_date, beijing_midnight, require_aware, to_beijing

from .codetable import AGAIN, AWAITING_ADMIN, MEANINGS, OVERRIDES, Meaning, Wait
from .spec import ADMIN_CONFIRMS, MASS, PUBLISH


class Group(StrEnum):
    """Kinds of calls, which decide what can be said about effects."""

    TOKEN = "token"  # noqa: S105 - the name of a group of calls
    READ = "read"
    STAGE = "stage"
    WITHDRAW = "withdraw"
    DATA = "data"
    PUBLIC = "public"


EFFECTS = {
    Group.TOKEN: "没有发出任何内容",
    Group.READ: "这只是一次查询，没有改动任何内容",
    Group.STAGE: "还没有发出任何内容",
    Group.WITHDRAW: "这次撤回没有完成",
    Group.DATA: "已发布的内容不受影响",
    Group.PUBLIC: "本次没有发出",
}
UNKNOWN_EFFECT = "是否已经发出还不清楚"
UNKNOWN_ACTION = "系统会先核对再处理，请不要在网页后台手工重发"

TOKEN_CODES = frozenset({40001, 40014, 42001})
_EITHER = TOKEN_CODES | {
    *(41001, 41002, 41004, 40013, 40125, 40164, 40243),
    *(45009, 45011, 43001, 43002, 44002, 41006, 47001),
    *(48001, 48004, 50002, 50004, 50007, 89503, 89506, 89507),
}
#: Codes that prove, on a first send, that the call had no effect.
CLEAN = {
    PUBLISH: _EITHER | {53500, 53503, 53504, 53505},
    MASS: _EITHER | {40008, 40152, 40215, 41040, 42010, 45028, 45062, 45067, 45113} | {48003, 48008, 48021, 48022},
}


def meaning(code: int, group: Group) -> Meaning:
    """What a code means in a group of calls; unlisted codes are UNKNOWN (try again later, then ask)."""
    return OVERRIDES.get((group.value, code)) or MEANINGS.get(code) or _unlisted(code)


def _unlisted(code: int) -> Meaning:
    return Meaning(Remedy.UNKNOWN, f"微信返回了未列入清单的错误码 {code}", "请稍后再试，反复出现请联系系统管理员")


def sentence(code: int, group: Group, detail: str = "") -> str:
    """The full Chinese sentence for staff: what happened (code), effect, what to do."""
    found = meaning(code, group)
    return f"{_quote_ip(found.what, code, detail)}（错误码 {code}）；{EFFECTS[group]}；{found.todo}。"


def unknown_sentence(code: int, detail: str = "") -> str:
    """The sentence for a public call whose effect nobody can tell.

    A to-do stands in it only where the code itself means unknown: that of a refusal would have staff send by hand.
    """
    found = meaning(code, Group.PUBLIC)
    todo = f"{found.todo}；" if found.remedy is Remedy.UNKNOWN and code in MEANINGS and found.todo != AGAIN else ""
    return f"{_quote_ip(found.what, code, detail)}（错误码 {code}）；{UNKNOWN_EFFECT}；{todo}{UNKNOWN_ACTION}。"


def hold_of(code: int) -> timedelta:
    """How long a call that met this code is not replayed: while the platform waits for the administrator."""
    return ADMIN_CONFIRMS if code in AWAITING_ADMIN else timedelta(0)


def _quote_ip(what: str, code: int, detail: str) -> str:
    found = re.search(r"invalid ip ([0-9A-Fa-f:.]+)", detail) if code == 40164 else None
    return f"{what}，被拒的地址是 {found.group(1).rstrip('.')}" if found else what


@dataclass(frozen=True, slots=True)
class Verdict:
    """Class of an errcode on a public call: a clean refusal with its meaning, or unknown."""

    refused: bool
    meaning: Meaning


def public_verdict(mode: str, code: int, *, after_unknown: bool) -> Verdict:
    """Judge a non-zero errcode of the public call.

    After an unknown act a refusal of the replay proves nothing about the first call, so only token errors
    (the replay was not executed: renew and ask again) stay refusals.
    """
    clean = TOKEN_CODES if after_unknown else CLEAN[mode]
    return Verdict(code in clean, meaning(code, Group.PUBLIC))


def wait_until(wait: Wait | None, now: datetime) -> datetime | None:
    """The instant at which a call may be tried again, or None when waiting is not the remedy."""
    require_aware(now)
    if wait is None:
        return None
    if wait is Wait.NEXT_DAY:
        return _next_day(now)
    if wait is Wait.STATISTICS:
        return _statistics_ready(now)
    return now + wait.delay


def _next_day(now: datetime) -> datetime:
    return beijing_midnight(beijing_date(now) + timedelta(days=1))


def _statistics_ready(now: datetime) -> datetime:
    """Statistics come after 08:00 Beijing time: at 08:30, then hourly."""
    ready = to_beijing(now).replace(hour=8, minute=30, second=0, microsecond=0)
    return ready if now < ready else now + timedelta(hours=1)
