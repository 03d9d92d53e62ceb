"""A virtual clock and a scripted platform: what stands in for the world in the tests of the release engine."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot import channels
from bot.domain.channel import (
    Absent,
    ByHand,
    CheckResult,
    Evidence,
    Failed,
    Grant,
    HandMade,
    Pending,
    PositionReceipt,
    Published,
    Receipt,
    Refused,
    Sample,
    Staged,
    Unclear,
    Unknown,
    Unrecognised,
    WireAnswer,
    WireRequest,
)
from bot.domain.findings import Finding
from bot.domain.post import Post
from bot.launcher import Answered, Broken, NotSent, Sent, Shot
from bot.models import Account, Publication

from .factories import grant

Recheck = Callable[[], Iterable[str]] | None
Verdict = Receipt | Pending | Absent | Failed | Unclear
Answer = Pending | Receipt | Refused | Unknown | NotSent | Broken | type[BaseException]

NO_ANSWER = Broken("", "reset: Connection reset by peer", True, 0.0)
NOT_LEFT = NotSent("", "refused: Connection refused")
LATE = NotSent("", "late")


class Killed(BaseException):
    """kill -9: nothing of ours catches it."""


class VirtualClock:
    """A `bot.services.walltime.Clock` that moves only when it is waited for. `then` runs things on the way."""

    def __init__(self, start: datetime) -> None:
        self.present = start
        self._plans: list[tuple[datetime, Callable[[], object]]] = []

    def now(self) -> datetime:
        return self.present

    def at(self, instant: datetime, action: Callable[[], object]) -> None:
        """Do something when somebody waits past `instant`: what others do while a sender holds its batch."""
        self._plans.append((instant, action))

    def wait_until(self, instant: datetime) -> None:
        for plan in sorted(self._plans, key=lambda plan: plan[0]):
            if plan[0] <= instant and plan in self._plans:
                self._plans.remove(plan)
                self.present = max(self.present, plan[0])
                plan[1]()
        self.present = max(self.present, instant)


@dataclass(frozen=True)
class Left:
    """One request whose bytes left: whose, when, with which key."""

    slug: str
    at: datetime
    key: str
    probe: bool


@dataclass
class Platform:
    """Scripts per account slug, taken in order; an empty script means: all goes well."""

    clock: VirtualClock
    answers: defaultdict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    looks: defaultdict[str, list[Verdict | Callable[[Evidence], Verdict]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    stages: defaultdict[str, list[Exception | Staged]] = field(default_factory=lambda: defaultdict(list))
    grants: defaultdict[str, list[Exception]] = field(default_factory=lambda: defaultdict(list))
    requests: defaultdict[str, list[Exception]] = field(default_factory=lambda: defaultdict(list))
    preflights: defaultdict[str, list[Exception | list[CheckResult]]] = field(default_factory=lambda: defaultdict(list))
    samples: defaultdict[str, list[Exception | list[Sample]]] = field(default_factory=lambda: defaultdict(list))
    recognised: dict[str, str] = field(default_factory=dict)  # address of a post made by hand -> its id there
    shown: list[tuple[tuple[HandMade, ...], tuple[Published, ...]]] = field(default_factory=list)  # to be recognised
    calls: list[tuple[str, str]] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    sent: list[Left] = field(default_factory=list)
    verdicts: dict[bytes, Pending | Receipt | Refused | Unknown] = field(default_factory=dict)
    connects: dict[str, timedelta] = field(default_factory=dict)  # how long after its instant its connection stands
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1000))

    def asked(self, call: str, slug: str = "") -> int:
        """How often a call was made (for one account)."""
        return sum(1 for name, whose in self.calls if name == call and slug in ("", whose))

    def shots(self, slug: str = "") -> list[Left]:
        """What left the house (for one account)."""
        return [left for left in self.sent if slug in ("", left.slug)]


class ScriptedChannel:
    """One account on the scripted platform. Pure answers, every call noted."""

    def __init__(self, account: Account, mode: str, platform: Platform) -> None:
        self.account, self.slug, self.mode, self._platform = account, account.slug, mode or account.mode, platform
        self.spec = channels.kinds()[account.channel].spec

    def _call(self, name: str) -> None:
        self._platform.calls.append((name, self.slug))

    def _next(self, script: defaultdict[str, list[Any]]) -> Any:
        return script[self.slug].pop(0) if script[self.slug] else None

    def _raise(self, script: defaultdict[str, list[Exception]]) -> None:
        if (problem := self._next(script)) is not None:
            raise problem

    def check(self, posts: Sequence[Post]) -> list[Finding]:
        return []

    def grant(self) -> Grant:
        self._call("grant")
        self._raise(self._platform.grants)
        return grant()

    def stage(
        self, posts: Sequence[Post], *, key: str, previous: Mapping[str, Any] | None = None, keep: bool = False
    ) -> Staged:
        self._call("stage")
        given = self._next(self._platform.stages)
        if isinstance(given, Exception):
            raise given
        return given or Staged({"draft": (previous or {}).get("draft") or f"draft-of-{key}"}, verified=True)

    def public_request(
        self, posts: Sequence[Post], staged: Mapping[str, Any], grant: Grant, *, key: str
    ) -> WireRequest:
        self._raise(self._platform.requests)
        return WireRequest("POST", "http://127.0.0.1:9/public", (), f"{self.slug} {key}".encode())

    def probe_request(self, evidence: Evidence, grant: Grant) -> WireRequest | None:
        self._call("probe")
        if self.mode != "mass":
            return None
        return WireRequest("POST", "http://127.0.0.1:9/public", (), f"{self.slug} {evidence.key} probe".encode())

    def read_answer(self, answer: WireAnswer, *, after_unknown: bool = False) -> Pending | Receipt | Refused | Unknown:
        return self._platform.verdicts[answer.body]

    def look(self, evidence: Evidence) -> Verdict:
        self._call("look")
        self._platform.evidence.append(evidence)
        given = self._next(self._platform.looks) or self._as_it_is
        return given(evidence) if callable(given) else given  # type: ignore[no-any-return]

    def _as_it_is(self, evidence: Evidence) -> Verdict:
        """All went well; of a mass send without an id nothing can be read."""
        return Absent() if self.mode == "mass" and not evidence.ids.get("msg_id") else receipt(evidence)

    def withdraw(self, receipt: Receipt, *, position: int | None = None) -> ByHand:
        return ByHand("请到平台后台操作。")

    def measure(self, receipts: Sequence[Receipt], *, day: str) -> list[Sample]:
        self._call(f"measure {day}")
        given = self._next(self._platform.samples)
        if isinstance(given, Exception):
            raise given
        return given or []

    def recognise(
        self, posts: Sequence[HandMade], ours: Sequence[Published], *, day: str
    ) -> list[Receipt | Unrecognised]:
        self._call(f"recognise {day}")
        self._platform.shown.append((tuple(posts), tuple(ours)))
        return [self._recognised(post) for post in posts]

    def _recognised(self, post: HandMade) -> Receipt | Unrecognised:
        known = post.known_id or self._platform.recognised.get(post.url, "")
        return (
            Receipt({"id": known}, (PositionReceipt(known, post.url),)) if known else Unrecognised("认不准是哪一篇。")
        )

    def preflight(self) -> list[CheckResult]:
        self._call("preflight")
        given = self._next(self._platform.preflights)
        if isinstance(given, BaseException):
            raise given
        return given or []

    def newest_own_id(self) -> str:
        return "5000"


def receipt(evidence: Evidence, *, url: bool = True) -> Receipt:
    """Live: every post in its place, under the id that the platform gave."""
    act = next((value for name, value in evidence.ids.items() if name in IDS.values()), "") or f"p{evidence.key[:8]}"
    places = tuple(
        PositionReceipt(f"{act}_{number}", f"https://platform.example/{act}/{number}" if url else None)
        for number in range(1, len(evidence.posts) + 1)
    )
    return Receipt(evidence.ids, places)


IDS = {"mass": "msg_id", "publish": "publish_id", "share": "idstr"}


class ScriptedLauncher:
    """In place of `bot.launcher.Launcher`: the platform's script says how each shot ends."""

    waiting = 0

    def __init__(self, shots: Iterable[Shot], platform: Platform, ca_file: Path | None = None) -> None:
        self._shots, self._platform, self._struck = list(shots), platform, set[str]()

    def __enter__(self) -> ScriptedLauncher:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def connect(self, deadline: float) -> dict[str, str]:
        return {}

    def refresh(self) -> None:
        return None

    def strike(self, keys: Iterable[str]) -> None:
        self._struck |= set(keys)

    def fire(
        self, at: float, *, send_by: float, answer_deadline: float, recheck: Recheck = None
    ) -> Iterator[Sent | Answered | Broken | NotSent]:
        clock = self._platform.clock
        clock.wait_until(datetime.fromtimestamp(at, clock.now().tzinfo))
        for shot in sorted(self._shots, key=self._connects):
            if self._connects(shot):
                clock.wait_until(datetime.fromtimestamp(at, clock.now().tzinfo) + self._connects(shot))
                self._struck |= set(recheck() if recheck else ())
            if shot.key in self._struck:
                yield NotSent(shot.key, "struck")
            elif clock.now().timestamp() > send_by:
                yield NotSent(shot.key, "late")
            else:
                yield from self._end(shot)

    def _connects(self, shot: Shot) -> timedelta:
        return self._platform.connects.get(shot.request.body.decode().split()[0], timedelta())

    def _end(self, shot: Shot) -> Iterator[Sent | Answered | Broken | NotSent]:
        platform, mode = self._platform, Publication.objects.get(pk=int(shot.key)).mode
        slug, key, *probe = shot.request.body.decode().split()
        script = platform.answers[slug]
        answer = script.pop(0) if script else Pending({IDS[mode]: str(next(platform.numbers))})
        if isinstance(answer, NotSent):
            yield NotSent(shot.key, answer.reason)
            return
        now = platform.clock.now()
        platform.sent.append(Left(slug, now, key, bool(probe)))
        yield Sent(shot.key, now.timestamp(), now.timestamp())
        if isinstance(answer, Broken):
            yield Broken(shot.key, answer.reason, True, now.timestamp())
            return
        if isinstance(answer, type):
            raise answer
        body = f"answer {next(platform.numbers)}".encode()
        platform.verdicts[body] = answer
        yield Answered(shot.key, WireAnswer(200, (), body), now.timestamp())
