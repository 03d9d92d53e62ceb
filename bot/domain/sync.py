"""When a release may go: at its instant, or once the portal page is live (design.md section 7).

    AtTime()                                              at T
    AfterLive(url, title, wait=10 min, then=Then.ASK)     as soon as the page is live, but not before T;
                                                          not live by T + wait: hold it, go all the same, or ask

Pure: whoever asks brings the time along. The portal's answers come from `bot.portal`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from .instants import require_all_aware, require_aware, show
from .timeline import CLOCK_AGREEMENT, GATE_LEAD, GATE_MARGIN, GATE_PROOF, MAX_LATENESS

AT_TIME, AFTER_LIVE = "at_time", "after_live"
LONGEST_URL = 1000
LONGEST_TITLE = 200
SHORTEST_TITLE = 4  # characters that count; less would be found on any page
SHORTEST_WAIT = timedelta(seconds=5)

#: (until this long before T, time between two questions). Behind the last: `_AROUND_T`, then `_LATER`.
_AHEAD = (
    (timedelta(hours=1), timedelta(minutes=30)),
    (timedelta(minutes=10), timedelta(minutes=5)),
    (timedelta(minutes=1), timedelta(seconds=30)),
)
_AROUND_T = timedelta(seconds=3)
_PATIENT = timedelta(minutes=5)  # after T
_LATER = timedelta(seconds=5)


class Then(StrEnum):
    """What happens when the page is not live at T + wait."""

    HOLD = "hold"
    GO = "go"
    ASK = "ask"

    @property
    def label(self) -> str:
        """The words staff see."""
        return {Then.HOLD: "暂停", Then.GO: "照发", Then.ASK: "请人决定"}[self]


class Seen(StrEnum):
    """What one answer of the portal means."""

    LIVE = "live"
    NOT_YET = "not_yet"
    UNCLEAR = "unclear"  # no answer, or one that says nothing about the page

    @property
    def label(self) -> str:
        """The words staff see."""
        return {Seen.LIVE: "已上线", Seen.NOT_YET: "未上线", Seen.UNCLEAR: "看不清"}[self]


class GateState(StrEnum):
    """Where the gate of a release stands."""

    SHUT = "shut"  # the page is not live yet
    OPEN = "open"  # the page is live
    ASKING = "asking"  # time is up: a person must choose
    HELD = "held"  # time is up: held, by policy or by a person
    WAIVED = "waived"  # time was up: goes without the page, by policy or by a person

    @property
    def label(self) -> str:
        """The words staff see."""
        return _STATE_LABELS[self]


_STATE_LABELS = {
    GateState.SHUT: "等门户上线",
    GateState.OPEN: "门户已上线",
    GateState.ASKING: "门户未上线，等人决定",
    GateState.HELD: "门户未上线，已暂停",
    GateState.WAIVED: "不等门户，放行",
}
#: Publications of the release may be handed out. In every other state none is.
LETTING_THROUGH = frozenset({GateState.OPEN, GateState.WAIVED})
#: Time is up and only a person moves it on.
FOR_A_DECISION = frozenset({GateState.ASKING, GateState.HELD})

_ENDS = {Then.HOLD: GateState.HELD, Then.GO: GateState.WAIVED, Then.ASK: GateState.ASKING}


class PolicyError(ValueError):
    """A sync policy that cannot be; the text is for staff."""


# --- the policy -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AtTime:
    """At T, whatever the portal shows."""

    @property
    def kind(self) -> str:
        """The word in the record."""
        return AT_TIME


@dataclass(frozen=True, slots=True)
class AfterLive:
    """Not before T, and not before the page at `url` is live with `title` on it. Raises PolicyError."""

    url: str
    title: str
    wait: timedelta
    then: Then

    def __post_init__(self) -> None:
        _require_address(self.url)
        if len(self.title) > LONGEST_TITLE or len(comparable(self.title)) < SHORTEST_TITLE:
            raise PolicyError(
                f"门户页面的标题应有 {SHORTEST_TITLE} 到 {LONGEST_TITLE} 个字，太短的标题在别的页面上也能找到"
            )
        if self.wait < SHORTEST_WAIT or self.wait % timedelta(seconds=1):
            raise PolicyError(f"最多等待的时间应是整秒，至少 {SHORTEST_WAIT.total_seconds():.0f} 秒")

    @property
    def kind(self) -> str:
        """The word in the record."""
        return AFTER_LIVE

    def ending(self, instant: datetime) -> str:
        """For staff: what becomes of a release for `instant` whose page is never seen live. A clause without its stop."""
        require_aware(instant)
        then = {Then.HOLD: "会暂停，不会发出", Then.GO: "也会照发", Then.ASK: "会请人决定，决定以前不会发出"}[self.then]
        return f"等到 {show(instant + self.wait)} 仍看不到网页上线，{then}"


Policy = AtTime | AfterLive


def _require_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
        good = good and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or len(url) > LONGEST_URL or re.search(r"[\s\x00-\x1f\x7f<>\"\\]", url):
        raise PolicyError("门户网页地址应以 http:// 或 https:// 开头，不含空格、用户名或口令")


def comparable(title: str) -> str:
    """A title as it is compared: full and half width alike, no white space, no invisible characters, no case."""
    text = unicodedata.normalize("NFKC", title)
    return "".join(char for char in text if not char.isspace() and unicodedata.category(char) != "Cf").casefold()


def as_json(policy: Policy) -> str | dict[str, Any]:
    """For the manifest: every part of the policy is signed."""
    if isinstance(policy, AtTime):
        return AT_TIME
    seconds = int(policy.wait.total_seconds())
    return {"kind": AFTER_LIVE, "url": policy.url, "title": policy.title, "wait": seconds, "then": str(policy.then)}


def from_json(value: Any) -> Policy:
    """Back from the record or the manifest. Raises PolicyError."""
    if value == AT_TIME:
        return AtTime()
    if not isinstance(value, Mapping) or set(value) != {"kind", "url", "title", "wait", "then"}:
        raise PolicyError("同步方式的记录不完整")
    texts = [value["url"], value["title"], value["then"]]
    whole = isinstance(value["wait"], int) and not isinstance(value["wait"], bool) and value["wait"] < 10**9
    if value["kind"] != AFTER_LIVE or not whole or not all(isinstance(text, str) for text in texts):
        raise PolicyError("同步方式的记录无法辨认")
    if value["then"] not in list(Then):
        raise PolicyError("到时未上线的处理只能是 hold、go 或 ask")
    return AfterLive(value["url"], value["title"], timedelta(seconds=value["wait"]), Then(value["then"]))


def longest_wait(max_lateness: timedelta = MAX_LATENESS) -> timedelta:
    """How long a release may wait for its page, so that time is left to send it or to ask somebody."""
    return max(timedelta(0), max_lateness - GATE_MARGIN)


# --- the gate in time -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gate:
    """What is known of a gate at one moment.

    `live_at` is the last proof that the page is live, `open_since` the first in an unbroken row of them.
    `effective` is when the release goes once the gate lets it through; `next_at` when to ask again (None: no more).
    """

    state: GateState = GateState.SHUT
    live_at: datetime | None = None
    open_since: datetime | None = None
    effective: datetime | None = None
    next_at: datetime | None = None


def next_ask(instant: datetime, wait: timedelta, now: datetime) -> datetime:
    """When to ask the portal again: sparsely long before T, every few seconds around it, for the last time at T + wait."""
    require_all_aware(instant)
    require_aware(now)
    for ahead, pause in _AHEAD:
        if instant - now > ahead:
            return min(now + pause, instant - ahead)
    pause = _AROUND_T if now < instant + _PATIENT else _LATER
    last = instant + wait
    return min(now + pause, last) if now < last else now + pause


def leave_at(instant: datetime, now: datetime, lead: timedelta = GATE_LEAD) -> datetime:
    """When a release goes that is let through now: at T, or after T so soon that all its accounts can leave as one."""
    require_all_aware(instant)
    require_aware(now)
    return max(instant, now + lead)


def answered(
    gate: Gate, policy: AfterLive, instant: datetime, seen: Seen, now: datetime, *, left: bool = False
) -> Gate:
    """What an answer of the portal that came in at `now` makes of the gate. `left`: a part of the release may have left.

    Until something has left, the page is asked for and a page that is gone shuts the gate, whatever the clock says; from
    then on nothing shuts it: the rest goes after what is public already.
    """
    require_all_aware(instant, now)
    if gate.state not in (GateState.SHUT, GateState.OPEN) or (left and gate.state is GateState.OPEN):
        return replace(gate, next_at=None)
    if seen is Seen.LIVE:
        return _live(gate, policy, instant, now)
    if gate.state is GateState.OPEN and _still_open(gate, seen, now):
        return replace(gate, next_at=next_ask(instant, policy.wait, now))
    if now < instant + policy.wait:
        return Gate(next_at=next_ask(instant, policy.wait, now))
    state = _ENDS[policy.then]
    return Gate(state, effective=leave_at(instant, now) if state is GateState.WAIVED else None)


def _live(gate: Gate, policy: AfterLive, instant: datetime, now: datetime) -> Gate:
    """A live page opens the gate also behind T + wait, as long as nobody has decided otherwise."""
    if gate.state is GateState.OPEN:
        opened = replace(gate, live_at=now)
    else:
        opened = Gate(GateState.OPEN, live_at=now, open_since=now, effective=leave_at(instant, now))
    return replace(opened, next_at=next_ask(instant, policy.wait, now))


def _still_open(gate: Gate, seen: Seen, now: datetime) -> bool:
    """An answer that says nothing leaves standing what was seen shortly before."""
    return seen is Seen.UNCLEAR and is_proved(gate.live_at, now)


def outdated(now: datetime) -> datetime:
    """When a page was seen live, for a proof that a clock which was ahead has dated: longer ago than anything may leave on."""
    return require_aware(now) - GATE_PROOF - CLOCK_AGREEMENT


def is_proved(live_at: datetime | None, now: datetime) -> bool:
    """Whether the page was seen live so shortly before that something may leave on it."""
    require_all_aware(live_at)
    require_aware(now)
    return live_at is not None and -CLOCK_AGREEMENT <= now - live_at <= GATE_PROOF
