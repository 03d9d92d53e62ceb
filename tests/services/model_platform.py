"""A model of the two platforms and of time: small, stateful, and the only witness that the state machine's judge believes.

    time = ModelTime(NOW)                       # true time is the platforms' clock; `time.skew` puts ours off
    platform = ModelPlatform(time)
    platform.faults["lyhd"].append("late")      # what happens to the next public request of that account
    platform.journal, platform.publics          # what arrived, and what followers can see

A public request meets one of FAULTS; without one it takes effect at once and is answered. 群发 knows its
`clientmsgid`, 发布 consumes its draft, Weibo has no guard at all: whatever arrives is posted.
"""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from bot import channels
from bot.domain.channel import (
    DRAFT_GONE,
    Absent,
    CallbackReply,
    ChannelFault,
    CheckResult,
    Evidence,
    Failed,
    Grant,
    Pending,
    PlatformEvent,
    PositionReceipt,
    Receipt,
    Refused,
    Remedy,
    Sample,
    Staged,
    Unclear,
    Unknown,
    WireAnswer,
    WireRequest,
)
from bot.domain.findings import Finding
from bot.domain.post import Post
from bot.launcher import Answered, Broken, NotSent, Sent, Shot
from bot.launcher.clock import Countdown
from bot.models import Account
from bot.services.ports import AccountPorts

from .delivery_platform import Recheck
from .factories import grant

Verdict = Receipt | Pending | Absent | Failed | Unclear
Reply = Pending | Refused | Unknown | None  # None: silence

MASS, PUBLISH, SHARE = "mass", "publish", "share"
ID_OF = {MASS: "msg_id", PUBLISH: "publish_id", SHARE: "idstr"}
EFFECT_AND_TROUBLE = ("lost_after", "late", "slow", "silent", "busy_done", "garbage_done", "fails_later")
NO_EFFECT = ("lost_before", "token", "quota", "content", "busy", "garbage", "too_fast", "not_left")
FAULTS = (*EFFECT_AND_TROUBLE, *NO_EFFECT)
LOOK_FAULTS = ("unclear", "absent", "error", "person")
STAGE_FAULTS = ("wait", "person", "operator", "unknown", "error", "lost_after", "unverified")
LATEST_EFFECT = timedelta(seconds=40)


class ModelTime:
    """True time and the machine's own clock, which may be set at any moment. A `bot.services.walltime.Clock`."""

    def __init__(self, start: datetime) -> None:
        self.start = self.true = start
        self.skew = timedelta()
        self.moments = itertools.count(1)
        self.waited = 0  # the moment at which somebody last woke from a wait
        self.passing: Callable[[], None] = lambda: None
        self.point: Callable[[str], None] = lambda what: None

    def now(self) -> datetime:
        return self.true + self.skew

    def elapsed(self) -> float:
        """Seconds since boot: no setting of the clock moves it."""
        return (self.true - self.start).total_seconds() + 1000

    def advance(self, delta: timedelta) -> None:
        self.true += max(delta, timedelta())
        self.passing()

    def wait_until(self, instant: datetime) -> None:
        self.point("wait")
        self.advance(instant - self.now())
        self.waited = next(self.moments)


@dataclass(frozen=True)
class Request:
    """One public request as it arrived: when by the platform's clock, whose, and what it would make public."""

    at: datetime
    slug: str
    mode: str
    key: str
    probe: bool
    draft: str
    hashes: tuple[str, ...]
    waited: int


@dataclass
class Public:
    """What followers see: each post's hash as the platform holds it."""

    slug: str
    mode: str
    key: str
    number: str
    hashes: tuple[str, ...]
    at: datetime
    visible_at: datetime
    fails: bool = False
    gone: bool = False

    def is_shown(self, at: datetime) -> bool:
        return not self.fails and not self.gone and self.visible_at <= at

    def receipt(self) -> Receipt:
        places = tuple(
            PositionReceipt(f"{self.number}_{n}", f"https://platform.example/{self.number}/{n}")
            for n in range(1, len(self.hashes) + 1)
        )
        return Receipt({ID_OF[self.mode]: self.number}, places)


@dataclass
class ModelPlatform:
    """Both platforms. `faults`, `look_faults` and `stage_faults` are taken in order, per account."""

    time: ModelTime
    arrived: Callable[[Request], None] = lambda request: None
    faults: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    look_faults: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    stage_faults: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    lag: timedelta = timedelta()
    journal: list[Request] = field(default_factory=list)
    publics: list[Public] = field(default_factory=list)
    drafts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    events: list[PlatformEvent] = field(default_factory=list)
    verdicts: dict[bytes, Pending | Refused | Unknown] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1000))
    _coming: list[tuple[datetime, Request]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.time.passing = self.settle

    # --- public requests -----------------------------------------------------------------------------------

    def take(self, request: Request) -> tuple[Reply, timedelta]:
        """A public request arrives; what it is answered, and after how long."""
        self.journal.append(request)
        self.arrived(request)
        fault = self.faults[request.slug].pop(0) if self.faults[request.slug] else ""
        if fault == "late":
            self._coming.append((self.time.true + LATEST_EFFECT, request))
        if fault in EFFECT_AND_TROUBLE or not fault:
            return self._taken(request, fault)
        return self._declined(fault), timedelta()

    def settle(self) -> None:
        """Effects that were on their way and have arrived by now."""
        due = [request for at, request in self._coming if at <= self.time.true]
        self._coming = [(at, request) for at, request in self._coming if at > self.time.true]
        for request in due:
            self._effect(request)

    def _taken(self, request: Request, fault: str) -> tuple[Reply, timedelta]:
        if fault == "late":
            return None, timedelta()
        reply = self._effect(request, fails=fault == "fails_later")
        match fault:
            case "lost_after":
                return None, timedelta()
            case "slow":
                return reply, timedelta(seconds=12)
            case "silent":
                return reply, timedelta(seconds=60)
            case "busy_done" | "garbage_done":
                return self._declined(fault), timedelta()
        return reply, timedelta()

    def _declined(self, fault: str) -> Reply:
        match fault:
            case "token":
                return Refused("40001", Remedy.REFRESH, "令牌被拒。")
            case "quota":
                return Refused("45009", Remedy.WAIT, "次数已用完。", wait_until=self.time.true + timedelta(minutes=7))
            case "content":
                return Refused("20021", Remedy.PERSON, "内容被拒。")
            case "busy" | "busy_done":
                return Unknown("-1", "系统繁忙。")
            case "too_fast":
                return Unknown("45066", "同一编号提交过快。")
            case "garbage" | "garbage_done":
                return Unknown("not_json", "应答不是约定的格式。")
        return None

    def _effect(self, request: Request, *, fails: bool = False) -> Reply:
        known = [one for one in self.publics if (one.slug, one.key) == (request.slug, request.key)]
        if request.mode == MASS and known:
            return Unknown("45065", "已有同一编号的记录。", {"msg_id": known[0].number})
        if request.mode == PUBLISH and request.draft not in self.drafts:
            return Unknown("40007", "草稿不存在。")
        hashes = request.hashes if request.mode == SHARE else self.drafts.pop(request.draft, ("no draft",))
        one = Public(
            request.slug, request.mode, request.key, str(next(self.numbers)), hashes, self.time.true,
            self.time.true + self.lag, fails,
        )  # fmt: skip
        self.publics.append(one)
        return Pending({ID_OF[request.mode]: one.number})

    # --- reading ---------------------------------------------------------------------------------------------

    def shown(self, key: str) -> list[Public]:
        """What followers see of one publication now."""
        return [one for one in self.publics if one.key == key and one.is_shown(self.time.true)]

    def look(self, slug: str, mode: str, evidence: Evidence) -> Verdict:
        match self.look_faults[slug].pop(0) if self.look_faults[slug] else "":
            case "unclear":
                return Unclear("读取失败。")
            case "absent":
                return Absent("这次没有看到。")
            case "person":
                return Unclear("读到的内容对不上。", needs_person=True)
            case "error":
                raise RuntimeError("an odd answer")
        number = evidence.ids.get(ID_OF[mode], "")
        mine = [one for one in self.publics if (one.number == number if number else one.key == evidence.key)]
        if any(one.fails for one in mine):
            return Failed("2", "平台审核没有通过。")
        if any(one.gone for one in mine):
            return Failed("deleted", "已被删除。", gone=True)
        if shown := [one for one in mine if one.is_shown(self.time.true)]:
            return shown[0].receipt()
        return Pending(dict(evidence.ids)) if number else Absent("没有找到。")

    # --- staging ---------------------------------------------------------------------------------------------

    def stage(
        self, slug: str, mode: str, hashes: tuple[str, ...], previous: Mapping[str, Any] | None, keep: bool
    ) -> Staged:
        fault = self.stage_faults[slug].pop(0) if self.stage_faults[slug] else ""
        match fault:
            case "wait":
                until = self.time.now() + timedelta(minutes=4)
                raise ChannelFault(Remedy.WAIT, "次数已用完。", wait_until=until)
            case "person" | "operator" | "unknown":
                raise ChannelFault(Remedy(fault), "平台不接受。")
            case "error":
                raise RuntimeError("an odd answer")
        draft = (previous or {}).get("draft", "")
        if mode != SHARE and self.drafts.get(draft) != hashes:
            if keep and draft:
                raise ChannelFault(Remedy.PERSON, "草稿不在了，是否已发出不明。", code=DRAFT_GONE)
            draft = f"draft{next(self.numbers)}"
            self.drafts[draft] = hashes
        if fault == "lost_after":
            raise ChannelFault(Remedy.UNKNOWN, "没有收到应答。")
        return Staged({"draft": draft}, verified=fault != "unverified")

    # --- callbacks -------------------------------------------------------------------------------------------

    def news_of(self, one: Public) -> PlatformEvent:
        """The event that the platform sends of one act; the same again for a repeat."""
        outcome: Receipt | Failed = Failed("2", "审核没有通过。") if one.fails else one.receipt()
        if one.gone:
            outcome = Failed("deleted", "已被删除。", gone=True)
        word = type(outcome).__name__ + str(one.gone)
        return PlatformEvent("news", f"{one.number}:{word}", {ID_OF[one.mode]: one.number}, outcome, "{}")


class ModelPorts(AccountPorts):
    """The product's own ports, on model time."""

    def __init__(self, account: Account, time: ModelTime) -> None:
        super().__init__(account)
        self._time = time

    def now(self) -> datetime:
        return self._time.now()


class ModelChannel:
    """One account on the model platforms. Every call that does I/O is a point at which things may happen."""

    def __init__(self, account: Account, mode: str, platform: ModelPlatform) -> None:
        self.account, self.slug, self.mode, self._platform = account, account.slug, mode or account.mode, platform
        self.spec = channels.kinds()[account.channel].spec
        self._time, self._ports = platform.time, ModelPorts(account, platform.time)

    def _calls(self, call: str) -> None:
        """Some I/O: a point before, a `Date` after."""
        self._time.point(call)
        self._ports.platform_date(format_datetime(self._time.true, usegmt=True))

    def check(self, posts: Sequence[Post]) -> list[Finding]:
        return []

    def grant(self) -> Grant:
        return grant()

    def stage(
        self, posts: Sequence[Post], *, key: str, previous: Mapping[str, Any] | None = None, keep: bool = False
    ) -> Staged:
        self._calls("stage")
        staged = self._platform.stage(self.slug, self.mode, tuple(post.hash for post in posts), previous, keep)
        self._time.point("staged")
        return staged

    def public_request(
        self, posts: Sequence[Post], staged: Mapping[str, Any], grant: Grant, *, key: str
    ) -> WireRequest:
        return self._request(posts, staged, key, probe=False)

    def probe_request(self, evidence: Evidence, grant: Grant) -> WireRequest | None:
        return self._request(evidence.posts, evidence.staged, evidence.key, probe=True) if self.mode == MASS else None

    def _request(self, posts: Sequence[Post], staged: Mapping[str, Any], key: str, *, probe: bool) -> WireRequest:
        body = {
            "slug": self.slug, "mode": self.mode, "key": key, "probe": probe, "draft": staged.get("draft", ""),
            "hashes": [post.hash for post in posts],
        }  # fmt: skip
        return WireRequest("POST", "http://127.0.0.1:9/public", (), json.dumps(body).encode())

    def read_answer(self, answer: WireAnswer, *, after_unknown: bool = False) -> Pending | Refused | Unknown:
        verdict = self._platform.verdicts[answer.body]
        if isinstance(verdict, Refused) and after_unknown and verdict.remedy is not Remedy.REFRESH:
            return Unknown(verdict.code, verdict.message)  # it says nothing about the first call
        return verdict

    def look(self, evidence: Evidence) -> Verdict:
        self._calls("look")
        verdict = self._platform.look(self.slug, self.mode, evidence)
        self._time.point("looked")
        return verdict

    def measure(self, receipts: Sequence[Receipt], *, day: str) -> list[Sample]:
        return []

    def preflight(self) -> list[CheckResult]:
        self._calls("preflight")
        return []

    def newest_own_id(self) -> str:
        return "5000"

    def callback(self, method: str, query: Mapping[str, str], body: bytes, *, now: datetime) -> CallbackReply:
        return CallbackReply(200, b"success", events=(self._platform.events[int(body)],))


class ModelLauncher:
    """In place of `bot.launcher.Launcher`: the same promises about T, kept with its own `Countdown`, on model time."""

    waiting = 0

    def __init__(self, shots: Iterable[Shot], platform: ModelPlatform) -> None:
        self._shots, self._platform, self._struck = list(shots), platform, set[str]()

    def __enter__(self) -> ModelLauncher:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def connect(self, deadline: float) -> dict[str, str]:
        self._platform.time.point("connect")
        return {}

    def refresh(self) -> None:
        self._platform.time.point("refresh")

    def strike(self, keys: Iterable[str]) -> None:
        self._struck |= set(keys)

    def fire(
        self, at: float, *, send_by: float, answer_deadline: float, recheck: Recheck = None
    ) -> Iterator[Sent | Answered | Broken | NotSent]:
        time = self._platform.time
        countdown = Countdown(
            at, send_by, answer_deadline, now=lambda: time.now().timestamp(), monotonic=lambda: time.elapsed()
        )
        return self._run(countdown)

    def _run(self, countdown: Countdown) -> Iterator[Sent | Answered | Broken | NotSent]:
        time = self._platform.time
        time.point("approach")
        while not countdown.due() and not countdown.closed():
            time.advance(timedelta(seconds=max(countdown.remaining(), 0.001)))
        written = [(shot, self._write(shot, countdown)) for shot in self._shots]
        for shot, outcome in written:
            if isinstance(outcome, NotSent):
                yield outcome
                continue
            stamp, (reply, delay) = outcome
            yield Sent(shot.key, stamp, stamp)
            yield self._answer(shot, reply, delay, countdown)

    def _write(self, shot: Shot, countdown: Countdown) -> NotSent | tuple[float, tuple[Reply, timedelta]]:
        platform, time = self._platform, self._platform.time
        if shot.key in self._struck:
            return NotSent(shot.key, "struck")
        time.point("write")
        body = json.loads(shot.request.body)
        if countdown.closed() or not countdown.due():
            return NotSent(shot.key, "late")
        waiting = platform.faults[body["slug"]]
        if waiting and waiting[0] == "not_left":
            waiting.pop(0)
            return NotSent(shot.key, "refused: Connection refused")
        request = Request(at=time.true, waited=time.waited, **{**body, "hashes": tuple(body["hashes"])})
        stamp = time.now().timestamp()
        result = platform.take(request)
        time.point("written")
        return stamp, result

    def _answer(self, shot: Shot, reply: Reply, delay: timedelta, countdown: Countdown) -> Answered | Broken:
        platform, time = self._platform, self._platform.time
        patience = timedelta(seconds=max(0.0, countdown.to_over()))
        time.advance(min(delay, patience))
        time.point("answer")
        if reply is None or delay > patience:
            return Broken(shot.key, "reset: Connection reset by peer", True, time.now().timestamp())
        body = f"answer {next(platform.numbers)}".encode()
        platform.verdicts[body] = reply
        return Answered(shot.key, WireAnswer(200, (), body), time.now().timestamp())


def install(monkeypatch: Any, platform: ModelPlatform) -> None:
    """The services talk to the model platforms and live on model time."""
    from bot.services import callbacks, clocksafety, confirming, measuring, ports, sending, staging

    def channel_of(account: Account, *, mode: str = "") -> ModelChannel:
        return ModelChannel(account, mode, platform)

    def launcher(shots: Iterable[Shot], *, ca_file: Path | None = None) -> ModelLauncher:
        return ModelLauncher(shots, platform)

    for module in (staging, sending, confirming, measuring, callbacks):
        monkeypatch.setattr(module, "channel_of", channel_of)
    monkeypatch.setattr(sending, "Launcher", launcher)
    for clock_reader in (ports, clocksafety):
        monkeypatch.setattr(clock_reader, "boot_seconds", lambda: platform.time.elapsed())
