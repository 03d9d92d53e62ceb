"""What the tests of the release engine are made of: a virtual clock, a scripted platform, and a small world to run.

    engine = Engine(office, monkeypatch)          # channels and launcher are scripted, time is `engine.clock`
    release = engine.signed()                     # both accounts, out at T
    engine.platform.answers["zghd"] = [Unknown("no_answer", "没有应答。")]
    engine.go(T + timedelta(minutes=5))           # the clock ticks, workers answer every bell

Nothing sleeps: waiting moves the virtual clock. `engine.platform.sent` is what "left the house".
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import channels
from bot.domain.channel import (
    Absent,
    ByHand,
    Channel,
    ChannelFault,
    CheckResult,
    Evidence,
    Failed,
    Grant,
    Pending,
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
from bot.domain.delivery import Event, State
from bot.domain.findings import Finding
from bot.domain.instants import beijing_date, beijing_midnight
from bot.domain.post import Post
from bot.launcher import Answered, Broken, NotSent, Sent, Shot
from bot.models import Account, Attempt, Document, Publication, Release
from bot.services import callbacks, clock, confirming, measuring, sending, staging
from bot.services.clock import Job

from .factories import Office, article, grant, publication

#: 09:00 in Beijing, tomorrow: asking to stop looks at the machine's own clock, so T must lie ahead of it.
T = beijing_midnight(beijing_date(datetime.now().astimezone()) + timedelta(days=1)) + timedelta(hours=9)
SIGNED_AT = T - timedelta(minutes=30)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)

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
    preflights: defaultdict[str, list[Exception]] = field(default_factory=lambda: defaultdict(list))
    samples: defaultdict[str, list[Exception | list[Sample]]] = field(default_factory=lambda: defaultdict(list))
    calls: list[tuple[str, str]] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    sent: list[Left] = field(default_factory=list)
    verdicts: dict[bytes, Pending | Receipt | Refused | Unknown] = field(default_factory=dict)
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

    def stage(self, posts: Sequence[Post], *, key: str, previous: Mapping[str, Any] | None = None) -> Staged:
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
        given = self._next(self._platform.looks) or receipt
        return given(evidence) if callable(given) else given  # type: ignore[no-any-return]

    def withdraw(self, receipt: Receipt, *, position: int | None = None) -> ByHand:
        return ByHand("请到平台后台操作。")

    def measure(self, receipts: Sequence[Receipt], *, day: str) -> list[Sample]:
        self._call(f"measure {day}")
        given = self._next(self._platform.samples)
        if isinstance(given, Exception):
            raise given
        return given or []

    def preflight(self) -> list[CheckResult]:
        self._call("preflight")
        self._raise(self._platform.preflights)
        return []

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
        self, at: float, *, send_by: float, answer_deadline: float
    ) -> Iterator[Sent | Answered | Broken | NotSent]:
        clock = self._platform.clock
        clock.wait_until(datetime.fromtimestamp(at, clock.now().tzinfo))
        for shot in self._shots:
            if shot.key in self._struck:
                yield NotSent(shot.key, "struck")
            elif clock.now().timestamp() > send_by:
                yield NotSent(shot.key, "late")
            else:
                yield from self._end(shot)

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


class Engine:
    """An office with the engine running on virtual time, one deterministic step after the other."""

    def __init__(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        self.office, self.clock = office, VirtualClock(SIGNED_AT)
        self.platform = Platform(self.clock)
        self.rings: list[Job] = []
        self.children: list[Job] = []
        self.workers = True
        for module in (staging, sending, confirming, measuring, callbacks):
            monkeypatch.setattr(module, "channel_of", self.channel_of)
        monkeypatch.setattr(
            sending, "Launcher", lambda shots, *, ca_file: ScriptedLauncher(shots, self.platform, ca_file)
        )
        trusting = {"has_reading": lambda *_, **__: True, "distrust": lambda *_, **__: ""}
        for name, answer in trusting.items():
            monkeypatch.setattr(sending, name, answer)

    def channel_of(self, account: Account, *, mode: str = "") -> Channel:
        return ScriptedChannel(account, mode, self.platform)  # type: ignore[return-value]

    # --- making ------------------------------------------------------------------------------------------

    def signed(
        self, *documents: Document, on: Sequence[Account] = (), instant: datetime = T, number: int = 1
    ) -> Release:
        """A signed release at T; one document is made when none is given."""
        chosen = documents or (self.office.approved(article(number), now=SIGNED_AT),)
        return self.office.signed(*chosen, instant=instant, on=on, now=SIGNED_AT)

    def articles(self, count: int) -> list[Document]:
        """That many approved documents."""
        return [self.office.approved(article(number), now=SIGNED_AT) for number in range(1, count + 1)]

    def by_publish(self) -> None:
        """From now on the WeChat account publishes (freepublish) instead of mass-sending."""
        Account.objects.filter(pk=self.office.wechat.pk).update(mode="publish")
        self.office.wechat.refresh_from_db()

    def armed(self, *documents: Document, on: Sequence[Account] = ()) -> Release:
        """A signed release whose batch has been handed out at T - 15 s and is not yet claimed."""
        release = self.signed(*documents, on=on)
        self.go(T - timedelta(seconds=16))
        self.workers = False
        self.go(T - timedelta(seconds=15))
        self.workers = True
        return release

    # --- running -----------------------------------------------------------------------------------------

    def tick(self) -> clock.Tick:
        """One tick, nobody listening."""
        return clock.tick(self.clock.now())

    def go(self, until: datetime) -> None:
        """Tick and work until then; workers answer bells at once (unless `workers` is off)."""
        while True:
            result = self.tick()
            self.rings += result.rings
            self.children += result.children
            for job in [*(result.rings if self.workers else []), *result.children]:
                self.perform(job)
            if self.clock.now() >= until:
                return
            self.clock.wait_until(min(until, self._next()))

    def _next(self) -> datetime:
        """A second on while something is at hand, as the clock process does; else straight to what comes next."""
        now = self.clock.now()
        open_ones = Publication.objects.exclude(state__in=[State.LIVE, State.CANCELLED])
        if open_ones.filter(next_at__lte=now).exists() or open_ones.filter(state=State.ARMED).exists():
            return now + SECOND
        soonest = open_ones.order_by("next_at").filter(next_at__gt=now).values_list("next_at", flat=True).first()
        return soonest or now + 30 * SECOND

    def perform(self, job: Job) -> None:
        """What a worker does with a bell; a killed one just is not there any more."""
        with suppress(Killed):
            self._perform(job)

    def _perform(self, job: Job) -> None:
        match job.kind:
            case "send":
                sending.run_batch(job.subject, clock=self.clock)
            case "stage":
                staging.stage(job.subject, now=self.clock.now)
            case "look":
                confirming.look(job.subject, now=self.clock.now)
            case "measure":
                measuring.measure_account(job.subject, now=self.clock.now)

    # --- reading -----------------------------------------------------------------------------------------

    def wechat(self, release: Release, lane: int = 0) -> Publication:
        return publication(release, self.office.wechat, lane)

    def weibo(self, release: Release, lane: int = 0) -> Publication:
        return publication(release, self.office.weibo, lane)

    @property
    def releaser(self) -> Any:
        return self.office.people["releaser"]


def states(release: Release) -> list[str]:
    """The states of a release's publications, by account and lane."""
    return list(release.publications.order_by("account_id", "lane").values_list("state", flat=True))


def outcomes(of: Publication) -> list[tuple[str, str]]:
    """Kind and outcome of every attempt, in order."""
    return list(of.attempts.order_by("number").values_list("kind", "outcome"))


def put(of: Publication, state: State, **changes: Any) -> Publication:
    """A publication in some state, as the engine would have left it."""
    Publication.objects.filter(pk=of.pk).update(state=state, **changes)
    of.refresh_from_db()
    return of


def intend(of: Publication, *, at: datetime, kind: str = "first") -> Attempt:
    """An open attempt: the intent is committed and nobody knows the rest."""
    hashes = list(of.items.order_by("position").values_list("payload_hash", flat=True))
    return Attempt.objects.create(
        publication=of, account=of.account, number=of.attempts.count() + 1, kind=kind, fence=1, key=of.key,
        batch=of.batch, payload_hashes=hashes, intent_at=at, send_by=at + timedelta(seconds=7),
    )  # fmt: skip


def fault(remedy: Remedy, message: str = "平台说不。", **more: Any) -> ChannelFault:
    """A refusal ahead of or after the public act."""
    return ChannelFault(remedy, message, **more)


def events_of(of: Publication) -> list[Event]:
    """The events that moved it, in order, from the audit trail."""
    from bot.models import AuditEvent

    rows = AuditEvent.objects.filter(subject=f"publication:{of.pk}", action="publication.moved").order_by("sequence")
    return [Event(row.data["event"]) for row in rows]
